#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/job_parse.h"
#include "shared/json.h"

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
    static const char *const prefixes[] = {"proxy-", "webhook-", "x-croncoco-"};
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

static int check_header(struct job_parse *parse, const cJSON *headers, const cJSON *header)
{
    const char *name = header->string;
    if (strlen(name) > JOB_HEADER_NAME_MAX)
        return job_parse_fail(parse, "headers", "a name has at most 100 characters");
    if (!is_token(name))
        return job_parse_fail(parse, "headers",
                              "a name consists of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110)");
    char field[JOB_HEADER_NAME_MAX + 16];
    snprintf(field, sizeof field, "headers: %s", name);
    if (is_reserved(name))
        return job_parse_fail(parse, field, "is set by the delivery itself");
    if (name_came_before(headers, header))
        return job_parse_fail(parse, field, "is given twice");
    if (!cJSON_IsString(header))
        return job_parse_fail(parse, field, "must be a string");
    if (strlen(header->valuestring) > JOB_HEADER_VALUE_MAX)
        return job_parse_fail(parse, field, "at most 500 characters");
    if (!value_is_printable(header->valuestring))
        return job_parse_fail(parse, field, "must be printable ASCII");
    return 0;
}

int job_parse_headers(struct job_parse *parse, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return 0;
    if (!cJSON_IsObject(value))
        return job_parse_fail(parse, "headers", "must be an object of strings");
    if (cJSON_GetArraySize(value) > JOB_HEADERS_MAX)
        return job_parse_fail(parse, "headers", "at most 20");

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
