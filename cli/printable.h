/* Text from elsewhere, made fit for a terminal: no control characters, which could move its cursor
 * or worse. */
#ifndef CLI_PRINTABLE_H
#define CLI_PRINTABLE_H

#include <stddef.h>

#include "shared/buffer.h"

/* Appends text with a '?' for each control character and each byte that is not UTF-8; returns the
 * columns that it takes on a terminal. */
size_t printable_append(struct buffer *out, const char *text);
/* The same into size bytes at copy, cut at a character's end where it is too long. */
void printable_copy(char *copy, size_t size, const char *text);

#endif
