#include "gateway/rate_limit.h"

#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"
#include "shared/secret.h"

#define WAYS      8 /* buckets that a key may lie in */
#define MINUTE_MS 60000

/* Tokens are counted in parts, of which a token has MINUTE_MS: a millisecond gains per_minute. */
struct bucket {
    uint8_t key[RATE_KEY_SIZE];
    int64_t parts;
    int64_t updated_ms;
    bool used;
};

struct rate_limit {
    int64_t per_minute;
    size_t sets;
    uint64_t salt; /* so that nobody can aim at a set */
    struct bucket *buckets;
};

struct rate_limit *rate_limit_new(int64_t per_minute, size_t capacity)
{
    INVARIANT(per_minute > 0 && capacity >= WAYS);
    struct rate_limit *limit = memory_new(1, sizeof *limit);
    limit->per_minute = per_minute;
    limit->sets = capacity / WAYS;
    secret_random(&limit->salt, sizeof limit->salt);
    limit->buckets = memory_new(limit->sets * WAYS, sizeof *limit->buckets);
    return limit;
}

void rate_limit_free(struct rate_limit *limit)
{
    if (limit == NULL)
        return;
    free(limit->buckets);
    free(limit);
}

static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= UINT64_C(0xd6e8feb86659fd93);
    value ^= value >> 32;
    value *= UINT64_C(0xd6e8feb86659fd93);
    return value ^ (value >> 32);
}

static struct bucket *set_of(struct rate_limit *limit, const uint8_t *key)
{
    uint64_t high;
    uint64_t low;
    memcpy(&high, key, sizeof high);
    memcpy(&low, key + sizeof high, sizeof low);
    uint64_t hash = mix(mix(high ^ limit->salt) ^ low);
    return &limit->buckets[(hash % limit->sets) * WAYS];
}

/* The key's bucket, filled up to now; a new one takes the place of the one used longest ago. */
static struct bucket *find(struct rate_limit *limit, const uint8_t *key, int64_t now_ms)
{
    int64_t full = limit->per_minute * MINUTE_MS;
    struct bucket *set = set_of(limit, key);
    struct bucket *oldest = set;
    for (struct bucket *bucket = set; bucket < set + WAYS; bucket++) {
        if (bucket->used && memcmp(bucket->key, key, RATE_KEY_SIZE) == 0) {
            int64_t passed_ms = now_ms - bucket->updated_ms;
            if (passed_ms >= MINUTE_MS)
                bucket->parts = full;
            else
                bucket->parts += passed_ms * limit->per_minute;
            if (bucket->parts > full)
                bucket->parts = full;
            bucket->updated_ms = now_ms;
            return bucket;
        }
        if (oldest->used && (!bucket->used || bucket->updated_ms < oldest->updated_ms))
            oldest = bucket;
    }
    *oldest = (struct bucket){.parts = full, .updated_ms = now_ms, .used = true};
    memcpy(oldest->key, key, RATE_KEY_SIZE);
    return oldest;
}

static bool has_token(const struct rate_limit *limit, const struct bucket *bucket,
                      int *retry_after_s)
{
    if (bucket->parts >= MINUTE_MS)
        return true;
    int64_t missing_ms = (MINUTE_MS - bucket->parts + limit->per_minute - 1) / limit->per_minute;
    *retry_after_s = (int)((missing_ms + 999) / 1000);
    return false;
}

bool rate_limit_take(struct rate_limit *limit, const uint8_t key[static RATE_KEY_SIZE],
                     int64_t now_ms, int *retry_after_s)
{
    struct bucket *bucket = find(limit, key, now_ms);
    if (!has_token(limit, bucket, retry_after_s))
        return false;
    bucket->parts -= MINUTE_MS;
    return true;
}

void rate_limit_give(struct rate_limit *limit, const uint8_t key[static RATE_KEY_SIZE],
                     int64_t now_ms)
{
    struct bucket *bucket = find(limit, key, now_ms);
    int64_t full = limit->per_minute * MINUTE_MS;
    bucket->parts = bucket->parts + MINUTE_MS < full ? bucket->parts + MINUTE_MS : full;
}

bool rate_limit_has(struct rate_limit *limit, const uint8_t key[static RATE_KEY_SIZE],
                    int64_t now_ms, int *retry_after_s)
{
    return has_token(limit, find(limit, key, now_ms), retry_after_s);
}
