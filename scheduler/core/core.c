#include "scheduler/core/core.h"

#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/memory.h"

#define MINUTE_MS 60000
#define MINUTE_S  60
#define AHEAD     16 /* runs whose place in memory is fetched while others are added */

struct core *core_create(const struct core_limits *limits, uint64_t epoch,
                         const struct core_progress *progress, core_emit_cb *emit, void *arg)
{
    struct core *core = memory_new(1, sizeof(*core));
    core->limits = *limits;
    core->epoch = epoch;
    core->emit = emit;
    core->emit_arg = arg;
    core->progress = *progress;
    place_table_init(&core->jobs, sizeof(struct job));
    place_table_init(&core->accounts, sizeof(struct account));
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
    open_runs_free(&core->open);
    run_log_free(&core->log);
    address_limit_free(core->addresses);
    execution_batch_free(&core->skipped);
    free(core->candidates);
    free(core->fresh);
    free(core->found);
    free(core);
}

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

int core_load_account(struct core *core, int64_t id, const char *plan)
{
    int index = core_plan(core, plan);
    if (index < 0)
        return -1;
    account_at(&core->accounts, place_table_add(&core->accounts, id))->plan = (uint8_t)index;
    return 0;
}

int core_load_job(struct core *core, int64_t id, int64_t account, uint32_t version,
                  const char *cron_expression, bool enabled, int64_t due_after_ms)
{
    char error[CRON_ERROR_SIZE];
    struct cron cron = {0};
    uint32_t owner = place_table_find(&core->accounts, account);
    if (owner == PLACE_NONE)
        return -1;
    int parsed = cron_parse(cron_expression, strlen(cron_expression), &cron, error);
    struct job *job = job_at(&core->jobs, place_table_add(&core->jobs, id));
    job->cron = cron;
    job->account = owner;
    job->version = version;
    job->due_after = enabled ? (uint32_t)(due_after_ms / MINUTE_MS) : JOB_PAUSED;
    struct account *owning = account_at(&core->accounts, owner);
    owning->stored_jobs++;
    owning->active_jobs += enabled;
    return parsed;
}

static bool is_known(const struct core *core, const struct run *run)
{
    return open_runs_find(&core->open, run->job, run->slot_s, run->replay) != OPEN_RUN_NONE;
}

void core_load_pending(struct core *core, const struct run *run)
{
    if (place_table_find(&core->jobs, run->job) != PLACE_NONE && !is_known(core, run))
        open_runs_add(&core->open, run, OPEN_RUN_RECORDED, 0, 0);
}

static void found_add(struct core *core, int64_t job, uint32_t minute)
{
    if (core->found_count == core->found_capacity) {
        core->found_capacity = core->found_capacity ? 2 * core->found_capacity : 256;
        core->found = memory_resize(core->found, core->found_capacity, sizeof(*core->found));
    }
    core->found[core->found_count++] = (struct core_found){.job = job, .minute = minute};
}

static int found_compare(const void *left, const void *right)
{
    const struct core_found *a = left, *b = right;
    if (a->minute != b->minute)
        return a->minute < b->minute ? -1 : 1;
    return (a->job > b->job) - (a->job < b->job);
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
              bsearch(&key, core->found, core->found_count, sizeof(*core->found), found_compare)))
            open_runs_remove(&core->open, place);
    }
}

/*
 * What a leader before emitted of the minutes to this one is not emitted again. Marked minute by
 * minute: that one of a job's slots is in RUNS says nothing of the older ones, which were skipped,
 * and whose rows may have died with that leader.
 */
static void found_mark(struct core *core, uint32_t minute)
{
    while (core->found_first < core->found_count &&
           core->found[core->found_first].minute <= minute) {
        const struct core_found *found = &core->found[core->found_first++];
        uint32_t place = place_table_find(&core->jobs, found->job);
        if (place != PLACE_NONE && job_at(&core->jobs, place)->last_minute < found->minute)
            job_at(&core->jobs, place)->last_minute = found->minute;
    }
}

void core_load_message(struct core *core, uint64_t sequence, const struct run_batch *batch,
                       const bool *final, int64_t now_ms)
{
    uint32_t minute = 0, without_row = 0;
    uint64_t number = run_log_next(&core->log);
    for (size_t i = 0; i < batch->count; i++) {
        const struct run *run = &batch->runs[i];
        uint32_t slot = (uint32_t)(run->slot_s / MINUTE_S);
        if (run->replay == 0 && run->attempt == 1) {
            minute = slot > minute ? slot : minute;
            if (!core->progress.has_last_tick || slot > core->progress.last_tick)
                found_add(core, run->job, slot);
        }
        if (!final[i] && place_table_find(&core->jobs, run->job) != PLACE_NONE &&
            !is_known(core, run)) {
            open_runs_add(&core->open, run, OPEN_RUN_EMITTED, number, now_ms);
            without_row++;
        }
    }
    run_log_add(&core->log, minute, without_row, sequence);
}

void core_load_anew(struct core *core)
{
    core->log.runs_seq = 0;
    core->progress.runs_seq = core->progress.commands_seq = core->progress.results_seq = 0;
}

void core_loaded(struct core *core, int64_t now_ms)
{
    if (core->found_count)
        qsort(core->found, core->found_count, sizeof(*core->found), found_compare);
    uint32_t now = (uint32_t)(now_ms / MINUTE_MS);
    uint32_t oldest = now - core->limits.catch_up_window_s / MINUTE_S;
    if (!core->progress.has_last_tick)
        core->emitted = now;
    else if (core->progress.last_tick < oldest)
        core->emitted = oldest;
    else
        core->emitted = core->progress.last_tick;
    core->progress.has_last_tick = true;
    core->progress.last_tick = core->emitted;
    lost_forget(core);
}

static void candidate_add(struct core *core, uint32_t place)
{
    if (core->candidate_count == core->candidate_capacity) {
        core->candidate_capacity = core->candidate_capacity ? 2 * core->candidate_capacity : 1024;
        core->candidates =
            memory_resize(core->candidates, core->candidate_capacity, sizeof(*core->candidates));
    }
    core->candidates[core->candidate_count++] = place;
}

/*
 * Orders the candidates by how many jobs of the same account come before them, so that the first
 * run of every account leaves before the second of any: a counting sort over that rank.
 */
static void candidates_interleave(struct core *core)
{
    for (uint32_t place = 0; place < core->accounts.length; place++)
        account_at(&core->accounts, place)->rank = 0;
    uint32_t *ranks = memory_new(core->candidate_count, sizeof(*ranks));
    uint32_t highest = 0;
    for (uint32_t i = 0; i < core->candidate_count; i++) {
        const struct job *job = job_at(&core->jobs, core->candidates[i]);
        ranks[i] = account_at(&core->accounts, job->account)->rank++;
        highest = ranks[i] > highest ? ranks[i] : highest;
    }
    if (highest > 0) {
        uint32_t *starts = memory_new((size_t)highest + 2, sizeof(*starts));
        for (uint32_t i = 0; i < core->candidate_count; i++)
            starts[ranks[i] + 1]++;
        for (uint32_t rank = 0; rank <= highest; rank++)
            starts[rank + 1] += starts[rank];
        uint32_t *ordered = memory_new(core->candidate_capacity, sizeof(*ordered));
        for (uint32_t i = 0; i < core->candidate_count; i++)
            ordered[starts[ranks[i]]++] = core->candidates[i];
        free(core->candidates);
        free(starts);
        core->candidates = ordered;
    }
    free(ranks);
}

void core_prepare(struct core *core, uint32_t minute)
{
    struct cron_time time = cron_time_of(minute);
    core->prepared = minute;
    core->candidate_count = 0;
    found_mark(core, minute);
    for (uint32_t place = 0; place < core->jobs.length; place++)
        if (job_due(job_at(&core->jobs, place), minute, &time))
            candidate_add(core, place);
    candidates_interleave(core);
    open_runs_reserve(&core->open, core->candidate_count);
}

void core_job_changed(struct core *core, uint32_t place)
{
    if (core->prepared <= core->emitted)
        return;
    struct cron_time time = cron_time_of(core->prepared);
    if (job_due(job_at(&core->jobs, place), core->prepared, &time))
        candidate_add(core, place); /* a second entry does no harm: last_minute tells */
}

uint32_t core_next_minute(const struct core *core)
{
    return core->emitted + 1;
}

static void lane_emit(struct core *core, unsigned lane, uint32_t minute)
{
    struct run_batch *batch = &core->lanes[lane];
    if (!batch->count)
        return;
    uint64_t number = run_log_add(&core->log, minute, (uint32_t)batch->count, 0);
    batch->epoch = core->epoch;
    core->emit(core->emit_arg, number, lane, batch);
    for (size_t i = 0; i < batch->count; i++)
        core->fresh[core->fresh_count++] = (struct fresh_run){batch->runs[i], number};
    batch->count = 0;
}

/*
 * The runs of a tick become open when all of them have left: nothing asks for them before, and a
 * million insertions into a hash would hold up the last message by a fifth of a second.
 */
static void fresh_open(struct core *core, int64_t now_ms)
{
    for (uint32_t i = 0; i < core->fresh_count; i++) {
        if (i + AHEAD < core->fresh_count)
            open_runs_expect(&core->open, &core->fresh[i + AHEAD].run);
        open_runs_add(&core->open, &core->fresh[i].run, OPEN_RUN_EMITTED, core->fresh[i].message,
                      now_ms);
    }
    core->fresh_count = 0;
}

static void slot_skip(struct core *core, const struct job *job, uint32_t minute, uint16_t timeout_s,
                      const char *reason)
{
    struct execution *row = execution_batch_add(&core->skipped);
    row->job = job->id;
    row->slot_s = (int64_t)minute * MINUTE_S;
    row->triggered_ms = row->completed_ms = (int64_t)minute * MINUTE_MS;
    row->version = job->version;
    row->timeout_s = timeout_s;
    row->status = EXECUTION_SKIPPED;
    row->error = memory_text(reason, strlen(reason));
}

uint32_t core_tick(struct core *core, int64_t now_ms)
{
    uint32_t minute = core_next_minute(core), now = (uint32_t)(now_ms / MINUTE_MS);
    now = now > minute ? now : minute; /* the wall clock may have been set back */
    if (core->prepared != minute)
        core_prepare(core, minute);

    if (core->candidate_count > core->fresh_capacity) {
        core->fresh_capacity = core->candidate_count;
        core->fresh = memory_resize(core->fresh, core->fresh_capacity, sizeof(*core->fresh));
    }
    struct cron_time time = cron_time_of(minute);
    uint32_t emitted = 0, open_before = core->open.count;
    for (uint32_t i = 0; i < core->candidate_count; i++) {
        struct job *job = job_at(&core->jobs, core->candidates[i]);
        if (!job_due(job, minute, &time))
            continue; /* changed, paused or removed since the scan */
        const struct account *account = account_at(&core->accounts, job->account);
        uint16_t timeout_s = core->plans[account->plan].timeout_s;
        job->last_minute = minute;
        int64_t next = minute < now ? cron_next(&job->cron, minute) : CRON_NEVER;
        if (next != CRON_NEVER && next <= now) {
            slot_skip(core, job, minute, timeout_s, "missed");
            continue;
        }
        if (open_before + emitted >= core->limits.open_runs) {
            slot_skip(core, job, minute, timeout_s, "capacity");
            continue;
        }
        unsigned lane = (unsigned)(account->id % LANES);
        struct run_batch *batch = &core->lanes[lane];
        batch->runs[batch->count++] = (struct run){.job = job->id,
                                                   .slot_s = (int64_t)minute * MINUTE_S,
                                                   .version = job->version,
                                                   .timeout_s = timeout_s,
                                                   .attempt = 1};
        emitted++;
        if (batch->count == RUN_BATCH_MAX)
            lane_emit(core, lane, minute);
    }
    for (unsigned lane = 0; lane < LANES; lane++)
        lane_emit(core, lane, minute);
    fresh_open(core, now_ms);
    core->emitted = minute;
    core->candidate_count = 0;
    return emitted;
}

bool core_settled(const struct core *core, int64_t now_ms)
{
    return core->emitted >= now_ms / MINUTE_MS && !run_log_waiting(&core->log) &&
           core->skipped_first == core->skipped.count;
}

void core_acknowledged(struct core *core, uint64_t number, uint64_t sequence)
{
    run_log_acknowledged(&core->log, number, sequence);
}

bool core_is_open(const struct core *core, int64_t job, int64_t slot_s, uint32_t replay,
                  uint8_t attempt)
{
    uint32_t place = open_runs_find(&core->open, job, slot_s, replay);
    return place != OPEN_RUN_NONE && core->open.runs[place].state != OPEN_RUN_FINISHED &&
           core->open.runs[place].run.attempt == attempt;
}

bool core_result(struct core *core, const struct result *result)
{
    if (!core_is_open(core, result->job, result->slot_s, result->replay, result->attempt))
        return false;
    open_runs_finish(&core->open,
                     open_runs_find(&core->open, result->job, result->slot_s, result->replay),
                     result);
    return true;
}

uint32_t core_close_lost(struct core *core, uint64_t before)
{
    uint32_t lost = 0;
    for (uint32_t place = 0; place < core->open.length; place++) {
        const struct open_run *open = &core->open.runs[place];
        bool waits = open->state == OPEN_RUN_EMITTED || open->state == OPEN_RUN_RECORDED;
        if (!waits || open->message >= before)
            continue;
        open_runs_finish(&core->open, place,
                         &(struct result){.outcome = RESULT_GONE,
                                          .started_ms = open->run.slot_s * 1000,
                                          .error = "the run was lost before its result was known"});
        lost++;
    }
    return lost;
}

bool core_has_rows(const struct core *core)
{
    return core->open.finished_count || core->skipped_first < core->skipped.count ||
           core->open.emitted_count;
}

static struct execution *row_of(struct execution_batch *batch, const struct open_run *open)
{
    struct execution *row = execution_batch_add(batch);
    row->job = open->run.job;
    row->slot_s = open->run.slot_s;
    row->replay = open->run.replay;
    row->version = open->run.version;
    row->timeout_s = open->run.timeout_s;
    row->attempts = open->run.attempt;
    return row;
}

static void collect_finished(struct core *core, struct execution_batch *batch)
{
    uint32_t place;
    while ((place = open_runs_next_finished(&core->open)) != OPEN_RUN_NONE) {
        struct open_run *open = &core->open.runs[place];
        if (!open->has_row)
            run_log_recorded(&core->log, open->message);
        if (place_table_find(&core->jobs, open->run.job) != PLACE_NONE) {
            struct execution *row = row_of(batch, open);
            row->status = open->outcome == RESULT_SUCCESS ? EXECUTION_SUCCESS : EXECUTION_FAILURE;
            row->triggered_ms = open->started_ms;
            row->completed_ms = open->started_ms + open->duration_ms;
            row->duration_ms = open->duration_ms;
            row->code = open->code;
            row->error = open->error;
            open->error = NULL;
        }
        open_runs_remove(&core->open, place);
    }
}

static void collect_skipped(struct core *core, size_t limit, struct execution_batch *batch)
{
    for (size_t i = 0; i < limit && core->skipped_first < core->skipped.count; i++) {
        struct execution *skipped = &core->skipped.rows[core->skipped_first++];
        if (place_table_find(&core->jobs, skipped->job) != PLACE_NONE) {
            struct execution *row = execution_batch_add(batch);
            *row = *skipped;
            skipped->error = NULL;
        }
    }
    if (core->skipped_first == core->skipped.count) {
        execution_batch_clear(&core->skipped);
        core->skipped_first = 0;
    }
}

static void collect_pending(struct core *core, size_t limit, int64_t emitted_before_ms,
                            struct execution_batch *batch)
{
    for (size_t i = 0; i < limit; i++) {
        uint32_t place = open_runs_oldest_emitted(&core->open);
        if (place == OPEN_RUN_NONE || core->open.runs[place].emitted_ms > emitted_before_ms)
            return;
        struct open_run *open = &core->open.runs[place];
        if (!run_log_has(&core->log, open->message))
            return; /* a leader that finds the row and not the run would never emit it */
        run_log_recorded(&core->log, open->message);
        if (place_table_find(&core->jobs, open->run.job) != PLACE_NONE) {
            struct execution *row = row_of(batch, open);
            row->status = EXECUTION_PENDING;
            row->triggered_ms = open->run.slot_s * 1000;
            open_runs_record(&core->open, place);
        } else {
            open_runs_remove(&core->open, place);
        }
    }
}

void core_collect(struct core *core, int64_t now_ms, const struct core_collect_limits *limits,
                  struct execution_batch *batch)
{
    collect_finished(core, batch);
    collect_skipped(core, limits->skipped, batch);
    collect_pending(core, limits->pending, now_ms - limits->pending_age_ms, batch);
    execution_batch_sort(batch);

    uint32_t last_tick = run_log_last_tick(&core->log, core->emitted);
    if (core->skipped_first < core->skipped.count) {
        /* Skipped slots whose rows come later: their minute is not complete. */
        int64_t first_s = core->skipped.rows[core->skipped_first].slot_s;
        uint32_t before = (uint32_t)(first_s / MINUTE_S) - 1;
        last_tick = before < last_tick ? before : last_tick;
    }
    core->progress.last_tick = last_tick;
    core->progress.runs_seq = run_log_advance(&core->log, last_tick);
}
