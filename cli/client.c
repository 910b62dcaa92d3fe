#include "cli/client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "cli/curl_library.h"
#include "cli/printable.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/memory.h"

#define BODY_MAX      (64 << 20) /* bytes of an answer */
#define HEADER_SIZE   512
#define LOCATION_SIZE 200
#define REASON_SIZE   240
#define CONNECT_MS    5000
#define USER_AGENT    "cronpulse/" CRONCOCO_VERSION

struct client {
    struct curl_library curl;
    const struct server_address *server;
    CURL *handle;
    char problem[CURL_ERROR_SIZE]; /* written by libcurl */
    /* Of the answer that is coming in. */
    struct buffer *body;
    bool too_large;
    int retry_after_s; /* 0: nothing was said */
    char location[LOCATION_SIZE];
};

/* ---- libcurl's callbacks ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct client *client = arg;
    size_t length = size * count;
    client->too_large = client->body->length + length > BODY_MAX;
    if (client->too_large)
        return 0;
    buffer_append(client->body, bytes, length);
    return length;
}

/* The value of a header line that has this name ("name:"), or NULL. */
static const char *header_value(const char *line, const char *name)
{
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0)
        return NULL;
    return line + length + strspn(line + length, " \t");
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct client *client = arg;
    char line[HEADER_SIZE];
    int length = (int)(size * count);
    snprintf(line, sizeof line, "%.*s", length, bytes);
    line[strcspn(line, "\r\n")] = '\0';
    const char *value;
    if ((value = header_value(line, "retry-after:")) != NULL) {
        long seconds = strtol(value, NULL, 10);
        client->retry_after_s = seconds > 0 && seconds < INT32_MAX ? (int)seconds : 0;
    } else if ((value = header_value(line, "location:")) != NULL) {
        printable_copy(client->location, sizeof client->location, value);
    }
    return size * count;
}

/* ---- opening ---- */

/* What every request has. The results are of no use: an old libcurl that lacks an option is as good
 * without it. */
static void configure(struct client *client)
{
    const struct curl_library *curl = &client->curl;
    CURL *handle = client->handle;
    curl->easy_setopt(handle, CURLOPT_ERRORBUFFER, client->problem);
    curl->easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl->easy_setopt(handle, CURLOPT_WRITEDATA, client);
    curl->easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl->easy_setopt(handle, CURLOPT_HEADERDATA, client);
    curl->easy_setopt(handle, CURLOPT_USERAGENT, USER_AGENT);
    curl->easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl->easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl->easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    /* A look-up that hangs must not hold up the end of the process. */
    curl->easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
    /* As the curl command and OpenSSL: a certificate authority of one's own. */
    const char *authorities = getenv("SSL_CERT_FILE");
    if (authorities && *authorities)
        curl->easy_setopt(handle, CURLOPT_CAINFO, authorities);
    /* No proxy knows the way to this machine itself. */
    if (client->server->loopback)
        curl->easy_setopt(handle, CURLOPT_PROXY, "");
}

struct client *client_open(const struct server_address *server,
                           char error[static CLIENT_ERROR_SIZE])
{
    struct client *client = memory_new(1, sizeof *client);
    if (curl_library_load(&client->curl, error)) {
        free(client);
        return NULL;
    }
    client->server = server;
    client->handle = client->curl.easy_init();
    INVARIANT(client->handle);
    configure(client);
    return client;
}

void client_free(struct client *client)
{
    client->curl.easy_cleanup(client->handle);
    free(client);
}

/* ---- what an answer means ---- */

/* What may be different a moment later. */
static bool transport_may_pass(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return true;
    default: return false;
    }
}

static enum verdict judge(int status)
{
    if (status >= 200 && status < 300)
        return VERDICT_OK;
    return status == 429 || status >= 500 ? VERDICT_UNREACHABLE : VERDICT_REFUSED;
}

/* ": " and the server's own words, or nothing. */
static void reason_of(const struct buffer *body, char reason[static REASON_SIZE])
{
    char problem[JSON_ERROR_SIZE];
    char words[REASON_SIZE - 2] = "";
    cJSON *tree = body->length ? json_parse(body->data, body->length, problem) : NULL;
    const char *text = tree ? json_text(tree, "error") : NULL;
    if (tree && !text)
        text = json_text(tree, "detail"); /* outside of the REST API */
    if (text)
        printable_copy(words, sizeof words, text);
    snprintf(reason, REASON_SIZE, "%s%s", *words ? ": " : "", words);
    cJSON_Delete(tree);
}

static void explain_status(const struct client *client, struct answer *answer)
{
    char reason[REASON_SIZE];
    reason_of(&answer->body, reason);
    if (answer->status >= 300 && answer->status < 400)
        snprintf(answer->error, sizeof answer->error,
                 "the server redirects to %s: use that address: cronpulse config --server URL",
                 client->location);
    else if (answer->status == 429 && client->retry_after_s)
        snprintf(answer->error, sizeof answer->error,
                 "the server answered 429%s: try again in %d s", reason, client->retry_after_s);
    else
        snprintf(answer->error, sizeof answer->error, "the server answered %d%s", answer->status,
                 reason);
}

static void explain_transport(const struct client *client, CURLcode code, struct answer *answer)
{
    if (client->too_large) {
        snprintf(answer->error, sizeof answer->error, "the server's answer is too large");
        return;
    }
    const char *problem = client->problem[0] ? client->problem : client->curl.easy_strerror(code);
    snprintf(answer->error, sizeof answer->error, "no answer from %.*s: %.*s", REASON_SIZE,
             client->server->base, REASON_SIZE, problem);
}

/* ---- sending ---- */

/* The header lines of a request, for slist_free_all. */
static struct curl_slist *header_lines(const struct client *client, const struct request *request)
{
    struct curl_slist *lines = NULL;
    if (request->api_key) {
        struct buffer line = BUFFER_EMPTY;
        buffer_format(&line, "Authorization: Bearer %s", request->api_key);
        lines = client->curl.slist_append(lines, line.data);
        buffer_free(&line);
    }
    if (request->body)
        lines = client->curl.slist_append(lines, "Content-Type: text/plain; charset=utf-8");
    return lines;
}

static void prepare(const struct client *client, const struct request *request,
                    const struct curl_slist *lines, int attempt_ms)
{
    const struct curl_library *curl = &client->curl;
    CURL *handle = client->handle;
    curl->easy_setopt(handle, CURLOPT_URL, request->url);
    curl->easy_setopt(handle, CURLOPT_HTTPHEADER, lines);
    curl->easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)attempt_ms);
    if (request->body) {
        curl->easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
        curl->easy_setopt(handle, CURLOPT_POSTFIELDS, request->body);
    } else {
        curl->easy_setopt(handle, CURLOPT_HTTPGET, 1L);
    }
}

static void attempt(struct client *client, struct answer *answer)
{
    buffer_clear(&answer->body);
    client->body = &answer->body;
    client->too_large = false;
    client->retry_after_s = 0;
    client->location[0] = '\0';
    client->problem[0] = '\0';
    CURLcode code = client->curl.easy_perform(client->handle);
    long status = 0;
    client->curl.easy_getinfo(client->handle, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK) {
        answer->status = (int)status;
        answer->verdict = judge(answer->status);
        explain_status(client, answer);
    } else {
        answer->status = 0;
        answer->verdict = transport_may_pass(code) ? VERDICT_UNREACHABLE : VERDICT_REFUSED;
        explain_transport(client, code, answer);
    }
}

/* A fifth more or less, so that machines which failed together do not come back together. */
static int64_t spread(int64_t pause_ms)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        return pause_ms;
    return pause_ms * 4 / 5 + (int64_t)(random % 1000) * pause_ms * 2 / 5 / 1000;
}

/* False where somebody asked to stop. */
static bool pause_for(int64_t pause_ms, int stop_fd)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
    return poll(&stop, 1, (int)pause_ms) <= 0;
}

void client_send(struct client *client, const struct request *request,
                 const struct patience *patience, struct answer *answer)
{
    *answer = (struct answer){.body = BUFFER_EMPTY};
    struct curl_slist *lines = header_lines(client, request);
    int64_t end_ms = clock_monotonic_ms() + patience->total_ms;
    int64_t pause_ms = patience->first_pause_ms;
    prepare(client, request, lines, patience->attempt_ms);
    for (int number = 1;; number++) {
        attempt(client, answer);
        int64_t wait_ms = spread(pause_ms);
        if (wait_ms < (int64_t)client->retry_after_s * 1000)
            wait_ms = (int64_t)client->retry_after_s * 1000;
        if (answer->verdict != VERDICT_UNREACHABLE || number == patience->attempts ||
            clock_monotonic_ms() + wait_ms >= end_ms || !pause_for(wait_ms, patience->stop_fd))
            break;
        pause_ms *= 2;
    }
    client->curl.slist_free_all(lines);
}

void answer_free(struct answer *answer)
{
    buffer_free(&answer->body);
}
