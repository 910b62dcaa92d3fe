/*
 * Token buckets by client, in a table of fixed size. Where the table has no room the bucket used
 * longest ago makes way, and its client starts with a full one again: a flood of addresses can
 * lift a limit, never take memory.
 */
#ifndef GATEWAY_RATE_LIMIT_H
#define GATEWAY_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define RATE_KEY_SIZE 16

struct rate_limit;

/* A bucket holds per_minute tokens and gains as many a minute. capacity: buckets, at least 8. */
struct rate_limit *rate_limit_new(int64_t per_minute, size_t capacity);
void rate_limit_free(struct rate_limit *limit);

/*
 * Takes a token of the key's bucket. False where there is none; *retry_after_s says when there will
 * be. now_ms never goes back.
 */
bool rate_limit_take(struct rate_limit *limit, const uint8_t key[static RATE_KEY_SIZE],
                     int64_t now_ms, int *retry_after_s) MUST_CHECK;
/* Gives back one that was taken: what it was for counts no more. */
void rate_limit_give(struct rate_limit *limit, const uint8_t key[static RATE_KEY_SIZE],
                     int64_t now_ms);
/* As rate_limit_take, without taking it. */
bool rate_limit_has(struct rate_limit *limit, const uint8_t key[static RATE_KEY_SIZE],
                    int64_t now_ms, int *retry_after_s) MUST_CHECK;

#endif
