#include "scheduler/core/commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_streams.h"
#include "shared/job_json.h"
#include "shared/json.h"
#include "shared/mail.h"
#include "shared/memory.h"

#define MINUTE_MS 60000

/* What a command is applied with. */
struct context {
    struct core *core;
    struct facts *facts;
    const struct command *command;
    const uint8_t *token_id;
    int64_t now_ms;
    /* out */
    int status;
    int retry_after_s;
    struct buffer body;
};

static void answer(struct context *context, int status, const char *body)
{
    context->status = status;
    buffer_text(&context->body, body);
}

PRINTF_LIKE(3, 4)
static void refuse(struct context *context, int status, const char *format, ...)
{
    char detail[512];
    va_list arguments;
    va_start(arguments, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    context->status = status;
    buffer_text(&context->body, "{\"detail\":");
    json_write_string(&context->body, detail, strlen(detail));
    buffer_text(&context->body, "}");
}

/* The account that the request's key belongs to, or NULL after an answer. */
static struct account *owner_of(struct context *context)
{
    uint32_t place = place_table_find(&context->core->accounts, context->command->account);
    if (place == PLACE_NONE) {
        refuse(context, 401, "Invalid API key");
        return NULL;
    }
    return account_at(&context->core->accounts, place);
}

/* ---- mail and tokens ---- */

static void mail_put(struct context *context, enum mail_kind kind, int64_t expires_ms)
{
    struct mail mail = {.kind = kind, .created_ms = context->now_ms, .expires_ms = expires_ms};
    hex_encode(context->token_id, TOKEN_ID_SIZE, mail.id);
    snprintf(mail.to, sizeof(mail.to), "%s", context->command->email);
    if (kind != MAIL_KNOWN)
        memcpy(mail.token_id, context->token_id, TOKEN_ID_SIZE);

    char subject[64];
    snprintf(subject, sizeof(subject), SUBJECT_MAIL_FORMAT, mail_kind_name(kind));
    struct fact_mail *fact = facts_add_mail(context->facts);
    fact->outbox = context->core->progress.next_outbox++;
    fact_set(&fact->subject, subject);
    fact_set(&fact->message_id, mail.id);
    mail_encode(&mail, &fact->payload);
}

/*
 * The three requests for a token by mail answer alike, and leave the same rows, whether the address
 * is known or not; only the mail tells, and only the owner of the address reads it.
 */
static void token_request(struct context *context, enum mail_kind known, enum mail_kind unknown,
                          const char *message)
{
    const char *email = context->command->email;
    uint32_t wait_s = address_limit_take(context->core->addresses, email, context->now_ms);
    if (wait_s) {
        refuse(context, 429, "Too many requests for this address. Try again in %u seconds", wait_s);
        context->retry_after_s = (int)wait_s;
        return;
    }
    bool exists = facts_account_by_email(context->facts, email) != NULL;
    enum mail_kind kind = exists ? known : unknown;
    int64_t expires_ms = context->now_ms + TOKEN_LIFETIME_MS;

    struct fact_token *token = facts_add_token(context->facts);
    token->change = FACT_WRITTEN;
    memcpy(token->id, context->token_id, TOKEN_ID_SIZE);
    fact_set(&token->purpose, kind == MAIL_KINDS ? "none" : mail_kind_name(kind));
    fact_set(&token->email, email);
    token->created_ms = context->now_ms;
    token->expires_ms = expires_ms;
    if (kind != MAIL_KINDS)
        mail_put(context, kind, kind == MAIL_KNOWN ? 0 : expires_ms);
    answer(context, 200, message);
}

/* A token that may be used now, or NULL after an answer. */
static struct fact_token *token_of(struct context *context, enum mail_kind kind)
{
    struct fact_token *token = facts_token(context->facts, context->command->token_id);
    if (!token || token->used_ms || token->expires_ms <= context->now_ms ||
        strcmp(token->purpose, mail_kind_name(kind)) != 0) {
        refuse(context, 400, "Invalid or expired token");
        return NULL;
    }
    return token;
}

static void token_use(struct context *context, struct fact_token *token)
{
    token->used_ms = context->now_ms;
    token->change = FACT_WRITTEN;
}

/* ---- accounts ---- */

static void account_register(struct context *context)
{
    token_request(context, MAIL_KNOWN, MAIL_VERIFY,
                  "{\"message\":\"A verification token is on its way to this address. It expires "
                  "in 15 minutes.\"}");
}

static void account_request_rotation(struct context *context)
{
    token_request(context, MAIL_ROTATE, MAIL_KINDS,
                  "{\"message\":\"If this address has an account, a rotation token is on its way "
                  "to it. It expires in 15 minutes.\"}");
}

static void account_request_deletion(struct context *context)
{
    token_request(context, MAIL_DELETE, MAIL_KINDS,
                  "{\"message\":\"If this address has an account, a deletion token is on its way "
                  "to it. It expires in 15 minutes.\"}");
}

static void account_verify(struct context *context)
{
    struct fact_token *token = token_of(context, MAIL_VERIFY);
    if (!token)
        return;
    if (facts_account_by_email(context->facts, token->email)) {
        refuse(context, 409, "This address has an account already");
        return;
    }
    token_use(context, token);
    struct core *core = context->core;
    int free_plan = core_plan(core, "free");
    INVARIANT(free_plan >= 0);
    struct fact_account *account = facts_add_account(context->facts);
    account->change = FACT_WRITTEN;
    account->id = core->progress.next_account++;
    fact_set(&account->email, token->email);
    fact_set(&account->plan, "free");
    account->failure_email_enabled = true;
    memcpy(account->key_hash, context->command->key_hash, HASH_SIZE);
    account->created_ms = context->now_ms;
    uint32_t place = place_table_add(&core->accounts, account->id);
    account_at(&core->accounts, place)->plan = (uint8_t)free_plan;
    answer(context, 200, "{}");
}

static void account_rotate(struct context *context)
{
    struct fact_token *token = token_of(context, MAIL_ROTATE);
    if (!token)
        return;
    struct fact_account *account = facts_account_by_email(context->facts, token->email);
    if (!account) {
        refuse(context, 400, "Invalid or expired token");
        return;
    }
    token_use(context, token);
    memcpy(account->key_hash, context->command->key_hash, HASH_SIZE);
    account->change = FACT_WRITTEN;
    answer(context, 200, "{}");
}

static void account_delete(struct context *context)
{
    struct fact_token *token = token_of(context, MAIL_DELETE);
    if (!token)
        return;
    struct fact_account *account = facts_account_by_email(context->facts, token->email);
    if (!account || strcmp(token->email, context->command->email) != 0) {
        refuse(context, 400, "Invalid or expired token");
        return;
    }
    token_use(context, token);
    struct core *core = context->core;
    uint32_t owner = place_table_find(&core->accounts, account->id);
    INVARIANT(owner != PLACE_NONE);
    for (uint32_t place = 0; place < core->jobs.length; place++) {
        const struct job *job = job_at(&core->jobs, place);
        if (job->id && job->account == owner)
            place_table_remove(&core->jobs, place);
    }
    for (size_t i = 0; i < context->facts->job_count; i++)
        if (context->facts->jobs[i].account == account->id)
            context->facts->jobs[i].change = FACT_DELETED;
    place_table_remove(&core->accounts, owner);
    account->change = FACT_DELETED;
    answer(context, 204, "");
}

static void account_body(struct context *context, const struct fact_account *account)
{
    buffer_text(&context->body, "{\"email\":");
    json_write_string(&context->body, account->email, strlen(account->email));
    buffer_text(&context->body, ",\"plan\":");
    json_write_string(&context->body, account->plan, strlen(account->plan));
    buffer_format(&context->body, ",\"failure_email_enabled\":%s}",
                  account->failure_email_enabled ? "true" : "false");
    context->status = 200;
}

static void account_update(struct context *context)
{
    if (!owner_of(context))
        return;
    struct fact_account *account = facts_account(context->facts, context->command->account);
    INVARIANT(account); /* the core has it, so PostgreSQL has */
    if (context->command->has_failure_email) {
        account->failure_email_enabled = context->command->failure_email_enabled;
        account->change = FACT_WRITTEN;
    }
    account_body(context, account);
}

static void account_set_plan(struct context *context)
{
    struct fact_account *account = facts_account_by_email(context->facts, context->command->email);
    int plan = core_plan(context->core, context->command->plan);
    if (!account) {
        refuse(context, 404, "No account has the address %s", context->command->email);
        return;
    }
    if (plan < 0) {
        refuse(context, 400, "There is no plan %s", context->command->plan);
        return;
    }
    fact_set(&account->plan, context->command->plan);
    account->change = FACT_WRITTEN;
    uint32_t place = place_table_find(&context->core->accounts, account->id);
    account_at(&context->core->accounts, place)->plan = (uint8_t)plan;
    account_body(context, account);
}

/* ---- jobs ---- */

static void job_body(struct context *context, int status, const struct fact_job *job)
{
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
                                       .last_run_ms = job->last_run_ms,
                                       .due_after_ms = job->due_after_ms,
                                       .created_ms = job->created_ms,
                                       .now_ms = context->now_ms,
                                   });
}

/* Parses an expression and holds it against the plan; -1 after an answer. */
static int schedule_of(struct context *context, const struct plan *plan, const char *expression,
                       struct cron *cron)
{
    char error[CRON_ERROR_SIZE];
    if (cron_parse(expression, strlen(expression), cron, error) != 0) {
        refuse(context, 400, "Invalid cron expression: %s", error);
        return -1;
    }
    int64_t interval_s = cron_shortest_interval(cron) * 60;
    if (interval_s < plan->min_interval_s) {
        refuse(context, 400,
               "cron_expression: runs every %lld minutes at the shortest; the %s plan allows one "
               "run every %u minutes",
               (long long)(interval_s / 60), plan->name, plan->min_interval_s / 60);
        return -1;
    }
    return 0;
}

static int check_active(struct context *context, const struct account *account)
{
    const struct plan *plan = &context->core->plans[account->plan];
    if (account->active_jobs < plan->active_jobs)
        return 0;
    refuse(context, 403, "The %s plan allows %u active jobs, and all of them are in use",
           plan->name, plan->active_jobs);
    return -1;
}

static void job_create(struct context *context)
{
    struct account *account = owner_of(context);
    if (!account)
        return;
    struct core *core = context->core;
    const struct job_input *input = &context->command->job;
    const struct plan *plan = &core->plans[account->plan];
    bool enabled = !(input->fields & JOB_ENABLED) || input->enabled;
    struct cron cron;
    if (schedule_of(context, plan, input->cron_expression, &cron) != 0)
        return;
    if (account->stored_jobs >= plan->stored_jobs) {
        refuse(context, 403, "The %s plan allows %u stored jobs, and all of them are in use",
               plan->name, plan->stored_jobs);
        return;
    }
    if (enabled && check_active(context, account) != 0)
        return;
    account->stored_jobs++;
    account->active_jobs += enabled;

    struct fact_job *fact = facts_add_job(context->facts);
    fact->change = FACT_WRITTEN;
    fact->id = core->progress.next_job++;
    fact->account = account->id;
    fact->version = 1;
    fact_set(&fact->name, input->name);
    fact_set(&fact->cron_expression, input->cron_expression);
    fact_set(&fact->webhook_url, input->webhook_url);
    fact_set(&fact->headers, input->headers);
    fact_set(&fact->payload, input->payload);
    fact_set(&fact->failure_webhook_url, input->failure_webhook_url);
    fact->enabled = enabled;
    fact->due_after_ms = fact->created_ms = fact->updated_ms = context->now_ms;

    uint32_t place = place_table_add(&core->jobs, fact->id);
    struct job *job = job_at(&core->jobs, place);
    job->cron = cron;
    job->account = place_table_find(&core->accounts, account->id);
    job->version = fact->version;
    job->due_after = enabled ? (uint32_t)(context->now_ms / MINUTE_MS) : JOB_PAUSED;
    core_job_changed(core, place);
    job_body(context, 201, fact);
}

/* The job of the command, if it is the account's own; NULL after an answer. */
static struct fact_job *job_of(struct context *context)
{
    struct fact_job *job = facts_job(context->facts, context->command->job_id);
    if (!job || job->account != context->command->account) {
        refuse(context, 404, "Job not found");
        return NULL;
    }
    return job;
}

static void job_update(struct context *context)
{
    struct account *account = owner_of(context);
    struct fact_job *fact = account ? job_of(context) : NULL;
    if (!fact)
        return;
    struct core *core = context->core;
    const struct job_input *input = &context->command->job;
    uint32_t place = place_table_find(&core->jobs, fact->id);
    INVARIANT(place != PLACE_NONE);
    struct job *job = job_at(&core->jobs, place);
    struct cron cron = job->cron;
    bool enabled = input->fields & JOB_ENABLED ? input->enabled : fact->enabled;
    bool resumed = enabled && !fact->enabled;
    bool new_schedule =
        (input->fields & JOB_CRON) && strcmp(input->cron_expression, fact->cron_expression) != 0;
    /* Also when it is resumed: the plan may be another one than when it was paused. */
    const char *expression =
        input->fields & JOB_CRON ? input->cron_expression : fact->cron_expression;
    if (((input->fields & JOB_CRON) || resumed) &&
        schedule_of(context, &core->plans[account->plan], expression, &cron) != 0)
        return;
    if (resumed && check_active(context, account) != 0)
        return;

    if (input->fields & JOB_NAME)
        fact_set(&fact->name, input->name);
    if (input->fields & JOB_CRON)
        fact_set(&fact->cron_expression, input->cron_expression);
    if (input->fields & JOB_WEBHOOK_URL)
        fact_set(&fact->webhook_url, input->webhook_url);
    if (input->fields & JOB_HEADERS)
        fact_set(&fact->headers, input->headers);
    if (input->fields & JOB_PAYLOAD)
        fact_set(&fact->payload, input->payload);
    if (input->fields & JOB_FAILURE_URL)
        fact_set(&fact->failure_webhook_url, input->failure_webhook_url);
    if (new_schedule || resumed)
        fact->due_after_ms = context->now_ms; /* what was due before is not made up for */
    account->active_jobs += (uint32_t)enabled - (uint32_t)fact->enabled;
    fact->enabled = enabled;
    fact->version++;
    fact->updated_ms = context->now_ms;
    fact->change = FACT_WRITTEN;

    job->cron = cron;
    job->version = fact->version;
    job->due_after = enabled ? (uint32_t)(fact->due_after_ms / MINUTE_MS) : JOB_PAUSED;
    core_job_changed(core, place);
    job_body(context, 200, fact);
}

static void job_delete(struct context *context)
{
    struct account *account = owner_of(context);
    struct fact_job *fact = account ? job_of(context) : NULL;
    if (!fact)
        return;
    account->stored_jobs--;
    account->active_jobs -= fact->enabled;
    uint32_t place = place_table_find(&context->core->jobs, fact->id);
    INVARIANT(place != PLACE_NONE);
    place_table_remove(&context->core->jobs, place);
    fact->change = FACT_DELETED;
    answer(context, 204, "");
}

typedef void command_rule(struct context *context);

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
};

const struct fact_answer *command_apply(struct core *core, struct facts *facts,
                                        const struct command *command,
                                        const uint8_t token_id[static TOKEN_ID_SIZE],
                                        int64_t now_ms)
{
    struct context context = {
        .core = core, .facts = facts, .command = command, .token_id = token_id, .now_ms = now_ms};
    const struct fact_answer *before = facts_answer(facts, command->id);
    if (before && memcmp(before->fingerprint, command->fingerprint, HASH_SIZE) == 0)
        return before;
    if (before)
        refuse(&context, 409, "This Idempotency-Key was used for another request");
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
