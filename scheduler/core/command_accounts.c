#include <string.h>

#include "scheduler/core/command_context.h"
#include "shared/json.h"

/*
 * The three requests for a token by mail answer alike, and leave the same rows, whether the address
 * is known or not; only the mail tells, and only the owner of the address reads it.
 */
static void token_request(struct command_context *context, enum mail_kind known,
                          enum mail_kind unknown, const char *message)
{
    const char *email = context->command->email;
    if (token_allow(context, email) != 0)
        return;
    bool exists = facts_account_by_email(context->facts, email) != NULL;
    token_send(context, email, exists ? known : unknown, 0);
    command_answer(context, 200, message);
}

void account_register(struct command_context *context)
{
    token_request(context, MAIL_KNOWN, MAIL_VERIFY,
                  "{\"message\":\"A verification token is on its way to this address. It expires "
                  "in 15 minutes.\"}");
}

void account_request_rotation(struct command_context *context)
{
    token_request(context, MAIL_ROTATE, MAIL_KINDS,
                  "{\"message\":\"If this address has an account, a rotation token is on its way "
                  "to it. It expires in 15 minutes.\"}");
}

void account_request_deletion(struct command_context *context)
{
    token_request(context, MAIL_DELETE, MAIL_KINDS,
                  "{\"message\":\"If this address has an account, a deletion token is on its way "
                  "to it. It expires in 15 minutes.\"}");
}

void account_verify(struct command_context *context)
{
    struct fact_token *token = token_of(context, MAIL_VERIFY);
    if (!token)
        return;
    if (facts_account_by_email(context->facts, token->email)) {
        command_refuse(context, 409, "This address has an account already");
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
    (void)core_add_account(core, account->id, free_plan);
    channel_of_owner(context, account);
    command_answer(context, 200, "{}");
}

void account_rotate(struct command_context *context)
{
    struct fact_token *token = token_of(context, MAIL_ROTATE);
    if (!token)
        return;
    struct fact_account *account = facts_account_by_email(context->facts, token->email);
    if (!account) {
        command_refuse(context, 400, "Invalid or expired token");
        return;
    }
    token_use(context, token);
    memcpy(account->key_hash, context->command->key_hash, HASH_SIZE);
    account->change = FACT_WRITTEN;
    command_answer(context, 200, "{}");
}

void account_delete(struct command_context *context)
{
    struct fact_token *token = token_of(context, MAIL_DELETE);
    if (!token)
        return;
    struct fact_account *account = facts_account_by_email(context->facts, token->email);
    if (!account || strcmp(token->email, context->command->email) != 0) {
        command_refuse(context, 400, "Invalid or expired token");
        return;
    }
    if (billing_goes_on(&account->billing)) {
        command_refuse(context, 409,
                       "This account has a subscription that would go on being charged: cancel it "
                       "first (DELETE /billing/subscription)");
        return;
    }
    token_use(context, token);
    uint32_t owner = place_table_find(&context->core->accounts, account->id);
    INVARIANT(owner != PLACE_NONE);
    core_remove_account(context->core, owner);
    checks_remove_account(context->checks, account->id);
    facts_delete_account(context->facts, account);
    command_answer(context, 204, "");
}

static void account_body(struct command_context *context, const struct fact_account *account)
{
    buffer_text(&context->body, "{\"email\":");
    json_write_string(&context->body, account->email, strlen(account->email));
    buffer_text(&context->body, ",\"plan\":");
    json_write_string(&context->body, account->plan, strlen(account->plan));
    buffer_format(&context->body, ",\"failure_email_enabled\":%s}",
                  account->failure_email_enabled ? "true" : "false");
    context->status = 200;
}

void account_update(struct command_context *context)
{
    struct account *owner = command_owner(context);
    if (!owner)
        return;
    struct fact_account *account = facts_account(context->facts, context->command->account);
    INVARIANT(account); /* the core has it, so PostgreSQL has */
    if (context->command->has_failure_email) {
        account->failure_email_enabled = context->command->failure_email_enabled;
        account->change = FACT_WRITTEN;
        owner->mails = account->failure_email_enabled;
    }
    account_body(context, account);
}

void account_change_plan(struct command_context *context, struct fact_account *account, int plan)
{
    fact_set(&account->plan, context->core->plans[plan].name);
    account->change = FACT_WRITTEN;
    core_change_plan(context->core, place_table_find(&context->core->accounts, account->id), plan);
    checks_limit(context->checks, account->id, context->core->plans[plan].checks, context->now_ms);
}

void account_set_plan(struct command_context *context)
{
    struct fact_account *account = facts_account_by_email(context->facts, context->command->email);
    int plan = core_plan(context->core, context->command->plan);
    if (!account) {
        command_refuse(context, 404, "No account has the address %s", context->command->email);
        return;
    }
    if (plan < 0) {
        command_refuse(context, 400, "There is no plan %s", context->command->plan);
        return;
    }
    account_change_plan(context, account, plan);
    account_body(context, account);
}
