/*
 * Base 62 of fixed width: the bytes are one big-endian number, written with as many digits as the
 * caller says, the largest first, padded with '0'. Digits and letters only, so that a double click
 * selects the whole.
 */
#ifndef SHARED_BASE62_H
#define SHARED_BASE62_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define BASE62_BYTES_MAX 48

/* length is a multiple of 4, at most BASE62_BYTES_MAX; what digits cannot hold is cut off. Writes
 * no NUL. */
void base62_encode(const uint8_t *bytes, size_t length, char *text, size_t digits);
/* 0, or -1 where a character is alien, or the number is too large for length bytes. */
int base62_decode(const char *text, size_t digits, uint8_t *bytes, size_t length) MUST_CHECK;

#endif
