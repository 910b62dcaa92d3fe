#include "shared/bus_streams.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "shared/buffer.h"
#include "shared/bus_internal.h"
#include "shared/log.h"
#include "shared/memory.h"

#define API_TIMEOUT_MS    5000
#define REFUSALS_MAX      5 /* to make an item, before that is the answer */
#define RETRY_MS          250
#define RETRY_LOG_MS      10000
#define NANOSECONDS_IN_MS INT64_C(1000000)
#define NANOSECONDS_IN_S  INT64_C(1000000000)
#define HOUR_S            INT64_C(3600)
#define DAY_S             (24 * HOUR_S)
#define ERROR_SIZE        256
#define REPLICAS          1

/* JetStream's error codes. */
#define ERR_CONSUMER_NOT_FOUND 10014
#define ERR_STREAM_NOT_FOUND   10059
#define ERR_STREAM_NAME_IN_USE 10058
#define HTTP_UNAVAILABLE       503

#define MAX_ACK_PENDING 100000
#define MAX_WAITING     2048

struct stream {
    const char *name;
    const char *subject;
    int64_t max_age_s;
    int64_t duplicate_window_s;
    const char *discard;
    int64_t max_message_bytes;
    int64_t bytes_max; /* of the stream, where that is less than what all may have; 0: it is not */
};

static const struct stream streams[] = {
    {STREAM_COMMANDS, "cmd.>", 6 * HOUR_S, 120, "new", 1 << 20, 0},
    {STREAM_PINGS, "ping.*", DAY_S, 120, "new", 512 << 10, 0},
    {STREAM_RUNS, "run.>", 7 * DAY_S, 120, "old", 16 << 10, 0},
    {STREAM_RESULTS, "result.>", DAY_S, 120, "new", 256 << 10, 0},
    {STREAM_MAIL, "mail.>", 7 * DAY_S, 2 * HOUR_S, "new", 256 << 10, 0},
    {STREAM_RATES, "rate.>", 180, 120, "old", 4 << 10, 16 << 20},
};

/* One for each lane, and the mailer's. */
#define DURABLES (LANES + 1)
#define ITEMS    (ARRAY_LENGTH(streams) + DURABLES)

#define NAME_SIZE 64

struct durable {
    const char *stream;
    char name[NAME_SIZE];
    char filter[NAME_SIZE];
    int64_t ack_wait_ms;
};

static void durable_number(size_t number, struct durable *durable)
{
    if (number < LANES) {
        durable->stream = STREAM_RUNS;
        durable->ack_wait_ms = RUN_ACK_WAIT_MS;
        snprintf(durable->name, NAME_SIZE, DURABLE_DISPATCHER_FORMAT, (unsigned)number);
        snprintf(durable->filter, NAME_SIZE, SUBJECT_RUN_FORMAT, (unsigned)number);
    } else {
        durable->stream = STREAM_MAIL;
        durable->ack_wait_ms = MAIL_ACK_WAIT_MS;
        snprintf(durable->name, NAME_SIZE, "%s", DURABLE_MAILER);
        snprintf(durable->filter, NAME_SIZE, "mail.>");
    }
}

/*
 * The items are done one after the other: asked for, and where one is missing created. Two
 * processes that create the same at once both succeed, for what they create is the same; where a
 * stream's size differs, the second is told that the name is in use, and asks again.
 */
struct ensure {
    struct bus *bus;
    struct bus_watcher watcher;
    uv_timer_t retry_timer;
    int64_t storage_bytes;
    void (*on_done)(void *arg, const char *error);
    void *arg;
    size_t item;
    int64_t last_log_ms;
    unsigned refusals; /* of the item, in a row */
};

static void ask(struct ensure *ensure);

/* --- answers --- */

static const char *text_member(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

static double number_member(const cJSON *object, const char *name)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(number) ? number->valuedouble : 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void end(struct ensure *ensure)
{
    bus_forget(ensure->bus, ensure);
    uv_close((uv_handle_t *)&ensure->retry_timer, on_closed);
}

static void on_bus_close(void *arg)
{
    end(arg);
}

static void finish(struct ensure *ensure, const char *error)
{
    bus_unwatch(ensure->bus, &ensure->watcher);
    end(ensure);
    ensure->on_done(ensure->arg, error);
}

static void on_retry(uv_timer_t *timer)
{
    ask(timer->data);
}

static void retry(struct ensure *ensure, const char *reason)
{
    int64_t now_ms = bus_now_ms();
    if (!ensure->last_log_ms || now_ms - ensure->last_log_ms >= RETRY_LOG_MS) {
        LOG_WARN("bus: waiting for the streams", LOG_STR("reason", reason));
        ensure->last_log_ms = now_ms;
    }
    INVARIANT(uv_timer_start(&ensure->retry_timer, on_retry, RETRY_MS, 0) == 0);
}

static void next_item(struct ensure *ensure)
{
    ensure->refusals = 0;
    if (++ensure->item < ITEMS)
        ask(ensure);
    else
        finish(ensure, NULL);
}

static void finish_differs(struct ensure *ensure, const char *kind, const char *name,
                           const char *what)
{
    char error[ERROR_SIZE];
    snprintf(error, sizeof(error), "%s %s exists with other %s", kind, name, what);
    finish(ensure, error);
}

static void check_stream(struct ensure *ensure, const struct stream *stream, const cJSON *config)
{
    const cJSON *subjects = cJSON_GetObjectItemCaseSensitive(config, "subjects");
    const char *subject = cJSON_GetStringValue(cJSON_GetArrayItem(subjects, 0));
    if (cJSON_GetArraySize(subjects) != 1 || !subject || strcmp(subject, stream->subject) != 0)
        finish_differs(ensure, "stream", stream->name, "subjects");
    else if (strcmp(text_member(config, "retention"), "limits") != 0)
        finish_differs(ensure, "stream", stream->name, "retention");
    else
        next_item(ensure);
}

static void check_durable(struct ensure *ensure, const struct durable *durable, const cJSON *config)
{
    double ack_wait_ns = (double)(durable->ack_wait_ms * NANOSECONDS_IN_MS);
    const char *what = NULL;
    if (strcmp(text_member(config, "filter_subject"), durable->filter) != 0)
        what = "filter_subject";
    else if (strcmp(text_member(config, "ack_policy"), "explicit") != 0)
        what = "ack_policy";
    else if (number_member(config, "ack_wait") < ack_wait_ns ||
             number_member(config, "ack_wait") > ack_wait_ns)
        what = "ack_wait";
    else if (number_member(config, "max_deliver") > 0)
        what = "max_deliver";
    if (what)
        finish_differs(ensure, "consumer", durable->name, what);
    else
        next_item(ensure);
}

static void create(struct ensure *ensure);

/* Returns the answer's JSON for cJSON_Delete, or NULL where the item will be asked for again. */
static cJSON *parse_answer(struct ensure *ensure, enum bus_status status,
                           const struct bus_message *message)
{
    if (status != BUS_OK) {
        retry(ensure, bus_status_text(status));
        return NULL;
    }
    cJSON *tree = cJSON_ParseWithLength(message->data, message->length);
    if (!tree)
        retry(ensure, "unexpected answer");
    return tree;
}

static void on_error(struct ensure *ensure, const cJSON *error)
{
    int code = (int)number_member(error, "err_code");
    if ((int)number_member(error, "code") == HTTP_UNAVAILABLE || code == ERR_STREAM_NAME_IN_USE) {
        retry(ensure, text_member(error, "description"));
        return;
    }
    char text[ERROR_SIZE];
    snprintf(text, sizeof(text), "JetStream: %s (%d)", text_member(error, "description"), code);
    finish(ensure, text);
}

static void on_info(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct ensure *ensure = arg;
    cJSON *tree = parse_answer(ensure, status, message);
    if (!tree)
        return;
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(tree, "config");
    int code = (int)number_member(error, "err_code");
    if (code == ERR_STREAM_NOT_FOUND || code == ERR_CONSUMER_NOT_FOUND) {
        create(ensure);
    } else if (error) {
        on_error(ensure, error);
    } else if (ensure->item < ARRAY_LENGTH(streams)) {
        check_stream(ensure, &streams[ensure->item], config);
    } else {
        struct durable durable;
        durable_number(ensure->item - ARRAY_LENGTH(streams), &durable);
        check_durable(ensure, &durable, config);
    }
    cJSON_Delete(tree);
}

static void on_created(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct ensure *ensure = arg;
    cJSON *tree = parse_answer(ensure, status, message);
    if (!tree)
        return;
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
    /* Two that make the same thing at once get all kinds of errors: look whether it is there now.
     */
    if (error && ensure->refusals++ < REFUSALS_MAX)
        retry(ensure, text_member(error, "description"));
    else if (error)
        on_error(ensure, error);
    else
        next_item(ensure);
    cJSON_Delete(tree);
}

/* --- questions --- */

static void send_question(struct ensure *ensure, const struct buffer *subject,
                          const struct buffer *body, bus_answer_cb *on_answer)
{
    enum bus_status status = bus_request(ensure->bus, subject->data, NULL, 0, body->data,
                                         body->length, API_TIMEOUT_MS, on_answer, ensure);
    if (status != BUS_OK)
        retry(ensure, bus_status_text(status));
}

static int64_t stream_bytes(const struct ensure *ensure, const struct stream *stream)
{
    bool less = stream->bytes_max > 0 && stream->bytes_max < ensure->storage_bytes;
    return less ? stream->bytes_max : ensure->storage_bytes;
}

static void create(struct ensure *ensure)
{
    struct buffer subject = BUFFER_EMPTY;
    struct buffer body = BUFFER_EMPTY;
    if (ensure->item < ARRAY_LENGTH(streams)) {
        const struct stream *stream = &streams[ensure->item];
        buffer_format(&subject, "$JS.API.STREAM.CREATE.%s", stream->name);
        buffer_format(&body,
                      "{\"name\":\"%s\",\"subjects\":[\"%s\"],\"retention\":\"limits\","
                      "\"storage\":\"file\",\"num_replicas\":%d,\"discard\":\"%s\","
                      "\"max_consumers\":-1,\"max_msgs\":-1,\"max_msgs_per_subject\":-1,"
                      "\"max_bytes\":%" PRId64 ",\"max_age\":%" PRId64
                      ",\"duplicate_window\":%" PRId64 ",\"max_msg_size\":%" PRId64 "}",
                      stream->name, stream->subject, REPLICAS, stream->discard,
                      stream_bytes(ensure, stream), stream->max_age_s * NANOSECONDS_IN_S,
                      stream->duplicate_window_s * NANOSECONDS_IN_S, stream->max_message_bytes);
    } else {
        struct durable durable;
        durable_number(ensure->item - ARRAY_LENGTH(streams), &durable);
        buffer_format(&subject, "$JS.API.CONSUMER.DURABLE.CREATE.%s.%s", durable.stream,
                      durable.name);
        buffer_format(&body,
                      "{\"stream_name\":\"%s\",\"config\":{\"durable_name\":\"%s\","
                      "\"deliver_policy\":\"all\",\"replay_policy\":\"instant\","
                      "\"ack_policy\":\"explicit\",\"filter_subject\":\"%s\",\"max_deliver\":-1,"
                      "\"ack_wait\":%" PRId64 ",\"max_ack_pending\":%d,\"max_waiting\":%d}}",
                      durable.stream, durable.name, durable.filter,
                      durable.ack_wait_ms * NANOSECONDS_IN_MS, MAX_ACK_PENDING, MAX_WAITING);
    }
    send_question(ensure, &subject, &body, on_created);
    buffer_free(&body);
    buffer_free(&subject);
}

static void ask(struct ensure *ensure)
{
    struct buffer subject = BUFFER_EMPTY;
    struct buffer body = BUFFER_EMPTY;
    if (ensure->item < ARRAY_LENGTH(streams)) {
        buffer_format(&subject, "$JS.API.STREAM.INFO.%s", streams[ensure->item].name);
    } else {
        struct durable durable;
        durable_number(ensure->item - ARRAY_LENGTH(streams), &durable);
        buffer_format(&subject, "$JS.API.CONSUMER.INFO.%s.%s", durable.stream, durable.name);
    }
    send_question(ensure, &subject, &body, on_info);
    buffer_free(&subject);
}

static void on_state(void *arg, bool connected)
{
    struct ensure *ensure = arg;
    bus_forget(ensure->bus, ensure);
    uv_timer_stop(&ensure->retry_timer);
    ensure->item = 0; /* what was there may be gone with the server's data */
    if (connected)
        ask(ensure);
}

void bus_streams_ensure(struct bus *bus, int64_t storage_bytes,
                        void (*on_done)(void *arg, const char *error), void *arg)
{
    struct ensure *ensure = memory_new(1, sizeof(*ensure));
    ensure->bus = bus;
    ensure->storage_bytes = storage_bytes;
    ensure->on_done = on_done;
    ensure->arg = arg;
    INVARIANT(uv_timer_init(bus_loop(bus), &ensure->retry_timer) == 0);
    ensure->retry_timer.data = ensure;
    ensure->watcher =
        (struct bus_watcher){.on_state = on_state, .on_close = on_bus_close, .arg = ensure};
    bus_watch(bus, &ensure->watcher);
    if (bus_connected(bus))
        ask(ensure);
}

/* --- events --- */

int64_t bus_event_id(const char *subject, const char *noun)
{
    static const char prefix[] = "event.";
    size_t length = strlen(noun);
    if (strncmp(subject, prefix, sizeof(prefix) - 1) != 0)
        return 0;
    const char *rest = subject + sizeof(prefix) - 1;
    if (strncmp(rest, noun, length) != 0 || rest[length] != '.')
        return 0;
    const char *digits = rest + length + 1;
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return 0;
    errno = 0;
    long long id = strtoll(digits, NULL, 10);
    return errno == 0 ? id : 0;
}

/* --- the range of a stream --- */

static void decode_range(bus_callback *callback, void *arg, enum bus_status status,
                         const struct bus_message *message)
{
    cJSON *tree = message ? cJSON_ParseWithLength(message->data, message->length) : NULL;
    const cJSON *state = cJSON_GetObjectItemCaseSensitive(tree, "state");
    uint64_t first = (uint64_t)number_member(state, "first_seq");
    uint64_t last = (uint64_t)number_member(state, "last_seq");
    if (status == BUS_OK && !cJSON_IsObject(state))
        status = BUS_REFUSED;
    cJSON_Delete(tree);
    ((bus_stream_range_cb *)callback)(arg, status, first, last);
}

enum bus_status bus_stream_range(struct bus *bus, const char *stream, int64_t timeout_ms,
                                 bus_stream_range_cb *on_range, void *arg)
{
    char subject[128];
    int length = snprintf(subject, sizeof(subject), "$JS.API.STREAM.INFO.%s", stream);
    INVARIANT(length > 0 && (size_t)length < sizeof(subject));
    return bus_request_decoded(bus, subject, NULL, 0, NULL, 0, timeout_ms, decode_range,
                               (bus_callback *)on_range, arg);
}
