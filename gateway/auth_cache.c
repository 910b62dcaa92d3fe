#include "gateway/auth_cache.h"

#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"

#define WAYS 8 /* entries that a key may lie in */
#define SETS (AUTH_CACHE_ENTRIES / WAYS)
#define INVALIDATIONS                                                                              \
    65536 /* accounts share these, by their last bits; sharing costs a look-up                     \
           */

struct auth_entry {
    uint8_t key_hash[HASH_SIZE];
    struct auth_holder holder; /* account 0: empty */
    int64_t looked_up_ms;
};

struct auth_cache {
    struct auth_entry entries[SETS * WAYS];
    int64_t invalidated_ms[INVALIDATIONS];
    int64_t flushed_ms;
};

struct auth_cache *auth_cache_new(void)
{
    struct auth_cache *cache = memory_new(1, sizeof *cache);
    cache->flushed_ms = INT64_MIN;
    for (size_t i = 0; i < INVALIDATIONS; i++)
        cache->invalidated_ms[i] = INT64_MIN;
    return cache;
}

void auth_cache_free(struct auth_cache *cache)
{
    free(cache);
}

static int64_t *invalidation_of(struct auth_cache *cache, int64_t account)
{
    return &cache->invalidated_ms[(uint64_t)account % INVALIDATIONS];
}

/* A SHA-256 is evenly spread already. */
static struct auth_entry *set_of(struct auth_cache *cache, const uint8_t *key_hash)
{
    uint32_t bits;
    memcpy(&bits, key_hash, sizeof bits);
    return &cache->entries[(size_t)(bits % SETS) * WAYS];
}

static bool counts(struct auth_cache *cache, const struct auth_entry *entry)
{
    return entry->looked_up_ms > cache->flushed_ms &&
           entry->looked_up_ms > *invalidation_of(cache, entry->holder.account);
}

struct auth_holder auth_cache_find(struct auth_cache *cache,
                                   const uint8_t key_hash[static HASH_SIZE], int64_t now_ms)
{
    struct auth_entry *set = set_of(cache, key_hash);
    for (struct auth_entry *entry = set; entry < set + WAYS; entry++) {
        if (entry->holder.account == 0 || memcmp(entry->key_hash, key_hash, HASH_SIZE) != 0)
            continue;
        if (now_ms - entry->looked_up_ms < AUTH_CACHE_TTL_MS && counts(cache, entry))
            return entry->holder;
        break;
    }
    return (struct auth_holder){.account = 0};
}

void auth_cache_put(struct auth_cache *cache, const uint8_t key_hash[static HASH_SIZE],
                    struct auth_holder holder, int64_t looked_up_ms)
{
    INVARIANT(holder.account > 0);
    struct auth_entry *set = set_of(cache, key_hash);
    struct auth_entry *place = set;
    for (struct auth_entry *entry = set; entry < set + WAYS; entry++) {
        if (entry->holder.account != 0 && memcmp(entry->key_hash, key_hash, HASH_SIZE) == 0) {
            place = entry;
            break;
        }
        if (place->holder.account != 0 &&
            (entry->holder.account == 0 || entry->looked_up_ms < place->looked_up_ms))
            place = entry;
    }
    memcpy(place->key_hash, key_hash, HASH_SIZE);
    place->holder = holder;
    place->looked_up_ms = looked_up_ms;
}

void auth_cache_invalidate(struct auth_cache *cache, int64_t account, int64_t now_ms)
{
    *invalidation_of(cache, account) = now_ms;
}

void auth_cache_flush(struct auth_cache *cache, int64_t now_ms)
{
    cache->flushed_ms = now_ms;
}
