#include <stdlib.h>
#include <string.h>

#include "scheduler/core/core_internal.h"
#include "shared/compiler.h"
#include "shared/memory.h"

#define AHEAD 16 /* what is needed so many steps later is fetched from memory in advance */

/* ---- the minute ahead ---- */

void candidate_add(struct core *core, uint32_t place)
{
    if (core->candidate_count == core->candidate_capacity) {
        core->candidate_capacity = core->candidate_capacity ? 2 * core->candidate_capacity : 1024;
        core->candidates =
            memory_resize(core->candidates, core->candidate_capacity, sizeof(*core->candidates));
    }
    core->candidates[core->candidate_count++] = place;
}

/* After its last slot a job is paused: it does not count as active any more. */
static void job_finish(struct core *core, uint32_t place, uint32_t minute)
{
    const struct job *job = job_at(&core->jobs, place);
    uint32_t own = place_table_find(&core->policies, job->id);
    INVARIANT(own != PLACE_NONE);
    struct policy *policy = place_table_at(&core->policies, own);
    int64_t next = cron_next(&job->cron, minute);
    if (next != CRON_NEVER && next <= policy->last_minute)
        return;
    policy->finished = true;
    job_pause(core, place, PAUSE_FINISHED, minute);
}

/*
 * What a leader before emitted or held of the minutes to this one is not dealt with again. Marked
 * minute by minute: that one of a job's slots is in RUNS says nothing of the older ones, which were
 * skipped, and whose rows may have died with that leader.
 */
static void found_mark(struct core *core, uint32_t minute)
{
    while (core->found_first < core->found_count &&
           core->found[core->found_first].minute <= minute) {
        const struct core_found *found = &core->found[core->found_first++];
        uint32_t place = place_table_find(&core->jobs, found->job);
        if (place == PLACE_NONE)
            continue;
        struct job *job = job_at(&core->jobs, place);
        if (job->last_minute < found->minute)
            job->last_minute = found->minute;
        account_start(account_at(&core->accounts, job->account), found->minute);
        if (policy_of(&core->policies, job->id, job->has_policy)->last_minute != POLICY_FOREVER &&
            job->due_after != JOB_PAUSED)
            job_finish(core, place, found->minute);
    }
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

static void fresh_reserve(struct core *core)
{
    if (core->candidate_count <= core->fresh_capacity)
        return;
    free(core->fresh);
    core->fresh_capacity = core->candidate_count;
    core->fresh = memory_new(core->fresh_capacity, sizeof(*core->fresh));
    /* Touches the pages, as open_runs_reserve does. */
    memset(core->fresh, 0, core->fresh_capacity * sizeof(*core->fresh));
}

/* Jobs whose end has come without a slot of theirs: changed since, or resumed behind the last one.
 */
static void policies_finish(struct core *core)
{
    for (uint32_t place = 0; place < core->policies.length; place++) {
        struct policy *policy = place_table_at(&core->policies, place);
        if (!policy->job || policy->finished || policy->last_minute > core->emitted)
            continue;
        policy->finished = true;
        uint32_t job = place_table_find(&core->jobs, policy->job);
        if (core_job_enabled(core, job))
            job_pause(core, job, PAUSE_FINISHED, core->emitted);
    }
}

void core_prepare(struct core *core, uint32_t minute)
{
    cron_minute_set(core->times, minute);
    core->prepared = minute;
    core->candidate_count = 0;
    found_mark(core, minute);
    policies_finish(core);
    for (uint32_t place = 0; place < core->jobs.length; place++) {
        const struct job *job = job_at(&core->jobs, place);
        if (job_due(job, minute, cron_minute_time(core->times, job->cron.zone)))
            candidate_add(core, place);
    }
    candidates_interleave(core);
    fresh_reserve(core);
    open_runs_reserve(&core->open, core->candidate_count);
}

uint32_t core_next_minute(const struct core *core)
{
    return core->emitted + 1;
}

/* ---- what becomes of a slot ---- */

/* What a tick knows. */
struct tick {
    struct core *core;
    uint32_t minute;
    uint32_t now; /* the present minute, or minute where the wall clock was set back */
    int64_t now_ms;
    uint32_t emitted; /* not yet among the open */
};

static void slot_skip(const struct tick *tick, const struct job *job, const char *reason)
{
    struct core *core = tick->core;
    const struct account *account = account_at(&core->accounts, job->account);
    struct execution *row = execution_batch_add(&core->skipped);
    row->job = job->id;
    row->slot_s = (int64_t)tick->minute * MINUTE_S;
    row->triggered_ms = row->completed_ms = (int64_t)tick->minute * MINUTE_MS;
    row->version = job->version;
    row->timeout_s = plan_of(core, account)->timeout_s;
    row->status = EXECUTION_SKIPPED;
    row->end.error = memory_text(reason, strlen(reason));
}

/* Whether the slot comes too late for what the job wants of those that nobody fired in time. */
static bool slot_missed(const struct tick *tick, const struct job *job, const struct policy *policy)
{
    if (tick->minute >= tick->now)
        return false;
    if (policy->catch_up == CATCH_UP_NONE)
        return true;
    if (policy->catch_up_window_s != POLICY_NO_WINDOW &&
        tick->now - tick->minute > policy->catch_up_window_s / (uint32_t)MINUTE_S)
        return true;
    if (policy->catch_up == CATCH_UP_ALL)
        return false;
    int64_t next = cron_next(&job->cron, tick->minute);
    return next != CRON_NEVER && next <= tick->now && next <= policy->last_minute;
}

/* The run that is held of the job's slot before makes way, unless every slot is wanted. */
static void older_slot_skip(const struct tick *tick, const struct job *job,
                            const struct policy *policy)
{
    struct core *core = tick->core;
    if (!core->held_slots.count || policy->catch_up == CATCH_UP_ALL)
        return;
    uint32_t place = place_table_find(&core->held_slots, job->id);
    if (place != PLACE_NONE)
        held_give_up(core,
                     ((const struct held_slot *)place_table_at(&core->held_slots, place))->run,
                     tick->now_ms, "concurrency limit: the next run came first");
}

static void slot_hold(const struct tick *tick, const struct job *job, const struct run *run,
                      int64_t due_ms)
{
    struct core *core = tick->core;
    uint32_t place = open_runs_add(&core->open, run, OPEN_RUN_HELD, job->account);
    overlap_count(core, run, 1);
    held_add(core, place, due_ms);
    account_changed(core, job->account);
}

uint64_t lane_send(struct core *core, unsigned lane, uint32_t minute)
{
    struct run_batch *batch = &core->lanes[lane].batch;
    uint64_t number = run_log_add(&core->log, minute, (uint32_t)batch->count, 0);
    batch->epoch = core->epoch;
    core->emit(core->emit_arg, number, lane, batch);
    return number;
}

static void lane_emit(struct tick *tick, unsigned lane)
{
    struct core *core = tick->core;
    struct core_lane *filled = &core->lanes[lane];
    if (!filled->batch.count)
        return;
    uint64_t number = lane_send(core, lane, tick->minute);
    for (size_t i = 0; i < filled->batch.count; i++)
        core->fresh[core->fresh_count++] =
            (struct fresh_run){filled->batch.runs[i], number, filled->places[i]};
    filled->batch.count = 0;
}

static void slot_emit(struct tick *tick, const struct job *job, const struct run *run)
{
    struct core *core = tick->core;
    struct account *account = account_at(&core->accounts, job->account);
    unsigned lane = (unsigned)(account->id % LANES);
    struct core_lane *filling = &core->lanes[lane];
    account_emit(core, account);
    overlap_count(core, run, 1);
    filling->places[filling->batch.count] = job->account;
    filling->batch.runs[filling->batch.count++] = *run;
    tick->emitted++;
    if (filling->batch.count == RUN_BATCH_MAX)
        lane_emit(tick, lane);
}

/* Runs, holds or skips a slot that is due. */
static void slot_deal(struct tick *tick, const struct job *job, const struct policy *policy)
{
    struct core *core = tick->core;
    struct account *account = account_at(&core->accounts, job->account);
    const struct plan *plan = plan_of(core, account);
    account_roll(core, account);
    if (slot_missed(tick, job, policy)) {
        slot_skip(tick, job, "missed");
        return;
    }
    if (policy->no_overlap && policy->open) {
        slot_skip(tick, job, "overlap");
        return;
    }
    if (account->used >= plan->executions_per_month) {
        slot_skip(tick, job, "monthly limit reached");
        return;
    }
    if (account_starts(account, tick->minute) >= plan->burst_per_minute) {
        slot_skip(tick, job, "burst limit reached");
        return;
    }
    if (core->open.count + tick->emitted >= core->limits.open_runs) {
        slot_skip(tick, job, "capacity");
        return;
    }
    struct run run = {.job = job->id,
                      .slot_s = (int64_t)tick->minute * MINUTE_S,
                      .version = job->version,
                      .timeout_s = plan->timeout_s,
                      .attempt = 1};
    older_slot_skip(tick, job, policy);
    account_start(account, tick->minute);
    uint32_t jitter_s = policy_jitter_s(policy, job->id, run.slot_s);
    int64_t due_ms = (run.slot_s + jitter_s) * 1000;
    if ((due_ms > tick->now_ms && jitter_s) || account->under_way >= plan->concurrency ||
        account->ready.count)
        slot_hold(tick, job, &run, due_ms);
    else
        slot_emit(tick, job, &run);
}

/*
 * The runs of a tick become open when all of them have left: nothing asks for them before, and a
 * million insertions into a hash would hold up the last message by a fifth of a second.
 */
static void fresh_open(struct core *core, int64_t now_ms)
{
    for (uint32_t i = 0; i < core->fresh_count; i++) {
        const struct fresh_run *fresh = &core->fresh[i];
        if (i + AHEAD < core->fresh_count)
            open_runs_expect(&core->open, &core->fresh[i + AHEAD].run);
        open_runs_add_emitted(&core->open, &fresh->run, fresh->account, fresh->message, now_ms);
    }
    core->fresh_count = 0;
}

/* They are in turn of their accounts, and so far apart in memory. */
static void candidates_expect(const struct core *core, uint32_t at)
{
    if (at + 2 * AHEAD >= core->candidate_count)
        return;
    __builtin_prefetch(job_at(&core->jobs, core->candidates[at + 2 * AHEAD]), 1);
    const struct job *job = job_at(&core->jobs, core->candidates[at + AHEAD]);
    const struct account *account = account_at(&core->accounts, job->account);
    __builtin_prefetch(account, 1);
    __builtin_prefetch(&account->ready.count, 1); /* mostly in the next line of the cache */
}

uint32_t core_tick(struct core *core, int64_t now_ms)
{
    uint32_t minute = core_next_minute(core), now = minute_of(now_ms);
    struct tick tick = {
        .core = core, .minute = minute, .now = now > minute ? now : minute, .now_ms = now_ms};
    core_set_time(core, now_ms);
    if (core->prepared != minute)
        core_prepare(core, minute);
    fresh_reserve(core);
    for (uint32_t i = 0; i < core->candidate_count; i++) {
        uint32_t place = core->candidates[i];
        candidates_expect(core, i);
        struct job *job = job_at(&core->jobs, place);
        if (!job_due(job, minute, cron_minute_time(core->times, job->cron.zone)))
            continue; /* changed, paused or removed since the scan */
        const struct policy *policy = policy_of(&core->policies, job->id, job->has_policy);
        if (minute < policy->first_minute || minute > policy->last_minute)
            continue;
        job->last_minute = minute;
        slot_deal(&tick, job, policy);
        if (policy->last_minute != POLICY_FOREVER)
            job_finish(core, place, minute);
    }
    for (unsigned lane = 0; lane < LANES; lane++)
        lane_emit(&tick, lane);
    fresh_open(core, now_ms);
    core->emitted = minute;
    core->candidate_count = 0;
    return tick.emitted;
}
