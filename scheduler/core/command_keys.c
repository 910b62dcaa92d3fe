/* Keys of an account beside its API key: for pings by name, and for /api/v1 alone. */
#include <string.h>

#include "scheduler/core/command_context.h"

void ping_key_rotate(struct command_context *context)
{
    const struct command *command = context->command;
    if (!command_owner(context))
        return;
    struct fact_ping_key *key = facts_ping_key(context->facts, command->account);
    key->change = FACT_WRITTEN;
    key->id = command->ping_key_id;
    fact_set(&key->key, command->ping_key);
    key->created_ms = context->now_ms;
    context->status = 200;
    buffer_format(&context->body, "{\"ping_key\":\"%s\",\"created_at\":%lld}", key->key,
                  (long long)(context->now_ms / 1000));
}

/* The gateway makes the key from its id, which is that of the first command of this identity. */
void check_key_create(struct command_context *context)
{
    char id[HEX_SIZE(TOKEN_ID_SIZE)];
    const struct command *command = context->command;
    if (!command_owner(context))
        return;
    struct fact_check_key *key = facts_check_key(context->facts, command->account);
    key->change = FACT_WRITTEN;
    memcpy(key->key_hash, command->key_hash, HASH_SIZE);
    key->created_ms = context->now_ms;
    context->status = 201;
    buffer_format(&context->body, "{\"secret_id\":\"%s\"}",
                  hex_encode(command->secret_id, TOKEN_ID_SIZE, id));
}

void check_key_delete(struct command_context *context)
{
    if (!command_owner(context))
        return;
    facts_check_key(context->facts, context->command->account)->change = FACT_DELETED;
    command_answer(context, 204, "");
}
