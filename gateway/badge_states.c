#include "gateway/badge_states.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/query.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_checks.h"
#include "gateway/sql_uptime.h"
#include "gateway/stats.h"
#include "shared/clock.h"
#include "shared/memory.h"
#include "shared/public_id.h"

/* What is being looked up, and who waits for it. */
struct lookup {
    struct badge_states *states;
    struct badge_key key;
    int64_t sent_ms;
    badge_state_cb *on_state;
    struct request_list waiting;
    struct lookup *next;
};

struct badge_states {
    struct db *db;
    const char *secret;
    struct badge_cache *cache;
    struct rate_limit *strangers;
    struct lookup *lookups; /* under way */
    unsigned count;
};

static const struct badge_state none = {.exists = false};

struct badge_states *badge_states_open(struct db *db, const char *secret)
{
    struct badge_states *states = memory_new(1, sizeof *states);
    states->db = db;
    states->secret = secret;
    states->cache = badge_cache_new();
    states->strangers = rate_limit_new(BADGE_STRANGE_PER_MINUTE, BADGE_STRANGE_CLIENTS);
    return states;
}

static void unlink_lookup(struct lookup *lookup)
{
    struct lookup **link = &lookup->states->lookups;
    while (*link != lookup)
        link = &(*link)->next;
    *link = lookup->next;
    lookup->states->count--;
}

static struct badge_state state_of(enum badge_kind kind, const struct db_rows *rows)
{
    struct badge_state state = {.exists = rows->count > 0};
    if (!state.exists)
        return state;
    if (kind == BADGE_STATUS) {
        state.status = sql_check_status_row(rows);
    } else {
        struct uptime uptime = sql_uptime_row(rows, 0);
        state.parts = uptime_parts(&uptime);
    }
    return state;
}

static void on_looked_up(void *arg, const struct db_outcome *outcome)
{
    struct lookup *lookup = arg;
    unlink_lookup(lookup);
    query_log_failure(outcome);
    struct badge_state state = none;
    if (outcome->status == DB_OK) {
        state = state_of(lookup->key.kind, &outcome->statements[0]);
        badge_cache_put(lookup->states->cache, &lookup->key, &state, lookup->sent_ms);
    }
    struct request *request;
    while ((request = request_list_take(&lookup->waiting)) != NULL) {
        if (outcome->status == DB_OK)
            lookup->on_state(request, &state);
        else
            query_reply_failure(request, outcome->status);
    }
    free(lookup);
}

static void add_statement(struct db_unit *unit, const struct badge_key *key, const char *name)
{
    switch (key->kind) {
    case BADGE_STATUS: sql_check_status(unit, key->check, name); return;
    case BADGE_UPTIME_24H: sql_uptime_of(unit, key->check, name, 24); return;
    case BADGE_UPTIME_7D: sql_uptime_of(unit, key->check, name, 7 * 24); return;
    case BADGE_UPTIME_30D: sql_uptime_of(unit, key->check, name, 30 * 24); return;
    case BADGE_KINDS: break;
    }
    INVARIANT(false && "a badge that is none");
}

static struct lookup *find_lookup(struct badge_states *states, const struct badge_key *key)
{
    struct lookup *lookup = states->lookups;
    while (lookup != NULL && (lookup->key.check != key->check || lookup->key.mac != key->mac ||
                              lookup->key.kind != key->kind))
        lookup = lookup->next;
    return lookup;
}

static void look_up(struct badge_states *states, struct request *request,
                    const struct badge_key *key, const char *name, badge_state_cb *on_state)
{
    struct lookup *same = find_lookup(states, key);
    if (same != NULL) {
        request_wait(request, &same->waiting);
        return;
    }
    if (states->count == BADGE_LOOKUPS_MAX) {
        query_reply_failure(request, DB_FULL);
        return;
    }
    struct lookup *lookup = memory_new(1, sizeof *lookup);
    lookup->states = states;
    lookup->key = *key;
    lookup->sent_ms = clock_monotonic_ms();
    lookup->on_state = on_state;
    struct db_unit *unit = db_unit_new();
    add_statement(unit, key, name);
    enum db_status status = db_run(states->db, unit, QUERY_TIMEOUT_MS, on_looked_up, lookup);
    if (status != DB_OK) {
        free(lookup);
        query_reply_failure(request, status);
        return;
    }
    lookup->next = states->lookups;
    states->lookups = lookup;
    states->count++;
    request_wait(request, &lookup->waiting);
}

void badge_states_find(struct badge_states *states, struct request *request, const char *name,
                       enum badge_kind kind, badge_state_cb *on_state)
{
    struct public_id parsed;
    if (public_id_parse(PUBLIC_ID_CHECK, name, strlen(name), &parsed) != 0) {
        on_state(request, &none);
        return;
    }
    int64_t now_ms = clock_monotonic_ms();
    struct badge_key key = {.check = parsed.id, .mac = parsed.mac, .kind = kind};
    struct badge_state state;
    if (badge_cache_find(states->cache, &key, now_ms, &state)) {
        on_state(request, &state);
        return;
    }
    int retry_after_s;
    if (!public_id_is_ours(states->secret, PUBLIC_ID_CHECK, &parsed) &&
        !rate_limit_take(states->strangers, request->client.key, now_ms, &retry_after_s)) {
        stats_refused(REFUSED_RATE);
        on_state(request, &none);
        return;
    }
    look_up(states, request, &key, name, on_state);
}
