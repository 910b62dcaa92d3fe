/*
 * A check that the gateway takes is one that the leader takes: encoded as a command it decodes to
 * the same fields. What it refuses, it refuses with words.
 */
#include <string.h>

#include "gateway/check_form.h"
#include "shared/command.h"
#include "shared/json.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *sent, const char *received)
{
    INVARIANT((sent == NULL) == (received == NULL));
    INVARIANT(sent == NULL || strcmp(sent, received) == 0);
}

static void check_same(const struct check_input *sent, const struct check_input *received)
{
    INVARIANT(received->fields == sent->fields);
    check_text(sent->name, received->name);
    check_text(sent->cron_expression, received->cron_expression);
    check_text(sent->timezone, received->timezone);
    check_text(sent->tags, received->tags);
    check_text(sent->group, received->group);
    check_text(sent->slug, received->slug);
    check_text(sent->maint_schedule, received->maint_schedule);
    INVARIANT(received->period_s == sent->period_s && received->grace_s == sent->grace_s);
    INVARIANT(received->maint_start_s == sent->maint_start_s);
    INVARIANT(received->maint_end_s == sent->maint_end_s);
    INVARIANT(received->alert_after == sent->alert_after);
    INVARIANT(received->recover_after == sent->recover_after);
    INVARIANT(received->reminder_s == sent->reminder_s);
    INVARIANT(received->all_channels == sent->all_channels);
    INVARIANT(received->parent_count == sent->parent_count &&
              memcmp(received->parents, sent->parents,
                     sent->parent_count * sizeof sent->parents[0]) == 0);
    INVARIANT(received->channel_count == sent->channel_count &&
              memcmp(received->channels, sent->channels,
                     sent->channel_count * sizeof sent->channels[0]) == 0);
}

static void check_taken(const struct check_input *input, enum check_form_mode mode)
{
    struct check_item item = {.public_id = "0Bbk4dSVbgQdGxlK", .input = *input};
    struct command sent = {
        .id = "a1:k", .account = 1, .reply = "answer.x", .ping_url = "https://x.example/ping/"};
    switch (mode) {
    case CHECK_FORM_CREATE:
        sent.kind = COMMAND_CHECK_CREATE;
        sent.public_id = item.public_id;
        sent.check = *input;
        break;
    case CHECK_FORM_UPDATE:
        sent.kind = COMMAND_CHECK_UPDATE;
        sent.check_id = 5;
        sent.check = *input;
        break;
    case CHECK_FORM_ITEM:
        sent.kind = COMMAND_CHECK_IMPORT;
        sent.items = &item;
        sent.item_count = 1;
        break;
    }
    struct buffer bytes = BUFFER_EMPTY;
    struct command received;
    const char *error;
    command_encode(&sent, &bytes);
    INVARIANT(command_decode(command_subject(sent.kind), bytes.data, bytes.length, &received,
                             &error) == 0);
    check_same(input, mode == CHECK_FORM_ITEM ? &received.items[0].input : &received.check);
    command_release(&received);
    buffer_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[FIELDS_ERROR_SIZE] = "";
    cJSON *body = json_parse((const char *)data, size, error);
    if (body == NULL)
        return 0;
    for (int mode = CHECK_FORM_CREATE; cJSON_IsObject(body) && mode <= CHECK_FORM_ITEM; mode++) {
        struct check_form form;
        error[0] = '\0';
        if (check_form_parse(body, (enum check_form_mode)mode, &form, error) == 0) {
            check_taken(&form.input, (enum check_form_mode)mode);
            check_form_free(&form);
        } else {
            INVARIANT(error[0] != '\0' && json_utf8_valid(error, strlen(error)));
        }
    }
    cJSON_Delete(body);
    return 0;
}
