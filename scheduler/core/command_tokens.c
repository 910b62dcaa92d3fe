/* Tokens that reach an address by mail. */
#include <stdio.h>
#include <string.h>

#include "scheduler/core/command_context.h"
#include "scheduler/core/commands.h"
#include "shared/bus_streams.h"

static void mail_put(struct command_context *context, const char *email, enum mail_kind kind,
                     int64_t channel, int64_t expires_ms)
{
    struct mail mail = {.kind = kind,
                        .created_ms = context->now_ms,
                        .expires_ms = kind == MAIL_KNOWN ? 0 : expires_ms,
                        .channel = channel};
    hex_encode(context->token_id, TOKEN_ID_SIZE, mail.id);
    snprintf(mail.to, sizeof(mail.to), "%s", email);
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

int token_allow(struct command_context *context, const char *email)
{
    uint32_t wait_s = address_limit_take(context->core->addresses, email, context->now_ms);
    if (!wait_s)
        return 0;
    command_defer(context, 429, wait_s,
                  "Too many requests for this address. Try again in %u seconds", wait_s);
    return -1;
}

void token_send(struct command_context *context, const char *email, enum mail_kind kind,
                int64_t channel)
{
    int64_t expires_ms = context->now_ms + TOKEN_LIFETIME_MS;
    struct fact_token *token = facts_add_token(context->facts);
    token->change = FACT_WRITTEN;
    memcpy(token->id, context->token_id, TOKEN_ID_SIZE);
    fact_set(&token->purpose, kind == MAIL_KINDS ? "none" : mail_kind_name(kind));
    fact_set(&token->email, email);
    token->created_ms = context->now_ms;
    token->expires_ms = expires_ms;
    if (kind != MAIL_KINDS)
        mail_put(context, email, kind, channel, expires_ms);
}

struct fact_token *token_of(struct command_context *context, enum mail_kind kind)
{
    struct fact_token *token = facts_token(context->facts, context->command->token_id);
    if (!token || token->used_ms || token->expires_ms <= context->now_ms ||
        strcmp(token->purpose, mail_kind_name(kind)) != 0) {
        command_refuse(context, 400, "Invalid or expired token");
        return NULL;
    }
    return token;
}

void token_use(struct command_context *context, struct fact_token *token)
{
    token->used_ms = context->now_ms;
    token->change = FACT_WRITTEN;
}
