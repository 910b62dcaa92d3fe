#include "dispatcher/loader.h"

#include <stdlib.h>

#include "dispatcher/sql.h"
#include "shared/compiler.h"
#include "shared/log.h"
#include "shared/memory.h"

#define BATCH_MAX        512 /* ids in one query */
#define BATCHES_MAX      4   /* queries under way; meanwhile further misses gather */
#define QUERY_TIMEOUT_MS 10000
#define RETRY_MS         500 /* after a failed query */
#define LOOKS_MAX        3   /* at a row that is missing or old */
#define LOOK_AGAIN_MS    300

/* The runs of one query. */
struct batch {
    struct loader *loader;
    struct run_queue runs;
};

struct loader {
    struct db *db;
    struct job_cache *cache;
    loader_done_cb *on_done;
    void *arg;
    uv_timer_t timer;         /* data: this; the memory goes in its close callback */
    struct run_queue waiting; /* for the next turn */
    struct run_queue later;   /* for the timer: after a failure, or to look again */
    unsigned batches;
    bool failing; /* the last query failed, and that was logged */
};

struct loader *loader_open(uv_loop_t *loop, struct db *db, struct job_cache *cache,
                           loader_done_cb *on_done, void *arg)
{
    struct loader *loader = memory_new(1, sizeof(*loader));
    loader->db = db;
    loader->cache = cache;
    loader->on_done = on_done;
    loader->arg = arg;
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

static bool serve_from_cache(struct loader *loader, struct held_run *run, uint32_t version)
{
    struct job_details *details = job_cache_find(loader->cache, run->run.job, version);
    if (!details)
        return false;
    run->details = job_details_retain(details);
    loader->on_done(loader->arg, run);
    return true;
}

static void cache_rows(struct loader *loader, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct job_row job = {
            .job = db_i64(rows, row, SQL_JOB_ID),
            .version = (uint32_t)db_i32(rows, row, SQL_JOB_VERSION),
            .url = db_text(rows, row, SQL_JOB_WEBHOOK_URL),
            .headers =
                db_is_null(rows, row, SQL_JOB_HEADERS) ? NULL : db_text(rows, row, SQL_JOB_HEADERS),
            .payload =
                db_is_null(rows, row, SQL_JOB_PAYLOAD) ? NULL : db_text(rows, row, SQL_JOB_PAYLOAD),
        };
        job_cache_put(loader->cache, job_details_create(&job));
    }
}

static void settle(struct loader *loader, struct held_run *run)
{
    if (dropped(run) || serve_from_cache(loader, run, run->run.version))
        return;
    if (++run->looks < LOOKS_MAX)
        wait_a_little(loader, run, LOOK_AGAIN_MS);
    else if (!serve_from_cache(loader, run, 0))
        loader->on_done(loader->arg, run);
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
        cache_rows(loader, &outcome->statements[0]);
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

static void ask(struct loader *loader, struct batch *batch)
{
    struct db_unit *unit = db_unit_new();
    db_unit_add(unit, &sql_select_jobs);
    db_array_begin(unit, DB_ARRAY_I64);
    for (const struct held_run *run = batch->runs.first; run; run = run->next)
        db_element_i64(unit, run->run.job);
    db_array_end(unit);
    loader->batches++;
    /* The pool's queue holds more than BATCHES_MAX. */
    enum db_status status = db_run(loader->db, unit, QUERY_TIMEOUT_MS, on_rows, batch);
    INVARIANT(status == DB_OK);
}

void loader_turn(struct loader *loader)
{
    while (loader->waiting.first && loader->batches < BATCHES_MAX) {
        struct batch *batch = memory_new(1, sizeof(*batch));
        batch->loader = loader;
        while (loader->waiting.first && batch->runs.count < BATCH_MAX) {
            struct held_run *run = run_queue_pop(&loader->waiting);
            if (!dropped(run) && !serve_from_cache(loader, run, run->run.version))
                run_queue_push(&batch->runs, run);
        }
        if (batch->runs.first)
            ask(loader, batch);
        else
            free(batch);
    }
}
