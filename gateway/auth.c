#include "gateway/auth.h"

#include <errno.h>
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
#define KEY_PREFIX     "coco_"
#define EVENT_PREFIX   "event.account."

/* A key that is being looked up, and who waits for it. */
struct lookup {
    struct auth *auth;
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
    if (strncmp(message->subject, EVENT_PREFIX, strlen(EVENT_PREFIX)) != 0)
        return;
    char *end;
    errno = 0;
    long long account = strtoll(message->subject + strlen(EVENT_PREFIX), &end, 10);
    if (errno == 0 && *end == '\0' && account > 0)
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

static bool is_key(const char *text, size_t length)
{
    if (length <= strlen(KEY_PREFIX) || length >= API_KEY_SIZE ||
        memcmp(text, KEY_PREFIX, strlen(KEY_PREFIX)) != 0)
        return false;
    for (size_t i = strlen(KEY_PREFIX); i < length; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return true;
}

/* The key of a Bearer header, or NULL. */
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
    return is_key(key, *length) ? key : NULL;
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

static void look_up(struct auth *auth, struct request *request, const uint8_t *key_hash,
                    int64_t now_ms);

static void on_looked_up(void *arg, const struct db_outcome *outcome)
{
    struct lookup *lookup = arg;
    struct auth *auth = lookup->auth;
    unlink_lookup(lookup);
    query_log_failure(outcome);

    int64_t account = 0;
    if (outcome->status == DB_OK && outcome->statements[0].count == 1)
        account = sql_account_of_key_row(&outcome->statements[0]);
    if (account != 0)
        auth_cache_put(auth->cache, lookup->key_hash, account, lookup->sent_ms);
    int64_t now_ms = clock_monotonic_ms();
    bool void_already = account != 0 && auth_cache_find(auth->cache, lookup->key_hash, now_ms) == 0;

    struct request *request;
    while ((request = request_list_take(&lookup->waiting)) != NULL) {
        if (outcome->status != DB_OK) {
            query_reply_failure(request, outcome->status);
        } else if (account == 0) {
            refuse_unknown(auth, request);
        } else if (void_already) {
            /* The account changed meanwhile, and some who wait may have come after that. */
            look_up(auth, request, lookup->key_hash, now_ms);
        } else {
            request->account = account;
            request->resume(request);
        }
    }
    free(lookup);
}

static void look_up(struct auth *auth, struct request *request, const uint8_t *key_hash,
                    int64_t now_ms)
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
    memcpy(lookup->key_hash, key_hash, HASH_SIZE);
    lookup->sent_ms = now_ms;
    struct db_unit *unit = db_unit_new();
    sql_account_of_key(unit, key_hash);
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

void auth_check(struct auth *auth, struct request *request)
{
    h2o_iovec_t header = request_header(request, "authorization");
    if (header.base == NULL) {
        refuse(request, "An API key is required: Authorization: Bearer coco_...");
        return;
    }
    size_t length;
    const char *key = key_of(header, &length);
    if (key == NULL) {
        refuse(request, "Invalid API key");
        return;
    }
    uint8_t key_hash[HASH_SIZE];
    secret_hash(key, length, key_hash);
    int64_t now_ms = clock_monotonic_ms();
    request->account = auth_cache_find(auth->cache, key_hash, now_ms);
    stats_key_lookup(request->account != 0);
    if (request->account != 0) {
        request->resume(request);
        return;
    }
    int retry_after_s;
    if (!rate_limit_has(auth->failures, request->client.key, now_ms, &retry_after_s)) {
        stats_refused(REFUSED_RATE);
        reply_retry(request, 429, retry_after_s, "Too many requests with an invalid API key");
        return;
    }
    look_up(auth, request, key_hash, now_ms);
}
