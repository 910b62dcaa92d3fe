#include "gateway/stripe.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "gateway/gateway.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/stats.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/secret.h"
#include "shared/transfer.h"

#define CONNECTIONS     8
#define REPEAT_FIRST_MS 250 /* doubled for each further repetition */
#define KEY_BYTES       16  /* of the hash that an Idempotency-Key is */

struct call {
    struct stripe *stripe;
    struct call *next, *previous;
    struct request_list waiting; /* the request, while its client is there */
    stripe_answer_cb *on_answer;
    CURL *easy;
    struct curl_slist *headers;
    struct buffer form;
    struct buffer answer;
    uv_timer_t timer; /* until the next attempt; its memory is the call's */
    bool flying;      /* curl has the handle */
    unsigned attempts;
    int64_t deadline_ms;
};

struct stripe {
    uv_loop_t *loop;
    struct transfers *transfers;
    char *base;
    char *authorization;
    struct call *calls;
    size_t count;
};

static void set_option(CURLcode code)
{
    INVARIANT(code == CURLE_OK);
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether a URL's host is the rest of text up to a port, a path or the end. */
static bool host_is(const char *text, const char *host)
{
    size_t length = strlen(host);
    return strncmp(text, host, length) == 0 && strchr(":/", text[length]) != NULL;
}

/* The key goes there: only over TLS, or to this machine. */
static bool base_is_safe(const char *base)
{
    static const char tls[] = "https://";
    static const char plain[] = "http://";
    if (strpbrk(base, "@?# \\\r\n") != NULL)
        return false;
    if (begins_with(base, tls))
        return base[sizeof tls - 1] != '\0';
    if (!begins_with(base, plain))
        return false;
    const char *host = base + sizeof plain - 1;
    return host_is(host, "127.0.0.1") || host_is(host, "localhost") || host_is(host, "[::1]");
}

struct stripe *stripe_open(const struct stripe_options *options,
                           char error[static STRIPE_ERROR_SIZE])
{
    if (!base_is_safe(options->base)) {
        snprintf(error, STRIPE_ERROR_SIZE, "https://host, or http:// with an address of loopback");
        return NULL;
    }
    struct stripe *stripe = memory_new(1, sizeof *stripe);
    stripe->loop = options->loop;
    stripe->transfers = transfers_open(options->loop, CONNECTIONS, 0);
    size_t length = strlen(options->base);
    while (length > 0 && options->base[length - 1] == '/')
        length--;
    stripe->base = memory_text(options->base, length);
    struct buffer header = BUFFER_EMPTY;
    buffer_format(&header, "Authorization: Bearer %s", options->secret_key);
    stripe->authorization = header.data;
    return stripe;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct call *call = handle->data;
    free(call);
}

/* Everything but the memory, which goes with the timer. */
static void call_end(struct call *call)
{
    struct stripe *stripe = call->stripe;
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        stripe->calls = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    stripe->count--;
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    buffer_free(&call->form);
    buffer_free(&call->answer);
    uv_close((uv_handle_t *)&call->timer, on_timer_closed);
}

void stripe_close(struct stripe *stripe)
{
    struct call *next;
    for (struct call *call = stripe->calls; call != NULL; call = next) {
        next = call->next;
        if (call->flying)
            transfers_cancel(stripe->transfers, call->easy);
        INVARIANT(call->waiting.first == NULL);
        call_end(call);
    }
    transfers_close(stripe->transfers);
    free(stripe->base);
    free(stripe->authorization);
    free(stripe);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    if (call->answer.length + size * count > STRIPE_ANSWER_BYTES)
        return 0;
    buffer_append(&call->answer, bytes, size * count);
    return size * count;
}

static void on_attempted(void *arg, CURL *easy, CURLcode code);

static void attempt(struct call *call)
{
    int64_t left_ms = call->deadline_ms - clock_monotonic_ms();
    buffer_clear(&call->answer);
    call->attempts++;
    call->flying = true;
    set_option(curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, left_ms > 1 ? (long)left_ms : 1L));
    transfers_start(call->stripe->transfers, call->easy, on_attempted, call);
}

static void on_timer(uv_timer_t *timer)
{
    attempt(timer->data);
}

/* Whether the same again may go better, and there is time for it. */
static bool worth_repeating(const struct call *call, CURLcode code, long status)
{
    bool may_help = code == CURLE_OK
                        ? status == 409 || status == 429 || status >= 500
                        : code != CURLE_OPERATION_TIMEDOUT && code != CURLE_WRITE_ERROR;
    return may_help && call->attempts < STRIPE_ATTEMPTS && call->waiting.first != NULL;
}

static enum stripe_outcome outcome_of(long status, const cJSON *body)
{
    if (status >= 200 && status < 300)
        return body != NULL ? STRIPE_OK : STRIPE_AWAY;
    if (status == 402)
        return STRIPE_DECLINED;
    if (status == 404)
        return STRIPE_NOT_FOUND;
    if (status == 409 || status == 429 || status >= 500 || status < 400)
        return STRIPE_AWAY;
    return STRIPE_REFUSED;
}

/* Stripe's codes and parameter names, never its sentences, which may repeat what was sent. */
static void log_failure(const struct call *call, CURLcode code, long status, const cJSON *body)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(body, "error");
    struct curl_header *id = NULL;
    bool has_id = code == CURLE_OK &&
                  curl_easy_header(call->easy, "request-id", 0, CURLH_HEADER, -1, &id) == CURLHE_OK;
    LOG_WARN("Stripe did not do what was asked", LOG_I64("status", status),
             LOG_STR("error", code == CURLE_OK ? "" : curl_easy_strerror(code)),
             LOG_STR("type", json_text(error, "type")), LOG_STR("code", json_text(error, "code")),
             LOG_STR("parameter", json_text(error, "param")),
             LOG_STR("stripe_request", has_id ? id->value : NULL),
             LOG_I64("attempts", call->attempts));
}

static void on_attempted(void *arg, CURL *easy, CURLcode code)
{
    struct call *call = arg;
    long status = 0;
    call->flying = false;
    if (code == CURLE_OK)
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    int64_t pause_ms = REPEAT_FIRST_MS << (call->attempts - 1);
    if (worth_repeating(call, code, status) &&
        clock_monotonic_ms() + pause_ms < call->deadline_ms) {
        uv_timer_start(&call->timer, on_timer, (uint64_t)pause_ms, 0);
        return;
    }
    char error[JSON_ERROR_SIZE];
    cJSON *body = code == CURLE_OK && call->answer.length > 0
                      ? json_parse(call->answer.data, call->answer.length, error)
                      : NULL;
    enum stripe_outcome outcome = outcome_of(status, cJSON_IsObject(body) ? body : NULL);
    if (outcome != STRIPE_OK)
        log_failure(call, code, status, body);
    stats_stripe(outcome);
    struct request *request = request_list_take(&call->waiting);
    stripe_answer_cb *on_answer = call->on_answer;
    call_end(call);
    if (request != NULL)
        on_answer(request, outcome, outcome == STRIPE_OK ? body : NULL);
    cJSON_Delete(body);
}

static void set_up(struct call *call, const char *path)
{
    CURL *easy = curl_easy_init();
    INVARIANT(easy);
    call->easy = easy;
    struct buffer url = BUFFER_EMPTY;
    buffer_format(&url, "%s%s", call->stripe->base, path);
    set_option(curl_easy_setopt(easy, CURLOPT_URL, url.data));
    buffer_free(&url);
    set_option(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers));
    set_option(curl_easy_setopt(easy, CURLOPT_USERAGENT, "CronCoco/" CRONCOCO_VERSION));
    set_option(curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1));
    set_option(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"));
    set_option(curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
    set_option(curl_easy_setopt(easy, CURLOPT_PROXY, ""));
    set_option(curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L));
    set_option(curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED));
    set_option(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
    set_option(curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L));
    set_option(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)STRIPE_CONNECT_MS));
    set_option(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body));
    set_option(curl_easy_setopt(easy, CURLOPT_WRITEDATA, call));
}

static void add_header(struct call *call, const char *line)
{
    call->headers = curl_slist_append(call->headers, line);
    INVARIANT(call->headers);
}

static struct call *call_begin(struct request *request, stripe_answer_cb *on_answer)
{
    struct stripe *stripe = request->gateway->stripe;
    if (stripe->count >= STRIPE_CALLS_MAX) {
        stats_refused(REFUSED_STRIPE);
        reply_retry(request, 503, 1, "Too many requests are waiting for Stripe; try again");
        return NULL;
    }
    struct call *call = memory_new(1, sizeof *call);
    call->stripe = stripe;
    call->on_answer = on_answer;
    call->deadline_ms = clock_monotonic_ms() + STRIPE_CALL_MS;
    uv_timer_init(stripe->loop, &call->timer);
    call->timer.data = call;
    call->next = stripe->calls;
    if (call->next != NULL)
        call->next->previous = call;
    stripe->calls = call;
    stripe->count++;
    add_header(call, stripe->authorization);
    add_header(call, "Stripe-Version: " STRIPE_VERSION);
    add_header(call, "Accept: application/json");
    return call;
}

void stripe_get(struct request *request, const char *path, stripe_answer_cb *on_answer)
{
    struct call *call = call_begin(request, on_answer);
    if (call == NULL)
        return;
    set_up(call, path);
    request_wait(request, &call->waiting);
    attempt(call);
}

/* The same request asking for the same has the same key; asking for something else, another. */
static void add_key(struct call *call, const char *identity, const char *path)
{
    struct buffer text = BUFFER_EMPTY;
    buffer_format(&text, "%s\n%s\n%s", identity, path, call->form.data);
    uint8_t hash[HASH_SIZE];
    secret_hash(text.data, text.length, hash);
    char hex[HEX_SIZE(KEY_BYTES)];
    buffer_clear(&text);
    buffer_format(&text, "Idempotency-Key: croncoco-%s", hex_encode(hash, KEY_BYTES, hex));
    add_header(call, text.data);
    buffer_free(&text);
}

void stripe_post(struct request *request, const char *identity, const char *path,
                 const struct buffer *form, stripe_answer_cb *on_answer)
{
    struct call *call = call_begin(request, on_answer);
    if (call == NULL)
        return;
    buffer_text(&call->form, form->length > 0 ? form->data : "");
    add_key(call, identity, path);
    set_up(call, path);
    set_option(curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)call->form.length));
    set_option(curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->form.data));
    request_wait(request, &call->waiting);
    attempt(call);
}

void stripe_reply_failure(struct request *request, enum stripe_outcome outcome)
{
    switch (outcome) {
    case STRIPE_AWAY:
        reply_retry(request, 503, 5,
                    "Stripe does not answer: the request may still be carried out; repeat it with "
                    "the same Idempotency-Key");
        return;
    case STRIPE_DECLINED:
        reply_error(request, 402,
                    "The payment did not go through, and nothing was changed: check your payment "
                    "method (POST /billing/portal), and try again");
        return;
    case STRIPE_NOT_FOUND:
    case STRIPE_REFUSED:
        reply_error(request, 502, "Stripe refused the request; we were told, please try later");
        return;
    case STRIPE_OK:
    case STRIPE_OUTCOMES: break;
    }
    INVARIANT(false && "a failure that is none");
}
