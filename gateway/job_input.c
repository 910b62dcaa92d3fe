#include "gateway/job_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/cron.h"
#include "shared/json.h"
#include "shared/memory.h"
#include "shared/url.h"

struct parse {
    const cJSON *body;
    const char *bytes;
    size_t length;
    const struct guard *guard;
    struct job_form *form;
    char *error; /* FIELDS_ERROR_SIZE */
};

static int fail(struct parse *parse, const char *field, const char *what)
{
    snprintf(parse->error, FIELDS_ERROR_SIZE, "%s: %s", field, what);
    return -1;
}

static int parse_name(struct parse *parse, const cJSON *value)
{
    if (!cJSON_IsString(value))
        return fail(parse, "name", "must be a string");
    size_t characters = 0;
    bool blank = true;
    for (const char *c = value->valuestring; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return fail(parse, "name", "must not have control characters");
        characters += ((unsigned char)*c & 0xc0) != 0x80;
        blank = blank && *c == ' ';
    }
    if (blank)
        return fail(parse, "name", "must not be empty");
    if (characters > JOB_NAME_MAX)
        return fail(parse, "name", "at most 100 characters");
    parse->form->input.name = value->valuestring;
    return 0;
}

static int parse_cron(struct parse *parse, const cJSON *value)
{
    if (!cJSON_IsString(value))
        return fail(parse, "cron_expression", "must be a string");
    struct cron cron;
    char error[CRON_ERROR_SIZE];
    if (cron_parse(value->valuestring, strlen(value->valuestring), &cron, error) != 0)
        return fail(parse, "Invalid cron expression", error);
    parse->form->input.cron_expression = value->valuestring;
    return 0;
}

static int parse_url(struct parse *parse, const char *field, const cJSON *value, const char **url)
{
    if (!cJSON_IsString(value))
        return fail(parse, field, "must be a string");
    char error[URL_ERROR_SIZE];
    if (url_check(value->valuestring, strlen(value->valuestring), parse->guard, error) != 0)
        return fail(parse, field, error);
    *url = value->valuestring;
    return 0;
}

static int parse_webhook_url(struct parse *parse, const cJSON *value)
{
    return parse_url(parse, "webhook_url", value, &parse->form->input.webhook_url);
}

static int parse_failure_url(struct parse *parse, const cJSON *value)
{
    bool clears = cJSON_IsNull(value) || (cJSON_IsString(value) && value->valuestring[0] == '\0');
    if (clears)
        return 0;
    return parse_url(parse, "failure_webhook_url", value, &parse->form->input.failure_webhook_url);
}

/* RFC 9110, 5.6.2 */
static bool is_token(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        bool alphanumeric =
            (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z');
        if (!alphanumeric && strchr("!#$%&'*+-.^_`|~", *c) == NULL)
            return false;
    }
    return *text != '\0';
}

/* Headers that the delivery itself is made of, or that only its connection may decide. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {"host",       "content-length", "transfer-encoding",
                                        "connection", "keep-alive",     "te",
                                        "trailer",    "upgrade",        "expect"};
    static const char *const prefixes[] = {"proxy-", "webhook-"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++)
        if (strncasecmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool value_is_printable(const char *value)
{
    for (const char *c = value; *c != '\0'; c++)
        if ((*c < 0x20 || *c > 0x7e) && *c != '\t')
            return false;
    return true;
}

static bool name_came_before(const cJSON *headers, const cJSON *header)
{
    for (const cJSON *other = headers->child; other != header; other = other->next)
        if (strcasecmp(other->string, header->string) == 0)
            return true;
    return false;
}

static int check_header(struct parse *parse, const cJSON *headers, const cJSON *header)
{
    const char *name = header->string;
    if (strlen(name) > JOB_HEADER_NAME_MAX)
        return fail(parse, "headers", "a name has at most 100 characters");
    if (!is_token(name))
        return fail(parse, "headers",
                    "a name consists of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110)");
    char field[JOB_HEADER_NAME_MAX + 16];
    snprintf(field, sizeof field, "headers: %s", name);
    if (is_reserved(name))
        return fail(parse, field, "is set by the delivery itself");
    if (name_came_before(headers, header))
        return fail(parse, field, "is given twice");
    if (!cJSON_IsString(header))
        return fail(parse, field, "must be a string");
    if (strlen(header->valuestring) > JOB_HEADER_VALUE_MAX)
        return fail(parse, field, "at most 500 characters");
    if (!value_is_printable(header->valuestring))
        return fail(parse, field, "must be printable ASCII");
    return 0;
}

static int parse_headers(struct parse *parse, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return 0;
    if (!cJSON_IsObject(value))
        return fail(parse, "headers", "must be an object of strings");
    if (cJSON_GetArraySize(value) > JOB_HEADERS_MAX)
        return fail(parse, "headers", "at most 20");

    struct buffer *text = &parse->form->headers;
    buffer_text(text, "{");
    const cJSON *header;
    cJSON_ArrayForEach(header, value)
    {
        if (check_header(parse, value, header) != 0)
            return -1;
        if (header != value->child)
            buffer_text(text, ",");
        json_write_string(text, header->string, strlen(header->string));
        buffer_text(text, ":");
        json_write_string(text, header->valuestring, strlen(header->valuestring));
    }
    buffer_text(text, "}");
    parse->form->input.headers = text->data;
    return 0;
}

static int parse_payload(struct parse *parse, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return 0;
    if (!cJSON_IsObject(value))
        return fail(parse, "payload", "must be an object");
    const char *start;
    size_t span;
    if (json_member_span(parse->bytes, parse->length, "payload", &start, &span) != 0)
        return fail(parse, "payload", "cannot be read");
    if (span > JOB_PAYLOAD_MAX)
        return fail(parse, "payload", "at most 10240 bytes");
    parse->form->payload = memory_text(start, span);
    parse->form->input.payload = parse->form->payload;
    return 0;
}

static int parse_enabled(struct parse *parse, const cJSON *value)
{
    if (!cJSON_IsBool(value))
        return fail(parse, "enabled", "must be true or false");
    parse->form->input.enabled = cJSON_IsTrue(value);
    return 0;
}

static const struct job_field_rule {
    const char *name;
    enum job_field field;
    bool required; /* at creation */
    int (*parse)(struct parse *parse, const cJSON *value);
} rules[] = {
    {"name", JOB_NAME, true, parse_name},
    {"cron_expression", JOB_CRON, true, parse_cron},
    {"webhook_url", JOB_WEBHOOK_URL, true, parse_webhook_url},
    {"headers", JOB_HEADERS, false, parse_headers},
    {"payload", JOB_PAYLOAD, false, parse_payload},
    {"failure_webhook_url", JOB_FAILURE_URL, false, parse_failure_url},
    {"enabled", JOB_ENABLED, false, parse_enabled}, /* last: the API has it in updates alone */
};

static int parse_fields(struct parse *parse, enum job_input_mode mode)
{
    const char *names[ARRAY_LENGTH(rules)];
    size_t count = ARRAY_LENGTH(rules) - (mode == JOB_INPUT_CREATE ? 1 : 0);
    for (size_t i = 0; i < count; i++)
        names[i] = rules[i].name;
    if (fields_only(parse->body, names, count, parse->error) != 0)
        return -1;

    struct job_input *input = &parse->form->input;
    for (size_t i = 0; i < count; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(parse->body, rules[i].name);
        if (value == NULL) {
            if (mode == JOB_INPUT_CREATE && rules[i].required)
                return fail(parse, rules[i].name, "required");
            continue;
        }
        if (rules[i].parse(parse, value) != 0)
            return -1;
        input->fields |= rules[i].field;
    }
    if (input->fields == 0)
        return fail(parse, "No field to update", "the object is empty");
    return 0;
}

int job_input_parse(const cJSON *body, const char *bytes, size_t length, enum job_input_mode mode,
                    const struct guard *guard, struct job_form *form,
                    char error[static FIELDS_ERROR_SIZE])
{
    *form = (struct job_form){.input = {.enabled = true}};
    struct parse parse = {body, bytes, length, guard, form, error};
    if (parse_fields(&parse, mode) == 0)
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
