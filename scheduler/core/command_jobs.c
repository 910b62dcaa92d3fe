#include <string.h>

#include "scheduler/core/command_context.h"
#include "scheduler/core/job_check.h"
#include "scheduler/core/job_declaration.h"
#include "shared/job_json.h"

#define MINUTE_MS INT64_C(60000)
#define MINUTE_S  INT64_C(60)

static void job_body(struct command_context *context, int status, const struct fact_job *job)
{
    const struct fact_check *check = facts_check_of_job(context->facts, job->id);
    context->status = status;
    job_json_write(&context->body, &(struct job_view){
                                       .id = job->id,
                                       .name = job->name,
                                       .cron_expression = job->cron_expression,
                                       .webhook_url = job->webhook_url,
                                       .headers = job->headers,
                                       .payload = job->payload,
                                       .failure_webhook_url = job->failure_webhook_url,
                                       .enabled = job->enabled,
                                       .timezone = job->timezone,
                                       .run_at_ms = job->run_at_s * 1000,
                                       .start_at_ms = job->start_at_s * 1000,
                                       .end_at_ms = job->end_at_s * 1000,
                                       .catch_up = catch_up_name(job->catch_up),
                                       .catch_up_window_s = job->catch_up_window_s,
                                       .allow_overlap = job->allow_overlap,
                                       .jitter_s = job->jitter_s,
                                       .max_retries = job->max_retries,
                                       .auto_pause = job->auto_pause,
                                       .external_id = job->external_id,
                                       .paused_reason = job->paused_reason,
                                       .check = check ? check->public_id : NULL,
                                       .last_run_ms = job->last_run_ms,
                                       .due_after_ms = job->due_after_ms,
                                       .created_ms = job->created_ms,
                                       .now_ms = context->now_ms,
                                   });
}

/* ---- what may be declared; each returns -1 after an answer ---- */

static int check_schedule(struct command_context *context, const struct job_input *declared,
                          struct cron *cron)
{
    char error[CRON_ERROR_SIZE];
    const struct job_settings settings = {.cron_expression = declared->cron_expression,
                                          .timezone = declared->timezone,
                                          .run_at_s = declared->run_at_s};
    if ((declared->cron_expression != NULL) == (declared->run_at_s != 0)) {
        command_refuse(context, 400, "Exactly one of cron_expression and run_at must be given");
        return -1;
    }
    if (zone_find(declared->timezone, strlen(declared->timezone)) == ZONE_NONE) {
        command_refuse(context, 400, "timezone: %s is not known", declared->timezone);
        return -1;
    }
    if (core_schedule(&settings, cron, error) != 0) {
        command_refuse(context, 400, "Invalid cron expression: %s", error);
        return -1;
    }
    if (declared->start_at_s && declared->end_at_s && declared->start_at_s > declared->end_at_s) {
        command_refuse(context, 400, "end_at: must not be before start_at");
        return -1;
    }
    return 0;
}

/* Holds an expression against the plan. */
static int check_interval(struct command_context *context, const struct plan *plan,
                          const struct job_input *declared, const struct cron *cron)
{
    if (!declared->cron_expression)
        return 0;
    int64_t interval_s = cron_shortest_interval(cron) * MINUTE_S;
    if (interval_s < plan->min_interval_s) {
        command_refuse(
            context, 400,
            "cron_expression: two runs are as close as %lld min; the %s plan allows one run every "
            "%u minutes",
            (long long)(interval_s / MINUTE_S), plan->name, plan->min_interval_s / 60);
        return -1;
    }
    if (declared->jitter_s >= interval_s) {
        command_refuse(context, 400,
                       "jitter_seconds: must be less than the shortest time between two runs, "
                       "which is %lld seconds",
                       (long long)interval_s);
        return -1;
    }
    return 0;
}

/* A job must have a slot ahead of it. */
static int check_ahead(struct command_context *context, const struct job_input *declared,
                       const struct cron *cron)
{
    int64_t start_s = declared->start_at_s;
    int64_t end_s = declared->end_at_s ? declared->end_at_s : INT64_MAX;
    if (declared->run_at_s) {
        if (declared->run_at_s * 1000 <= context->now_ms) {
            command_refuse(context, 400, "run_at: must be in the future");
            return -1;
        }
        if (declared->run_at_s < start_s || declared->run_at_s > end_s) {
            command_refuse(context, 400, "run_at: must be between start_at and end_at");
            return -1;
        }
        return 0;
    }
    int64_t now_minute = context->now_ms / MINUTE_MS;
    int64_t before_start = (start_s + MINUTE_S - 1) / MINUTE_S - 1;
    int64_t next = cron_next(cron, before_start > now_minute ? before_start : now_minute);
    if (next == CRON_NEVER || next > end_s / MINUTE_S) {
        command_refuse(context, 400,
                       declared->end_at_s ? "end_at: no run would come before it"
                                          : "start_at: no run would come after it");
        return -1;
    }
    return 0;
}

static int check_active(struct command_context *context, const struct account *account)
{
    const struct plan *plan = &context->core->plans[account->plan];
    if (account->active_jobs < plan->active_jobs)
        return 0;
    command_refuse(context, 403, "The %s plan allows %u active jobs, and all of them are in use",
                   plan->name, plan->active_jobs);
    return -1;
}

/* job: the one that may have it; 0: none. */
static int check_external_id(struct command_context *context, const struct job_input *declared,
                             int64_t job)
{
    if (!declared->external_id)
        return 0;
    const struct fact_job *other =
        facts_job_by_external_id(context->facts, context->command->account, declared->external_id);
    if (!other || other->id == job)
        return 0;
    command_refuse(context, 409, "external_id: %s belongs to job %lld", declared->external_id,
                   (long long)other->id);
    return -1;
}

/* ---- the commands ---- */

static void create(struct command_context *context, const struct account *account,
                   const struct job_input *declared)
{
    struct core *core = context->core;
    const struct plan *plan = &core->plans[account->plan];
    struct cron cron;
    if (check_schedule(context, declared, &cron) != 0 ||
        check_interval(context, plan, declared, &cron) != 0 ||
        check_ahead(context, declared, &cron) != 0 || check_external_id(context, declared, 0) != 0)
        return;
    if (account->stored_jobs >= plan->stored_jobs) {
        command_refuse(context, 403,
                       "The %s plan allows %u stored jobs, and all of them are in use", plan->name,
                       plan->stored_jobs);
        return;
    }
    if ((declared->enabled && check_active(context, account) != 0) ||
        job_check_allow(context, account, NULL, declared) != 0)
        return;
    struct fact_job *fact = facts_add_job(context->facts);
    job_take_declaration(fact, declared);
    fact->change = FACT_WRITTEN;
    fact->id = core->progress.next_job++;
    fact->account = account->id;
    fact->version = 1;
    fact->enabled = declared->enabled;
    fact->renamed = false;
    fact->due_after_ms = fact->created_ms = fact->updated_ms = context->now_ms;
    struct job_settings settings = job_settings_of(fact);
    (void)core_add_job(core, fact->id, place_table_find(&core->accounts, account->id), &settings);
    job_check_follow(context, account, fact, declared->check);
    job_body(context, 201, fact);
}

static struct job_input declared_before(const struct command_context *context,
                                        const struct fact_job *fact)
{
    struct job_input declared = job_declared(fact);
    declared.check = facts_check_of_job(context->facts, fact->id) != NULL;
    return declared;
}

/* Makes the job what is declared. */
static void change(struct command_context *context, const struct account *account,
                   struct fact_job *fact, const struct job_input *declared)
{
    struct core *core = context->core;
    const struct job_input before = declared_before(context, fact);
    unsigned fields = context->command->job.fields;
    bool resumed = declared->enabled && !fact->enabled;
    bool new_schedule = !job_schedules_same(&before, declared);
    struct cron cron;
    if (check_schedule(context, declared, &cron) != 0)
        return;
    /* Also when it is resumed: the plan may be another one than when it was paused. */
    if ((resumed || new_schedule || (fields & (JOB_CRON | JOB_JITTER))) &&
        check_interval(context, &core->plans[account->plan], declared, &cron) != 0)
        return;
    if ((resumed || new_schedule) && check_ahead(context, declared, &cron) != 0)
        return;
    if (check_external_id(context, declared, fact->id) != 0 ||
        (resumed && check_active(context, account) != 0) ||
        job_check_allow(context, account, fact, declared) != 0)
        return;

    job_take_declaration(fact, declared);
    if (declared->enabled || (fields & JOB_ENABLED))
        fact_set(&fact->paused_reason, NULL); /* its user decides now */
    if (new_schedule || resumed)
        fact->due_after_ms = context->now_ms; /* what was due before is not made up for */
    fact->enabled = declared->enabled;
    fact->version++;
    fact->updated_ms = context->now_ms;
    fact->change = FACT_WRITTEN;
    uint32_t place = place_table_find(&core->jobs, fact->id);
    INVARIANT(place != PLACE_NONE);
    struct job_settings settings = job_settings_of(fact);
    core_change_job(core, place, &settings);
    job_check_follow(context, account, fact, declared->check);
    job_body(context, 200, fact);
}

void job_create(struct command_context *context)
{
    const struct account *account = command_owner(context);
    if (!account)
        return;
    struct job_input declared = job_input_defaults;
    job_declare(&declared, &context->command->job);
    create(context, account, &declared);
}

void job_update(struct command_context *context)
{
    const struct account *account = command_owner(context);
    struct fact_job *fact = account ? command_job(context) : NULL;
    if (!fact)
        return;
    struct job_input declared = declared_before(context, fact);
    job_declare(&declared, &context->command->job);
    change(context, account, fact, &declared);
}

void job_put(struct command_context *context)
{
    const struct account *account = command_owner(context);
    if (!account)
        return;
    const struct job_input *input = &context->command->job;
    struct job_input declared = job_input_defaults;
    job_declare(&declared, input);
    struct fact_job *fact = command_job(context);
    if (!fact) {
        create(context, account, &declared);
        return;
    }
    const struct job_input before = declared_before(context, fact);
    /* To declare a job again that has had its last run does not begin it anew. */
    if (!(input->fields & JOB_ENABLED) && fact->paused_reason &&
        strcmp(fact->paused_reason, pause_reason_name(PAUSE_FINISHED)) == 0 &&
        job_schedules_same(&before, &declared))
        declared.enabled = false;
    if (declared.enabled == fact->enabled && job_declares_same(&before, &declared))
        job_body(context, 200, fact);
    else
        change(context, account, fact, &declared);
}

void job_delete(struct command_context *context)
{
    struct fact_job *fact = command_owner(context) ? command_job(context) : NULL;
    if (!fact)
        return;
    uint32_t place = place_table_find(&context->core->jobs, fact->id);
    INVARIANT(place != PLACE_NONE);
    core_remove_job(context->core, place);
    job_check_delete(context, fact->id);
    fact->change = FACT_DELETED;
    command_answer(context, 204, "");
}
