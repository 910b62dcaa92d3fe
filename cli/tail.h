/* The last bytes of a stream. */
#ifndef CLI_TAIL_H
#define CLI_TAIL_H

#include <stddef.h>

#include "shared/ping.h"

#define TAIL_MAX PING_BODY_MAX /* what the server keeps of a ping's body */

struct tail {
    char bytes[TAIL_MAX]; /* a ring */
    size_t next;          /* where the next byte goes */
    size_t length;
};

void tail_append(struct tail *tail, const char *bytes, size_t length);
/* Copies it in order to copy; returns its length. */
size_t tail_copy(const struct tail *tail, char copy[static TAIL_MAX]);

#endif
