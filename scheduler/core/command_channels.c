#include <string.h>

#include "scheduler/core/command_context.h"
#include "shared/channel_json.h"

static struct channel_row row_of(const struct fact_channel *fact)
{
    return (struct channel_row){.id = fact->id,
                                .account = fact->account,
                                .kind = fact->kind,
                                .usable = fact->enabled && fact->verified};
}

static void channel_body(struct command_context *context, int status,
                         const struct fact_channel *fact)
{
    context->status = status;
    buffer_text(&context->body, "{\"channel\":");
    channel_json_write(&context->body, &(struct channel_view){
                                           .id = fact->id,
                                           .kind = fact->kind,
                                           .name = fact->name,
                                           .target = fact->target,
                                           .enabled = fact->enabled,
                                           .verified = fact->verified,
                                           .created_s = fact->created_ms / 1000,
                                           .updated_s = fact->updated_ms / 1000,
                                       });
    buffer_text(&context->body, "}");
}

/* The channel of the command, if it is the account's own; NULL after an answer. */
static struct fact_channel *channel_of(struct command_context *context)
{
    if (!command_owner(context))
        return NULL;
    struct fact_channel *fact = facts_channel(context->facts, context->command->channel_id);
    if (!fact || fact->account != context->command->account) {
        command_refuse(context, 404, "Channel not found");
        return NULL;
    }
    return fact;
}

static void channel_changed(struct command_context *context, struct fact_channel *fact)
{
    fact->updated_ms = context->now_ms;
    fact->change = FACT_WRITTEN;
    const struct channel_row row = row_of(fact);
    channels_change(context->checks, &row);
}

static struct fact_channel *channel_make(struct command_context *context, int64_t account,
                                         const struct channel_input *input, bool verified)
{
    struct fact_channel *fact = facts_add_channel(context->facts);
    fact->change = FACT_WRITTEN;
    fact->id = context->core->progress.next_channel++;
    fact->account = account;
    fact->kind = input->kind;
    fact_set(&fact->name, input->name);
    fact_set(&fact->target, input->target);
    fact->enabled = input->enabled;
    fact->verified = verified;
    fact->created_ms = fact->updated_ms = context->now_ms;
    const struct channel_row row = row_of(fact);
    channels_add(context->checks, &row);
    return fact;
}

void channel_of_owner(struct command_context *context, const struct fact_account *account)
{
    const struct channel_input input = {
        .kind = CHANNEL_EMAIL, .name = "E-mail", .target = account->email, .enabled = true};
    (void)channel_make(context, account->id, &input, true);
}

/* Nobody is asked for the address that the account itself has, nor for a URL. */
static bool needs_token(const struct command_context *context, enum channel_kind kind,
                        const char *target)
{
    const struct fact_account *account = facts_account(context->facts, context->command->account);
    INVARIANT(account); /* the core has it, so PostgreSQL has */
    return kind == CHANNEL_EMAIL && strcmp(account->email, target) != 0;
}

void channel_create(struct command_context *context)
{
    const struct channel_input *input = &context->command->channel;
    const struct account *account = command_owner(context);
    if (!account)
        return;
    if (channels_count(context->checks, account->id) >= CHANNELS_MAX) {
        command_refuse(context, 403, "Channel limit reached: an account may have %d channels",
                       CHANNELS_MAX);
        return;
    }
    bool asked = needs_token(context, input->kind, input->target);
    if (asked && token_allow(context, input->target) != 0)
        return;
    const struct fact_channel *fact = channel_make(context, account->id, input, !asked);
    if (asked)
        token_send(context, fact->target, MAIL_CHANNEL, fact->id);
    channel_body(context, 201, fact);
}

void channel_update(struct command_context *context)
{
    const struct channel_input *input = &context->command->channel;
    struct fact_channel *fact = channel_of(context);
    if (!fact)
        return;
    bool moved = (input->fields & CHANNEL_TARGET) && strcmp(input->target, fact->target) != 0;
    if (moved && channel_target_is_address(input->target) != (fact->kind == CHANNEL_EMAIL)) {
        command_refuse(context, 400,
                       fact->kind == CHANNEL_EMAIL ? "target: must be an e-mail address"
                                                   : "target: must be a URL of http or https");
        return;
    }
    bool asked = moved && needs_token(context, fact->kind, input->target);
    if (asked && token_allow(context, input->target) != 0)
        return;
    if (input->fields & CHANNEL_NAME)
        fact_set(&fact->name, input->name);
    if (input->fields & CHANNEL_ENABLED)
        fact->enabled = input->enabled;
    if (moved) {
        fact_set(&fact->target, input->target);
        fact->verified = !asked;
    }
    channel_changed(context, fact);
    if (asked)
        token_send(context, fact->target, MAIL_CHANNEL, fact->id);
    channel_body(context, 200, fact);
}

void channel_delete(struct command_context *context)
{
    struct fact_channel *fact = channel_of(context);
    if (!fact)
        return;
    channels_remove(context->checks, fact->id);
    fact->change = FACT_DELETED;
    command_answer(context, 200, "{\"deleted\":true}");
}

void channel_test(struct command_context *context)
{
    const struct fact_channel *fact = channel_of(context);
    if (!fact)
        return;
    if (!fact->enabled || !fact->verified) {
        command_refuse(context, 409,
                       fact->enabled ? "The address of this channel has not been verified"
                                     : "This channel is switched off");
        return;
    }
    channels_test(context->checks, fact->id);
    command_answer(context, 200, "{\"queued\":true}");
}

void channel_request_token(struct command_context *context)
{
    const struct fact_channel *fact = channel_of(context);
    if (!fact)
        return;
    if (fact->verified) {
        command_refuse(context, 409, "This channel needs no token");
        return;
    }
    if (token_allow(context, fact->target) != 0)
        return;
    token_send(context, fact->target, MAIL_CHANNEL, fact->id);
    command_answer(context, 200,
                   "{\"message\":\"A token is on its way to this address. It expires in 15 "
                   "minutes.\"}");
}

/* Whoever has the token reads the mail of the address that it was sent to. */
void channel_verify(struct command_context *context)
{
    struct fact_channel *fact = channel_of(context);
    struct fact_token *token = fact ? token_of(context, MAIL_CHANNEL) : NULL;
    if (!token)
        return;
    if (strcmp(token->email, fact->target) != 0) {
        command_refuse(context, 400, "This token is for another address");
        return;
    }
    token_use(context, token);
    fact->verified = true;
    channel_changed(context, fact);
    channel_body(context, 200, fact);
}
