#include "dispatcher/loader.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "dispatcher/sql.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/log.h"
#include "shared/memory.h"

#define BATCH_MAX        512 /* ids in one query */
#define BATCHES_MAX      4   /* queries under way; meanwhile further misses gather */
#define QUERY_TIMEOUT_MS 10000
#define RETRY_MS         500 /* after a failed query */
#define LOOKS_MAX        3   /* at a row that is missing or old */
#define LOOK_AGAIN_MS    300

/* The runs of one query, and what it asks for. */
struct batch {
    struct loader *loader;
    struct run_queue runs;
    uint64_t mark; /* of the keys */
    size_t job_count, notice_count, account_count;
    int64_t jobs[BATCH_MAX];
    int64_t notices[BATCH_MAX];
    int64_t accounts[2 * BATCH_MAX]; /* of runs, and of keys that are due */
};

struct loader {
    struct loader_options options;
    uv_timer_t timer;         /* data: this; the memory goes in its close callback */
    struct run_queue waiting; /* for the next turn */
    struct run_queue later;   /* for the timer: after a failure, or to look again */
    unsigned batches;
    bool failing; /* the last query failed, and that was logged */
};

struct loader *loader_open(uv_loop_t *loop, const struct loader_options *options)
{
    struct loader *loader = memory_new(1, sizeof(*loader));
    loader->options = *options;
    uv_timer_init(loop, &loader->timer);
    loader->timer.data = loader;
    return loader;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void loader_close(struct loader *loader)
{
    uv_close((uv_handle_t *)&loader->timer, on_timer_closed);
}

void loader_add(struct loader *loader, struct held_run *run)
{
    run_queue_push(&loader->waiting, run);
}

static void on_timer(uv_timer_t *timer)
{
    struct loader *loader = timer->data;
    struct held_run *run;
    while ((run = run_queue_pop(&loader->later)))
        run_queue_push(&loader->waiting, run);
    loader_turn(loader);
}

/* One timer for all: who comes while it runs waits a little less. */
static void wait_a_little(struct loader *loader, struct held_run *run, uint64_t delay_ms)
{
    run_queue_push(&loader->later, run);
    if (!uv_is_active((uv_handle_t *)&loader->timer))
        uv_timer_start(&loader->timer, on_timer, delay_ms, 0);
}

static bool dropped(struct held_run *run)
{
    if (run->message->state != MESSAGE_ABANDONED)
        return false;
    held_run_done(run);
    return true;
}

/* --- the caches --- */

static bool is_notice(const struct held_run *run)
{
    return run->run.replay == RUN_NOTICE;
}

static struct job_details *find_details(const struct loader *loader, const struct held_run *run,
                                        uint32_t version)
{
    if (is_notice(run))
        return job_cache_find(loader->options.notices, run->run.job, 0);
    return job_cache_find(loader->options.jobs, run->run.job, version);
}

enum found { FOUND, FOUND_NO_DETAILS, FOUND_NO_KEYS };

/* Hands the run on where both are there. */
static enum found serve(struct loader *loader, struct held_run *run, uint32_t version)
{
    struct job_details *details = find_details(loader, run, version);
    if (!details)
        return FOUND_NO_DETAILS;
    struct account_keys *keys =
        account_key_cache_find(loader->options.keys, details->account, clock_monotonic_ms());
    if (!keys)
        return FOUND_NO_KEYS;
    run->details = job_details_retain(details);
    run->keys = account_keys_retain(keys);
    loader->options.on_done(loader->options.arg, run);
    return FOUND;
}

/* --- what was read --- */

static const char *optional_text(const struct db_rows *rows, int row, int column)
{
    return db_is_null(rows, row, column) ? NULL : db_text(rows, row, column);
}

static bool same_account(const struct db_rows *secrets, int row, int64_t account)
{
    return row < secrets->count && db_i64(secrets, row, SQL_SECRET_ACCOUNT_ID) == account;
}

/* The rows of one account, from first on; returns the first row behind them. */
static int cache_keys(const struct batch *batch, const struct db_rows *secrets, int first)
{
    const struct loader_options *options = &batch->loader->options;
    int64_t account = db_i64(secrets, first, SQL_SECRET_ACCOUNT_ID);
    struct signing_key keys[SIGNING_KEYS_MAX];
    size_t count = 0;
    int row = first;
    for (; same_account(secrets, row, account); row++) {
        if (db_is_null(secrets, row, SQL_SECRET_ID))
            continue;
        size_t length;
        const uint8_t *id = db_bytes(secrets, row, SQL_SECRET_ID, &length);
        if (length != TOKEN_ID_SIZE || count == SIGNING_KEYS_MAX) {
            LOG_WARN("a secret is left out", LOG_I64("account", account),
                     LOG_I64("id_bytes", length));
            continue;
        }
        struct signing_key *key = &keys[count++];
        webhook_secret_key(options->signing_secret, id, key->key);
        key->expires_ms = db_is_null(secrets, row, SQL_SECRET_EXPIRES_AT)
                              ? INT64_MAX
                              : db_time_ms(secrets, row, SQL_SECRET_EXPIRES_AT);
    }
    account_key_cache_put(options->keys, account, keys, count, batch->mark, clock_monotonic_ms());
    OPENSSL_cleanse(keys, sizeof keys);
    return row;
}

static void cache_jobs(struct loader *loader, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct job_row job = {
            .job = db_i64(rows, row, SQL_JOB_ID),
            .account = db_i64(rows, row, SQL_JOB_ACCOUNT_ID),
            .version = (uint32_t)db_i32(rows, row, SQL_JOB_VERSION),
            .url = db_text(rows, row, SQL_JOB_WEBHOOK_URL),
            .headers = optional_text(rows, row, SQL_JOB_HEADERS),
            .payload = optional_text(rows, row, SQL_JOB_PAYLOAD),
        };
        job_cache_put(loader->options.jobs, job_details_create(&job));
    }
}

static void cache_notices(struct loader *loader, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct job_row notice = {
            .job = db_i64(rows, row, SQL_NOTICE_ID),
            .account = db_i64(rows, row, SQL_NOTICE_ACCOUNT_ID),
            .url = db_text(rows, row, SQL_NOTICE_URL),
            .payload = db_text(rows, row, SQL_NOTICE_BODY),
            .alert = db_bool(rows, row, SQL_NOTICE_IS_ALERT),
        };
        job_cache_put(loader->options.notices, job_details_create(&notice));
    }
}

static void cache_all(const struct batch *batch, const struct db_rows *statements)
{
    /* In the order in which ask() adds them. */
    if (batch->job_count > 0)
        cache_jobs(batch->loader, statements++);
    if (batch->notice_count > 0)
        cache_notices(batch->loader, statements++);
    for (int row = 0; row < statements->count;)
        row = cache_keys(batch, statements, row);
}

static void settle(struct loader *loader, struct held_run *run)
{
    if (dropped(run))
        return;
    enum found found = serve(loader, run, run->run.version);
    if (found == FOUND_NO_DETAILS) {
        if (run->looks < LOOKS_MAX)
            run->looks++;
        if (run->looks == LOOKS_MAX)
            found = serve(loader, run, 0);
        if (run->looks == LOOKS_MAX && found == FOUND_NO_DETAILS) {
            loader->options.on_done(loader->options.arg, run);
            return;
        }
    }
    /* Without keys: a change has overtaken those that were read. */
    if (found != FOUND)
        wait_a_little(loader, run, LOOK_AGAIN_MS);
}

static void on_rows(void *arg, const struct db_outcome *outcome)
{
    struct batch *batch = arg;
    struct loader *loader = batch->loader;
    bool failed = outcome->status != DB_OK;
    if (failed && !loader->failing)
        LOG_WARN("jobs cannot be read, trying again", LOG_STR("error", outcome->message),
                 LOG_STR("sqlstate", outcome->sqlstate), LOG_I64("status", outcome->status));
    if (!failed && loader->failing)
        LOG_INFO("jobs can be read again");
    loader->failing = failed;
    if (!failed)
        cache_all(batch, outcome->statements);
    struct held_run *run;
    while ((run = run_queue_pop(&batch->runs))) {
        if (failed)
            wait_a_little(loader, run, RETRY_MS);
        else
            settle(loader, run);
    }
    loader->batches--;
    free(batch);
}

/* --- the query --- */

static void param_ids(struct db_unit *unit, const int64_t *ids, size_t count)
{
    db_array_begin(unit, DB_ARRAY_I64);
    for (size_t i = 0; i < count; i++)
        db_element_i64(unit, ids[i]);
    db_array_end(unit);
}

static void ask(struct loader *loader, struct batch *batch)
{
    struct db_unit *unit = db_unit_new();
    if (batch->job_count > 0) {
        db_unit_add(unit, &sql_select_jobs);
        param_ids(unit, batch->jobs, batch->job_count);
    }
    if (batch->notice_count > 0) {
        db_unit_add(unit, &sql_select_notices);
        param_ids(unit, batch->notices, batch->notice_count);
    }
    db_unit_add(unit, &sql_select_secrets);
    param_ids(unit, batch->accounts, batch->account_count);
    param_ids(unit, batch->jobs, batch->job_count);
    param_ids(unit, batch->notices, batch->notice_count);
    loader->batches++;
    /* The pool's queue holds more than BATCHES_MAX. */
    enum db_status status = db_run(loader->options.db, unit, QUERY_TIMEOUT_MS, on_rows, batch);
    INVARIANT(status == DB_OK);
}

/* The run waits for what it misses. */
static void batch_add(struct batch *batch, struct held_run *run, enum found missing)
{
    run_queue_push(&batch->runs, run);
    if (missing == FOUND_NO_KEYS)
        batch->accounts[batch->account_count++] =
            find_details(batch->loader, run, run->run.version)->account;
    else if (is_notice(run))
        batch->notices[batch->notice_count++] = run->run.job;
    else
        batch->jobs[batch->job_count++] = run->run.job;
}

static struct batch *batch_gather(struct loader *loader)
{
    struct batch *batch = memory_new(1, sizeof(*batch));
    batch->loader = loader;
    batch->mark = account_key_cache_mark(loader->options.keys);
    while (loader->waiting.first && batch->runs.count < BATCH_MAX) {
        struct held_run *run = run_queue_pop(&loader->waiting);
        if (dropped(run))
            continue;
        enum found found = serve(loader, run, run->run.version);
        if (found != FOUND)
            batch_add(batch, run, found);
    }
    batch->account_count += account_key_cache_take_due(
        loader->options.keys, batch->accounts + batch->account_count, BATCH_MAX);
    return batch;
}

void loader_turn(struct loader *loader)
{
    while (loader->batches < BATCHES_MAX &&
           (loader->waiting.first || account_key_cache_due(loader->options.keys) > 0)) {
        struct batch *batch = batch_gather(loader);
        if (batch->runs.first || batch->account_count > 0)
            ask(loader, batch);
        else
            free(batch);
    }
}
