#include "scheduler/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/sql_checks_load.h"
#include "scheduler/sql_load.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"

#define SLICE_ROWS 20000
#define TIMEOUT_MS 30000

/* In this order: a job needs its account, a run its job, a check its channels. */
enum load_step {
    LOAD_BASE,
    LOAD_ACCOUNTS,
    LOAD_JOBS,
    LOAD_FAILING,
    LOAD_PENDING,
    LOAD_NOTICES,
    LOAD_CHANNELS,
    LOAD_CHECKS,
    LOAD_STARTS,
    LOAD_ALERTS,
    LOAD_OUTBOX,
    LOAD_DONE
};

struct load {
    struct load_options options;
    enum load_step step;
    int64_t after;                      /* id of the last row of the slice before */
    struct run after_run;               /* its key, of a pending execution */
    struct check_start_row after_start; /* its key */
    struct core *core;                  /* until they are handed over */
    struct checks *checks;
    char *pings_stream; /* owned */
};

static void load_next(struct load *load);

static void load_fail(struct load *load, const char *what, int64_t id)
{
    char reason[200];
    snprintf(reason, sizeof(reason), "loading: %s (%" PRId64 ")", what, id);
    load->options.on_failed(load->options.arg, reason);
}

static void base_rows(struct load *load, const struct db_outcome *outcome)
{
    struct core_progress progress;
    sql_progress_row(&outcome->statements[0], &progress);
    load->core = core_create(&load->options.limits, load->options.epoch, &progress,
                             load->options.emit, load->options.arg);
    const struct db_rows *plans = &outcome->statements[1];
    for (int row = 0; row < plans->count; row++) {
        struct plan plan;
        sql_plan_row(plans, row, &plan);
        core_load_plan(load->core, &plan);
    }
    const struct db_rows *tokens = &outcome->statements[2];
    for (int row = 0; row < tokens->count; row++)
        (void)address_limit_take(load->core->addresses, db_text(tokens, row, 0),
                                 db_time_ms(tokens, row, 1));
    struct checks_progress checks_progress;
    const char *stream;
    sql_checks_progress_row(&outcome->statements[3], &checks_progress, &stream);
    load->pings_stream = memory_text(stream, strlen(stream));
    load->checks = checks_create(&checks_progress);
}

/* Each takes the rows of a slice; false after load_fail. */
static bool account_rows(struct load *load, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct account_row account;
        sql_account_row(rows, row, &account);
        load->after = account.id;
        if (core_load_account(load->core, &account, clock_now_ms()) != 0) {
            load_fail(load, "an account has an unknown plan", load->after);
            return false;
        }
    }
    return true;
}

static bool job_rows(struct load *load, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct job_settings settings;
        int64_t account = sql_job_row(rows, row, &settings);
        load->after = db_i64(rows, row, 0);
        /* One bad row must not stop everybody's jobs; the gateway lets none in. */
        if (core_load_job(load->core, load->after, account, &settings) != 0)
            LOG_ERROR("a job in PostgreSQL cannot be scheduled", LOG_I64("job", load->after),
                      LOG_STR("cron_expression", db_text(rows, row, 3)),
                      LOG_STR("timezone", settings.timezone));
    }
    return true;
}

static bool failing_rows(struct load *load, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct failing_row failing;
        sql_failing_row(rows, row, &failing);
        load->after = failing.job;
        core_load_failing(load->core, &failing);
    }
    return true;
}

static bool pending_rows(struct load *load, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct pending_row pending;
        sql_pending_row(rows, row, &pending);
        load->after_run = pending.run;
        core_load_pending(load->core, &pending);
    }
    return true;
}

static bool notice_rows(struct load *load, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct pending_row pending;
        sql_notice_row(rows, row, &pending);
        load->after = pending.run.job;
        core_load_pending(load->core, &pending);
    }
    return true;
}

static bool channel_rows(struct load *load, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct channel_row channel;
        sql_channel_row(rows, row, &channel);
        load->after = channel.id;
        checks_load_channel(load->checks, &channel);
    }
    return true;
}

static bool check_rows(struct load *load, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct check_settings settings;
        struct check_lists lists;
        struct check_state_row state;
        bool has_state;
        int64_t account = sql_check_row(rows, row, &settings, &lists, &state, &has_state);
        load->after = db_i64(rows, row, 0);
        if (checks_load(load->checks, load->after, account, &settings, has_state ? &state : NULL) !=
            0)
            LOG_ERROR("a check in PostgreSQL cannot be followed", LOG_I64("check", load->after),
                      LOG_STR("cron_expression", db_text(rows, row, 3)),
                      LOG_STR("timezone", settings.timezone),
                      LOG_STR("maint_schedule", settings.maint_schedule));
    }
    return true;
}

static bool start_rows(struct load *load, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        sql_start_row(rows, row, &load->after_start);
        checks_load_start(load->checks, &load->after_start);
    }
    return true;
}

static bool alert_rows(struct load *load, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        struct alert_row alert;
        sql_alert_row(rows, row, &alert);
        load->after = alert.id;
        checks_load_alert(load->checks, &alert);
    }
    return true;
}

static bool outbox_rows(struct load *load, const struct db_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        load->after = db_i64(rows, row, 0);
        size_t length;
        const void *payload = db_bytes(rows, row, 3, &length);
        outbox_add(load->options.outbox, load->after, db_text(rows, row, 1), db_text(rows, row, 2),
                   payload, length);
    }
    return true;
}

static void slice_done(void *arg, const struct db_outcome *outcome)
{
    struct load *load = arg;
    if (outcome->status != DB_OK) {
        char reason[256];
        snprintf(reason, sizeof(reason), "loading: %s %s", outcome->sqlstate, outcome->message);
        load->options.on_failed(load->options.arg, reason);
        return;
    }
    const struct db_rows *rows = &outcome->statements[0];
    bool well = true;
    switch (load->step) {
    case LOAD_BASE: base_rows(load, outcome); break;
    case LOAD_ACCOUNTS: well = account_rows(load, rows); break;
    case LOAD_JOBS: well = job_rows(load, rows); break;
    case LOAD_FAILING: well = failing_rows(load, rows); break;
    case LOAD_PENDING: well = pending_rows(load, rows); break;
    case LOAD_NOTICES: well = notice_rows(load, rows); break;
    case LOAD_CHANNELS: well = channel_rows(load, rows); break;
    case LOAD_CHECKS: well = check_rows(load, rows); break;
    case LOAD_STARTS: well = start_rows(load, rows); break;
    case LOAD_ALERTS: well = alert_rows(load, rows); break;
    case LOAD_OUTBOX: well = outbox_rows(load, rows); break;
    case LOAD_DONE: INVARIANT(false);
    }
    if (!well)
        return;
    if (load->step == LOAD_BASE || rows->count < SLICE_ROWS) {
        load->step++;
        load->after = 0;
    }
    load_next(load);
}

static void load_next(struct load *load)
{
    if (load->step == LOAD_DONE) {
        struct core *core = load->core;
        struct checks *checks = load->checks;
        checks_loaded(checks);
        load->core = NULL;
        load->checks = NULL;
        load->options.on_loaded(load->options.arg, core, checks, load->pings_stream);
        return;
    }
    struct db_unit *unit = db_unit_new();
    switch (load->step) {
    case LOAD_BASE:
        sql_read_progress(unit);
        sql_read_plans(unit);
        sql_read_recent_tokens(unit);
        sql_read_checks_progress(unit);
        break;
    case LOAD_ACCOUNTS: sql_slice_accounts(unit, load->after, SLICE_ROWS); break;
    case LOAD_JOBS: sql_slice_jobs(unit, load->after, SLICE_ROWS); break;
    case LOAD_FAILING: sql_slice_failing(unit, load->after, SLICE_ROWS); break;
    case LOAD_PENDING: sql_slice_pending(unit, &load->after_run, SLICE_ROWS); break;
    case LOAD_NOTICES: sql_slice_notices(unit, load->after, SLICE_ROWS); break;
    case LOAD_CHANNELS: sql_slice_channels(unit, load->after, SLICE_ROWS); break;
    case LOAD_CHECKS: sql_slice_checks(unit, load->after, SLICE_ROWS); break;
    case LOAD_STARTS:
        sql_slice_starts(unit, load->after_start.check, load->after_start.rid, SLICE_ROWS);
        break;
    case LOAD_ALERTS: sql_slice_alerts(unit, load->after, SLICE_ROWS); break;
    case LOAD_OUTBOX: sql_slice_outbox(unit, load->after, SLICE_ROWS); break;
    case LOAD_DONE: break;
    }
    if (db_run(load->options.db, unit, TIMEOUT_MS, slice_done, load) != DB_OK)
        load->options.on_failed(load->options.arg, "loading: the queue to PostgreSQL is full");
}

struct load *load_start(const struct load_options *options)
{
    struct load *load = memory_new(1, sizeof(*load));
    load->options = *options;
    load_next(load);
    return load;
}

void load_free(struct load *load)
{
    core_free(load->core);
    checks_free(load->checks);
    free(load->pings_stream);
    free(load);
}
