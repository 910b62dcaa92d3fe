/* Members of a JSON object that is being written: each with its comma, unless it is the first. */
#ifndef GATEWAY_MEMBERS_H
#define GATEWAY_MEMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"

/* text NULL: null */
void member_text(struct buffer *out, const char *name, const char *text);
void member_number(struct buffer *out, const char *name, int64_t number);
/* null where the number is this one. */
void member_number_or_null(struct buffer *out, const char *name, int64_t number, int64_t none);
/* Bytes of anybody as text; NULL: null. */
void member_bytes(struct buffer *out, const char *name, const char *bytes, size_t length);

#endif
