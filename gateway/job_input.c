#include "gateway/job_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/job_parse.h"
#include "shared/json.h"
#include "shared/memory.h"
#include "shared/url.h"

int job_parse_fail(struct job_parse *parse, const char *field, const char *what)
{
    snprintf(parse->error, FIELDS_ERROR_SIZE, "%s: %s", field, what);
    return -1;
}

static int parse_name(struct job_parse *parse, const cJSON *value)
{
    const char *fault = fields_name_fault(value);
    if (fault != NULL)
        return job_parse_fail(parse, "name", fault);
    parse->form->input.name = value->valuestring;
    return 0;
}

static int parse_url(struct job_parse *parse, const char *field, const cJSON *value,
                     const char **url)
{
    if (!cJSON_IsString(value))
        return job_parse_fail(parse, field, "must be a string");
    char error[URL_ERROR_SIZE];
    if (url_check(value->valuestring, strlen(value->valuestring), parse->context->guard, error) !=
        0)
        return job_parse_fail(parse, field, error);
    *url = value->valuestring;
    return 0;
}

static int parse_webhook_url(struct job_parse *parse, const cJSON *value)
{
    return parse_url(parse, "webhook_url", value, &parse->form->input.webhook_url);
}

static int parse_failure_url(struct job_parse *parse, const cJSON *value)
{
    bool clears = cJSON_IsNull(value) || (cJSON_IsString(value) && value->valuestring[0] == '\0');
    if (clears)
        return 0;
    return parse_url(parse, "failure_webhook_url", value, &parse->form->input.failure_webhook_url);
}

static int parse_payload(struct job_parse *parse, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return 0;
    if (!cJSON_IsObject(value))
        return job_parse_fail(parse, "payload", "must be an object");
    const char *start;
    size_t span;
    if (json_member_span(parse->bytes, parse->length, "payload", &start, &span) != 0)
        return job_parse_fail(parse, "payload", "cannot be read");
    if (span > JOB_PAYLOAD_MAX)
        return job_parse_fail(parse, "payload", "at most 10240 bytes");
    parse->form->payload = memory_text(start, span);
    parse->form->input.payload = parse->form->payload;
    return 0;
}

static int parse_switch(struct job_parse *parse, const char *field, const cJSON *value, bool *on)
{
    if (!cJSON_IsBool(value))
        return job_parse_fail(parse, field, "must be true or false");
    *on = cJSON_IsTrue(value);
    return 0;
}

static int parse_enabled(struct job_parse *parse, const cJSON *value)
{
    return parse_switch(parse, "enabled", value, &parse->form->input.enabled);
}

static int parse_allow_overlap(struct job_parse *parse, const cJSON *value)
{
    return parse_switch(parse, "allow_overlap", value, &parse->form->input.allow_overlap);
}

static int parse_auto_pause(struct job_parse *parse, const cJSON *value)
{
    return parse_switch(parse, "auto_pause", value, &parse->form->input.auto_pause);
}

static int parse_check(struct job_parse *parse, const cJSON *value)
{
    return parse_switch(parse, "check", value, &parse->form->input.check);
}

/* A whole number from 0 to most. */
static int parse_number(struct job_parse *parse, const char *field, int64_t most, int64_t *value)
{
    if (json_integer(parse->body, field, 0, most, value) == 0)
        return 0;
    char what[64];
    snprintf(what, sizeof what, "must be a whole number from 0 to %lld", (long long)most);
    return job_parse_fail(parse, field, what);
}

static int parse_jitter(struct job_parse *parse, const cJSON *value)
{
    (void)value;
    int64_t seconds;
    if (parse_number(parse, "jitter_seconds", JOB_JITTER_MAX_S, &seconds) != 0)
        return -1;
    parse->form->input.jitter_s = (uint16_t)seconds;
    return 0;
}

static int parse_max_retries(struct job_parse *parse, const cJSON *value)
{
    (void)value;
    int64_t retries;
    if (parse_number(parse, "max_retries", JOB_RETRIES_MAX, &retries) != 0)
        return -1;
    parse->form->input.max_retries = (uint8_t)retries;
    return 0;
}

static int parse_catch_up_window(struct job_parse *parse, const cJSON *value)
{
    int64_t seconds;
    if (cJSON_IsNull(value))
        return 0;
    if (parse_number(parse, "catch_up_window_seconds", JOB_CATCH_UP_WINDOW_MAX_S, &seconds) != 0)
        return -1;
    parse->form->input.catch_up_window_s = (int32_t)seconds;
    return 0;
}

static int parse_catch_up(struct job_parse *parse, const cJSON *value)
{
    const char *name = cJSON_GetStringValue(value);
    if (name == NULL || catch_up_parse(name, &parse->form->input.catch_up) != 0)
        return job_parse_fail(parse, "catch_up", "must be latest, all or none");
    return 0;
}

static int parse_external_id(struct job_parse *parse, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return 0;
    const char *id = cJSON_GetStringValue(value);
    if (id == NULL || !job_external_id_valid(id))
        return job_parse_fail(parse, "external_id", JOB_EXTERNAL_ID_FORM);
    parse->form->input.external_id = id;
    return 0;
}

static const struct job_rule {
    const char *name;
    enum job_field field;
    bool required; /* in a whole job */
    job_parse_field *parse;
} rules[] = {
    {"name", JOB_NAME, true, parse_name},
    {"cron_expression", JOB_CRON, false, job_parse_cron}, /* or run_at: see job_parse_schedule */
    {"webhook_url", JOB_WEBHOOK_URL, true, parse_webhook_url},
    {"headers", JOB_HEADERS, false, job_parse_headers},
    {"payload", JOB_PAYLOAD, false, parse_payload},
    {"failure_webhook_url", JOB_FAILURE_URL, false, parse_failure_url},
    {"timezone", JOB_TIMEZONE, false, job_parse_timezone},
    {"run_at", JOB_RUN_AT, false, job_parse_run_at},
    {"start_at", JOB_START_AT, false, job_parse_start_at},
    {"end_at", JOB_END_AT, false, job_parse_end_at},
    {"catch_up", JOB_CATCH_UP, false, parse_catch_up},
    {"catch_up_window_seconds", JOB_CATCH_UP_WINDOW, false, parse_catch_up_window},
    {"allow_overlap", JOB_ALLOW_OVERLAP, false, parse_allow_overlap},
    {"jitter_seconds", JOB_JITTER, false, parse_jitter},
    {"max_retries", JOB_MAX_RETRIES, false, parse_max_retries},
    {"auto_pause", JOB_AUTO_PAUSE, false, parse_auto_pause},
    {"external_id", JOB_EXTERNAL_ID, false, parse_external_id},
    {"check", JOB_CHECK, false, parse_check},
    {"enabled", JOB_ENABLED, false, parse_enabled}, /* last: the API has it not in creations */
};

static int parse_fields(struct job_parse *parse)
{
    const char *names[ARRAY_LENGTH(rules)];
    size_t count = ARRAY_LENGTH(rules) - (parse->mode == JOB_INPUT_CREATE ? 1 : 0);
    for (size_t i = 0; i < count; i++)
        names[i] = rules[i].name;
    if (fields_only(parse->body, names, count, parse->error) != 0)
        return -1;

    struct job_input *input = &parse->form->input;
    for (size_t i = 0; i < count; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(parse->body, rules[i].name);
        if (value == NULL) {
            if (parse->mode != JOB_INPUT_UPDATE && rules[i].required)
                return job_parse_fail(parse, rules[i].name, "required");
            continue;
        }
        if (rules[i].parse(parse, value) != 0)
            return -1;
        input->fields |= rules[i].field;
    }
    if (input->fields == 0)
        return job_parse_fail(parse, "No field to update", "the object is empty");
    return job_parse_schedule(parse);
}

bool job_external_id_valid(const char *id)
{
    size_t length = 0;
    for (; id[length] != '\0'; length++)
        if (id[length] <= ' ' || id[length] > '~')
            return false;
    return length >= 1 && length <= JOB_EXTERNAL_ID_MAX;
}

int job_input_parse(const cJSON *body, const char *bytes, size_t length, enum job_input_mode mode,
                    const struct job_input_context *context, struct job_form *form,
                    char error[static FIELDS_ERROR_SIZE])
{
    *form = (struct job_form){.input = job_input_defaults};
    struct job_parse parse = {body, bytes, length, mode, context, form, error};
    if (parse_fields(&parse) == 0)
        return 0;
    job_form_free(form);
    return -1;
}

void job_form_free(struct job_form *form)
{
    buffer_free(&form->headers);
    free(form->payload);
    form->payload = NULL;
}
