/*
 * A job that the gateway takes is one that the leader takes: encoded as a command it decodes to the
 * same fields. What it refuses, it refuses with words.
 */
#include <string.h>

#include "gateway/job_input.h"
#include "shared/json.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *sent, const char *received)
{
    INVARIANT((sent == NULL) == (received == NULL));
    INVARIANT(sent == NULL || strcmp(sent, received) == 0);
}

#define NOW_S INT64_C(1778335200)

static void check_taken(const struct job_input *input, enum job_input_mode mode)
{
    static const enum command_kind kinds[] = {[JOB_INPUT_CREATE] = COMMAND_JOB_CREATE,
                                              [JOB_INPUT_UPDATE] = COMMAND_JOB_UPDATE,
                                              [JOB_INPUT_PUT] = COMMAND_JOB_PUT};
    struct command sent = {
        .kind = kinds[mode],
        .id = "a1:k",
        .account = 1,
        .reply = "answer.x",
        .job_id = mode == JOB_INPUT_UPDATE ? 5 : 0,
        .public_id = "hRafrnC7Szs3fJUd", /* for its check */
        .job = *input,
    };
    if (mode == JOB_INPUT_PUT && sent.job.external_id == NULL) { /* it is in the path */
        sent.job.external_id = "x";
        sent.job.fields |= JOB_EXTERNAL_ID;
    }
    struct buffer bytes = BUFFER_EMPTY;
    struct command received;
    const char *error;
    command_encode(&sent, &bytes);
    INVARIANT(command_decode(command_subject(sent.kind), bytes.data, bytes.length, &received,
                             &error) == 0);
    INVARIANT(received.job.fields == sent.job.fields);
    check_text(input->name, received.job.name);
    check_text(input->cron_expression, received.job.cron_expression);
    check_text(input->webhook_url, received.job.webhook_url);
    check_text(input->headers, received.job.headers);
    check_text(input->payload, received.job.payload);
    check_text(input->failure_webhook_url, received.job.failure_webhook_url);
    check_text(input->timezone, received.job.timezone);
    check_text(sent.job.external_id, received.job.external_id);
    INVARIANT(received.job.run_at_s == input->run_at_s);
    INVARIANT(received.job.start_at_s == input->start_at_s);
    INVARIANT(received.job.end_at_s == input->end_at_s);
    INVARIANT(received.job.jitter_s == input->jitter_s);
    INVARIANT(received.job.max_retries == input->max_retries);
    INVARIANT(received.job.catch_up == input->catch_up);
    INVARIANT(received.job.catch_up_window_s == input->catch_up_window_s);
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
    for (int mode = JOB_INPUT_CREATE; cJSON_IsObject(body) && mode <= JOB_INPUT_PUT; mode++) {
        struct job_input_context context = {guard, NOW_S};
        struct job_form form;
        error[0] = '\0';
        if (job_input_parse(body, (const char *)data, size, (enum job_input_mode)mode, &context,
                            &form, error) == 0) {
            check_taken(&form.input, (enum job_input_mode)mode);
            job_form_free(&form);
        } else {
            INVARIANT(error[0] != '\0' && json_utf8_valid(error, strlen(error)));
        }
    }
    cJSON_Delete(body);
    return 0;
}
