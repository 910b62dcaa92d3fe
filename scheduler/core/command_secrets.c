#include <string.h>

#include "scheduler/core/command_context.h"
#include "shared/clock.h"

#define OVERLAP_MS INT64_C(86400000) /* the old one stays valid for a day */

/* The current one of the command's account, or its previous one that is still valid; NULL. */
static struct fact_secret *secret_of(const struct command_context *context, bool current)
{
    const struct facts *facts = context->facts;
    for (size_t i = 0; i < facts->secret_count; i++) {
        struct fact_secret *secret = &facts->secrets[i];
        if (secret->account == context->command->account && secret->change != FACT_DELETED &&
            (current ? !secret->expires_ms : secret->expires_ms > context->now_ms))
            return secret;
    }
    return NULL;
}

static void secret_add(struct command_context *context)
{
    struct fact_secret *secret = facts_add_secret(context->facts);
    secret->change = FACT_WRITTEN;
    memcpy(secret->id, context->command->secret_id, TOKEN_ID_SIZE);
    secret->account = context->command->account;
    secret->created_ms = context->now_ms;
}

/* The gateway makes the secret from its id, which is that of the first command of this identity. */
static void secret_body(struct command_context *context, int status, int64_t previous_expires_ms)
{
    char id[HEX_SIZE(TOKEN_ID_SIZE)], time[CLOCK_TEXT_SIZE];
    context->status = status;
    buffer_format(&context->body, "{\"secret_id\":\"%s\",\"created_at\":\"%s\"",
                  hex_encode(context->command->secret_id, TOKEN_ID_SIZE, id),
                  clock_format_s(time, context->now_ms / 1000));
    if (previous_expires_ms)
        buffer_format(&context->body, ",\"previous_expires_at\":\"%s\"",
                      clock_format_s(time, previous_expires_ms / 1000));
    buffer_text(&context->body, "}");
}

void secret_create(struct command_context *context)
{
    if (!command_owner(context))
        return;
    if (secret_of(context, true)) {
        command_refuse(context, 409, "There is a webhook secret already: rotate or delete it");
        return;
    }
    secret_add(context);
    secret_body(context, 201, 0);
}

void secret_rotate(struct command_context *context)
{
    struct fact_secret *current = command_owner(context) ? secret_of(context, true) : NULL;
    if (context->status)
        return;
    if (!current) {
        command_refuse(context, 404, "There is no webhook secret: create one");
        return;
    }
    struct fact_secret *previous = secret_of(context, false);
    if (previous)
        previous->change = FACT_DELETED; /* two are valid at most */
    current->expires_ms = context->now_ms + OVERLAP_MS;
    current->change = FACT_WRITTEN;
    int64_t expires_ms = current->expires_ms;
    secret_add(context);
    secret_body(context, 200, expires_ms);
}

void secret_delete(struct command_context *context)
{
    if (!command_owner(context))
        return;
    struct facts *facts = context->facts;
    for (size_t i = 0; i < facts->secret_count; i++)
        if (facts->secrets[i].account == context->command->account)
            facts->secrets[i].change = FACT_DELETED;
    command_answer(context, 204, "");
}
