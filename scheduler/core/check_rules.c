#include "scheduler/core/check_rules.h"

#include <inttypes.h>

#include "shared/check_json.h"

/* ---- changes ---- */

struct fact_check *check_make(struct command_context *context, const struct check_birth *birth,
                              const struct check_input *declared)
{
    struct fact_check *fact = facts_add_check(context->facts);
    fact->change = FACT_WRITTEN;
    fact->id = birth->id;
    fact->account = birth->account;
    fact->version = 1;
    fact_set(&fact->public_id, birth->public_id);
    check_take_declaration(fact, declared, context->now_ms);
    fact->renamed = false;
    fact->job = birth->job;
    if (birth->paused)
        check_pause_fact(fact, CHECK_PAUSED_WITH_JOB);
    fact->created_ms = fact->updated_ms = context->now_ms;
    struct check_settings settings = check_settings_of(fact);
    checks_add(context->checks, fact->id, fact->account, &settings, context->now_ms);
    return fact;
}

void check_changed(struct command_context *context, struct fact_check *fact)
{
    fact->version++;
    fact->updated_ms = context->now_ms;
    fact->change = FACT_WRITTEN;
    struct check_settings settings = check_settings_of(fact);
    checks_change(context->checks, fact->id, &settings, context->now_ms);
}

void check_delete_fact(struct command_context *context, struct fact_check *fact)
{
    checks_remove(context->checks, fact->id, context->now_ms);
    fact->change = FACT_DELETED;
}

void check_pause_fact(struct fact_check *fact, const char *reason)
{
    fact->paused = true;
    fact_set(&fact->paused_reason, reason);
}

void check_resume_fact(struct fact_check *fact)
{
    fact->paused = false;
    fact_set(&fact->paused_reason, NULL);
}

void check_synchronise(const struct checks *checks, struct fact_check *fact)
{
    INVARIANT(checks_has(checks, fact->id, fact->account)); /* PostgreSQL has it */
    const char *reason = checks_pause_reason(checks, fact->id);
    if (reason)
        check_pause_fact(fact, reason);
}

/* ---- limits ---- */

static int room(struct command_context *context, const struct account *account, uint32_t taken)
{
    const struct plan *plan = &context->core->plans[account->plan];
    if (taken < plan->checks)
        return 0;
    command_refuse(context, 403,
                   "Check limit reached: the %s plan allows %u checks, and all of them are in use",
                   plan->name, plan->checks);
    return -1;
}

int check_room(struct command_context *context, const struct account *account)
{
    return room(context, account, checks_stored(context->checks, account->id));
}

int check_room_active(struct command_context *context, const struct account *account)
{
    return room(context, account, checks_count(context->checks, account->id));
}

/* ---- the answer ---- */

/* Those that are still there: nobody counts the others. */
static void list_parents(const struct command_context *context, const struct fact_check *fact,
                         struct buffer *list)
{
    buffer_text(list, "");
    for (size_t i = 0; i < fact->parent_count; i++) {
        const struct fact_check *parent = facts_check(context->facts, fact->parents[i]);
        if (parent)
            buffer_format(list, "%s%s", list->length ? "," : "", parent->public_id);
    }
}

static void list_channels(const struct command_context *context, const struct fact_check *fact,
                          struct buffer *list)
{
    buffer_text(list, "");
    for (size_t i = 0; i < fact->channel_count; i++)
        if (channels_has(context->checks, fact->channels[i], fact->account))
            buffer_format(list, "%s%" PRId64, list->length ? "," : "", fact->channels[i]);
}

void check_write(struct command_context *context, const struct fact_check *fact)
{
    struct check_state_row state;
    struct buffer parents = BUFFER_EMPTY;
    struct buffer channels = BUFFER_EMPTY;
    bool there = checks_state(context->checks, fact->id, &state);
    INVARIANT(there);
    list_parents(context, fact, &parents);
    list_channels(context, fact, &channels);
    check_json_write(&context->body, &(struct check_view){
                                         .public_id = fact->public_id,
                                         .name = fact->name,
                                         .period_s = fact->period_s,
                                         .grace_s = fact->grace_s,
                                         .status = state.status,
                                         .base_s = state.base_s,
                                         .last_ping_s = state.last_ping_ms / 1000,
                                         .alert_count = state.alert_count,
                                         .ping_count = state.ping_count,
                                         .created_s = fact->created_ms / 1000,
                                         .updated_s = fact->updated_ms / 1000,
                                         .tags = fact->tags,
                                         .group = fact->group,
                                         .slug = fact->slug,
                                         .maint_start_s = fact->maint_start_s,
                                         .maint_end_s = fact->maint_end_s,
                                         .maint_schedule = fact->maint_schedule,
                                         .cron_expression = fact->cron_expression,
                                         .timezone = fact->timezone,
                                         .alert_after = fact->alert_after,
                                         .recover_after = fact->recover_after,
                                         .reminder_s = fact->reminder_s,
                                         .parents = parents.data,
                                         .channels = fact->all_channels ? NULL : channels.data,
                                         .job = fact->job,
                                         .paused_reason = fact->paused_reason,
                                         .last_duration_ms = state.last_duration_ms,
                                     });
    buffer_free(&parents);
    buffer_free(&channels);
}
