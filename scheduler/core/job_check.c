#include "scheduler/core/job_check.h"

#include <string.h>

#include "scheduler/core/check_rules.h"

/* What the attempts of an execution take with the retries that a job has unless it says otherwise,
 * and the longest time-out: the outcome comes after the last of them. */
#define GRACE_S 900

int job_check_allow(struct command_context *context, const struct account *account,
                    const struct fact_job *fact, const struct job_input *declared)
{
    if (!declared->check)
        return 0;
    if (declared->run_at_s) {
        command_refuse(context, 400, "check: a job that runs once cannot have one");
        return -1;
    }
    if (fact && facts_check_of_job(context->facts, fact->id))
        return 0;
    if (facts_check(context->facts, context->command->check_id)) {
        command_defer(context, 503, 1, "No id was found for the check; try again");
        return -1;
    }
    return check_room(context, account);
}

/* What the check has of its job. */
static void follow(struct check_input *declared, const struct fact_job *fact)
{
    declared->name = fact->name;
    declared->cron_expression = fact->cron_expression;
    declared->timezone = fact->timezone;
}

static bool is_followed(const struct fact_check *check, const struct fact_job *fact)
{
    return strcmp(check->name, fact->name) == 0 &&
           strcmp(check->cron_expression, fact->cron_expression) == 0 &&
           strcmp(check->timezone, fact->timezone) == 0;
}

static void make(struct command_context *context, const struct account *account,
                 const struct fact_job *fact)
{
    const struct plan *plan = &context->core->plans[account->plan];
    struct check_input declared = check_input_defaults;
    uint32_t grace_s = GRACE_S + fact->jitter_s;
    declared.grace_s =
        (int32_t)(grace_s < plan->check_grace_max_s ? grace_s : plan->check_grace_max_s);
    follow(&declared, fact);
    const struct check_birth birth = {.id = context->command->check_id,
                                      .public_id = context->command->public_id,
                                      .account = account->id,
                                      .job = fact->id,
                                      .paused = !fact->enabled};
    (void)check_make(context, &birth, &declared);
}

/* Only what was paused with the job is resumed with it, and only where the plan has room. */
static void follow_pause(struct command_context *context, const struct account *account,
                         const struct fact_job *job, struct fact_check *check)
{
    const struct plan *plan = &context->core->plans[account->plan];
    if (!job->enabled && !check->paused)
        check_pause_fact(check, CHECK_PAUSED_WITH_JOB);
    bool with_job =
        check->paused_reason && strcmp(check->paused_reason, CHECK_PAUSED_WITH_JOB) == 0;
    if (!job->enabled || !with_job)
        return;
    if (checks_count(context->checks, account->id) < plan->checks)
        check_resume_fact(check);
    else
        check_pause_fact(check, "plan");
}

void job_check_follow(struct command_context *context, const struct account *account,
                      const struct fact_job *fact, bool wanted)
{
    struct fact_check *check = facts_check_of_job(context->facts, fact->id);
    if (!check) {
        if (wanted)
            make(context, account, fact);
        return;
    }
    if (!wanted) {
        check_delete_fact(context, check);
        return;
    }
    check_synchronise(context->checks, check);
    bool was_paused = check->paused;
    bool changed = !is_followed(check, fact);
    struct check_input declared = check_declared(check);
    follow(&declared, fact);
    if (changed)
        check_take_declaration(check, &declared, context->now_ms);
    follow_pause(context, account, fact, check);
    if (changed || check->paused != was_paused)
        check_changed(context, check);
}

void job_check_delete(struct command_context *context, int64_t job)
{
    struct fact_check *check = facts_check_of_job(context->facts, job);
    if (check)
        check_delete_fact(context, check);
}
