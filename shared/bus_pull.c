/* Credit and pull requests on a JetStream consumer; see bus_internal.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_internal.h"
#include "shared/log.h"
#include "shared/memory.h"

#define NAME_SIZE         128
#define SUBJECT_SIZE      (2 * NAME_SIZE + 40)
#define REPLY_SIZE        (BUS_INBOX_SIZE + 12)
#define BODY_SIZE         128
#define EXPIRES_MS        20000
#define HEARTBEAT_MS      1000
#define NANOSECONDS_IN_MS INT64_C(1000000)
/*
 * A request is lost when nothing was heard for so many ticks: three heartbeats and more. Ticks are
 * counted and not time, for after a pause of the whole process what came meanwhile is still unread.
 */
#define TICK_MS    1000
#define TICKS_LOST 4
/* Of the server's status messages. */
#define STATUS_HEARTBEAT 100
#define STATUS_TIMEOUT   408
/* Before asking again what gave an error. */
#define PAUSE_MS 250

/*
 * One request is under way at a time. The next one is made when it is used up, and asks for all
 * that was granted meanwhile: so a full window costs one request, and an owner that grants one by
 * one does not cause a request for each.
 */
struct bus_pull {
    struct bus *bus;
    struct bus_pull_options options;
    struct bus_watcher watcher;
    struct bus_subscription *subscription;
    struct bus_pull_route route;
    uv_timer_t ask_timer;
    uv_timer_t tick_timer;
    unsigned open_handles;
    char stream[NAME_SIZE];
    char consumer[NAME_SIZE]; /* "": unset */
    char inbox[BUS_INBOX_SIZE];
    size_t inbox_length;
    uint64_t credit;         /* granted and not part of the request */
    uint32_t number;         /* of the last request */
    unsigned left;           /* messages that it may still bring; 0: none is under way */
    unsigned silent_ticks;   /* since something was heard of it */
    char last_complaint[64]; /* logged; not again until something good comes */
};

/* --- the acknowledgement subject --- */

int bus_pull_delivery_parse(const char *ack_subject, struct bus_pull_delivery *delivery)
{
    /*
     * $JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<time>.<left>
     * and, from servers that know domains, <domain>.<account> before the stream and a token behind.
     */
    static const char prefix[] = "$JS.ACK.";
    if (strncmp(ack_subject, prefix, sizeof(prefix) - 1) != 0)
        return -1;
    const char *tokens[12];
    size_t count = 0;
    tokens[count++] = ack_subject + sizeof(prefix) - 1;
    for (const char *c = tokens[0]; *c; c++) {
        if (*c != '.')
            continue;
        if (count == ARRAY_LENGTH(tokens))
            break;
        tokens[count++] = c + 1;
    }
    size_t first;
    if (count == 7)
        first = 2;
    else if (count >= 9)
        first = 4;
    else
        return -1;

    uint64_t numbers[4];
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        char *end;
        const char *token = tokens[first + i];
        if (*token < '0' || *token > '9')
            return -1;
        numbers[i] = strtoull(token, &end, 10);
        if (*end != '.')
            return -1;
    }
    delivery->delivery.delivered = numbers[0];
    delivery->delivery.stream_sequence = numbers[1];
    delivery->delivery.time_ms = (int64_t)(numbers[3] / NANOSECONDS_IN_MS);
    delivery->consumer_sequence = numbers[2];
    delivery->stream = tokens[first - 2];
    delivery->stream_length = (size_t)(tokens[first - 1] - tokens[first - 2]) - 1;
    delivery->consumer = tokens[first - 1];
    delivery->consumer_length = (size_t)(tokens[first] - tokens[first - 1]) - 1;
    return 0;
}

/* --- asking --- */

static void on_ask(uv_timer_t *timer);
static void on_tick(uv_timer_t *timer);

static void ask_in(struct bus_pull *pull, uint64_t ms)
{
    /* A pause is not cut short by a grant. */
    if (!uv_is_active((uv_handle_t *)&pull->ask_timer))
        INVARIANT(uv_timer_start(&pull->ask_timer, on_ask, ms, 0) == 0);
}

static void give_up_request(struct bus_pull *pull)
{
    pull->credit += pull->left;
    pull->left = 0;
    uv_timer_stop(&pull->tick_timer);
}

static void on_ask(uv_timer_t *timer)
{
    struct bus_pull *pull = timer->data;
    if (pull->credit == 0 || pull->left > 0 || !*pull->consumer || !bus_connected(pull->bus))
        return;
    unsigned batch = pull->credit > INT32_MAX ? INT32_MAX : (unsigned)pull->credit;
    char subject[SUBJECT_SIZE];
    char reply[REPLY_SIZE];
    char body[BODY_SIZE];
    snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.MSG.NEXT.%s.%s", pull->stream,
             pull->consumer);
    snprintf(reply, sizeof(reply), "%s.%" PRIu32, pull->inbox, ++pull->number);
    int length = snprintf(body, sizeof(body),
                          "{\"batch\":%u,\"expires\":%" PRId64 ",\"idle_heartbeat\":%" PRId64 "}",
                          batch, EXPIRES_MS * NANOSECONDS_IN_MS, HEARTBEAT_MS * NANOSECONDS_IN_MS);
    if (bus_publish(pull->bus, subject, reply, body, (size_t)length) != BUS_OK) {
        ask_in(pull, PAUSE_MS);
        return;
    }
    pull->credit -= batch;
    pull->left = batch;
    pull->silent_ticks = 0;
    INVARIANT(uv_timer_start(&pull->tick_timer, on_tick, TICK_MS, TICK_MS) == 0);
}

/* --- losing --- */

static void complain(struct bus_pull *pull, const char *reason)
{
    if (strcmp(pull->last_complaint, reason) == 0)
        return;
    snprintf(pull->last_complaint, sizeof(pull->last_complaint), "%s", reason);
    LOG_WARN("bus: pull interrupted", LOG_STR("stream", pull->stream),
             LOG_STR("consumer", pull->consumer), LOG_STR("reason", reason));
}

static void lose(struct bus_pull *pull, const char *reason)
{
    give_up_request(pull);
    if (!pull->options.on_lost) {
        uv_timer_stop(&pull->ask_timer);
        ask_in(pull, PAUSE_MS);
        return;
    }
    pull->consumer[0] = '\0';
    pull->options.on_lost(pull->options.arg, reason);
}

static void on_tick(uv_timer_t *timer)
{
    struct bus_pull *pull = timer->data;
    if (++pull->silent_ticks < TICKS_LOST)
        return;
    complain(pull, "no heartbeat");
    lose(pull, "no heartbeat");
}

static void on_state(void *arg, bool connected)
{
    struct bus_pull *pull = arg;
    if (connected) {
        uv_timer_stop(&pull->ask_timer);
        ask_in(pull, 0);
    } else {
        lose(pull, "disconnected");
    }
}

/* --- what comes in --- */

/* A status message: the request lives, or it has ended because of time or trouble. */
static void on_message(void *arg, const struct bus_message *message)
{
    struct bus_pull *pull = arg;
    int status = bus_message_status(message);
    const char *suffix = message->subject + pull->inbox_length;
    if (!status || *suffix != '.' || strtoul(suffix + 1, NULL, 10) != pull->number || !pull->left)
        return;
    pull->silent_ticks = 0;
    if (status == STATUS_HEARTBEAT)
        return;
    if (status == STATUS_TIMEOUT) {
        const char *missing = bus_message_header(message, "Nats-Pending-Messages");
        if (!missing || strtoull(missing, NULL, 10) >= pull->left) {
            give_up_request(pull);
            ask_in(pull, 0);
            return;
        }
        complain(pull, "deliveries missing");
        lose(pull, "deliveries missing");
        return;
    }
    const char *text = bus_message_header(message, "Description");
    char reason[64];
    snprintf(reason, sizeof(reason), "%d %s", status, text ? text : "");
    complain(pull, reason);
    lose(pull, reason);
}

static void on_delivery(void *arg, const struct bus_message *message,
                        const struct bus_pull_delivery *delivery)
{
    struct bus_pull *pull = arg;
    if (pull->left == 0) {
        if (pull->options.on_stray)
            pull->options.on_stray(pull->options.arg, message, delivery);
        return;
    }
    pull->last_complaint[0] = '\0';
    pull->silent_ticks = 0;
    if (--pull->left == 0) {
        uv_timer_stop(&pull->tick_timer);
        ask_in(pull, 0);
    }
    pull->options.on_message(pull->options.arg, message, delivery);
}

/* --- life --- */

static void timer_init(struct bus_pull *pull, uv_timer_t *timer)
{
    INVARIANT(uv_timer_init(bus_loop(pull->bus), timer) == 0);
    timer->data = pull;
    pull->open_handles++;
}

struct bus_pull *bus_pull_open(struct bus *bus, const struct bus_pull_options *options)
{
    struct bus_pull *pull = memory_new(1, sizeof(*pull));
    pull->bus = bus;
    pull->options = *options;
    INVARIANT(snprintf(pull->stream, NAME_SIZE, "%s", options->stream) < NAME_SIZE);
    timer_init(pull, &pull->ask_timer);
    timer_init(pull, &pull->tick_timer);
    bus_new_inbox(bus, pull->inbox);
    pull->inbox_length = strlen(pull->inbox);
    pull->subscription = bus_subscribe(bus, pull->inbox, NULL, on_message, pull);
    pull->watcher = (struct bus_watcher){.on_state = on_state, .arg = pull};
    bus_watch(bus, &pull->watcher);
    pull->route = (struct bus_pull_route){.stream = pull->stream,
                                          .consumer = pull->consumer,
                                          .on_delivery = on_delivery,
                                          .arg = pull};
    bus_add_route(bus, &pull->route);
    return pull;
}

static void on_closed(uv_handle_t *handle)
{
    struct bus_pull *pull = handle->data;
    if (--pull->open_handles == 0)
        free(pull);
}

void bus_pull_close(struct bus_pull *pull)
{
    bus_unwatch(pull->bus, &pull->watcher);
    bus_remove_route(pull->bus, &pull->route);
    bus_unsubscribe(pull->subscription);
    uv_close((uv_handle_t *)&pull->ask_timer, on_closed);
    uv_close((uv_handle_t *)&pull->tick_timer, on_closed);
}

void bus_pull_grant(struct bus_pull *pull, unsigned count)
{
    pull->credit += count;
    ask_in(pull, 0);
}

void bus_pull_set_consumer(struct bus_pull *pull, const char *consumer)
{
    give_up_request(pull);
    INVARIANT(snprintf(pull->consumer, NAME_SIZE, "%s", consumer ? consumer : "") < NAME_SIZE);
    if (consumer)
        ask_in(pull, 0);
}
