#include "scheduler/core/command_context.h"
#include "shared/execution_json.h"

#define MINUTE_S        60
#define CAPACITY_WAIT_S 30 /* until it is worth asking again */

static void refuse_capacity(struct command_context *context)
{
    command_defer(context, 503, CAPACITY_WAIT_S,
                  "Too many runs wait at present. Try again in %u seconds", CAPACITY_WAIT_S);
}

static uint32_t place_of(const struct command_context *context, int64_t job)
{
    return place_table_find(&context->core->jobs, job);
}

void job_run(struct command_context *context)
{
    const struct account *account = command_owner(context);
    const struct fact_job *fact = account ? command_job(context) : NULL;
    if (!fact)
        return;
    const struct plan *plan = &context->core->plans[account->plan];
    uint32_t wait_s = (uint32_t)(MINUTE_S - context->now_ms / 1000 % MINUTE_S);
    struct run run;
    switch (core_run_now(context->core, place_of(context, fact->id), context->now_ms, &run)) {
    case RUN_ACCEPTED: break;
    case RUN_OVER_MONTH:
        command_refuse(context, 403,
                       "The %s plan allows %u executions a month, and all of them are used",
                       plan->name, plan->executions_per_month);
        return;
    case RUN_OVER_BURST:
        command_defer(context, 429, wait_s,
                      "The %s plan allows %u runs a minute. Try again in %u seconds", plan->name,
                      plan->burst_per_minute, wait_s);
        return;
    case RUN_OVER_CAPACITY: refuse_capacity(context); return;
    }
    context->status = 202;
    execution_json_write(&context->body,
                         &(struct execution_view){.run = run,
                                                  .triggered_ms = run.slot_s * 1000,
                                                  .status = "pending",
                                                  .response_code = EXECUTION_NO_NUMBER,
                                                  .duration_ms = EXECUTION_NO_NUMBER,
                                                  .trigger = "run",
                                                  .next_attempt_ms = context->now_ms});
}

/* Whether so many more runs may be made. */
static bool has_room(const struct core *core, size_t count)
{
    return core->open.count + count <= core->limits.open_runs;
}

static bool window_holds(const struct command *command, const struct fact_slot *slot)
{
    const struct replay_window *window = &command->window;
    bool wanted = (slot->status == EXECUTION_FAILURE && window->failure) ||
                  (slot->status == EXECUTION_SKIPPED && window->skipped) ||
                  (slot->status == EXECUTION_SUCCESS && window->success);
    return wanted && slot->job == command->job_id && slot->slot_s >= window->from_s &&
           slot->slot_s <= window->to_s;
}

void job_replay(struct command_context *context)
{
    const struct fact_job *fact = command_owner(context) ? command_job(context) : NULL;
    if (!fact)
        return;
    const struct facts *facts = context->facts;
    size_t count = 0;
    for (size_t i = 0; i < facts->slot_count; i++)
        count += window_holds(context->command, &facts->slots[i]);
    if (count > REPLAY_MAX) {
        command_refuse(context, 400,
                       "More than %d executions match: narrow the window between from and to",
                       REPLAY_MAX);
        return;
    }
    if (!has_room(context->core, count)) {
        refuse_capacity(context);
        return;
    }
    uint32_t place = place_of(context, fact->id);
    const char *separator = "";
    context->status = 202;
    buffer_format(&context->body, "{\"count\":%zu,\"executions\":[", count);
    for (size_t i = 0; i < facts->slot_count; i++) {
        if (!window_holds(context->command, &facts->slots[i]))
            continue;
        struct run run;
        char id[RUN_ID_SIZE];
        enum run_refusal refusal =
            core_replay(context->core, place, facts->slots[i].slot_s, context->now_ms, &run);
        INVARIANT(refusal == RUN_ACCEPTED);
        buffer_format(&context->body, "%s\"%s\"", separator, run_id(id, &run));
        separator = ",";
    }
    buffer_text(&context->body, "]}");
}

static bool is_there(const struct facts *facts, const struct command_slot *slot)
{
    for (size_t i = 0; i < facts->slot_count; i++)
        if (facts->slots[i].job == slot->job && facts->slots[i].slot_s == slot->slot_s)
            return true;
    return false;
}

/* An operator's: whoever's they are. Those are left out that are still open, or not known any more:
 * deleted jobs, slots before the history's beginning. */
void job_replay_slots(struct command_context *context)
{
    const struct command *command = context->command;
    size_t count = 0;
    if (!has_room(context->core, command->slot_count)) {
        refuse_capacity(context);
        return;
    }
    for (size_t i = 0; i < command->slot_count; i++) {
        const struct command_slot *slot = &command->slots[i];
        uint32_t place = place_of(context, slot->job);
        if (place == PLACE_NONE || !is_there(context->facts, slot))
            continue;
        struct run run;
        enum run_refusal refusal =
            core_replay(context->core, place, slot->slot_s, context->now_ms, &run);
        INVARIANT(refusal == RUN_ACCEPTED);
        count++;
    }
    context->status = 202;
    buffer_format(&context->body, "{\"count\":%zu}", count);
}
