#include "scheduler/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "shared/buffer.h"
#include "shared/log.h"
#include "shared/memory.h"

#define PUBLISH_TIMEOUT_MS 5000
#define RETRY_MS           1000

struct item {
    struct item *next;
    int64_t id;
    char *subject, *message_id;
    struct buffer payload;
};

/* One at a time: mail is rare, and order costs nothing then. */
struct outbox {
    struct bus *bus;
    uv_timer_t retry;
    void (*on_acknowledged)(void *arg);
    void *arg;
    struct item *first, **last;
    size_t waiting;
    bool publishing;
    int64_t *acknowledged;
    size_t acknowledged_count, acknowledged_room;
};

static void publish_first(struct outbox *outbox);

static void item_free(struct item *item)
{
    free(item->subject);
    free(item->message_id);
    buffer_free(&item->payload);
    free(item);
}

static void retry_now(uv_timer_t *timer)
{
    publish_first(timer->data);
}

static void published(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    struct outbox *outbox = arg;
    outbox->publishing = false;
    if (status != BUS_OK) {
        LOG_WARN(
            "outbox message was not taken, trying again",
            LOG_STR("reason", status == BUS_REFUSED ? ack->description : bus_status_text(status)),
            LOG_I64("waiting", outbox->waiting));
        uv_timer_start(&outbox->retry, retry_now, RETRY_MS, 0);
        return;
    }
    if (outbox->acknowledged_count == outbox->acknowledged_room) {
        outbox->acknowledged_room = outbox->acknowledged_room ? 2 * outbox->acknowledged_room : 64;
        outbox->acknowledged =
            memory_resize(outbox->acknowledged, outbox->acknowledged_room, sizeof(int64_t));
    }
    struct item *item = outbox->first;
    outbox->acknowledged[outbox->acknowledged_count++] = item->id;
    outbox->first = item->next;
    if (!outbox->first)
        outbox->last = &outbox->first;
    outbox->waiting--;
    item_free(item);
    publish_first(outbox);
    outbox->on_acknowledged(outbox->arg);
}

static void publish_first(struct outbox *outbox)
{
    struct item *item = outbox->first;
    if (!item || outbox->publishing || uv_is_active((uv_handle_t *)&outbox->retry))
        return;
    struct bus_header header = {"Nats-Msg-Id", item->message_id};
    if (bus_publish_acked(outbox->bus, item->subject, &header, 1, item->payload.data,
                          item->payload.length, PUBLISH_TIMEOUT_MS, published, outbox) == BUS_OK)
        outbox->publishing = true;
    else
        uv_timer_start(&outbox->retry, retry_now, RETRY_MS, 0);
}

struct outbox *outbox_open(uv_loop_t *loop, struct bus *bus, void (*on_acknowledged)(void *arg),
                           void *arg)
{
    struct outbox *outbox = memory_new(1, sizeof(*outbox));
    outbox->bus = bus;
    outbox->on_acknowledged = on_acknowledged;
    outbox->arg = arg;
    outbox->last = &outbox->first;
    uv_timer_init(loop, &outbox->retry);
    outbox->retry.data = outbox;
    return outbox;
}

static void outbox_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void outbox_close(struct outbox *outbox)
{
    bus_forget(outbox->bus, outbox);
    while (outbox->first) {
        struct item *item = outbox->first;
        outbox->first = item->next;
        item_free(item);
    }
    free(outbox->acknowledged);
    uv_close((uv_handle_t *)&outbox->retry, outbox_closed);
}

void outbox_add(struct outbox *outbox, int64_t id, const char *subject, const char *message_id,
                const void *payload, size_t length)
{
    struct item *item = memory_new(1, sizeof(*item));
    item->id = id;
    item->subject = memory_text(subject, strlen(subject));
    item->message_id = memory_text(message_id, strlen(message_id));
    buffer_append(&item->payload, payload, length);
    *outbox->last = item;
    outbox->last = &item->next;
    outbox->waiting++;
    publish_first(outbox);
}

size_t outbox_waiting(const struct outbox *outbox)
{
    return outbox->waiting;
}

size_t outbox_acknowledged(const struct outbox *outbox, const int64_t **ids)
{
    *ids = outbox->acknowledged;
    return outbox->acknowledged_count;
}

void outbox_forget(struct outbox *outbox, size_t count)
{
    outbox->acknowledged_count -= count;
    memmove(outbox->acknowledged, outbox->acknowledged + count,
            outbox->acknowledged_count * sizeof(int64_t));
}
