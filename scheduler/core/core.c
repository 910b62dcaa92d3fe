#include "scheduler/core/core_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/memory.h"

struct core *core_create(const struct core_limits *limits, uint64_t epoch,
                         const struct core_progress *progress, core_emit_cb *emit, void *arg)
{
    struct core *core = memory_new(1, sizeof(*core));
    core->limits = *limits;
    core->epoch = epoch;
    core->emit = emit;
    core->emit_arg = arg;
    core->progress = *progress;
    core->times = memory_new(1, sizeof(*core->times));
    place_table_init(&core->jobs, sizeof(struct job));
    place_table_init(&core->accounts, sizeof(struct account));
    place_table_init(&core->policies, sizeof(struct policy));
    place_table_init(&core->failing, sizeof(struct failing));
    place_table_init(&core->held_slots, sizeof(struct held_slot));
    open_runs_init(&core->open);
    run_log_init(&core->log, progress->runs_seq);
    core->addresses = address_limit_create(limits->address_per_hour);
    return core;
}

void core_free(struct core *core)
{
    if (!core)
        return;
    place_table_free(&core->jobs);
    place_table_free(&core->accounts);
    place_table_free(&core->policies);
    place_table_free(&core->failing);
    place_table_free(&core->held_slots);
    open_runs_free(&core->open);
    run_log_free(&core->log);
    address_limit_free(core->addresses);
    execution_batch_free(&core->skipped);
    free(core->times);
    free(core->waiting);
    free(core->line);
    free(core->dirty);
    free(core->pauses);
    free(core->candidates);
    free(core->fresh);
    free(core->found);
    free(core);
}

/* ---- what accounts use ---- */

/* The first moment of a month counted since January 1970, UTC. */
static int64_t month_begin_ms(unsigned month)
{
    struct tm date = {.tm_year = 70 + (int)(month / 12), .tm_mon = (int)(month % 12), .tm_mday = 1};
    return (int64_t)timegm(&date) * 1000;
}

void core_set_time(struct core *core, int64_t now_ms)
{
    if (now_ms >= core->month_begin_ms && now_ms < core->month_end_ms)
        return;
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm date;
    gmtime_r(&now_s, &date);
    unsigned month = (unsigned)(date.tm_year - 70) * 12 + (unsigned)date.tm_mon;
    core->month = (uint16_t)month;
    core->month_begin_ms = month_begin_ms(month);
    core->month_end_ms = month_begin_ms(month + 1);
}

void account_changed(struct core *core, uint32_t place)
{
    struct account *account = account_at(&core->accounts, place);
    if (account->dirty)
        return;
    account->dirty = true;
    if (core->dirty_count == core->dirty_capacity) {
        core->dirty_capacity = core->dirty_capacity ? 2 * core->dirty_capacity : 256;
        core->dirty = memory_resize(core->dirty, core->dirty_capacity, sizeof(*core->dirty));
    }
    core->dirty[core->dirty_count++] = place;
}

void attempt_recorded(struct core *core, struct open_run *open)
{
    if (!open->in_log)
        return;
    open->in_log = false;
    run_log_recorded(&core->log, open->message);
    if (is_notice(&open->run))
        return;
    struct account *account = account_at(&core->accounts, open->account);
    account_roll(core, account);
    if (open->emitted_ms >= core->month_begin_ms)
        account->recorded++;
    account_changed(core, open->account);
}

void overlap_change(struct core *core, const struct run *run, int change)
{
    if (is_notice(run))
        return;
    uint32_t place = place_table_find(&core->policies, run->job);
    struct policy *policy =
        place == PLACE_NONE ? NULL : (struct policy *)place_table_at(&core->policies, place);
    if (!policy || !policy->no_overlap)
        return;
    INVARIANT(change > 0 || policy->open > 0);
    policy->open += (uint32_t)change;
}

void run_finish(struct core *core, uint32_t place)
{
    overlap_count(core, &core->open.runs[place].run, -1);
    open_runs_finish(&core->open, place);
}

void run_forget(struct core *core, uint32_t place)
{
    if (core->open.runs[place].state != OPEN_RUN_FINISHED)
        overlap_count(core, &core->open.runs[place].run, -1);
    open_runs_remove(&core->open, place);
}

/* ---- loading ---- */

int core_plan(const struct core *core, const char *name)
{
    for (int i = 0; i < core->plan_count; i++)
        if (strcmp(core->plans[i].name, name) == 0)
            return i;
    return -1;
}

void core_load_plan(struct core *core, const struct plan *plan)
{
    INVARIANT(core->plan_count < PLANS_MAX);
    core->plans[core->plan_count++] = *plan;
}

int core_load_account(struct core *core, const struct account_row *row, int64_t now_ms)
{
    int plan = core_plan(core, row->plan);
    if (plan < 0)
        return -1;
    core_set_time(core, now_ms);
    struct account *account = account_at(&core->accounts, core_add_account(core, row->id, plan));
    account->mails = row->failure_email_enabled;
    if (row->month == core->month)
        account->used = account->recorded = row->executions;
    /* Starts of a minute that is dealt with anew are counted anew. */
    if (core->progress.has_last_tick && row->minute <= core->progress.last_tick) {
        account->minute = row->minute;
        account->starts = row->starts;
        account->starts_told = true;
    }
    return 0;
}

int core_load_job(struct core *core, int64_t id, int64_t account,
                  const struct job_settings *settings)
{
    uint32_t owner = place_table_find(&core->accounts, account);
    if (owner == PLACE_NONE)
        return -1;
    char error[CRON_ERROR_SIZE];
    struct cron cron;
    if (core_schedule(settings, &cron, error) == 0) {
        core_add_job(core, id, owner, settings);
        return 0;
    }
    struct job *job = job_at(&core->jobs, place_table_add(&core->jobs, id));
    job->account = owner & PLACE_30_BITS;
    job->version = settings->version;
    job->due_after = settings->enabled ? minute_of(settings->due_after_ms) : JOB_PAUSED;
    struct account *owning = account_at(&core->accounts, owner);
    owning->stored_jobs++;
    owning->active_jobs += settings->enabled;
    return -1;
}

void core_load_failing(struct core *core, const struct failing_row *row)
{
    if (place_table_find(&core->jobs, row->job) == PLACE_NONE)
        return;
    struct failing *failing =
        place_table_at(&core->failing, place_table_add(&core->failing, row->job));
    failing->since_ms = row->since_ms;
    failing->mailed_ms = row->mailed_ms;
    failing->unmailed = row->unmailed;
    failing->warned = row->warned;
}

static uint32_t find_run(const struct core *core, const struct run *run)
{
    return open_runs_find(&core->open, run->job, run->slot_s, run->replay);
}

/* The account that a run is done for, or PLACE_NONE where its job is gone. */
static uint32_t owner_of_run(const struct core *core, const struct run *run)
{
    uint32_t place = place_table_find(&core->jobs, run->job);
    return place == PLACE_NONE ? PLACE_NONE : job_at(&core->jobs, place)->account;
}

static void found_add(struct core *core, int64_t job, uint32_t minute)
{
    if (core->found_count == core->found_capacity) {
        core->found_capacity = core->found_capacity ? 2 * core->found_capacity : 256;
        core->found = memory_resize(core->found, core->found_capacity, sizeof(*core->found));
    }
    core->found[core->found_count++] = (struct core_found){.job = job, .minute = minute};
}

static bool is_behind_last_tick(const struct core *core, uint32_t minute)
{
    return !core->progress.has_last_tick || minute > core->progress.last_tick;
}

void core_load_pending(struct core *core, const struct pending_row *row)
{
    struct run run = row->run;
    uint32_t account = is_notice(&run) ? place_table_find(&core->accounts, row->account)
                                       : owner_of_run(core, &run);
    if (account == PLACE_NONE || find_run(core, &run) != OPEN_RUN_NONE)
        return;
    bool held = row->next_attempt_ms != 0;
    run.attempt = (uint8_t)(row->attempts + held);
    if (!run.attempt)
        return; /* only a row that somebody else wrote: no attempt, and none is waited for */
    if (row->alert)
        run.timeout_s = alert_timeout_s(run.attempt);
    uint32_t place =
        open_runs_add(&core->open, &run, held ? OPEN_RUN_HELD : OPEN_RUN_RECORDED, account);
    core->open.runs[place].trigger = row->trigger;
    core->open.runs[place].alert = row->alert;
    overlap_count(core, &run, 1);
    if (held)
        held_add_written(core, place, row->next_attempt_ms);
    else if (!is_notice(&run))
        account_at(&core->accounts, account)->under_way++;
    uint32_t minute = (uint32_t)(run.slot_s / MINUTE_S);
    if (held && run.replay == 0 && is_behind_last_tick(core, minute))
        found_add(core, run.job, minute);
}

static int found_compare(const void *left, const void *right)
{
    const struct core_found *a = left, *b = right;
    if (a->minute != b->minute)
        return a->minute < b->minute ? -1 : 1;
    return (a->job > b->job) - (a->job < b->job);
}

static void found_sort(struct core *core)
{
    if (!core->found_count)
        return;
    qsort(core->found, core->found_count, sizeof(*core->found), found_compare);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < core->found_count; i++)
        if (found_compare(&core->found[kept - 1], &core->found[i]) != 0)
            core->found[kept++] = core->found[i];
    core->found_count = kept;
}

/*
 * A pending row tells of a run that was in RUNS. One whose minute is still to be dealt with, and
 * which is not there any more, is lost with its message: the tick emits it anew under that row.
 */
static void lost_forget(struct core *core)
{
    for (uint32_t place = 0; place < core->open.length; place++) {
        const struct open_run *open = &core->open.runs[place];
        struct core_found key = {.job = open->run.job,
                                 .minute = (uint32_t)(open->run.slot_s / MINUTE_S)};
        if (open->state == OPEN_RUN_RECORDED && open->run.replay == 0 &&
            key.minute > core->emitted &&
            !(core->found_count &&
              bsearch(&key, core->found, core->found_count, sizeof(*core->found), found_compare))) {
            account_at(&core->accounts, open->account)->under_way--;
            run_forget(core, place);
        }
    }
}

/* A run that is in RUNS, and of which no row tells that it is. */
static bool load_emitted(struct core *core, const struct run *run, uint64_t number, int64_t now_ms)
{
    uint32_t place = find_run(core, run);
    if (place != OPEN_RUN_NONE) {
        const struct open_run *open = &core->open.runs[place];
        if (open->state != OPEN_RUN_HELD || open->run.attempt != run->attempt)
            return false;
        held_leave(core, place);
        open_runs_emit(&core->open, place, number, now_ms);
        if (!is_notice(run))
            account_emit(core, account_at(&core->accounts, open->account));
        return true;
    }
    uint32_t account = is_notice(run) ? PLACE_NONE : owner_of_run(core, run);
    if (account == PLACE_NONE)
        return false; /* its job is gone, or the notice is done with */
    open_runs_add_emitted(&core->open, run, account, number, now_ms);
    overlap_count(core, run, 1);
    account_emit(core, account_at(&core->accounts, account));
    return true;
}

/* A slot of a complete minute that started: the usage row tells of it, or none of its minute. */
static void start_load(struct core *core, const struct run *run, uint32_t minute)
{
    uint32_t place = owner_of_run(core, run);
    if (place == PLACE_NONE)
        return;
    struct account *account = account_at(&core->accounts, place);
    if (minute < account->minute || (minute == account->minute && account->starts_told))
        return;
    account->starts_told = false;
    account_start(account, minute);
}

void core_load_message(struct core *core, uint64_t sequence, const struct run_batch *batch,
                       const bool *final, int64_t now_ms)
{
    uint32_t minute = 0, without_row = 0;
    uint64_t number = run_log_next(&core->log);
    core_set_time(core, now_ms);
    for (size_t i = 0; i < batch->count; i++) {
        const struct run *run = &batch->runs[i];
        uint32_t slot = (uint32_t)(run->slot_s / MINUTE_S);
        if (run->replay == 0 && run->attempt == 1) {
            if (is_behind_last_tick(core, slot)) {
                minute = slot > minute ? slot : minute;
                found_add(core, run->job, slot);
            } else {
                start_load(core, run, slot);
            }
        }
        without_row += !final[i] && load_emitted(core, run, number, now_ms);
    }
    run_log_add(&core->log, minute, without_row, sequence);
}

void core_load_anew(struct core *core)
{
    core->log.runs_seq = 0;
    core->progress.runs_seq = core->progress.commands_seq = core->progress.results_seq = 0;
}

/* Jobs whose last slot is dealt with: some are paused already, of others nobody came to it. */
static void policies_load(struct core *core)
{
    for (uint32_t place = 0; place < core->policies.length; place++) {
        struct policy *policy = place_table_at(&core->policies, place);
        if (!policy->job || policy->last_minute == POLICY_FOREVER)
            continue;
        uint32_t job = place_table_find(&core->jobs, policy->job);
        uint32_t after = core->emitted;
        if (after + 1 < policy->first_minute)
            after = policy->first_minute - 1;
        int64_t next = cron_next(&job_at(&core->jobs, job)->cron, after);
        if (next != CRON_NEVER && next <= policy->last_minute)
            continue;
        policy->finished = true;
        if (core_job_enabled(core, job))
            job_pause(core, job, PAUSE_FINISHED, core->emitted);
    }
}

void core_loaded(struct core *core, int64_t now_ms)
{
    core_set_time(core, now_ms);
    found_sort(core);
    uint32_t now = minute_of(now_ms);
    uint32_t oldest = now - core->limits.catch_up_window_s / (uint32_t)MINUTE_S;
    if (!core->progress.has_last_tick)
        core->emitted = now;
    else if (core->progress.last_tick < oldest)
        core->emitted = oldest;
    else
        core->emitted = core->progress.last_tick;
    core->progress.has_last_tick = true;
    core->progress.last_tick = core->emitted;
    lost_forget(core);
    policies_load(core);
}

/* ---- positions ---- */

bool core_settled(const struct core *core, int64_t now_ms)
{
    return core->emitted >= now_ms / MINUTE_MS && !run_log_ticks_waiting(&core->log) &&
           core->skipped_first == core->skipped.count && !core->unwritten_slots.count;
}

void core_acknowledged(struct core *core, uint64_t number, uint64_t sequence)
{
    run_log_acknowledged(&core->log, number, sequence);
}

/* ---- rows ---- */

bool core_has_rows(const struct core *core)
{
    return core->open.finished.count || core->skipped_first < core->skipped.count ||
           core->open.emitted_count || core->unwritten_slots.count || core->unwritten.count ||
           core->dirty_count || core->pause_count;
}

struct execution *row_of(struct writing *writing, const struct open_run *open)
{
    struct execution *row = execution_batch_add(&writing->executions);
    row->job = open->run.job;
    row->slot_s = open->run.slot_s;
    row->replay = open->run.replay;
    row->version = open->run.version;
    row->timeout_s = open->run.timeout_s;
    row->trigger = open->trigger;
    row->attempts = open->run.attempt;
    row->triggered_ms = open->run.slot_s * 1000;
    return row;
}

static void skipped_collect(struct core *core, size_t limit, struct writing *writing)
{
    for (size_t i = 0; i < limit && core->skipped_first < core->skipped.count; i++) {
        struct execution *skipped = &core->skipped.rows[core->skipped_first++];
        if (place_table_find(&core->jobs, skipped->job) != PLACE_NONE) {
            *execution_batch_add(&writing->executions) = *skipped;
            skipped->end.error = NULL;
        }
    }
    if (core->skipped_first == core->skipped.count) {
        execution_batch_clear(&core->skipped);
        core->skipped_first = 0;
    }
}

static void pending_collect(struct core *core, size_t limit, int64_t emitted_before_ms,
                            struct writing *writing)
{
    for (size_t i = 0; i < limit; i++) {
        uint32_t place = open_runs_oldest_emitted(&core->open);
        if (place == OPEN_RUN_NONE || core->open.runs[place].emitted_ms > emitted_before_ms)
            return;
        struct open_run *open = &core->open.runs[place];
        if (!run_log_has(&core->log, open->message))
            return; /* a leader that finds the row and not the run would never emit it */
        attempt_recorded(core, open);
        open_runs_record(&core->open, place);
        if (has_owner(core, &open->run))
            row_of(writing, open)->status = EXECUTION_PENDING;
    }
}

static void usage_collect(struct core *core, struct writing *writing)
{
    for (uint32_t i = 0; i < core->dirty_count; i++) {
        struct account *account = account_at(&core->accounts, core->dirty[i]);
        if (!account->id || !account->dirty)
            continue; /* removed, its place perhaps another's */
        account->dirty = false;
        account_roll(core, account);
        *writing_add_usage(writing) = (struct usage_row){.account = account->id,
                                                         .executions = account->recorded,
                                                         .minute = account->minute,
                                                         .starts = account->starts,
                                                         .month = account->month};
    }
    core->dirty_count = 0;
}

/* Not before the minute is complete: a leader that deals with it again must find the job enabled.
 */
static void pauses_collect(struct core *core, uint32_t last_tick, struct writing *writing)
{
    size_t kept = 0;
    for (size_t i = 0; i < core->pause_count; i++) {
        if (core->pauses[i].minute > last_tick)
            core->pauses[kept++] = core->pauses[i];
        else if (place_table_find(&core->jobs, core->pauses[i].job) != PLACE_NONE)
            *writing_add_pause(writing) = core->pauses[i];
    }
    core->pause_count = kept;
}

void core_collect(struct core *core, int64_t now_ms, const struct core_collect_limits *limits,
                  struct writing *writing)
{
    core_set_time(core, now_ms);
    finished_collect(core, now_ms, writing);
    skipped_collect(core, limits->skipped, writing);
    held_collect(core, limits->held, writing);
    pending_collect(core, limits->pending, now_ms - limits->pending_age_ms, writing);
    usage_collect(core, writing);
    execution_batch_sort(&writing->executions);

    uint32_t last_tick = run_log_last_tick(&core->log, core->emitted);
    /* Slots whose rows come later: their minute is not complete. */
    uint32_t unwritten = held_oldest_unwritten(core);
    if (core->skipped_first < core->skipped.count) {
        uint32_t skipped = (uint32_t)(core->skipped.rows[core->skipped_first].slot_s / MINUTE_S);
        unwritten = skipped < unwritten ? skipped : unwritten;
    }
    if (unwritten <= last_tick)
        last_tick = unwritten - 1;
    pauses_collect(core, last_tick, writing);
    core->progress.last_tick = last_tick;
    core->progress.runs_seq = run_log_advance(&core->log, last_tick);
}
