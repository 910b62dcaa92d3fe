/* Entity tags. */
#ifndef GATEWAY_ETAG_H
#define GATEWAY_ETAG_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/secret.h"

#define ETAG_BYTES 16                         /* of the hash */
#define ETAG_SIZE  (2 + HEX_SIZE(ETAG_BYTES)) /* with the quotes and the NUL */

/* The tag of these bytes. */
char *etag_make(const void *bytes, size_t length, char tag[static ETAG_SIZE]);

/*
 * Whether a list of entity tags names this one, which has its quotes (RFC 9110, 13.1.2): no other
 * tag can contain them, so it is found by its bytes; W/ in front of it makes no difference.
 */
bool etag_named(const char *list, size_t length, const char *tag);

#endif
