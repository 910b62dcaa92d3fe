#include "dispatcher/delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatcher/destination.h"
#include "dispatcher/job_details.h"
#include "dispatcher/outcome.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/memory.h"
#include "shared/transfer.h"

#define CONNECT_TIMEOUT_MS 10000L
/*
 * A kept connection that is idle for longer is not used again: servers close theirs after 5 s and
 * more, and a request that crosses the close is lost without a word.
 */
#define IDLE_MAX_S       4L
#define UPLOAD_BUFFER    16384L /* the least that libcurl takes; payloads are smaller */
#define ID_HEADER_SIZE   (sizeof("webhook-id: ") + RUN_ID_SIZE)
#define TIME_HEADER_SIZE 48

/* One easy handle and what belongs to it; used again for other runs. */
struct delivery {
    struct deliveries *deliveries;
    struct delivery *next, *previous; /* in deliveries.running; next also in deliveries.spare */
    struct held_run *run;
    CURL *easy;
    struct destination destination;
    /* The delivery's own headers, in front of the job's list, which many deliveries share. */
    struct curl_slist id_header, time_header;
    char id_text[ID_HEADER_SIZE];
    char time_text[TIME_HEADER_SIZE];
    char error[CURL_ERROR_SIZE];
    int64_t started_monotonic_ms;
    size_t response_bytes;
    bool capped;
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
    (void)bytes;
    struct delivery *delivery = arg;
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
    delivery->id_header = (struct curl_slist){delivery->id_text, &delivery->time_header};
    delivery->time_header = (struct curl_slist){delivery->time_text, NULL};
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
    struct result *result = &run->result;
    result->job = run->run.job;
    result->slot_s = run->run.slot_s;
    result->replay = run->run.replay;
    result->attempt = run->run.attempt;
    result->started_ms = clock_now_ms();
    result->duration_ms = 0;
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

    const struct delivery_options *options = &delivery->deliveries->options;
    delivery_give_back(delivery);
    options->on_done(options->arg, run);
}

void delivery_start(struct deliveries *deliveries, struct held_run *run)
{
    struct delivery *delivery = delivery_take(deliveries);
    struct job_details *details = run->details;
    CURL *easy = delivery->easy;
    long timeout_ms = run->run.timeout_s > 0 ? run->run.timeout_s * 1000L : 1000L;

    result_begin(run);
    delivery->run = run;
    delivery->started_monotonic_ms = clock_monotonic_ms();
    delivery->response_bytes = 0;
    delivery->capped = false;
    delivery->error[0] = '\0';
    destination_begin(&delivery->destination, on_connected, delivery);

    char id[RUN_ID_SIZE];
    snprintf(delivery->id_text, sizeof(delivery->id_text), "webhook-id: %s", run_id(id, &run->run));
    snprintf(delivery->time_text, sizeof(delivery->time_text), "webhook-timestamp: %lld",
             (long long)(run->result.started_ms / 1000));
    delivery->time_header.next = details->headers;

    set_option(curl_easy_setopt(easy, CURLOPT_URL, details->url));
    set_option(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, &delivery->id_header));
    set_option(
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)details->payload_bytes));
    set_option(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, details->payload));
    set_option(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms));
    set_option(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                                timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS));
    transfers_start(deliveries->transfers, easy, on_done, delivery);
}

void delivery_refuse(struct held_run *run, enum result_outcome outcome, const char *error)
{
    result_begin(run);
    run->result.outcome = (uint8_t)outcome;
    run->result.code = 0;
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
