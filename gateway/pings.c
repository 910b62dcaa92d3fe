#include "gateway/pings.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/stats.h"
#include "gateway/turn_end.h"
#include "shared/bus_streams.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/secret.h"

#define TICK_MS          50
#define ACK_TIMEOUT_MS   1500 /* of one publish */
#define RETRY_REFUSED_MS 100  /* after a publish that failed */
#define UNDER_WAY_MAX    8    /* messages; what comes meanwhile shares the next one */
#define OPEN_MAX_MS      100  /* how much later than its first one a ping joins a message */
#define MARK_BYTES       8
#define SUBJECT_SIZE     32
#define ID_SIZE          40

/* In the order of the list: those that were published at least once, those that were not, and at
 * the end the one that takes further pings. */
struct message {
    struct pings *pings;
    uint64_t number;
    struct buffer bytes;
    unsigned count;
    struct request_list waiting;
    int64_t begun_ms; /* monotonic, as all times here */
    int64_t send_ms;  /* when it is to be published next */
    bool closed;      /* takes no further pings */
    bool under_way;   /* its acknowledgement is awaited */
    unsigned sendings;
    struct message *previous, *next;
};

struct pings {
    struct bus *bus;
    uv_timer_t timer; /* runs while there are messages */
    struct turn_end turn_end;
    char mark[HEX_SIZE(MARK_BYTES)];
    char subject[SUBJECT_SIZE];
    uint64_t next_number;
    struct message *first, *last;
    size_t waiting; /* pings */
    size_t bytes;
    unsigned under_way; /* messages */
};

static void free_message(struct message *message)
{
    struct pings *pings = message->pings;
    if (message->under_way) {
        bus_forget(pings->bus, message);
        pings->under_way--;
    }
    if (message->previous != NULL)
        message->previous->next = message->next;
    else
        pings->first = message->next;
    if (message->next != NULL)
        message->next->previous = message->previous;
    else
        pings->last = message->previous;
    pings->waiting -= message->count;
    pings->bytes -= message->bytes.length;
    stats_pings_waiting(pings->waiting);
    buffer_free(&message->bytes);
    free(message);
    if (pings->first == NULL)
        uv_timer_stop(&pings->timer);
}

static void on_stored(struct message *message)
{
    struct request *request;
    while ((request = request_list_take(&message->waiting)) != NULL) {
        reply_header(request, "cache-control", "no-store");
        reply_constant(request, "text/plain", "OK", 2);
    }
    stats_pings_stored(message->count);
    free_message(message);
}

static void give_up(struct message *message)
{
    LOG_WARN("pings were not stored in time", LOG_I64("pings", message->count),
             LOG_I64("sendings", message->sendings));
    struct request *request;
    while ((request = request_list_take(&message->waiting)) != NULL) {
        stats_refused(REFUSED_PING);
        reply_retry(request, 503, 1, "The ping could not be stored in time; send it again");
    }
    free_message(message);
}

static void on_ack(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    struct message *message = arg;
    struct pings *pings = message->pings;
    message->under_way = false;
    pings->under_way--;
    turn_end_ask(&pings->turn_end);
    if (status == BUS_OK) {
        on_stored(message);
        return;
    }
    if (message->sendings == 1) /* once for each message, however long it lasts */
        LOG_WARN("pings were not stored", LOG_STR("error", bus_status_text(status)),
                 LOG_I64("code", ack->err_code), LOG_STR("description", ack->description));
    message->send_ms = clock_monotonic_ms() + RETRY_REFUSED_MS;
}

static void publish(struct message *message, int64_t now_ms)
{
    struct pings *pings = message->pings;
    char id[ID_SIZE];
    if (!message->closed)
        ping_batch_end(&message->bytes, message->count);
    message->closed = true;
    snprintf(id, sizeof id, "%s:%llu", pings->mark, (unsigned long long)message->number);
    const struct bus_header header = {"Nats-Msg-Id", id};
    enum bus_status status =
        bus_publish_acked(pings->bus, pings->subject, &header, 1, message->bytes.data,
                          message->bytes.length, ACK_TIMEOUT_MS, on_ack, message);
    if (status != BUS_OK) {
        message->send_ms = now_ms + RETRY_REFUSED_MS;
        return;
    }
    message->under_way = true;
    pings->under_way++;
    stats_ping_message(message->sendings++ > 0);
}

/* Publishes what is due, the oldest first, as far as it may be under way. */
static void publish_due(struct pings *pings)
{
    if (!bus_connected(pings->bus))
        return;
    int64_t now_ms = clock_monotonic_ms();
    for (struct message *message = pings->first; message != NULL; message = message->next) {
        if (pings->under_way >= UNDER_WAY_MAX)
            return;
        if (!message->under_way && now_ms >= message->send_ms)
            publish(message, now_ms);
    }
}

static void on_turn_end(void *arg)
{
    publish_due(arg);
}

static void on_tick(uv_timer_t *timer)
{
    struct pings *pings = timer->data;
    int64_t now_ms = clock_monotonic_ms();
    struct message *next;
    for (struct message *message = pings->first; message != NULL; message = next) {
        next = message->next;
        if (now_ms - message->begun_ms >= PINGS_STORE_MS)
            give_up(message);
    }
    turn_end_ask(&pings->turn_end);
}

void pings_reconnected(struct pings *pings)
{
    for (struct message *message = pings->first; message != NULL; message = message->next)
        message->send_ms = 0;
    turn_end_ask(&pings->turn_end);
}

struct pings *pings_open(uv_loop_t *loop, struct bus *bus)
{
    struct pings *pings = memory_new(1, sizeof *pings);
    uint8_t mark[MARK_BYTES];
    pings->bus = bus;
    uv_timer_init(loop, &pings->timer);
    pings->timer.data = pings;
    turn_end_init(&pings->turn_end, loop, on_turn_end, pings);
    secret_random(mark, sizeof mark);
    hex_encode(mark, sizeof mark, pings->mark);
    int length = snprintf(pings->subject, sizeof pings->subject, SUBJECT_PING_FORMAT, pings->mark);
    INVARIANT(length > 0 && (size_t)length < sizeof pings->subject);
    return pings;
}

static bool has_room(const struct message *message, const struct ping *ping, int64_t now_ms)
{
    return !message->closed && message->count < PING_BATCH_MAX &&
           message->bytes.length + ping_bytes(ping) <= PING_MESSAGE_MAX &&
           now_ms - message->begun_ms <= OPEN_MAX_MS;
}

static struct message *new_message(struct pings *pings, int64_t now_ms)
{
    struct message *message = memory_new(1, sizeof *message);
    message->pings = pings;
    message->number = ++pings->next_number;
    message->begun_ms = now_ms;
    ping_batch_begin(&message->bytes);
    pings->bytes += message->bytes.length;
    message->previous = pings->last;
    if (pings->last != NULL)
        pings->last->next = message;
    else
        pings->first = message;
    pings->last = message;
    if (!uv_is_active((uv_handle_t *)&pings->timer))
        uv_timer_start(&pings->timer, on_tick, TICK_MS, TICK_MS);
    return message;
}

void pings_store(struct pings *pings, struct request *request, const struct ping *ping)
{
    size_t bytes = ping_bytes(ping);
    if (pings->waiting >= PINGS_WAITING || pings->bytes + bytes > PINGS_BYTES_MAX) {
        stats_refused(REFUSED_PING);
        reply_retry(request, 503, 1, "Too many pings are waiting; try again");
        return;
    }
    int64_t now_ms = clock_monotonic_ms();
    struct message *message = pings->last;
    if (message == NULL || !has_room(message, ping, now_ms))
        message = new_message(pings, now_ms);
    ping_batch_add(&message->bytes, ping);
    message->count++;
    pings->bytes += bytes;
    pings->waiting++;
    request_wait(request, &message->waiting);
    turn_end_ask(&pings->turn_end);
}
