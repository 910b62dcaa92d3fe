#include <stdio.h>
#include <string.h>

#include "scheduler/core/check_rules.h"
#include "shared/json.h"
#include "shared/zone.h"

/* What a job says of its check. */
#define JOB_FIELDS (CHECK_NAME | CHECK_PERIOD | CHECK_CRON | CHECK_TIMEZONE)
#define ALL_FIELDS (2U * CHECK_CHANNELS - 1)

/* ---- what may be declared ---- */

enum verdict {
    FINE,
    WRONG,     /* for everybody, always */
    OVER_PLAN, /* another plan would allow it */
    TAKEN      /* its slug */
};

static enum verdict judge_form(const struct check_input *declared,
                               char error[static CHECK_ERROR_SIZE])
{
    struct check_settings settings = check_settings_declared(declared);
    if (zone_find(declared->timezone, strlen(declared->timezone)) == ZONE_NONE) {
        snprintf(error, CHECK_ERROR_SIZE, "timezone: %s is not known", declared->timezone);
        return WRONG;
    }
    if (!declared->maint_start_s != !declared->maint_end_s) {
        snprintf(error, CHECK_ERROR_SIZE,
                 "maint_start, maint_end: a window has both, or there is none");
        return WRONG;
    }
    if (declared->maint_start_s && declared->maint_end_s <= declared->maint_start_s) {
        snprintf(error, CHECK_ERROR_SIZE, "maint_end: must be after maint_start");
        return WRONG;
    }
    return checks_valid(&settings, error) == 0 ? FINE : WRONG;
}

/* Of the fields that are given; an expression is as seldom as it likes. */
static enum verdict judge_plan(const struct plan *plan, const struct check_input *declared,
                               unsigned fields, char error[static CHECK_ERROR_SIZE])
{
    if ((fields & (CHECK_PERIOD | CHECK_CRON)) && !declared->cron_expression &&
        (uint32_t)declared->period_s > plan->check_period_max_s) {
        snprintf(error, CHECK_ERROR_SIZE, "period: the %s plan allows %d to %u seconds", plan->name,
                 CHECK_SECONDS_MIN, plan->check_period_max_s);
        return OVER_PLAN;
    }
    if ((fields & CHECK_GRACE) && (uint32_t)declared->grace_s > plan->check_grace_max_s) {
        snprintf(error, CHECK_ERROR_SIZE, "grace: the %s plan allows %d to %u seconds", plan->name,
                 CHECK_SECONDS_MIN, plan->check_grace_max_s);
        return OVER_PLAN;
    }
    return FINE;
}

/* check: the one that may have it. */
static enum verdict judge_slug(const struct command_context *context,
                               const struct check_input *declared, int64_t check,
                               char error[static CHECK_ERROR_SIZE])
{
    if (!declared->slug)
        return FINE;
    const struct fact_check *other =
        facts_check_by_slug(context->facts, context->command->account, declared->slug);
    if (!other || other->id == check)
        return FINE;
    snprintf(error, CHECK_ERROR_SIZE, "slug: check %s has it already", other->public_id);
    return TAKEN;
}

static enum verdict judge(const struct command_context *context, const struct account *account,
                          const struct check_input *declared, unsigned fields, int64_t check,
                          char error[static CHECK_ERROR_SIZE])
{
    enum verdict verdict = judge_form(declared, error);
    if (verdict == FINE)
        verdict = judge_plan(&context->core->plans[account->plan], declared, fields, error);
    return verdict == FINE ? judge_slug(context, declared, check, error) : verdict;
}

/* -1 after an answer, as those below. */
static int allow(struct command_context *context, const struct account *account,
                 const struct check_input *declared, unsigned fields, int64_t check)
{
    char error[CHECK_ERROR_SIZE];
    switch (judge(context, account, declared, fields, check, error)) {
    case FINE: return 0;
    case TAKEN: command_refuse(context, 409, "%s", error); return -1;
    case WRONG:
    case OVER_PLAN: break;
    }
    command_refuse(context, 400, "%s", error);
    return -1;
}

/* What was there before, and is not given anew, may be gone by now. */
static int allow_parents(struct command_context *context, int64_t check)
{
    const struct check_input *input = &context->command->check;
    if (!(input->fields & CHECK_PARENTS))
        return 0;
    for (size_t i = 0; i < input->parent_count; i++) {
        if (!checks_has(context->checks, input->parents[i], context->command->account)) {
            command_refuse(context, 400, "parents: the check at place %zu is not known", i + 1);
            return -1;
        }
    }
    if (checks_parents_cycle(context->checks, check, input->parents, input->parent_count)) {
        command_refuse(context, 400, "parents: a check cannot be among its own ancestors");
        return -1;
    }
    return 0;
}

static int allow_channels(struct command_context *context)
{
    const struct check_input *input = &context->command->check;
    if (!(input->fields & CHECK_CHANNELS))
        return 0;
    for (size_t i = 0; i < input->channel_count; i++) {
        if (!channels_has(context->checks, input->channels[i], context->command->account)) {
            command_refuse(context, 400, "channels: the channel at place %zu is not known", i + 1);
            return -1;
        }
    }
    return 0;
}

/* A random number that is taken: the next request draws another. */
static int allow_id(struct command_context *context, int64_t id)
{
    if (!facts_check(context->facts, id))
        return 0;
    command_defer(context, 503, 1, "No id was found for the check; try again");
    return -1;
}

/* ---- the commands ---- */

/* The check of the command, if it is the account's own, as the rules have it; NULL after an answer.
 */
static struct fact_check *check_of(struct command_context *context)
{
    if (!command_owner(context))
        return NULL;
    struct fact_check *fact = facts_check(context->facts, context->command->check_id);
    if (!fact || fact->account != context->command->account) {
        command_refuse(context, 404, "Check not found");
        return NULL;
    }
    check_synchronise(context->checks, fact);
    return fact;
}

static void check_body(struct command_context *context, int status, const struct fact_check *fact)
{
    context->status = status;
    buffer_text(&context->body, "{\"check\":");
    check_write(context, fact);
}

static void ping_url_write(struct command_context *context, struct buffer *out,
                           const char *public_id)
{
    struct buffer url = BUFFER_EMPTY;
    buffer_format(&url, "%s%s", context->command->ping_url, public_id);
    buffer_text(out, "\"ping_url\":");
    json_write_string(out, url.data, url.length);
    buffer_free(&url);
}

void check_create(struct command_context *context)
{
    const struct command *command = context->command;
    const struct account *account = command_owner(context);
    if (!account)
        return;
    struct check_input declared = check_input_defaults;
    check_declare(&declared, &command->check);
    if (allow_id(context, command->check_id) != 0 ||
        allow(context, account, &declared, ALL_FIELDS, command->check_id) != 0 ||
        allow_parents(context, command->check_id) != 0 || allow_channels(context) != 0 ||
        check_room(context, account) != 0)
        return;
    const struct check_birth birth = {
        .id = command->check_id, .public_id = command->public_id, .account = account->id};
    check_body(context, 201, check_make(context, &birth, &declared));
    buffer_text(&context->body, ",");
    ping_url_write(context, &context->body, command->public_id);
    buffer_text(&context->body, "}");
}

void check_update(struct command_context *context)
{
    struct fact_check *fact = check_of(context);
    if (!fact)
        return;
    const struct check_input *input = &context->command->check;
    if (fact->job && (input->fields & JOB_FIELDS)) {
        command_refuse(context, 400,
                       "name, period, cron_expression, timezone: this check follows job %lld",
                       (long long)fact->job);
        return;
    }
    struct check_input declared = check_declared(fact);
    check_declare(&declared, input);
    if (allow(context, command_owner(context), &declared, input->fields, fact->id) != 0 ||
        allow_parents(context, fact->id) != 0 || allow_channels(context) != 0)
        return;
    check_take_declaration(fact, &declared, context->now_ms);
    check_changed(context, fact);
    check_body(context, 200, fact);
    buffer_text(&context->body, "}");
}

void check_delete(struct command_context *context)
{
    struct fact_check *fact = check_of(context);
    if (!fact)
        return;
    check_delete_fact(context, fact);
    command_answer(context, 200, "{\"deleted\":true}");
}

void check_pause(struct command_context *context)
{
    struct fact_check *fact = check_of(context);
    if (!fact)
        return;
    if (!fact->paused || fact->paused_reason) {
        check_pause_fact(fact, NULL);
        check_changed(context, fact);
    }
    command_answer(context, 200, "{\"paused\":true}");
}

void check_resume(struct command_context *context)
{
    struct fact_check *fact = check_of(context);
    if (!fact)
        return;
    if (fact->paused) {
        /* The plan may be another one than when it was made. */
        const struct account *account = command_owner(context);
        const struct check_input declared = check_declared(fact);
        if (allow(context, account, &declared, ALL_FIELDS, fact->id) != 0 ||
            check_room_active(context, account) != 0)
            return;
        check_resume_fact(fact);
        check_changed(context, fact);
    }
    command_answer(context, 200, "{\"resumed\":true}");
}

/* ---- import ---- */

static struct check_input item_declared(const struct check_item *item)
{
    struct check_input declared = check_input_defaults;
    check_declare(&declared, &item->input);
    return declared;
}

/* Each item would do under some plan, or none of them is taken. */
static int allow_items(struct command_context *context, const struct account *account)
{
    const struct command *command = context->command;
    for (size_t i = 0; i < command->item_count; i++) {
        char error[CHECK_ERROR_SIZE];
        const struct check_item *item = &command->items[i];
        const struct check_input declared = item_declared(item);
        if (judge(context, account, &declared, ALL_FIELDS, item->id, error) == WRONG) {
            command_refuse(context, 400, "checks[%zu]: %s", i, error);
            return -1;
        }
    }
    return 0;
}

static bool item_fits(const struct command_context *context, const struct account *account,
                      const struct check_item *item, const struct check_input *declared)
{
    char error[CHECK_ERROR_SIZE];
    const struct plan *plan = &context->core->plans[account->plan];
    return checks_stored(context->checks, account->id) < plan->checks &&
           !facts_check(context->facts, item->id) &&
           judge(context, account, declared, ALL_FIELDS, item->id, error) == FINE;
}

/* What the plan does not allow is skipped, and what is there already under its slug. */
void check_import(struct command_context *context)
{
    const struct command *command = context->command;
    const struct account *account = command_owner(context);
    if (!account || allow_items(context, account) != 0)
        return;
    struct buffer list = BUFFER_EMPTY;
    size_t imported = 0;
    for (size_t i = 0; i < command->item_count; i++) {
        const struct check_item *item = &command->items[i];
        const struct check_input declared = item_declared(item);
        if (!item_fits(context, account, item, &declared))
            continue;
        const struct check_birth birth = {
            .id = item->id, .public_id = item->public_id, .account = account->id};
        const struct fact_check *fact = check_make(context, &birth, &declared);
        buffer_format(&list, "%s{\"id\":\"%s\",\"name\":", imported ? "," : "", fact->public_id);
        json_write_string(&list, fact->name, strlen(fact->name));
        buffer_text(&list, ",");
        ping_url_write(context, &list, fact->public_id);
        buffer_text(&list, "}");
        imported++;
    }
    context->status = 201;
    buffer_format(&context->body, "{\"imported\":%zu,\"skipped\":%zu,\"checks\":[%s]}", imported,
                  command->item_count - imported, list.data ? list.data : "");
    buffer_free(&list);
}
