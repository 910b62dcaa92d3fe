/* The loop's side of the bus; see bus_internal.h for the parts. */
#include "shared/bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "shared/bus_internal.h"
#include "shared/log.h"
#include "shared/memory.h"

#define QUEUE_LIMIT_DEFAULT 65536
/* Events handed on in one turn of the loop. */
#define EVENTS_PER_TURN 1024
/* A request made while there is no connection ends after it: a caller in a loop does not spin. */
#define DISCONNECTED_PAUSE_MS 50
/* Handed over within a turn, too: what a long turn publishes leaves while it goes on. */
#define PUBLISHES_PER_HAND_OVER 64
/* Far below the server's limit on a protocol line, at which it would hang up. */
#define SUBJECT_MAX_BYTES    512
#define SUBJECT_LOGGED_BYTES 80

/* Of core subscriptions; an id is the generation and the slot. */
struct slot {
    uint32_t generation;
    struct bus_subscription *subscription; /* NULL: free */
};

struct bus {
    uv_loop_t *loop;
    uv_async_t wake;
    uv_prepare_t prepare;
    unsigned open_handles;
    bool closed;
    bool connected;
    uint64_t epoch;
    size_t queue_limit;
    void (*on_state)(void *arg, bool connected);
    void *arg;
    struct bus_link *link;
    struct bus_requests *requests;

    /* Commands of this turn; the last are handed over before the loop sleeps. */
    struct bus_command *first;
    struct bus_command *last;
    size_t publishes;

    struct bus_events queue;
    /* Taken from the queue and not yet handed on. */
    struct bus_event *events;
    size_t event_capacity;
    size_t event_count;
    size_t event_next;

    struct bus_inbox inbox;
    struct slot *slots;
    uint32_t slot_count;

    struct bus_watcher *watchers;
    struct bus_watcher *watcher_next; /* to be told of the present change next */
};

const char *bus_status_text(enum bus_status status)
{
    switch (status) {
    case BUS_OK: return "ok";
    case BUS_FULL: return "outgoing queue full";
    case BUS_TIMEOUT: return "no answer in time";
    case BUS_DISCONNECTED: return "disconnected";
    case BUS_NO_RESPONDERS: return "no responders";
    case BUS_REFUSED: return "refused";
    }
    invariant_failed("a bus_status", __FILE__, __LINE__);
}

/* cnats does not look: a space in a subject would break the connection's protocol. */
static bool subject_valid(const char *subject)
{
    const char *c = subject;
    for (; *c && c - subject <= SUBJECT_MAX_BYTES; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return false;
    return c > subject && c - subject <= SUBJECT_MAX_BYTES;
}

static void log_bad_subject(const char *subject)
{
    char start[SUBJECT_LOGGED_BYTES];
    snprintf(start, sizeof(start), "%s", subject);
    LOG_WARN("bus: not a subject", LOG_STR("subject", start), LOG_I64("length", strlen(subject)));
}

static natsMsg *native_message(const struct bus_message *message)
{
    /* cnats wants it writable: it parses the headers when they are first asked for. */
    const union {
        const void *read_only;
        natsMsg *writable;
    } native = {.read_only = message->native};
    return native.writable;
}

const char *bus_message_header(const struct bus_message *message, const char *name)
{
    const char *value = NULL;
    if (natsMsgHeader_Get(native_message(message), name, &value) != NATS_OK)
        return NULL;
    return value;
}

int bus_message_status(const struct bus_message *message)
{
    if (message->length > 0)
        return 0;
    const char *text = bus_message_header(message, "Status");
    return text ? (int)strtol(text, NULL, 10) : 0;
}

uv_loop_t *bus_loop(const struct bus *bus)
{
    return bus->loop;
}

bool bus_connected(const struct bus *bus)
{
    return bus->connected;
}

size_t bus_queued(const struct bus *bus)
{
    return bus->publishes + bus_link_queued(bus->link);
}

/* --- outgoing --- */

static void hand_over(struct bus *bus)
{
    if (!bus->first)
        return;
    bus_link_send(bus->link, bus->first, bus->last, bus->publishes);
    bus->first = NULL;
    bus->last = NULL;
    bus->publishes = 0;
}

static void add_command(struct bus *bus, struct bus_command *command)
{
    if (bus->first)
        bus->last->next = command;
    else
        bus->first = command;
    bus->last = command;
    if (command->kind == BUS_COMMAND_PUBLISH && ++bus->publishes == PUBLISHES_PER_HAND_OVER)
        hand_over(bus);
}

static void on_prepare(uv_prepare_t *prepare)
{
    hand_over(prepare->data);
}

enum bus_status bus_publish(struct bus *bus, const char *subject, const char *reply,
                            const void *data, size_t length)
{
    INVARIANT(!bus->closed);
    if (!bus->connected)
        return BUS_DISCONNECTED;
    if (bus_queued(bus) >= bus->queue_limit)
        return BUS_FULL;
    if (!subject_valid(subject) || (reply && !subject_valid(reply))) {
        log_bad_subject(reply && subject_valid(subject) ? reply : subject);
        return BUS_NO_RESPONDERS;
    }
    struct bus_command *command =
        bus_command_new(BUS_COMMAND_PUBLISH, subject, reply, NULL, 0, data, length);
    command->epoch = bus->epoch;
    add_command(bus, command);
    return BUS_OK;
}

enum bus_status bus_request_decoded(struct bus *bus, const char *subject,
                                    const struct bus_header *headers, size_t header_count,
                                    const void *data, size_t length, int64_t timeout_ms,
                                    bus_decoder *decoder, bus_callback *callback, void *arg)
{
    INVARIANT(!bus->closed);
    enum bus_status unsent = BUS_OK;
    int64_t pause_ms = 0;
    if (!subject_valid(subject)) {
        log_bad_subject(subject);
        unsent = BUS_NO_RESPONDERS;
    } else if (!bus->connected) {
        unsent = BUS_DISCONNECTED;
        pause_ms = timeout_ms < DISCONNECTED_PAUSE_MS ? timeout_ms : DISCONNECTED_PAUSE_MS;
    } else if (bus_queued(bus) >= bus->queue_limit) {
        return BUS_FULL;
    }
    uint64_t id = bus_requests_add(bus->requests, unsent == BUS_OK ? timeout_ms : pause_ms,
                                   unsent == BUS_OK ? BUS_TIMEOUT : unsent, decoder, callback, arg);
    if (id == 0)
        return BUS_FULL;
    if (unsent != BUS_OK)
        return BUS_OK;

    char reply[BUS_INBOX_SIZE];
    bus_inbox_of_request(&bus->inbox, id, reply);
    struct bus_command *command =
        bus_command_new(BUS_COMMAND_PUBLISH, subject, reply, headers, header_count, data, length);
    command->epoch = bus->epoch;
    command->id = id;
    command->deadline_ms = bus_now_ms() + timeout_ms;
    add_command(bus, command);
    return BUS_OK;
}

static void decode_answer(bus_callback *callback, void *arg, enum bus_status status,
                          const struct bus_message *message)
{
    ((bus_answer_cb *)callback)(arg, status, message);
}

enum bus_status bus_request(struct bus *bus, const char *subject, const struct bus_header *headers,
                            size_t header_count, const void *data, size_t length,
                            int64_t timeout_ms, bus_answer_cb *on_answer, void *arg)
{
    return bus_request_decoded(bus, subject, headers, header_count, data, length, timeout_ms,
                               decode_answer, (bus_callback *)on_answer, arg);
}

static void decode_ack(bus_callback *callback, void *arg, enum bus_status status,
                       const struct bus_message *message)
{
    struct bus_ack ack = {.description = ""};
    cJSON *tree = message ? cJSON_ParseWithLength(message->data, message->length) : NULL;
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
    const cJSON *sequence = cJSON_GetObjectItemCaseSensitive(tree, "seq");
    if (error) {
        const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "err_code");
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(error, "description");
        status = BUS_REFUSED;
        ack.err_code = cJSON_IsNumber(code) ? code->valueint : 0;
        ack.description = cJSON_IsString(text) ? text->valuestring : "";
    } else if (cJSON_IsNumber(sequence) && sequence->valuedouble >= 1) {
        ack.sequence = (uint64_t)sequence->valuedouble;
        ack.duplicate = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "duplicate"));
    } else if (status == BUS_OK) {
        status = BUS_REFUSED;
        ack.description = "the answer is no acknowledgement";
    }
    ((bus_ack_cb *)callback)(arg, status, &ack);
    cJSON_Delete(tree);
}

enum bus_status bus_publish_acked(struct bus *bus, const char *subject,
                                  const struct bus_header *headers, size_t header_count,
                                  const void *data, size_t length, int64_t timeout_ms,
                                  bus_ack_cb *on_ack, void *arg)
{
    return bus_request_decoded(bus, subject, headers, header_count, data, length, timeout_ms,
                               decode_ack, (bus_callback *)on_ack, arg);
}

void bus_forget(struct bus *bus, void *arg)
{
    bus_requests_forget(bus->requests, arg);
}

/* --- subscriptions --- */

char *bus_new_inbox(struct bus *bus, char text[static BUS_INBOX_SIZE])
{
    bus_inbox_new(&bus->inbox, text);
    return text;
}

static uint32_t free_slot(struct bus *bus)
{
    for (uint32_t i = 0; i < bus->slot_count; i++)
        if (!bus->slots[i].subscription)
            return i;
    uint32_t count = bus->slot_count ? bus->slot_count * 2 : 16;
    bus->slots = memory_resize(bus->slots, count, sizeof(*bus->slots));
    memset(bus->slots + bus->slot_count, 0, (count - bus->slot_count) * sizeof(*bus->slots));
    uint32_t slot = bus->slot_count;
    bus->slot_count = count;
    return slot;
}

struct bus_subscription *bus_subscribe(struct bus *bus, const char *subject, const char *group,
                                       bus_message_cb *on_message, void *arg)
{
    INVARIANT(!bus->closed && subject_valid(subject) && (!group || subject_valid(group)));
    struct bus_subscription *subscription = memory_new(1, sizeof(*subscription));
    subscription->bus = bus;
    subscription->on_message = on_message;
    subscription->arg = arg;
    uint64_t route;
    if (!group && bus_inbox_parse(&bus->inbox, subject, &route) == 0) {
        subscription->inbox =
            (struct bus_inbox_entry){.route = route, .subscription = subscription};
        bus_inbox_add(&bus->inbox, &subscription->inbox);
        return subscription;
    }
    uint32_t slot = free_slot(bus);
    bus->slots[slot].subscription = subscription;
    subscription->id = (uint64_t)++bus->slots[slot].generation << 32 | slot;
    struct bus_command *command =
        bus_command_new(BUS_COMMAND_SUBSCRIBE, subject, group, NULL, 0, NULL, 0);
    command->id = subscription->id;
    add_command(bus, command);
    return subscription;
}

void bus_unsubscribe(struct bus_subscription *subscription)
{
    struct bus *bus = subscription->bus;
    if (subscription->id) {
        bus->slots[(uint32_t)subscription->id].subscription = NULL;
        struct bus_command *command =
            bus_command_new(BUS_COMMAND_UNSUBSCRIBE, "", NULL, NULL, 0, NULL, 0);
        command->id = subscription->id;
        add_command(bus, command);
    } else {
        bus_inbox_remove(&bus->inbox, &subscription->inbox);
    }
    free(subscription);
}

/* --- incoming --- */

void bus_add_route(struct bus *bus, struct bus_pull_route *route)
{
    route->next = bus->inbox.pulls;
    bus->inbox.pulls = route;
}

void bus_remove_route(struct bus *bus, struct bus_pull_route *route)
{
    struct bus_pull_route **at = &bus->inbox.pulls;
    while (*at != route)
        at = &(*at)->next;
    *at = route->next;
}

static void core_message(struct bus *bus, uint64_t id, const struct bus_message *message)
{
    uint32_t slot = (uint32_t)id;
    INVARIANT(slot < bus->slot_count);
    struct bus_subscription *subscription = bus->slots[slot].subscription;
    if (subscription && subscription->id == id)
        subscription->on_message(subscription->arg, message);
}

static void on_native_event(struct bus *bus, const struct bus_event *event)
{
    const struct bus_message message = {.subject = natsMsg_GetSubject(event->message),
                                        .reply = natsMsg_GetReply(event->message),
                                        .data = natsMsg_GetData(event->message),
                                        .length = (size_t)natsMsg_GetDataLength(event->message),
                                        .native = event->message};
    if (event->id == BUS_INBOX_SUBSCRIPTION)
        bus_inbox_message(&bus->inbox, &message, natsMsg_IsNoResponders(event->message));
    else
        core_message(bus, event->id, &message);
}

static void set_connected(struct bus *bus, bool connected)
{
    bus->connected = connected;
    bus->watcher_next = bus->watchers;
    while (!bus->closed && bus->watcher_next) {
        struct bus_watcher *watcher = bus->watcher_next;
        bus->watcher_next = watcher->next;
        watcher->on_state(watcher->arg, connected);
    }
    if (!bus->closed && bus->on_state)
        bus->on_state(bus->arg, connected);
}

static void handle_event(struct bus *bus, const struct bus_event *event)
{
    switch (event->kind) {
    case BUS_EVENT_CONNECTED:
        LOG_INFO("bus: connected");
        bus->epoch = event->id;
        set_connected(bus, true);
        break;
    case BUS_EVENT_DISCONNECTED:
        LOG_WARN("bus: disconnected");
        set_connected(bus, false);
        if (!bus->closed)
            bus_requests_disconnect(bus->requests);
        break;
    case BUS_EVENT_MESSAGE: on_native_event(bus, event); break;
    case BUS_EVENT_UNSENT: bus_requests_end(bus->requests, event->id, BUS_REFUSED, NULL); break;
    }
}

static void on_wake(uv_async_t *wake)
{
    struct bus *bus = wake->data;
    for (size_t handled = 0; handled < EVENTS_PER_TURN && !bus->closed; handled++) {
        if (bus->event_next == bus->event_count) {
            bus->event_next = 0;
            bus->event_count = bus_events_take(&bus->queue, &bus->events, &bus->event_capacity);
            if (bus->event_count == 0)
                return;
        }
        /* A callback may close the bus: what was taken out is ours to free. */
        struct bus_event event = bus->events[bus->event_next++];
        handle_event(bus, &event);
        natsMsg_Destroy(event.message);
    }
    if (!bus->closed)
        uv_async_send(&bus->wake);
}

/* --- watchers --- */

void bus_watch(struct bus *bus, struct bus_watcher *watcher)
{
    watcher->previous = NULL;
    watcher->next = bus->watchers;
    if (bus->watchers)
        bus->watchers->previous = watcher;
    bus->watchers = watcher;
}

void bus_unwatch(struct bus *bus, struct bus_watcher *watcher)
{
    if (bus->watcher_next == watcher)
        bus->watcher_next = watcher->next;
    if (watcher->previous)
        watcher->previous->next = watcher->next;
    else
        bus->watchers = watcher->next;
    if (watcher->next)
        watcher->next->previous = watcher->previous;
}

/* --- life --- */

struct bus *bus_open(uv_loop_t *loop, const struct bus_options *options)
{
    struct bus *bus = memory_new(1, sizeof(*bus));
    bus->loop = loop;
    bus->queue_limit = options->queue_limit ? options->queue_limit : QUEUE_LIMIT_DEFAULT;
    bus->on_state = options->on_state;
    bus->arg = options->arg;

    INVARIANT(uv_async_init(loop, &bus->wake, on_wake) == 0);
    bus->wake.data = bus;
    INVARIANT(uv_prepare_init(loop, &bus->prepare) == 0);
    bus->prepare.data = bus;
    INVARIANT(uv_prepare_start(&bus->prepare, on_prepare) == 0);
    uv_unref((uv_handle_t *)&bus->prepare);
    bus->open_handles = 2;
    bus->requests = bus_requests_create(loop);

    char wildcard[BUS_INBOX_SIZE];
    bus_inbox_init(&bus->inbox, bus->requests);
    bus_inbox_wildcard(&bus->inbox, wildcard);
    bus_events_init(&bus->queue, &bus->wake);
    bus->link = bus_link_start(options->url, options->name, options->prompt, wildcard, &bus->queue);
    return bus;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct bus *bus = handle->data;
    if (--bus->open_handles > 0)
        return;
    free(bus->events);
    free(bus->slots);
    free(bus);
}

void bus_close(struct bus *bus)
{
    INVARIANT(!bus->closed);
    while (bus->watchers) {
        struct bus_watcher *watcher = bus->watchers;
        INVARIANT(watcher->on_close != NULL);
        bus_unwatch(bus, watcher);
        watcher->on_close(watcher->arg);
    }
    bus->closed = true;
    bus->connected = false;
    hand_over(bus);
    bus_requests_close(bus->requests);
    bus_link_stop(bus->link);
    bus_events_free(&bus->queue);

    for (; bus->event_next < bus->event_count; bus->event_next++)
        natsMsg_Destroy(bus->events[bus->event_next].message);
    for (uint32_t i = 0; i < bus->slot_count; i++)
        free(bus->slots[i].subscription);
    for (size_t i = 0; i < BUS_INBOX_BUCKETS; i++) {
        while (bus->inbox.buckets[i]) {
            struct bus_subscription *subscription = bus->inbox.buckets[i]->subscription;
            bus_inbox_remove(&bus->inbox, &subscription->inbox);
            free(subscription);
        }
    }
    uv_close((uv_handle_t *)&bus->wake, on_handle_closed);
    uv_close((uv_handle_t *)&bus->prepare, on_handle_closed);
}
