/*
 * A channel that the gateway takes is one that the leader takes: encoded as a command it decodes to
 * the same fields. What it refuses, it refuses with words.
 */
#include <string.h>

#include "gateway/channel_form.h"
#include "shared/command.h"
#include "shared/json.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *sent, const char *received)
{
    INVARIANT((sent == NULL) == (received == NULL));
    INVARIANT(sent == NULL || strcmp(sent, received) == 0);
}

static void check_taken(const struct channel_input *input, bool whole)
{
    struct command sent = {.kind = whole ? COMMAND_CHANNEL_CREATE : COMMAND_CHANNEL_UPDATE,
                           .id = "a1:k",
                           .account = 1,
                           .reply = "answer.x",
                           .channel_id = whole ? 0 : 5,
                           .channel = *input};
    struct buffer bytes = BUFFER_EMPTY;
    struct command received;
    const char *error;
    command_encode(&sent, &bytes);
    INVARIANT(command_decode(command_subject(sent.kind), bytes.data, bytes.length, &received,
                             &error) == 0);
    INVARIANT(received.channel.fields == input->fields);
    INVARIANT(!whole || received.channel.kind == input->kind);
    INVARIANT(received.channel.enabled == input->enabled);
    check_text(input->name, received.channel.name);
    check_text(input->target, received.channel.target);
    command_release(&received);
    buffer_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct guard *guard;
    char error[FIELDS_ERROR_SIZE] = "";
    if (guard == NULL)
        INVARIANT(guard_create("", &guard, error) == 0);

    cJSON *body = json_parse((const char *)data, size, error);
    if (body == NULL)
        return 0;
    for (int whole = 0; cJSON_IsObject(body) && whole <= 1; whole++) {
        struct channel_form form;
        error[0] = '\0';
        if (channel_form_parse(body, whole, guard, &form, error) == 0)
            check_taken(&form.input, whole);
        else
            INVARIANT(error[0] != '\0' && json_utf8_valid(error, strlen(error)));
    }
    cJSON_Delete(body);
    return 0;
}
