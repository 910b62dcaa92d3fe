#include "scheduler/core/commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/core/command_context.h"
#include "shared/json.h"

static command_rule *const rules[COMMAND_KINDS] = {
    [COMMAND_ACCOUNT_REGISTER] = account_register,
    [COMMAND_ACCOUNT_VERIFY] = account_verify,
    [COMMAND_ACCOUNT_REQUEST_ROTATION] = account_request_rotation,
    [COMMAND_ACCOUNT_ROTATE] = account_rotate,
    [COMMAND_ACCOUNT_REQUEST_DELETION] = account_request_deletion,
    [COMMAND_ACCOUNT_DELETE] = account_delete,
    [COMMAND_ACCOUNT_UPDATE] = account_update,
    [COMMAND_ACCOUNT_SET_PLAN] = account_set_plan,
    [COMMAND_JOB_CREATE] = job_create,
    [COMMAND_JOB_UPDATE] = job_update,
    [COMMAND_JOB_DELETE] = job_delete,
    [COMMAND_JOB_PUT] = job_put,
    [COMMAND_JOB_RUN] = job_run,
    [COMMAND_JOB_REPLAY] = job_replay,
    [COMMAND_JOB_REPLAY_SLOTS] = job_replay_slots,
    [COMMAND_SECRET_CREATE] = secret_create,
    [COMMAND_SECRET_ROTATE] = secret_rotate,
    [COMMAND_SECRET_DELETE] = secret_delete,
    [COMMAND_ACCOUNT_SET_BILLING] = account_set_billing,
    [COMMAND_CHECK_CREATE] = check_create,
    [COMMAND_CHECK_UPDATE] = check_update,
    [COMMAND_CHECK_DELETE] = check_delete,
    [COMMAND_CHECK_PAUSE] = check_pause,
    [COMMAND_CHECK_RESUME] = check_resume,
    [COMMAND_CHECK_IMPORT] = check_import,
    [COMMAND_CHANNEL_CREATE] = channel_create,
    [COMMAND_CHANNEL_UPDATE] = channel_update,
    [COMMAND_CHANNEL_DELETE] = channel_delete,
    [COMMAND_CHANNEL_TEST] = channel_test,
    [COMMAND_CHANNEL_REQUEST_TOKEN] = channel_request_token,
    [COMMAND_CHANNEL_VERIFY] = channel_verify,
    [COMMAND_PING_KEY_ROTATE] = ping_key_rotate,
    [COMMAND_CHECK_KEY_CREATE] = check_key_create,
    [COMMAND_CHECK_KEY_DELETE] = check_key_delete,
};

void command_answer(struct command_context *context, int status, const char *body)
{
    context->status = status;
    buffer_text(&context->body, body);
}

PRINTF_LIKE(4, 0)
static void refuse(struct command_context *context, int status, uint32_t wait_s, const char *format,
                   va_list arguments)
{
    char sentence[512];
    bool under_v1 = context->command->under_v1;
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    context->status = status;
    context->retry_after_s = (int)wait_s;
    buffer_text(&context->body, under_v1 ? "{\"error\":" : "{\"detail\":");
    json_write_string(&context->body, sentence, strlen(sentence));
    if (under_v1 && status == 429)
        buffer_format(&context->body, ",\"retry_after\":%u", wait_s);
    buffer_text(&context->body, "}");
}

void command_refuse(struct command_context *context, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    refuse(context, status, 0, format, arguments);
    va_end(arguments);
}

void command_defer(struct command_context *context, int status, uint32_t wait_s, const char *format,
                   ...)
{
    va_list arguments;
    va_start(arguments, format);
    refuse(context, status, wait_s, format, arguments);
    va_end(arguments);
}

struct account *command_owner(struct command_context *context)
{
    uint32_t place = place_table_find(&context->core->accounts, context->command->account);
    if (place == PLACE_NONE) {
        command_refuse(context, 401, "Invalid API key");
        return NULL;
    }
    return account_at(&context->core->accounts, place);
}

/* The rules may have paused a job since its row was read. */
static void job_synchronise(const struct core *core, struct fact_job *fact)
{
    uint32_t place = place_table_find(&core->jobs, fact->id);
    INVARIANT(place != PLACE_NONE);
    if (!fact->enabled || core_job_enabled(core, place))
        return;
    int reason = core_pause_reason(core, fact->id);
    fact->enabled = false;
    fact_set(&fact->paused_reason,
             reason < 0 ? NULL : pause_reason_name((enum pause_reason)reason));
}

struct fact_job *command_job(struct command_context *context)
{
    const struct command *command = context->command;
    struct fact_job *fact =
        command->kind == COMMAND_JOB_PUT
            ? facts_job_by_external_id(context->facts, command->account, command->job.external_id)
            : facts_job(context->facts, command->job_id);
    if (!fact || fact->account != command->account) {
        if (command->kind != COMMAND_JOB_PUT)
            command_refuse(context, 404, "Job not found");
        return NULL;
    }
    job_synchronise(context->core, fact);
    return fact;
}

const struct fact_answer *command_apply(struct core *core, struct checks *checks,
                                        struct facts *facts, const struct command *command,
                                        const uint8_t token_id[static TOKEN_ID_SIZE],
                                        int64_t now_ms)
{
    struct command_context context = {.core = core,
                                      .checks = checks,
                                      .facts = facts,
                                      .command = command,
                                      .token_id = token_id,
                                      .now_ms = now_ms};
    const struct fact_answer *before = facts_answer(facts, command->id);
    if (before && memcmp(before->fingerprint, command->fingerprint, HASH_SIZE) == 0)
        return before;
    if (before)
        command_refuse(&context, 409, "This Idempotency-Key was used for another request");
    else
        rules[command->kind](&context);

    struct fact_answer *fact = facts_add_answer(facts);
    /* An answer that says "later" is not kept: the same request may succeed then. */
    fact->change = before || context.retry_after_s ? FACT_CLEAN : FACT_WRITTEN;
    fact_set(&fact->id, command->id);
    memcpy(fact->fingerprint, command->fingerprint, HASH_SIZE);
    fact->status = context.status;
    fact->retry_after_s = context.retry_after_s;
    fact_set(&fact->body, context.body.data ? context.body.data : "");
    buffer_free(&context.body);
    return fact;
}
