#include "dispatcher/job_details.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/buffer.h"
#include "shared/json.h"
#include "shared/memory.h"

/*
 * Headers that say how this one message is framed, or how this one connection is used, are HTTP's
 * own business, and a delivery's identity is ours: a user's are left out, as a proxy would.
 */
static const char *const reserved_headers[] = {
    "connection", "content-length",    "expect",  "host", "keep-alive", "proxy-connection", "te",
    "trailer",    "transfer-encoding", "upgrade",
};
static const char *const reserved_prefixes[] = {"webhook-", "x-croncoco-"};

static bool header_reserved(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(reserved_prefixes); i++)
        if (strncasecmp(name, reserved_prefixes[i], strlen(reserved_prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_LENGTH(reserved_headers); i++)
        if (strcasecmp(name, reserved_headers[i]) == 0)
            return true;
    return false;
}

/* A token of RFC 9110. */
static bool header_name_valid(const char *name)
{
    if (!*name)
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("!#$%&'*+-.^_`|~", *c))
            return false;
    return true;
}

static bool header_value_valid(const char *value)
{
    for (const char *c = value; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

static void add_header(struct job_details *details, const char *line)
{
    struct curl_slist *headers = curl_slist_append(details->headers, line);
    INVARIANT(headers);
    details->headers = headers;
    details->memory_bytes += strlen(line) + 1 + sizeof(*headers);
}

static bool problem(struct job_details *details, const char *text)
{
    snprintf(details->problem, sizeof(details->problem), "%s", text);
    return false;
}

struct defaults {
    bool content_type, user_agent; /* the user has one */
};

static bool add_user_header(struct job_details *details, const char *name, const char *value,
                            struct defaults *seen, struct buffer *line)
{
    if (!header_name_valid(name))
        return problem(details, "headers: a name is not allowed in HTTP");
    if (!header_value_valid(value))
        return problem(details, "headers: a value has control characters");
    if (header_reserved(name))
        return true;
    seen->content_type |= strcasecmp(name, "content-type") == 0;
    seen->user_agent |= strcasecmp(name, "user-agent") == 0;
    /* libcurl takes "Name:" for the wish to send no such header, and "Name;" for an empty one. */
    bool blank = value[strspn(value, " \t")] == '\0';
    buffer_clear(line);
    buffer_text(line, name);
    buffer_text(line, blank ? ";" : ": ");
    if (!blank)
        buffer_text(line, value);
    add_header(details, line->data);
    return true;
}

static bool add_user_headers(struct job_details *details, const char *text, struct defaults *seen)
{
    char error[JSON_ERROR_SIZE];
    cJSON *object = json_parse(text, strlen(text), error);
    bool valid = cJSON_IsObject(object);
    struct buffer line = BUFFER_EMPTY;
    const cJSON *member;
    if (!valid)
        problem(details, "headers: not an object of strings");
    else
        cJSON_ArrayForEach(member, object)
        {
            valid = cJSON_IsString(member)
                        ? add_user_header(details, member->string, member->valuestring, seen, &line)
                        : problem(details, "headers: not an object of strings");
            if (!valid)
                break;
        }
    buffer_free(&line);
    cJSON_Delete(object);
    return valid;
}

static bool set_headers(struct job_details *details, const struct job_row *row)
{
    struct defaults seen = {false, false};
    if (row->headers && !add_user_headers(details, row->headers, &seen))
        return false;
    /* Without a payload libcurl would add a form's Content-Type to the empty POST. */
    if (!seen.content_type)
        add_header(details, row->payload ? "Content-Type: application/json" : "Content-Type:");
    if (!seen.user_agent)
        add_header(details, "User-Agent: CronCoco/" CRONCOCO_VERSION);
    add_header(details, "Expect:");
    return true;
}

static uint32_t hash_text(const char *text)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

static bool set_host(struct job_details *details, CURLU *url)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL, *password = NULL;
    bool valid = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                 (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
                 curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
                 curl_url_get(url, CURLUPART_PASSWORD, &password, 0) == CURLUE_NO_PASSWORD &&
                 strlen(host) <= JOB_HOST_SIZE - sizeof(":65535");
    if (valid) {
        snprintf(details->host, sizeof(details->host), "%.*s:%.5s",
                 (int)(JOB_HOST_SIZE - sizeof(":65535")), host, port);
        for (char *c = details->host; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        details->host_hash = hash_text(details->host);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(user);
    curl_free(password);
    return valid;
}

static bool set_url(struct job_details *details, const char *text)
{
    CURLU *url = curl_url();
    INVARIANT(url);
    bool valid = header_value_valid(text) && !strchr(text, ' ') &&
                 curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK && set_host(details, url);
    curl_url_cleanup(url);
    return valid ? true : problem(details, "webhook_url cannot be used");
}

/* A retry says so in a member behind the others. */
static void check_alert(struct job_details *details)
{
    char error[JSON_ERROR_SIZE];
    cJSON *object = json_parse(details->payload, details->payload_bytes, error);
    bool valid = cJSON_IsObject(object) && cJSON_GetArraySize(object) > 0 &&
                 details->payload[details->payload_bytes - 1] == '}';
    cJSON_Delete(object);
    if (!valid)
        problem(details, "the alert is not an object");
}

struct job_details *job_details_create(const struct job_row *row)
{
    size_t url_bytes = strlen(row->url) + 1;
    size_t payload_bytes = row->payload ? strlen(row->payload) : 0;
    size_t block_bytes = sizeof(struct job_details) + url_bytes + payload_bytes + 1;
    struct job_details *details = memory_new(1, block_bytes);
    details->job = row->job;
    details->account = row->account;
    details->version = row->version;
    details->references = 1;
    details->alert = row->alert;
    details->memory_bytes = block_bytes;
    details->url = (char *)(details + 1);
    memcpy(details->url, row->url, url_bytes);
    char *payload = details->url + url_bytes;
    if (payload_bytes)
        memcpy(payload, row->payload, payload_bytes);
    details->payload = payload;
    details->payload_bytes = payload_bytes;
    if (set_url(details, row->url) && set_headers(details, row) && row->alert)
        check_alert(details);
    return details;
}

struct job_details *job_details_retain(struct job_details *details)
{
    details->references++;
    return details;
}

void job_details_release(struct job_details *details)
{
    INVARIANT(details->references > 0);
    if (--details->references > 0)
        return;
    curl_slist_free_all(details->headers);
    free(details);
}
