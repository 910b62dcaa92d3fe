/*
 * Which account an API key belongs to, and whether its plan has the checks API, as far as it was
 * looked up lately: a table of fixed size, by the key's SHA-256. Keys that nobody has are not kept,
 * so strangers cannot fill it.
 *
 * An entry counts from the moment its look-up was sent, and is void if its account's invalidation
 * came later: so an answer that was on its way while the key changed does no harm.
 */
#ifndef GATEWAY_AUTH_CACHE_H
#define GATEWAY_AUTH_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/secret.h"

#define AUTH_CACHE_ENTRIES 65536
#define AUTH_CACHE_TTL_MS  10000

struct auth_cache;

/* Whom a key belongs to. */
struct auth_holder {
    int64_t account; /* 0: nobody, as far as is known */
    bool checks_api;
};

struct auth_cache *auth_cache_new(void);
void auth_cache_free(struct auth_cache *cache);

/* Account 0 where it must be looked up. Times are of the monotonic clock. */
struct auth_holder auth_cache_find(struct auth_cache *cache,
                                   const uint8_t key_hash[static HASH_SIZE], int64_t now_ms);
/* looked_up_ms: when the look-up was sent. */
void auth_cache_put(struct auth_cache *cache, const uint8_t key_hash[static HASH_SIZE],
                    struct auth_holder holder, int64_t looked_up_ms);
/* What was looked up at now_ms or earlier, for one account or for all, counts no more. */
void auth_cache_invalidate(struct auth_cache *cache, int64_t account, int64_t now_ms);
void auth_cache_flush(struct auth_cache *cache, int64_t now_ms);

#endif
