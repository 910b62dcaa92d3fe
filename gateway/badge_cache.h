/*
 * What badges show, for a moment: a table of fixed size, so that a badge that many look at costs
 * one look-up a second.
 */
#ifndef GATEWAY_BADGE_CACHE_H
#define GATEWAY_BADGE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/check.h"

#define BADGE_CACHE_ENTRIES 16384
#define BADGE_CACHE_TTL_MS  1000

enum badge_kind { BADGE_STATUS, BADGE_UPTIME_24H, BADGE_UPTIME_7D, BADGE_UPTIME_30D, BADGE_KINDS };

struct badge_key {
    int64_t check;
    uint32_t mac; /* of the name that was asked for */
    enum badge_kind kind;
};

struct badge_state {
    bool exists;
    enum check_status status; /* of BADGE_STATUS */
    int64_t parts;            /* of the others: see uptime.h */
};

struct badge_cache;

struct badge_cache *badge_cache_new(void);
void badge_cache_free(struct badge_cache *cache);

/* Times are of the monotonic clock. False: it is to be looked up. */
bool badge_cache_find(const struct badge_cache *cache, const struct badge_key *key, int64_t now_ms,
                      struct badge_state *state);
/* looked_up_ms: when the look-up was sent. What was looked up longest ago makes way. */
void badge_cache_put(struct badge_cache *cache, const struct badge_key *key,
                     const struct badge_state *state, int64_t looked_up_ms);

#endif
