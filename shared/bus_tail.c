#include "shared/bus_tail.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "shared/buffer.h"
#include "shared/bus_internal.h"
#include "shared/bus_streams.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/memory.h"

#define NAME_SIZE             128
#define API_TIMEOUT_MS        2000
#define PAUSE_MS              250
#define INACTIVE_THRESHOLD_NS INT64_C(30000000000)

/*
 * Ask the stream's range, create a consumer behind the position, read until it is lost; again.
 * Between any two of these there may be a pause, or no connection.
 */
struct bus_tail {
    struct bus *bus;
    struct bus_watcher watcher;
    struct bus_pull *pull;
    uv_timer_t retry_timer;
    bus_tail_cb *on_message;
    void *arg;
    char *stream;
    char *filter;               /* or NULL */
    char consumer[NAME_SIZE];   /* of our making, perhaps still there; "": none */
    uint64_t position;          /* the last message handed on, or where reading starts */
    int64_t since_ms;           /* reading starts there, while nothing was handed on; 0: position */
    uint64_t consumer_sequence; /* of the last delivery by the present consumer */
    enum bus_status last_failure;
};

static void start(struct bus_tail *tail);

static void on_retry(uv_timer_t *timer)
{
    start(timer->data);
}

static void retry(struct bus_tail *tail)
{
    INVARIANT(uv_timer_start(&tail->retry_timer, on_retry, PAUSE_MS, 0) == 0);
}

static void on_deleted(void *arg, enum bus_status status, const struct bus_message *message)
{
    (void)arg;
    (void)status;
    (void)message;
}

/* Best effort: the server removes it by itself when nobody reads. */
static void drop_consumer(struct bus_tail *tail)
{
    if (!*tail->consumer)
        return;
    struct buffer subject = BUFFER_EMPTY;
    buffer_format(&subject, "$JS.API.CONSUMER.DELETE.%s.%s", tail->stream, tail->consumer);
    tail->consumer[0] = '\0';
    if (bus_connected(tail->bus) && bus_request(tail->bus, subject.data, NULL, 0, NULL, 0,
                                                API_TIMEOUT_MS, on_deleted, NULL) != BUS_OK)
        LOG_DEBUG("bus: consumer not deleted", LOG_STR("stream", tail->stream));
    buffer_free(&subject);
}

static void fail(struct bus_tail *tail, const char *what, enum bus_status status,
                 const char *detail)
{
    if (status != tail->last_failure)
        LOG_WARN("bus: reader of a stream waits", LOG_STR("stream", tail->stream),
                 LOG_STR("what", what), LOG_STR("error", bus_status_text(status)),
                 LOG_STR("detail", detail));
    tail->last_failure = status;
    retry(tail);
}

static void on_created(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct bus_tail *tail = arg;
    if (status != BUS_OK) {
        fail(tail, "create consumer", status, "");
        return;
    }
    cJSON *tree = cJSON_ParseWithLength(message->data, message->length);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "name"));
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "description"));
    if (error || !name || strlen(name) >= sizeof(tail->consumer)) {
        fail(tail, "create consumer", BUS_REFUSED, text ? text : "unexpected answer");
    } else {
        memcpy(tail->consumer, name, strlen(name) + 1);
        tail->consumer_sequence = 0;
        tail->last_failure = BUS_OK;
        bus_pull_set_consumer(tail->pull, name);
    }
    cJSON_Delete(tree);
}

/* "deliver_policy" and what belongs to it */
static void write_start(const struct bus_tail *tail, struct buffer *body)
{
    char time[CLOCK_TEXT_SIZE];
    if (tail->since_ms)
        buffer_format(body, "\"by_start_time\",\"opt_start_time\":\"%s\"",
                      clock_format_ms(time, tail->since_ms));
    else
        buffer_format(body, "\"by_start_sequence\",\"opt_start_seq\":%" PRIu64, tail->position + 1);
}

static void create_consumer(struct bus_tail *tail)
{
    struct buffer subject = BUFFER_EMPTY;
    struct buffer body = BUFFER_EMPTY;
    buffer_format(&subject, "$JS.API.CONSUMER.CREATE.%s", tail->stream);
    buffer_text(&body, "{\"stream_name\":");
    json_write_string(&body, tail->stream, strlen(tail->stream));
    buffer_text(&body, ",\"config\":{\"deliver_policy\":");
    write_start(tail, &body);
    buffer_format(&body,
                  ",\"ack_policy\":\"none\",\"replay_policy\":\"instant\",\"mem_storage\":true,"
                  "\"num_replicas\":1,\"inactive_threshold\":%" PRId64,
                  INACTIVE_THRESHOLD_NS);
    if (tail->filter) {
        buffer_text(&body, ",\"filter_subject\":");
        json_write_string(&body, tail->filter, strlen(tail->filter));
    }
    buffer_text(&body, "}}");
    enum bus_status status = bus_request(tail->bus, subject.data, NULL, 0, body.data, body.length,
                                         API_TIMEOUT_MS, on_created, tail);
    if (status != BUS_OK)
        fail(tail, "create consumer", status, "");
    buffer_free(&body);
    buffer_free(&subject);
}

static void on_range(void *arg, enum bus_status status, uint64_t first, uint64_t last)
{
    struct bus_tail *tail = arg;
    if (status != BUS_OK) {
        fail(tail, "stream range", status, "");
        return;
    }
    if (last < tail->position) {
        LOG_ERROR("bus: the stream was made anew, reading it from its first message",
                  LOG_STR("stream", tail->stream), LOG_I64("position", tail->position),
                  LOG_I64("first", first), LOG_I64("last", last));
        tail->position = first > 0 ? first - 1 : 0;
    }
    create_consumer(tail);
}

static void start(struct bus_tail *tail)
{
    if (!bus_connected(tail->bus))
        return; /* on_state calls again */
    enum bus_status status =
        bus_stream_range(tail->bus, tail->stream, API_TIMEOUT_MS, on_range, tail);
    if (status != BUS_OK)
        fail(tail, "stream range", status, "");
}

static void begin_again(struct bus_tail *tail)
{
    bus_forget(tail->bus, tail);
    uv_timer_stop(&tail->retry_timer);
    bus_pull_set_consumer(tail->pull, NULL);
    drop_consumer(tail);
}

static void on_lost(void *arg, const char *reason)
{
    (void)reason;
    struct bus_tail *tail = arg;
    begin_again(tail);
    retry(tail);
}

static void on_delivery(void *arg, const struct bus_message *message,
                        const struct bus_pull_delivery *delivery)
{
    struct bus_tail *tail = arg;
    if (delivery->consumer_sequence != tail->consumer_sequence + 1) {
        LOG_WARN("bus: a gap in the deliveries", LOG_STR("stream", tail->stream),
                 LOG_I64("after", tail->position));
        /* This one was counted as used; it will come once more. */
        bus_pull_grant(tail->pull, 1);
        begin_again(tail);
        start(tail);
        return;
    }
    tail->consumer_sequence++;
    tail->position = delivery->delivery.stream_sequence;
    tail->since_ms = 0;
    tail->on_message(tail->arg, tail->position, delivery->delivery.time_ms, message);
}

static void on_state(void *arg, bool connected)
{
    struct bus_tail *tail = arg;
    begin_again(tail);
    if (connected)
        start(tail);
}

static struct bus_tail *open_at(struct bus *bus, const char *stream, const char *filter,
                                uint64_t after, int64_t since_ms, bus_tail_cb *on_message,
                                void *arg)
{
    struct bus_tail *tail = memory_new(1, sizeof(*tail));
    tail->bus = bus;
    tail->on_message = on_message;
    tail->arg = arg;
    tail->stream = memory_text(stream, strlen(stream));
    tail->filter = filter ? memory_text(filter, strlen(filter)) : NULL;
    tail->position = after;
    tail->since_ms = since_ms;
    INVARIANT(uv_timer_init(bus_loop(bus), &tail->retry_timer) == 0);
    tail->retry_timer.data = tail;
    tail->pull = bus_pull_open(
        bus, &(struct bus_pull_options){
                 .stream = stream, .on_message = on_delivery, .on_lost = on_lost, .arg = tail});
    tail->watcher = (struct bus_watcher){.on_state = on_state, .arg = tail};
    bus_watch(bus, &tail->watcher);
    start(tail);
    return tail;
}

struct bus_tail *bus_tail_open(struct bus *bus, const char *stream, const char *filter,
                               uint64_t after, bus_tail_cb *on_message, void *arg)
{
    return open_at(bus, stream, filter, after, 0, on_message, arg);
}

struct bus_tail *bus_tail_open_since(struct bus *bus, const char *stream, const char *filter,
                                     int64_t since_ms, bus_tail_cb *on_message, void *arg)
{
    INVARIANT(since_ms > 0);
    return open_at(bus, stream, filter, 0, since_ms, on_message, arg);
}

static void on_closed(uv_handle_t *handle)
{
    struct bus_tail *tail = handle->data;
    free(tail->stream);
    free(tail->filter);
    free(tail);
}

void bus_tail_close(struct bus_tail *tail)
{
    begin_again(tail);
    bus_unwatch(tail->bus, &tail->watcher);
    bus_pull_close(tail->pull);
    uv_close((uv_handle_t *)&tail->retry_timer, on_closed);
}

void bus_tail_grant(struct bus_tail *tail, unsigned count)
{
    bus_pull_grant(tail->pull, count);
}
