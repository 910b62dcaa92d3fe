#include <stdlib.h>
#include <string.h>

#include "scheduler/core/core_internal.h"
#include "shared/compiler.h"
#include "shared/memory.h"

#define EVERY_WEEKDAY 0x7f

/* ---- schedules ---- */

/* The one minute of a one-shot job: it comes again every year, and its policy ends with it. */
static struct cron cron_of_minute(int64_t minute)
{
    struct cron_time time = cron_time_of(minute);
    return (struct cron){.minutes = time.minute,
                         .hours = time.hour,
                         .days = time.day,
                         .months = time.month,
                         .weekdays = EVERY_WEEKDAY,
                         .zone = ZONE_UTC};
}

int core_schedule(const struct job_settings *settings, struct cron *cron,
                  char error[static CRON_ERROR_SIZE])
{
    if (!settings->cron_expression) {
        *cron = cron_of_minute(settings->run_at_s / MINUTE_S);
        return 0;
    }
    uint16_t zone = zone_find(settings->timezone, strlen(settings->timezone));
    if (zone == ZONE_NONE) {
        snprintf(error, CRON_ERROR_SIZE, "timezone: %.64s is not known", settings->timezone);
        return -1;
    }
    struct cron parsed;
    if (cron_parse(settings->cron_expression, strlen(settings->cron_expression), &parsed, error))
        return -1;
    parsed.zone = zone;
    *cron = parsed;
    return 0;
}

static struct policy policy_from(const struct job_settings *settings)
{
    struct policy policy = policy_standard;
    if (!settings->cron_expression) {
        policy.first_minute = policy.last_minute = (uint32_t)(settings->run_at_s / MINUTE_S);
    } else {
        if (settings->start_at_s)
            policy.first_minute = (uint32_t)((settings->start_at_s + MINUTE_S - 1) / MINUTE_S);
        if (settings->end_at_s)
            policy.last_minute = (uint32_t)(settings->end_at_s / MINUTE_S);
    }
    if (settings->catch_up_window_s != CATCH_UP_WINDOW_NONE)
        policy.catch_up_window_s = (uint32_t)settings->catch_up_window_s;
    policy.jitter_s = settings->jitter_s;
    policy.max_retries = settings->max_retries;
    policy.catch_up = (uint8_t)settings->catch_up;
    policy.no_overlap = !settings->allow_overlap;
    policy.never_paused = !settings->auto_pause;
    return policy;
}

static uint32_t open_of_job(const struct core *core, int64_t job)
{
    uint32_t count = 0;
    for (uint32_t place = 0; place < core->open.length; place++) {
        const struct open_run *open = &core->open.runs[place];
        count += open->state != OPEN_RUN_FREE && open->state != OPEN_RUN_FINISHED &&
                 open->run.job == job && !is_notice(&open->run);
    }
    return count;
}

/* count: whether runs of the job may be open already. */
static void policy_set(struct core *core, struct job *job, const struct job_settings *settings,
                       bool count)
{
    struct policy policy = policy_from(settings);
    uint32_t place = job->has_policy ? place_table_find(&core->policies, job->id) : PLACE_NONE;
    job->has_policy = !policy_is_standard(&policy);
    if (!job->has_policy) {
        if (place != PLACE_NONE)
            place_table_remove(&core->policies, place);
        return;
    }
    if (place == PLACE_NONE)
        place = place_table_add(&core->policies, job->id);
    struct policy *own = place_table_at(&core->policies, place);
    policy.job = job->id;
    policy.open = own->open;
    policy.finished = own->finished && !settings->enabled;
    if (policy.no_overlap && !own->no_overlap)
        policy.open = count ? open_of_job(core, job->id) : 0;
    *own = policy;
}

/* ---- jobs ---- */

static void job_set(struct core *core, uint32_t place, const struct job_settings *settings,
                    bool count)
{
    struct job *job = job_at(&core->jobs, place);
    char error[CRON_ERROR_SIZE];
    int invalid = core_schedule(settings, &job->cron, error);
    INVARIANT(!invalid);
    job->version = settings->version;
    job->tells_webhook = settings->has_failure_webhook;
    job->due_after = settings->enabled ? minute_of(settings->due_after_ms) : JOB_PAUSED;
    policy_set(core, job, settings, count);
    /* The minute ahead was scanned already. A second entry does no harm: last_minute tells. */
    if (core->prepared > core->emitted &&
        job_due(job, core->prepared, cron_minute_time(core->times, job->cron.zone)))
        candidate_add(core, place);
}

uint32_t core_add_job(struct core *core, int64_t id, uint32_t account,
                      const struct job_settings *settings)
{
    uint32_t place = place_table_add(&core->jobs, id);
    job_at(&core->jobs, place)->account = account & PLACE_30_BITS;
    struct account *owner = account_at(&core->accounts, account);
    owner->stored_jobs++;
    owner->active_jobs += settings->enabled;
    job_set(core, place, settings, false);
    return place;
}

static void pause_forget(struct core *core, int64_t job)
{
    for (size_t i = 0; i < core->pause_count; i++)
        if (core->pauses[i].job == job)
            core->pauses[i--] = core->pauses[--core->pause_count];
}

/* Its failures count from here on; of one that is loaded with older ones, due_after tells. */
static void job_resume(struct core *core, int64_t job)
{
    pause_forget(core, job);
    uint32_t place = place_table_find(&core->failing, job);
    if (place == PLACE_NONE)
        return;
    struct failing *failing = place_table_at(&core->failing, place);
    failing->since_ms = 0;
    failing->warned = false;
}

void core_change_job(struct core *core, uint32_t place, const struct job_settings *settings)
{
    const struct job *job = job_at(&core->jobs, place);
    struct account *owner = account_at(&core->accounts, job->account);
    owner->active_jobs -= core_job_enabled(core, place);
    owner->active_jobs += settings->enabled;
    if (settings->enabled && !core_job_enabled(core, place))
        job_resume(core, job->id);
    job_set(core, place, settings, true);
}

/* Its runs that are held go when they would leave; those under way, with their result. */
void core_remove_job(struct core *core, uint32_t place)
{
    const struct job *job = job_at(&core->jobs, place);
    struct account *owner = account_at(&core->accounts, job->account);
    owner->stored_jobs--;
    owner->active_jobs -= core_job_enabled(core, place);
    struct place_table *tables[] = {&core->policies, &core->failing, &core->held_slots};
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
        uint32_t entry = place_table_find(tables[i], job->id);
        if (entry != PLACE_NONE)
            place_table_remove(tables[i], entry);
    }
    place_table_remove(&core->jobs, place);
}

void job_pause(struct core *core, uint32_t place, enum pause_reason reason, uint32_t minute)
{
    struct job *job = job_at(&core->jobs, place);
    INVARIANT(job->due_after != JOB_PAUSED);
    job->due_after = JOB_PAUSED;
    account_at(&core->accounts, job->account)->active_jobs--;
    if (core->pause_count == core->pause_capacity) {
        core->pause_capacity = core->pause_capacity ? 2 * core->pause_capacity : 16;
        core->pauses = memory_resize(core->pauses, core->pause_capacity, sizeof(*core->pauses));
    }
    core->pauses[core->pause_count++] =
        (struct pause_row){.job = job->id, .reason = reason, .minute = minute};
}

int core_pause_reason(const struct core *core, int64_t job)
{
    for (size_t i = 0; i < core->pause_count; i++)
        if (core->pauses[i].job == job)
            return (int)core->pauses[i].reason;
    return -1;
}

/* ---- accounts ---- */

uint32_t core_add_account(struct core *core, int64_t id, int plan)
{
    uint32_t place = place_table_add(&core->accounts, id);
    struct account *account = account_at(&core->accounts, place);
    account->plan = (uint8_t)plan;
    account->mails = true;
    account->month = core->month;
    return place;
}

/* Takes an open run out of whatever it is in. */
static void run_drop(struct core *core, uint32_t place)
{
    struct open_run *open = &core->open.runs[place];
    if (open->state == OPEN_RUN_HELD)
        held_leave(core, place);
    else if (open->state == OPEN_RUN_FINISHED)
        run_list_take(&core->open.finished, &core->open, place);
    if (open->in_log)
        run_log_recorded(&core->log, open->message);
    run_forget(core, place);
}

void core_remove_account(struct core *core, uint32_t owner)
{
    for (uint32_t place = 0; place < core->open.length; place++)
        if (core->open.runs[place].state != OPEN_RUN_FREE &&
            core->open.runs[place].account == owner)
            run_drop(core, place);
    for (uint32_t place = 0; place < core->jobs.length; place++) {
        const struct job *job = job_at(&core->jobs, place);
        if (job->id && job->account == owner)
            core_remove_job(core, place);
    }
    place_table_remove(&core->accounts, owner);
}

/* ---- plans ---- */

static int newest_first(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a < *b) - (*a > *b);
}

/* Jobs that the plan does not allow to run so often; then the oldest of those beyond its number. */
static void plan_enforce(struct core *core, uint32_t owner)
{
    struct account *account = account_at(&core->accounts, owner);
    const struct plan *plan = plan_of(core, account);
    int64_t *active = memory_new(account->active_jobs ? account->active_jobs : 1, sizeof(*active));
    uint32_t count = 0;
    for (uint32_t place = 0; place < core->jobs.length; place++) {
        const struct job *job = job_at(&core->jobs, place);
        if (!job->id || job->account != owner || job->due_after == JOB_PAUSED)
            continue;
        bool never = job->cron.minutes == 0; /* one that cannot be scheduled: core_load_job */
        if (!never && cron_shortest_interval(&job->cron) * MINUTE_S < plan->min_interval_s)
            job_pause(core, place, PAUSE_PLAN, core->emitted);
        else
            active[count++] = job->id;
    }
    qsort(active, count, sizeof(*active), newest_first);
    for (uint32_t i = plan->active_jobs; i < count; i++)
        job_pause(core, place_table_find(&core->jobs, active[i]), PAUSE_PLAN, core->emitted);
    free(active);
}

void core_change_plan(struct core *core, uint32_t owner, int plan)
{
    struct account *account = account_at(&core->accounts, owner);
    account->plan = (uint8_t)plan;
    plan_enforce(core, owner);
    account_line_up(core, owner);
}

/* ---- runs on demand ---- */

static uint32_t next_replay(struct core *core)
{
    uint32_t replay = (uint32_t)core->progress.next_replay;
    core->progress.next_replay = replay < INT32_MAX ? (int64_t)replay + 1 : 1;
    return replay;
}

static void demand(struct core *core, uint32_t place, int64_t slot_s, int64_t now_ms,
                   enum run_trigger trigger, struct run *run)
{
    const struct job *job = job_at(&core->jobs, place);
    const struct account *account = account_at(&core->accounts, job->account);
    *run = (struct run){.job = job->id,
                        .slot_s = slot_s,
                        .version = job->version,
                        .replay = next_replay(core),
                        .timeout_s = plan_of(core, account)->timeout_s,
                        .attempt = 1};
    uint32_t open = open_runs_add(&core->open, run, OPEN_RUN_HELD, job->account);
    core->open.runs[open].trigger = (uint8_t)trigger;
    overlap_count(core, run, 1);
    held_add(core, open, now_ms);
}

enum run_refusal core_run_now(struct core *core, uint32_t place, int64_t now_ms, struct run *run)
{
    core_set_time(core, now_ms);
    uint32_t owner = job_at(&core->jobs, place)->account;
    struct account *account = account_at(&core->accounts, owner);
    const struct plan *plan = plan_of(core, account);
    account_roll(core, account);
    if (account->used >= plan->executions_per_month)
        return RUN_OVER_MONTH;
    if (account_starts(account, minute_of(now_ms)) >= plan->burst_per_minute)
        return RUN_OVER_BURST;
    if (core->open.count >= core->limits.open_runs)
        return RUN_OVER_CAPACITY;
    account_start(account, minute_of(now_ms));
    account_changed(core, owner);
    demand(core, place, now_ms / 1000, now_ms, TRIGGER_RUN, run);
    return RUN_ACCEPTED;
}

enum run_refusal core_replay(struct core *core, uint32_t place, int64_t slot_s, int64_t now_ms,
                             struct run *run)
{
    if (core->open.count >= core->limits.open_runs)
        return RUN_OVER_CAPACITY;
    demand(core, place, slot_s, now_ms, TRIGGER_REPLAY, run);
    return RUN_ACCEPTED;
}
