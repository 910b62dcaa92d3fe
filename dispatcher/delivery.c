#include "dispatcher/delivery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatcher/account_keys.h"
#include "dispatcher/destination.h"
#include "dispatcher/job_details.h"
#include "dispatcher/outcome.h"
#include "dispatcher/retry_after.h"
#include "dispatcher/signature.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/memory.h"
#include "shared/transfer.h"

#define CONNECT_TIMEOUT_MS 10000L
/*
 * A kept connection that is idle for longer is not used again: servers close theirs after 5 s and
 * more, and a request that crosses the close is lost without a word.
 */
#define IDLE_MAX_S    4L
#define UPLOAD_BUFFER 16384L /* the least that libcurl takes; payloads are smaller */
/* Of the headers that each delivery has for itself. */
#define ID_NAME        "webhook-id: "
#define TIME_NAME      "webhook-timestamp: "
#define SCHEDULED_NAME "X-CronCoco-Scheduled-At: "
#define ATTEMPT_NAME   "X-CronCoco-Attempt: "
#define TIME_DIGITS    20
#define ATTEMPT_DIGITS 3

/* The delivery's own headers, in front of the job's list, which many deliveries share. */
struct own_headers {
    struct curl_slist id, time, scheduled, attempt, signature, alert_signature;
    char id_text[sizeof ID_NAME + RUN_ID_SIZE];
    char time_text[sizeof TIME_NAME + TIME_DIGITS];
    char scheduled_text[sizeof SCHEDULED_NAME + CLOCK_TEXT_SIZE];
    char attempt_text[sizeof ATTEMPT_NAME + ATTEMPT_DIGITS];
    char signature_text[SIGNATURE_HEADER_SIZE];
    char alert_signature_text[ALERT_SIGNATURE_HEADER_SIZE];
};

/* One easy handle and what belongs to it; used again for other runs. */
struct delivery {
    struct deliveries *deliveries;
    struct delivery *next, *previous; /* in deliveries.running; next also in deliveries.spare */
    struct held_run *run;
    CURL *easy;
    struct destination destination;
    struct own_headers headers;
    struct buffer retry; /* the payload of an alert's retry; else the details' is sent */
    char error[CURL_ERROR_SIZE];
    int64_t started_monotonic_ms;
    size_t response_bytes;
    bool capped;
    char body[RESULT_BODY_MAX]; /* the beginning of the answer: response_bytes, or all of it */
};

struct deliveries {
    struct delivery_options options;
    struct transfers *transfers;
    struct delivery *running;
    struct delivery *spare;
};

static void set_option(CURLcode code)
{
    INVARIANT(code == CURLE_OK);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct delivery *delivery = arg;
    if (delivery->response_bytes < sizeof delivery->body) {
        size_t room = sizeof delivery->body - delivery->response_bytes;
        size_t kept = size * count < room ? size * count : room;
        memcpy(delivery->body + delivery->response_bytes, bytes, kept);
    }
    delivery->response_bytes += size * count;
    if (delivery->response_bytes <= delivery->deliveries->options.response_cap_bytes)
        return size * count;
    delivery->capped = true;
    return 0;
}

static struct delivery *delivery_create(struct deliveries *deliveries)
{
    struct delivery *delivery = memory_new(1, sizeof(*delivery));
    delivery->deliveries = deliveries;
    CURL *easy = curl_easy_init();
    INVARIANT(easy);
    delivery->easy = easy;
    destination_attach(&delivery->destination, easy, deliveries->options.guard);
    set_option(curl_easy_setopt(easy, CURLOPT_POST, 1L));
    set_option(curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1));
    set_option(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"));
    set_option(curl_easy_setopt(easy, CURLOPT_PROXY, ""));
    set_option(curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L));
    set_option(curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED));
    set_option(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
    set_option(curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L));
    set_option(curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L));
    set_option(curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L));
    set_option(curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L));
    set_option(curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_MAX_S));
    set_option(curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER));
    /* With a directory of certificates libcurl reads the whole bundle again for each connection. */
    set_option(curl_easy_setopt(easy, CURLOPT_CAPATH, NULL));
    set_option(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, delivery->error));
    set_option(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body));
    set_option(curl_easy_setopt(easy, CURLOPT_WRITEDATA, delivery));
    return delivery;
}

static struct delivery *delivery_take(struct deliveries *deliveries)
{
    struct delivery *delivery = deliveries->spare;
    if (delivery)
        deliveries->spare = delivery->next;
    else
        delivery = delivery_create(deliveries);
    delivery->previous = NULL;
    delivery->next = deliveries->running;
    if (delivery->next)
        delivery->next->previous = delivery;
    deliveries->running = delivery;
    return delivery;
}

static void delivery_give_back(struct delivery *delivery)
{
    struct deliveries *deliveries = delivery->deliveries;
    if (delivery->previous)
        delivery->previous->next = delivery->next;
    else
        deliveries->running = delivery->next;
    if (delivery->next)
        delivery->next->previous = delivery->previous;
    delivery->run = NULL;
    delivery->next = deliveries->spare;
    deliveries->spare = delivery;
}

static void on_connected(void *arg)
{
    struct delivery *delivery = arg;
    const struct delivery_options *options = &delivery->deliveries->options;
    options->on_connected(options->arg, delivery->run);
}

static void result_begin(struct held_run *run)
{
    run->result = (struct result){
        .job = run->run.job,
        .slot_s = run->run.slot_s,
        .replay = run->run.replay,
        .attempt = run->run.attempt,
        .started_ms = clock_now_ms(),
        .dns_ms = RESULT_NO_TIME,
        .connect_ms = RESULT_NO_TIME,
        .tls_ms = RESULT_NO_TIME,
        .first_byte_ms = RESULT_NO_TIME,
    };
}

static curl_off_t time_us(CURL *easy, CURLINFO which)
{
    curl_off_t us = 0;
    curl_easy_getinfo(easy, which, &us);
    return us;
}

/* libcurl counts each from the start, and leaves 0 where a part was not reached. */
static uint32_t part_ms(curl_off_t from_us, curl_off_t to_us)
{
    if (to_us <= 0)
        return RESULT_NO_TIME;
    return (uint32_t)(to_us > from_us ? (to_us - from_us + 500) / 1000 : 0);
}

static void set_times(CURL *easy, const struct post_end *end, struct result *result)
{
    long connections = 0;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
    /* Of a connection that was there libcurl gives times, too, which say nothing. */
    if (connections > 0) {
        curl_off_t resolved_us = time_us(easy, CURLINFO_NAMELOOKUP_TIME_T);
        curl_off_t connected_us = time_us(easy, CURLINFO_CONNECT_TIME_T);
        result->dns_ms = part_ms(0, resolved_us);
        result->connect_ms = part_ms(resolved_us, connected_us);
        result->tls_ms = part_ms(connected_us, time_us(easy, CURLINFO_APPCONNECT_TIME_T));
    }
    if (end->status > 0)
        result->first_byte_ms = part_ms(time_us(easy, CURLINFO_PRETRANSFER_TIME_T),
                                        time_us(easy, CURLINFO_STARTTRANSFER_TIME_T));
}

/* Of an answer that says "later". */
static void set_retry_after(CURL *easy, struct result *result)
{
    struct curl_header *header;
    if (outcome_may_pass(result) &&
        curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        result->retry_after_s = retry_after_s(header->value, clock_now_ms() / 1000);
}

static void keep_body(const struct delivery *delivery, struct held_run *run)
{
    size_t kept = delivery->response_bytes < sizeof delivery->body ? delivery->response_bytes
                                                                   : sizeof delivery->body;
    if (kept == 0)
        return;
    run->body = memory_text(delivery->body, kept);
    run->result.body = run->body;
    run->result.body_bytes = (uint16_t)kept;
}

static void on_done(void *arg, CURL *easy, CURLcode code)
{
    struct delivery *delivery = arg;
    struct held_run *run = delivery->run;
    struct post_end end = {
        .code = code,
        .blocked = destination_blocked(&delivery->destination),
        .sent_once = delivery->destination.sent_once,
        .connected = delivery->destination.connected,
        .capped = delivery->capped,
        .detail = delivery->error,
        .duration_ms = clock_monotonic_ms() - delivery->started_monotonic_ms,
        .timeout_s = run->run.timeout_s,
    };
    long os_error = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &end.status);
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    end.os_error = (int)os_error;
    outcome_of(&end, &run->result);
    run->result.duration_ms = (uint32_t)(end.duration_ms > 0 ? end.duration_ms : 0);
    set_times(easy, &end, &run->result);
    set_retry_after(easy, &run->result);
    keep_body(delivery, run);

    const struct delivery_options *options = &delivery->deliveries->options;
    delivery_give_back(delivery);
    options->on_done(options->arg, run);
}

/* An alert's receiver is told which retry this is: in the last member of the payload. */
static void retry_write(struct buffer *out, const struct held_run *run)
{
    const struct job_details *details = run->details;
    buffer_clear(out);
    buffer_append(out, details->payload, details->payload_bytes - 1);
    buffer_format(out, ",\"retry\":%u}", run->run.attempt - 1u);
}

static struct curl_slist *prepend(struct curl_slist *header, char *text, struct curl_slist *list)
{
    *header = (struct curl_slist){text, list};
    return header;
}

/* What says of a job's run which of its times it is for, and which attempt. */
static struct curl_slist *add_of_job(struct own_headers *headers, const struct held_run *run,
                                     struct curl_slist *list)
{
    char scheduled[CLOCK_TEXT_SIZE];
    snprintf(headers->scheduled_text, sizeof headers->scheduled_text, SCHEDULED_NAME "%s",
             clock_format_s(scheduled, run->run.slot_s));
    snprintf(headers->attempt_text, sizeof headers->attempt_text, ATTEMPT_NAME "%u",
             (unsigned)run->run.attempt);
    list = prepend(&headers->attempt, headers->attempt_text, list);
    return prepend(&headers->scheduled, headers->scheduled_text, list);
}

static struct curl_slist *add_signatures(struct own_headers *headers, const struct held_run *run,
                                         const struct signed_message *message,
                                         struct curl_slist *list)
{
    const struct account_keys *keys = run->keys;
    int64_t now_ms = run->result.started_ms;
    if (run->details->alert && alert_signature_write(headers->alert_signature_text, keys->keys,
                                                     keys->count, now_ms, message) > 0)
        list = prepend(&headers->alert_signature, headers->alert_signature_text, list);
    if (signature_write(headers->signature_text, keys->keys, keys->count, now_ms, message) > 0)
        list = prepend(&headers->signature, headers->signature_text, list);
    return list;
}

/* Returns the whole list. */
static struct curl_slist *set_headers(struct own_headers *headers, const struct held_run *run,
                                      const char *payload, size_t payload_bytes)
{
    char id[RUN_ID_SIZE];
    struct signed_message message = {
        .id = run_id(id, &run->run),
        .timestamp_s = run->result.started_ms / 1000,
        .payload = payload,
        .payload_bytes = payload_bytes,
    };
    snprintf(headers->id_text, sizeof headers->id_text, ID_NAME "%s", id);
    snprintf(headers->time_text, sizeof headers->time_text, TIME_NAME "%" PRId64,
             message.timestamp_s);
    struct curl_slist *list = add_signatures(headers, run, &message, run->details->headers);
    if (!run->details->alert)
        list = add_of_job(headers, run, list);
    list = prepend(&headers->time, headers->time_text, list);
    return prepend(&headers->id, headers->id_text, list);
}

void delivery_start(struct deliveries *deliveries, struct held_run *run)
{
    struct delivery *delivery = delivery_take(deliveries);
    const struct job_details *details = run->details;
    CURL *easy = delivery->easy;
    long timeout_ms = run->run.timeout_s > 0 ? run->run.timeout_s * 1000L : 1000L;

    result_begin(run);
    delivery->run = run;
    delivery->started_monotonic_ms = clock_monotonic_ms();
    delivery->response_bytes = 0;
    delivery->capped = false;
    delivery->error[0] = '\0';
    destination_begin(&delivery->destination, on_connected, delivery);

    const char *payload = details->payload;
    size_t payload_bytes = details->payload_bytes;
    if (details->alert && run->run.attempt > 1) {
        retry_write(&delivery->retry, run);
        payload = delivery->retry.data;
        payload_bytes = delivery->retry.length;
    }
    set_option(curl_easy_setopt(easy, CURLOPT_URL, details->url));
    set_option(curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
                                set_headers(&delivery->headers, run, payload, payload_bytes)));
    set_option(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)payload_bytes));
    set_option(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, payload));
    set_option(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms));
    set_option(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                                timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS));
    transfers_start(deliveries->transfers, easy, on_done, delivery);
}

void delivery_refuse(struct held_run *run, enum result_outcome outcome, const char *error)
{
    result_begin(run);
    run->result.outcome = (uint8_t)outcome;
    snprintf(run->result.error, sizeof(run->result.error), "%s", error);
}

struct deliveries *deliveries_open(uv_loop_t *loop, const struct delivery_options *options)
{
    struct deliveries *deliveries = memory_new(1, sizeof(*deliveries));
    deliveries->options = *options;
    /* The bound on one host's connections is launch.h's: what waits inside libcurl ages. */
    deliveries->transfers = transfers_open(loop, options->connections, 0);
    return deliveries;
}

static void free_all(struct delivery *delivery)
{
    while (delivery) {
        struct delivery *next = delivery->next;
        curl_easy_cleanup(delivery->easy);
        buffer_free(&delivery->retry);
        free(delivery);
        delivery = next;
    }
}

void deliveries_close(struct deliveries *deliveries)
{
    transfers_close(deliveries->transfers);
    free_all(deliveries->running);
    free_all(deliveries->spare);
    free(deliveries);
}
