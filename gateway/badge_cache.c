#include "gateway/badge_cache.h"

#include <stdlib.h>

#include "shared/compiler.h"
#include "shared/memory.h"

#define WAYS 8 /* entries that a key may lie in */
#define SETS (BADGE_CACHE_ENTRIES / WAYS)

struct entry {
    struct badge_key key; /* check 0: empty */
    struct badge_state state;
    int64_t looked_up_ms;
};

struct badge_cache {
    struct entry entries[SETS * WAYS];
};

struct badge_cache *badge_cache_new(void)
{
    return memory_new(1, sizeof(struct badge_cache));
}

void badge_cache_free(struct badge_cache *cache)
{
    free(cache);
}

/* Ids are random, so they are evenly spread already. */
static size_t first_of(const struct badge_key *key)
{
    return (((uint64_t)key->check + key->kind) % SETS) * WAYS;
}

static bool same(const struct badge_key *one, const struct badge_key *other)
{
    return one->check == other->check && one->mac == other->mac && one->kind == other->kind;
}

bool badge_cache_find(const struct badge_cache *cache, const struct badge_key *key, int64_t now_ms,
                      struct badge_state *state)
{
    const struct entry *set = &cache->entries[first_of(key)];
    for (const struct entry *entry = set; entry < set + WAYS; entry++) {
        if (!same(&entry->key, key))
            continue;
        *state = entry->state;
        return now_ms - entry->looked_up_ms < BADGE_CACHE_TTL_MS;
    }
    return false;
}

void badge_cache_put(struct badge_cache *cache, const struct badge_key *key,
                     const struct badge_state *state, int64_t looked_up_ms)
{
    INVARIANT(key->check > 0);
    struct entry *set = &cache->entries[first_of(key)];
    struct entry *place = set;
    for (struct entry *entry = set; entry < set + WAYS; entry++) {
        if (same(&entry->key, key)) {
            place = entry;
            break;
        }
        if (place->key.check != 0 &&
            (entry->key.check == 0 || entry->looked_up_ms < place->looked_up_ms))
            place = entry;
    }
    *place = (struct entry){*key, *state, looked_up_ms};
}
