#include "gateway/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/request.h"
#include "gateway/server.h"
#include "gateway/stats.h"
#include "shared/json.h"

#define SENTENCE_MAX     1024      /* bytes of a sentence for the user */
#define UNSENT_BYTES_MAX 268435456 /* of answers that clients have not taken yet, all together */

static const char json_type[] = "application/json";

struct status_reason {
    int status;
    const char *reason;
};

static const struct status_reason reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

void reply_header(struct request *request, const char *name, const char *value)
{
    h2o_iovec_t copy = h2o_strdup(&request->h2o->pool, value, strlen(value));
    h2o_add_header_by_str(&request->h2o->pool, &request->h2o->res.headers, name, strlen(name), 1,
                          NULL, copy.base, copy.len);
}

static void add_rate_headers(struct request *request)
{
    int64_t limit = request->gateway->config->api_rate_per_minute;
    int64_t left = request->rate_left == RATE_UNCOUNTED ? limit : request->rate_left;
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)limit);
    reply_header(request, "x-ratelimit-limit", text);
    snprintf(text, sizeof text, "%lld", (long long)left);
    reply_header(request, "x-ratelimit-remaining", text);
}

/* bytes must live as long as the request; type is NULL where the answer has no body. */
static void send_answer(struct request *request, int status, const char *type, const char *bytes,
                        size_t length)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_req_t *h2o = request->h2o;

    request_answered(request, status, length);
    reply_header(request, "x-request-id", request->id);
    if (request->surface == SURFACE_CHECKS)
        add_rate_headers(request);
    h2o->res.status = status;
    h2o->res.reason = reason_of(status);
    if (server_draining(request->gateway->server))
        h2o->http1_is_persistent = 0;
    if (type != NULL) { /* 204 must not say a length: RFC 9110, 8.6 */
        h2o->res.content_length = length;
        h2o_add_header(&h2o->pool, &h2o->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type,
                       strlen(type));
    }
    h2o_start_response(h2o, &generator);
    h2o_iovec_t body = h2o_iovec_init(bytes, length);
    bool bare =
        length == 0 || h2o_memis(request->method.base, request->method.len, H2O_STRLIT("HEAD"));
    h2o_send(h2o, &body, bare ? 0 : 1, H2O_SEND_STATE_FINAL);
}

/* The memory of an answer until its client has taken it. */
struct answer_bytes {
    char *bytes;
    size_t length;
};

static size_t unsent_bytes;

static void free_bytes(void *block)
{
    struct answer_bytes *answer = block;
    unsent_bytes -= answer->length;
    free(answer->bytes);
}

void reply_buffer(struct request *request, int status, struct buffer *body)
{
    reply_document(request, status, json_type, body);
}

void reply_document(struct request *request, int status, const char *type, struct buffer *body)
{
    if (unsent_bytes + body->length > UNSENT_BYTES_MAX && status < 400) {
        buffer_free(body);
        stats_refused(REFUSED_ANSWER);
        reply_retry(request, 503, 1, "Too many large answers are under way; try again");
        return;
    }
    struct answer_bytes *answer =
        h2o_mem_alloc_shared(&request->h2o->pool, sizeof *answer, free_bytes);
    *answer = (struct answer_bytes){body->data, body->length};
    unsent_bytes += answer->length;
    *body = BUFFER_EMPTY;
    send_answer(request, status, type, answer->bytes, answer->length);
}

void reply_json(struct request *request, int status, const char *json, size_t length)
{
    h2o_iovec_t copy = h2o_strdup(&request->h2o->pool, json, length);
    send_answer(request, status, json_type, copy.base, copy.len);
}

static void send_error(struct request *request, int status, int retry_after_s, const char *sentence)
{
    struct buffer body = BUFFER_EMPTY;
    buffer_format(&body, "{\"%s\":", surface_error_member(request->surface));
    json_write_string(&body, sentence, strlen(sentence));
    if (status == 429 && retry_after_s > 0 && request->surface == SURFACE_CHECKS)
        buffer_format(&body, ",\"retry_after\":%d", retry_after_s);
    buffer_text(&body, "}");
    reply_buffer(request, status, &body);
}

void reply_error(struct request *request, int status, const char *format, ...)
{
    char sentence[SENTENCE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    send_error(request, status, 0, sentence);
}

void reply_retry(struct request *request, int status, int retry_after_s, const char *sentence)
{
    char text[16];
    snprintf(text, sizeof text, "%d", retry_after_s);
    reply_header(request, "retry-after", text);
    send_error(request, status, retry_after_s, sentence);
}

void reply_constant(struct request *request, const char *type, const char *bytes, size_t length)
{
    send_answer(request, 200, type, bytes, length);
}

void reply_empty(struct request *request, int status)
{
    send_answer(request, status, NULL, NULL, 0);
}
