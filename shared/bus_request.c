/*
 * Which answer belongs to which request. A request has a slot in a table, and its id names the slot
 * and a serial number, so an answer is found without a search, and one that comes late finds
 * nothing. Deadlines lie on a wheel of lists; requests of one arg are a list too, for bus_forget.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/bus_internal.h"
#include "shared/memory.h"

#define TICK_MS        10
#define WHEEL_SLOTS    1024
#define DUE_LIST       WHEEL_SLOTS /* the list behind the wheel: to be ended now */
#define FIRST_CAPACITY 256
#define NONE           UINT32_MAX

struct request {
    uint32_t serial; /* 0: the slot is free */
    enum bus_status status;
    bus_decoder *decoder; /* NULL: forgotten */
    bus_callback *callback;
    void *arg;
    int64_t deadline_tick;
    uint32_t list; /* of the wheel */
    uint32_t list_next;
    uint32_t list_previous;
    uint32_t arg_next; /* in a free slot: the next free one */
    uint32_t arg_previous;
};

struct bus_requests {
    uv_timer_t timer;
    bool closed;
    struct request *slots;
    uint32_t capacity; /* a power of two */
    uint32_t count;
    uint32_t free_slot;
    uint32_t serial;
    uint32_t *arg_heads; /* capacity of them */
    int64_t tick;        /* the wheel was turned up to it */
    uint32_t wheel[WHEEL_SLOTS + 1];
};

static uint32_t arg_bucket(const struct bus_requests *requests, const void *arg)
{
    uint64_t hash = (uint64_t)(uintptr_t)arg * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 32) & (requests->capacity - 1);
}

static void arg_link(struct bus_requests *requests, uint32_t slot)
{
    struct request *request = &requests->slots[slot];
    uint32_t *head = &requests->arg_heads[arg_bucket(requests, request->arg)];
    request->arg_next = *head;
    request->arg_previous = NONE;
    if (*head != NONE)
        requests->slots[*head].arg_previous = slot;
    *head = slot;
}

static void arg_unlink(struct bus_requests *requests, uint32_t slot)
{
    struct request *request = &requests->slots[slot];
    if (request->arg_previous != NONE)
        requests->slots[request->arg_previous].arg_next = request->arg_next;
    else
        requests->arg_heads[arg_bucket(requests, request->arg)] = request->arg_next;
    if (request->arg_next != NONE)
        requests->slots[request->arg_next].arg_previous = request->arg_previous;
}

static void list_link(struct bus_requests *requests, uint32_t slot, uint32_t list)
{
    struct request *request = &requests->slots[slot];
    uint32_t *head = &requests->wheel[list];
    request->list = list;
    request->list_next = *head;
    request->list_previous = NONE;
    if (*head != NONE)
        requests->slots[*head].list_previous = slot;
    *head = slot;
}

static void list_unlink(struct bus_requests *requests, uint32_t slot)
{
    struct request *request = &requests->slots[slot];
    if (request->list_previous != NONE)
        requests->slots[request->list_previous].list_next = request->list_next;
    else
        requests->wheel[request->list] = request->list_next;
    if (request->list_next != NONE)
        requests->slots[request->list_next].list_previous = request->list_previous;
}

static void grow(struct bus_requests *requests)
{
    uint32_t old = requests->capacity;
    uint32_t capacity = old ? old * 2 : FIRST_CAPACITY;
    requests->slots = memory_resize(requests->slots, capacity, sizeof(*requests->slots));
    requests->arg_heads =
        memory_resize(requests->arg_heads, capacity, sizeof(*requests->arg_heads));
    memset(requests->slots + old, 0, (capacity - old) * sizeof(*requests->slots));
    memset(requests->arg_heads, 0xff, capacity * sizeof(*requests->arg_heads));
    requests->capacity = capacity;
    for (uint32_t slot = 0; slot < old; slot++)
        arg_link(requests, slot);
    for (uint32_t slot = capacity; slot-- > old;) {
        requests->slots[slot].arg_next = requests->free_slot;
        requests->free_slot = slot;
    }
}

static void end_slot(struct bus_requests *requests, uint32_t slot, enum bus_status status,
                     const struct bus_message *message)
{
    struct request ended = requests->slots[slot];
    list_unlink(requests, slot);
    arg_unlink(requests, slot);
    requests->slots[slot].serial = 0;
    requests->slots[slot].arg_next = requests->free_slot;
    requests->free_slot = slot;
    requests->count--;

    if (ended.decoder)
        ended.decoder(ended.callback, ended.arg, status, message);
}

/* A callback may add, end and forget requests, and may close the bus. */
static void end_due(struct bus_requests *requests)
{
    while (!requests->closed && requests->wheel[DUE_LIST] != NONE) {
        uint32_t slot = requests->wheel[DUE_LIST];
        end_slot(requests, slot, requests->slots[slot].status, NULL);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct bus_requests *requests = timer->data;
    int64_t now_tick = bus_now_ms() / TICK_MS;
    int64_t from = requests->tick + 1;
    if (now_tick - from >= WHEEL_SLOTS)
        from = now_tick - WHEEL_SLOTS + 1;
    for (int64_t tick = from; tick <= now_tick; tick++) {
        uint32_t slot = requests->wheel[tick % WHEEL_SLOTS];
        while (slot != NONE) {
            uint32_t next = requests->slots[slot].list_next;
            if (requests->slots[slot].deadline_tick <= now_tick) {
                list_unlink(requests, slot);
                list_link(requests, slot, DUE_LIST);
            }
            slot = next;
        }
    }
    requests->tick = now_tick;
    end_due(requests);
    if (!requests->closed && requests->count == 0)
        uv_timer_stop(timer);
}

struct bus_requests *bus_requests_create(uv_loop_t *loop)
{
    struct bus_requests *requests = memory_new(1, sizeof(*requests));
    requests->free_slot = NONE;
    memset(requests->wheel, 0xff, sizeof(requests->wheel));
    INVARIANT(uv_timer_init(loop, &requests->timer) == 0);
    requests->timer.data = requests;
    return requests;
}

static void on_closed(uv_handle_t *handle)
{
    struct bus_requests *requests = handle->data;
    free(requests->slots);
    free(requests->arg_heads);
    free(requests);
}

void bus_requests_close(struct bus_requests *requests)
{
    requests->closed = true;
    uv_close((uv_handle_t *)&requests->timer, on_closed);
}

uint64_t bus_requests_add(struct bus_requests *requests, int64_t timeout_ms, enum bus_status status,
                          bus_decoder *decoder, bus_callback *callback, void *arg)
{
    if (requests->free_slot == NONE) {
        if (requests->capacity >= BUS_PENDING_MAX)
            return 0;
        grow(requests);
    }
    if (!uv_is_active((uv_handle_t *)&requests->timer)) {
        requests->tick = bus_now_ms() / TICK_MS;
        INVARIANT(uv_timer_start(&requests->timer, on_timer, TICK_MS, TICK_MS) == 0);
    }
    uint32_t slot = requests->free_slot;
    struct request *request = &requests->slots[slot];
    requests->free_slot = request->arg_next;
    if (++requests->serial == 0)
        requests->serial = 1;
    int64_t deadline_tick = (bus_now_ms() + (timeout_ms > 0 ? timeout_ms : 0)) / TICK_MS + 1;
    *request = (struct request){.serial = requests->serial,
                                .status = status,
                                .decoder = decoder,
                                .callback = callback,
                                .arg = arg,
                                .deadline_tick = deadline_tick};
    list_link(requests, slot, (uint32_t)(deadline_tick % WHEEL_SLOTS));
    arg_link(requests, slot);
    requests->count++;
    return (uint64_t)request->serial << 32 | slot;
}

void bus_requests_end(struct bus_requests *requests, uint64_t id, enum bus_status status,
                      const struct bus_message *message)
{
    uint32_t slot = (uint32_t)id;
    uint32_t serial = (uint32_t)(id >> 32);
    if (serial != 0 && slot < requests->capacity && requests->slots[slot].serial == serial)
        end_slot(requests, slot, status, message);
}

void bus_requests_disconnect(struct bus_requests *requests)
{
    for (uint32_t slot = 0; slot < requests->capacity; slot++) {
        struct request *request = &requests->slots[slot];
        if (request->serial == 0 || request->status != BUS_TIMEOUT)
            continue;
        request->status = BUS_DISCONNECTED;
        list_unlink(requests, slot);
        list_link(requests, slot, DUE_LIST);
    }
    end_due(requests);
}

void bus_requests_forget(struct bus_requests *requests, const void *arg)
{
    if (requests->capacity == 0)
        return;
    uint32_t slot = requests->arg_heads[arg_bucket(requests, arg)];
    while (slot != NONE) {
        uint32_t next = requests->slots[slot].arg_next;
        if (requests->slots[slot].arg == arg) {
            requests->slots[slot].decoder = NULL;
            end_slot(requests, slot, BUS_OK, NULL);
        }
        slot = next;
    }
}
