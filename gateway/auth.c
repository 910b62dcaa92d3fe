#include "gateway/auth.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/auth_cache.h"
#include "gateway/gateway.h"
#include "gateway/query.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql.h"
#include "gateway/stats.h"
#include "shared/bus_streams.h"
#include "shared/clock.h"
#include "shared/memory.h"

#define LOOKUP_BUCKETS 256

enum key_kind {
    KEY_NONE,
    KEY_ACCOUNT, /* coco_...: good everywhere */
    KEY_CHECKS   /* cpk_...: good for the checks API */
};

/* A key that is being looked up, and who waits for it. */
struct lookup {
    struct auth *auth;
    enum key_kind kind;
    uint8_t key_hash[HASH_SIZE];
    int64_t sent_ms;
    struct request_list waiting;
    struct lookup *next;
};

struct auth {
    struct db *db;
    struct auth_cache *cache;
    struct rate_limit *failures;
    struct lookup *lookups[LOOKUP_BUCKETS]; /* as many as the pool lets wait */
};

static void on_event(void *arg, const struct bus_message *message)
{
    struct auth *auth = arg;
    int64_t account = bus_event_id(message->subject, "account");
    if (account != 0)
        auth_cache_invalidate(auth->cache, account, clock_monotonic_ms());
}

struct auth *auth_open(struct bus *bus, struct db *db)
{
    struct auth *auth = memory_new(1, sizeof *auth);
    auth->db = db;
    auth->cache = auth_cache_new();
    auth->failures = rate_limit_new(AUTH_FAILURES_PER_MINUTE, AUTH_CLIENTS);
    bus_subscribe(bus, SUBJECT_EVENT_ALL, NULL, on_event, auth);
    return auth;
}

void auth_flush(struct auth *auth)
{
    auth_cache_flush(auth->cache, clock_monotonic_ms());
}

static void refuse(struct request *request, const char *detail)
{
    reply_header(request, "www-authenticate", "Bearer");
    reply_error(request, 401, "%s", detail);
}

static bool has_form(const char *text, size_t length, const char *prefix)
{
    size_t prefix_length = strlen(prefix);
    if (length <= prefix_length || length >= API_KEY_SIZE ||
        memcmp(text, prefix, prefix_length) != 0)
        return false;
    for (size_t i = prefix_length; i < length; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return true;
}

static enum key_kind kind_of(const char *text, size_t length)
{
    if (has_form(text, length, API_KEY_PREFIX))
        return KEY_ACCOUNT;
    return has_form(text, length, CHECK_KEY_PREFIX) ? KEY_CHECKS : KEY_NONE;
}

/* What a Bearer header holds, or NULL. */
static const char *key_of(h2o_iovec_t header, size_t *length)
{
    static const char scheme[] = "Bearer ";
    size_t scheme_length = sizeof scheme - 1;
    if (header.len <= scheme_length || strncasecmp(header.base, scheme, scheme_length) != 0)
        return NULL;
    const char *key = header.base + scheme_length;
    *length = header.len - scheme_length;
    while (*length > 0 && *key == ' ') {
        key++;
        (*length)--;
    }
    return key;
}

static struct lookup **bucket_of(struct auth *auth, const uint8_t *key_hash)
{
    return &auth->lookups[key_hash[0]];
}

static void unlink_lookup(struct lookup *lookup)
{
    struct lookup **link = bucket_of(lookup->auth, lookup->key_hash);
    while (*link != lookup)
        link = &(*link)->next;
    *link = lookup->next;
}

static void refuse_unknown(struct auth *auth, struct request *request)
{
    int retry_after_s;
    /* Whether a token was left was asked before; many requests at once may overdraw a little. */
    if (!rate_limit_take(auth->failures, request->client.key, clock_monotonic_ms(), &retry_after_s))
        stats_refused(REFUSED_RATE);
    refuse(request, "Invalid API key");
}

static void look_up(struct auth *auth, struct request *request, enum key_kind kind,
                    const uint8_t *key_hash, int64_t now_ms);

static void let_pass(struct request *request, struct auth_holder holder)
{
    request->account = holder.account;
    request->checks_api = holder.checks_api;
    request->resume(request);
}

static void on_looked_up(void *arg, const struct db_outcome *outcome)
{
    struct lookup *lookup = arg;
    struct auth *auth = lookup->auth;
    unlink_lookup(lookup);
    query_log_failure(outcome);

    struct auth_holder holder = {.account = 0};
    if (outcome->status == DB_OK && outcome->statements[0].count == 1)
        holder = sql_holder_row(&outcome->statements[0]);
    if (holder.account != 0)
        auth_cache_put(auth->cache, lookup->key_hash, holder, lookup->sent_ms);
    int64_t now_ms = clock_monotonic_ms();
    bool void_already =
        holder.account != 0 && auth_cache_find(auth->cache, lookup->key_hash, now_ms).account == 0;

    struct request *request;
    while ((request = request_list_take(&lookup->waiting)) != NULL) {
        if (outcome->status != DB_OK) {
            query_reply_failure(request, outcome->status);
        } else if (holder.account == 0) {
            refuse_unknown(auth, request);
        } else if (void_already) {
            /* The account changed meanwhile, and some who wait may have come after that. */
            look_up(auth, request, lookup->kind, lookup->key_hash, now_ms);
        } else {
            let_pass(request, holder);
        }
    }
    free(lookup);
}

static void look_up(struct auth *auth, struct request *request, enum key_kind kind,
                    const uint8_t *key_hash, int64_t now_ms)
{
    struct lookup **bucket = bucket_of(auth, key_hash);
    for (struct lookup *lookup = *bucket; lookup != NULL; lookup = lookup->next) {
        if (memcmp(lookup->key_hash, key_hash, HASH_SIZE) == 0) {
            request_wait(request, &lookup->waiting);
            return;
        }
    }
    struct lookup *lookup = memory_new(1, sizeof *lookup);
    lookup->auth = auth;
    lookup->kind = kind;
    memcpy(lookup->key_hash, key_hash, HASH_SIZE);
    lookup->sent_ms = now_ms;
    struct db_unit *unit = db_unit_new();
    if (kind == KEY_CHECKS)
        sql_holder_of_check_key(unit, key_hash);
    else
        sql_holder_of_key(unit, key_hash);
    enum db_status status = db_run(auth->db, unit, QUERY_TIMEOUT_MS, on_looked_up, lookup);
    if (status != DB_OK) {
        free(lookup);
        query_reply_failure(request, status);
        return;
    }
    lookup->next = *bucket;
    *bucket = lookup;
    request_wait(request, &lookup->waiting);
}

/* The key that is sent, or NULL after an answer. */
static const char *take_key(struct request *request, size_t *length, enum key_kind *kind)
{
    bool checks = request->surface == SURFACE_CHECKS;
    h2o_iovec_t header = request_header(request, "authorization");
    if (header.base == NULL) {
        refuse(request, checks ? "An API key is required: Authorization: Bearer cpk_..."
                               : "An API key is required: Authorization: Bearer coco_...");
        return NULL;
    }
    const char *key = key_of(header, length);
    *kind = key != NULL ? kind_of(key, *length) : KEY_NONE;
    if (*kind == KEY_NONE) {
        refuse(request, "Invalid API key");
        return NULL;
    }
    if (*kind == KEY_CHECKS && !checks) {
        refuse(request, "A key that begins with cpk_ is good for /api/v1 alone: send the account's "
                        "own key, coco_...");
        return NULL;
    }
    return key;
}

void auth_check(struct auth *auth, struct request *request)
{
    size_t length;
    enum key_kind kind;
    const char *key = take_key(request, &length, &kind);
    if (key == NULL)
        return;
    uint8_t key_hash[HASH_SIZE];
    secret_hash(key, length, key_hash);
    int64_t now_ms = clock_monotonic_ms();
    struct auth_holder holder = auth_cache_find(auth->cache, key_hash, now_ms);
    stats_key_lookup(holder.account != 0);
    if (holder.account != 0) {
        let_pass(request, holder);
        return;
    }
    int retry_after_s;
    if (!rate_limit_has(auth->failures, request->client.key, now_ms, &retry_after_s)) {
        stats_refused(REFUSED_RATE);
        reply_retry(request, 429, retry_after_s, "Too many requests with an invalid API key");
        return;
    }
    look_up(auth, request, kind, key_hash, now_ms);
}
