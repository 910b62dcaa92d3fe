#include "gateway/check_finder.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/known_checks.h"
#include "gateway/known_slugs.h"
#include "gateway/query.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_pings.h"
#include "gateway/stats.h"
#include "gateway/turn_end.h"
#include "shared/bus_streams.h"
#include "shared/clock.h"
#include "shared/memory.h"

#define BUCKETS 1024
#define TICK_MS 50

enum lookup_kind { LOOKUP_NAME, LOOKUP_SLUG, LOOKUP_KINDS };

/* One thing that is being looked up, and who waits for it. */
struct lookup {
    enum lookup_kind kind;
    struct public_id name;
    struct slug_digest digest; /* LOOKUP_NAME: zero */
    char *slug;                /* LOOKUP_SLUG: owned, not NUL-terminated */
    size_t slug_length;
    int64_t begun_ms;
    int64_t fallback; /* the check that holds where PostgreSQL does not answer; 0: none */
    uint8_t asker[RATE_KEY_SIZE]; /* whom a miss is counted for; where there is no fallback */
    bool taken;                   /* the asker's token was */
    bool deleted;                 /* its check was, since it was asked for */
    bool doubted;                 /* events may have been missed since */
    struct slug_owner found;
    struct request_list waiting;
    struct lookup *next_in_bucket;
    struct lookup *next_queued;
};

struct lookup_queue {
    struct lookup *first, *last;
};

struct lookup_query {
    struct check_finder *finder;
    enum lookup_kind kind;
    int64_t asked_ms;
    size_t count;
    struct lookup *lookups[];
};

struct check_finder {
    struct db *db;
    const char *secret;
    struct known_checks *checks;
    struct known_slugs *slugs;
    struct rate_limit *strangers;
    uv_timer_t timer; /* runs while there are look-ups */
    struct turn_end turn_end;
    struct lookup *buckets[BUCKETS];
    size_t count;
    struct lookup_queue queues[LOOKUP_KINDS]; /* not sent yet */
    unsigned queries;                         /* under way */
};

/* --- the look-ups under way --- */

static struct lookup **bucket_of(struct check_finder *finder, const struct public_id *name)
{
    return &finder->buckets[(uint64_t)name->id % BUCKETS];
}

static struct lookup *find_lookup(struct check_finder *finder, const struct public_id *name,
                                  const struct slug_digest *digest)
{
    struct lookup *lookup = *bucket_of(finder, name);
    while (lookup != NULL &&
           (lookup->name.id != name->id || lookup->name.mac != name->mac ||
            memcmp(lookup->digest.bytes, digest->bytes, sizeof digest->bytes) != 0))
        lookup = lookup->next_in_bucket;
    return lookup;
}

static void drop_lookup(struct check_finder *finder, struct lookup *lookup)
{
    struct lookup **link = bucket_of(finder, &lookup->name);
    while (*link != lookup)
        link = &(*link)->next_in_bucket;
    *link = lookup->next_in_bucket;
    free(lookup->slug);
    free(lookup);
    if (--finder->count == 0)
        uv_timer_stop(&finder->timer);
}

static void refuse_unknown(struct request *request)
{
    reply_error(request, 404, "Check not found");
}

static void go_on(struct request *request, const struct slug_owner *owner)
{
    struct wanted_check *wanted = request->state;
    wanted->check = owner->check;
    wanted->account = owner->account;
    request->resume(request);
}

/* PostgreSQL does not answer. */
static void fall_back(struct request *request, int64_t check)
{
    stats_check_lookup(CHECK_LOOKUP_UNANSWERED);
    if (check != 0)
        go_on(request, &(struct slug_owner){.check = check});
    else
        reply_retry(request, 503, 1, "The check cannot be looked up at present; try again");
}

/* Those who wait do so no more; the answer may still come, and be remembered. */
static void release(struct lookup *lookup)
{
    struct request *request;
    while ((request = request_list_take(&lookup->waiting)) != NULL)
        fall_back(request, lookup->fallback);
}

static void on_tick(uv_timer_t *timer)
{
    struct check_finder *finder = timer->data;
    int64_t now_ms = clock_monotonic_ms();
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct lookup *lookup = finder->buckets[i]; lookup != NULL;
             lookup = lookup->next_in_bucket)
            if (now_ms - lookup->begun_ms >= LOOKUP_WAIT_MS)
                release(lookup);
}

/* --- queries --- */

static void remember(struct check_finder *finder, const struct lookup *lookup, int64_t asked_ms)
{
    bool found = lookup->found.check != 0;
    if (lookup->kind == LOOKUP_SLUG && found)
        known_slugs_put(finder->slugs, &lookup->digest, &lookup->found, asked_ms);
    else if (lookup->kind == LOOKUP_SLUG)
        known_slugs_remove(finder->slugs, &lookup->digest);
    else if ((found && !lookup->doubted) || (!found && lookup->fallback != 0))
        known_checks_put(finder->checks, &lookup->name, lookup->found.account,
                         clock_monotonic_ms());
}

static void answer(struct lookup *lookup)
{
    struct request *request;
    while ((request = request_list_take(&lookup->waiting)) != NULL) {
        const struct wanted_check *wanted = request->state;
        bool missable = wanted->may_miss && lookup->found.account != 0;
        stats_check_lookup(lookup->found.check != 0 ? CHECK_LOOKUP_FOUND : CHECK_LOOKUP_MISSING);
        if (lookup->found.check != 0 || missable)
            go_on(request, &lookup->found);
        else
            refuse_unknown(request);
    }
}

/* What was found, or could not be looked up, costs nothing. */
static void count_miss(struct check_finder *finder, const struct lookup *lookup, bool answered)
{
    bool missed = answered && lookup->found.account == 0;
    int64_t now_ms = clock_monotonic_ms();
    int retry_after_s;
    if (lookup->fallback != 0 || missed == lookup->taken)
        return;
    if (lookup->taken)
        rate_limit_give(finder->strangers, lookup->asker, now_ms);
    else if (!rate_limit_take(finder->strangers, lookup->asker, now_ms, &retry_after_s))
        stats_check_lookup(CHECK_LOOKUP_REFUSED); /* many at once overdraw a little */
}

static void finish(struct check_finder *finder, struct lookup *lookup, bool answered,
                   int64_t asked_ms)
{
    if (lookup->deleted)
        lookup->found = (struct slug_owner){0};
    count_miss(finder, lookup, answered);
    if (!answered) {
        release(lookup);
        drop_lookup(finder, lookup);
        return;
    }
    remember(finder, lookup, asked_ms);
    answer(lookup);
    drop_lookup(finder, lookup);
}

static void read_rows(const struct lookup_query *query, const struct db_rows *rows)
{
    static const struct slug_digest none;
    for (int row = 0; row < rows->count; row++) {
        if (query->kind == LOOKUP_NAME) {
            struct sql_check_name check = sql_check_name_row(rows, row);
            struct lookup *lookup = find_lookup(query->finder, &check.name, &none);
            if (lookup != NULL)
                lookup->found = (struct slug_owner){check.account, check.name.id};
        } else {
            struct sql_slug_owner owner = sql_slug_owner_row(rows, row);
            INVARIANT(owner.number < query->count);
            query->lookups[owner.number]->found =
                (struct slug_owner){.account = owner.account, .check = owner.check};
        }
    }
}

static void on_rows(void *arg, const struct db_outcome *outcome)
{
    struct lookup_query *query = arg;
    struct check_finder *finder = query->finder;
    query_log_failure(outcome);
    finder->queries--;
    turn_end_ask(&finder->turn_end);
    if (outcome->status == DB_OK)
        read_rows(query, &outcome->statements[0]);
    for (size_t i = 0; i < query->count; i++)
        finish(finder, query->lookups[i], outcome->status == DB_OK, query->asked_ms);
    free(query);
}

static void add_names(struct db_unit *unit, const struct lookup_query *query)
{
    int64_t *ids = memory_new(query->count, sizeof *ids);
    for (size_t i = 0; i < query->count; i++)
        ids[i] = query->lookups[i]->name.id;
    sql_check_names(unit, ids, query->count);
    free(ids);
}

static void add_slugs(struct db_unit *unit, const struct lookup_query *query)
{
    struct sql_slug *slugs = memory_new(query->count, sizeof *slugs);
    for (size_t i = 0; i < query->count; i++)
        slugs[i] = (struct sql_slug){query->lookups[i]->name, query->lookups[i]->slug,
                                     query->lookups[i]->slug_length};
    sql_slug_owners(unit, slugs, query->count);
    free(slugs);
}

static struct lookup_query *take_query(struct check_finder *finder, enum lookup_kind kind)
{
    struct lookup_queue *queue = &finder->queues[kind];
    struct lookup_query *query =
        memory_new(1, sizeof *query + LOOKUPS_PER_QUERY * sizeof(struct lookup *));
    query->finder = finder;
    query->kind = kind;
    query->asked_ms = clock_monotonic_ms();
    while (queue->first != NULL && query->count < LOOKUPS_PER_QUERY) {
        query->lookups[query->count++] = queue->first;
        queue->first = queue->first->next_queued;
    }
    return query;
}

static void send_query(struct check_finder *finder, enum lookup_kind kind)
{
    struct lookup_query *query = take_query(finder, kind);
    struct db_unit *unit = db_unit_new();
    if (kind == LOOKUP_NAME)
        add_names(unit, query);
    else
        add_slugs(unit, query);
    stats_check_query();
    finder->queries++;
    enum db_status status = db_run(finder->db, unit, QUERY_TIMEOUT_MS, on_rows, query);
    if (status != DB_OK)
        on_rows(query, &(struct db_outcome){.status = status});
}

static void on_turn_end(void *arg)
{
    struct check_finder *finder = arg;
    for (enum lookup_kind kind = 0; kind < LOOKUP_KINDS; kind++)
        while (finder->queues[kind].first != NULL && finder->queries < LOOKUP_QUERIES_MAX)
            send_query(finder, kind);
}

/* --- finding --- */

static void queue_lookup(struct check_finder *finder, struct lookup *lookup)
{
    struct lookup **bucket = bucket_of(finder, &lookup->name);
    struct lookup_queue *queue = &finder->queues[lookup->kind];
    lookup->next_in_bucket = *bucket;
    *bucket = lookup;
    if (queue->first != NULL)
        queue->last->next_queued = lookup;
    else
        queue->first = lookup;
    queue->last = lookup;
    if (finder->count++ == 0)
        uv_timer_start(&finder->timer, on_tick, TICK_MS, TICK_MS);
    turn_end_ask(&finder->turn_end);
}

/*
 * Whether what may not be there is looked up. Behind a ping key that a gateway made it is, until
 * the key was missing too often: no ping of a right key is unknown, however many come at once,
 * however long PostgreSQL takes, and whoever shares the address and uses a key that was replaced.
 */
static bool may_ask(struct check_finder *finder, const struct request *request,
                    struct lookup *lookup, int64_t now_ms)
{
    const struct wanted_check *wanted = request->state;
    int retry_after_s;
    if (wanted->slug == NULL ||
        !public_id_is_ours(finder->secret, PUBLIC_ID_PING_KEY, &wanted->name)) {
        memcpy(lookup->asker, request->client.key, RATE_KEY_SIZE);
        lookup->taken = true;
        return rate_limit_take(finder->strangers, lookup->asker, now_ms, &retry_after_s);
    }
    memset(lookup->asker, 0xff, RATE_KEY_SIZE); /* no client's key begins so */
    memcpy(lookup->asker + RATE_KEY_SIZE - sizeof wanted->name.id, &wanted->name.id,
           sizeof wanted->name.id);
    return rate_limit_has(finder->strangers, lookup->asker, now_ms, &retry_after_s);
}

static void look_up(struct check_finder *finder, struct request *request,
                    const struct slug_digest *digest, int64_t fallback, int64_t now_ms)
{
    const struct wanted_check *wanted = request->state;
    struct lookup *lookup = find_lookup(finder, &wanted->name, digest);
    if (lookup != NULL) {
        request_wait(request, &lookup->waiting);
        return;
    }
    if (!db_connected(finder->db) || finder->count >= LOOKUPS_MAX) {
        fall_back(request, fallback);
        return;
    }
    lookup = memory_new(1, sizeof *lookup);
    if (fallback == 0 && !may_ask(finder, request, lookup, now_ms)) {
        free(lookup);
        stats_check_lookup(CHECK_LOOKUP_REFUSED);
        refuse_unknown(request);
        return;
    }
    lookup->kind = wanted->slug != NULL ? LOOKUP_SLUG : LOOKUP_NAME;
    lookup->name = wanted->name;
    lookup->digest = *digest;
    if (wanted->slug != NULL)
        lookup->slug = memory_text(wanted->slug, wanted->slug_length);
    lookup->slug_length = wanted->slug_length;
    lookup->begun_ms = now_ms;
    lookup->fallback = fallback;
    request_wait(request, &lookup->waiting);
    queue_lookup(finder, lookup);
}

static void find_by_name(struct check_finder *finder, struct request *request)
{
    static const struct slug_digest none;
    const struct wanted_check *wanted = request->state;
    int64_t now_ms = clock_monotonic_ms();
    int64_t fallback = wanted->name.id;
    switch (known_checks_find(finder->checks, &wanted->name, now_ms)) {
    case CHECK_EXISTS: go_on(request, &(struct slug_owner){.check = wanted->name.id}); return;
    case CHECK_GONE: refuse_unknown(request); return;
    case CHECK_DOUBTFUL: break;
    case CHECK_NOT_KNOWN:
        if (!public_id_is_ours(finder->secret, PUBLIC_ID_CHECK, &wanted->name))
            fallback = 0;
        break;
    }
    look_up(finder, request, &none, fallback, now_ms);
}

static void find_by_slug(struct check_finder *finder, struct request *request)
{
    const struct wanted_check *wanted = request->state;
    int64_t now_ms = clock_monotonic_ms();
    struct slug_digest digest = slug_digest(&wanted->name, wanted->slug, wanted->slug_length);
    struct slug_owner owner = {0};
    bool doubtful = true;
    if (known_slugs_find(finder->slugs, &digest, now_ms, &owner, &doubtful) && !doubtful)
        go_on(request, &owner);
    else
        look_up(finder, request, &digest, owner.check, now_ms);
}

void check_finder_find(struct check_finder *finder, struct request *request)
{
    const struct wanted_check *wanted = request->state;
    if (wanted->slug != NULL)
        find_by_slug(finder, request);
    else
        find_by_name(finder, request);
}

/* --- events --- */

static void on_deleted(struct check_finder *finder, int64_t check, int64_t now_ms)
{
    known_checks_delete(finder->checks, check, now_ms);
    known_slugs_doubt_check(finder->slugs, check, now_ms);
    struct lookup *lookup = *bucket_of(finder, &(struct public_id){.id = check});
    for (; lookup != NULL; lookup = lookup->next_in_bucket)
        if (lookup->kind == LOOKUP_NAME && lookup->name.id == check)
            lookup->deleted = true;
}

static void doubt_lookups(struct check_finder *finder)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct lookup *lookup = finder->buckets[i]; lookup != NULL;
             lookup = lookup->next_in_bucket)
            lookup->doubted = true;
}

/* Whose check is being looked up nobody knows yet. */
static void on_account(struct check_finder *finder, int64_t account, int64_t now_ms)
{
    known_checks_doubt_account(finder->checks, account, now_ms);
    known_slugs_doubt_account(finder->slugs, account, now_ms);
    doubt_lookups(finder);
}

static void on_event(void *arg, const struct bus_message *message)
{
    struct check_finder *finder = arg;
    int64_t now_ms = clock_monotonic_ms();
    int64_t check = bus_event_id(message->subject, "check");
    int64_t account = bus_event_id(message->subject, "account");
    if (check != 0)
        on_deleted(finder, check, now_ms);
    else if (account != 0)
        on_account(finder, account, now_ms);
}

void check_finder_doubt(struct check_finder *finder)
{
    int64_t now_ms = clock_monotonic_ms();
    known_checks_doubt(finder->checks, now_ms);
    known_slugs_doubt(finder->slugs, now_ms);
    doubt_lookups(finder);
}

struct check_finder *check_finder_open(const struct check_finder_options *options)
{
    struct check_finder *finder = memory_new(1, sizeof *finder);
    finder->db = options->db;
    finder->secret = options->secret;
    finder->checks = known_checks_new();
    finder->slugs = known_slugs_new();
    finder->strangers = rate_limit_new(STRANGE_PER_MINUTE, STRANGE_CLIENTS);
    uv_timer_init(options->loop, &finder->timer);
    finder->timer.data = finder;
    turn_end_init(&finder->turn_end, options->loop, on_turn_end, finder);
    bus_subscribe(options->bus, SUBJECT_EVENT_ALL, NULL, on_event, finder);
    return finder;
}
