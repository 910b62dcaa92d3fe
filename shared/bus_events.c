/* The queue of events from the link and cnats' threads to the loop. */
#include <stdlib.h>

#include "shared/bus_internal.h"
#include "shared/log.h"
#include "shared/memory.h"

#define FIRST_CAPACITY 1024
#define KEPT_CAPACITY  65536

void bus_events_init(struct bus_events *events, uv_async_t *wake)
{
    *events = (struct bus_events){.wake = wake};
    INVARIANT(uv_mutex_init(&events->mutex) == 0);
}

void bus_events_put(struct bus_events *events, struct bus_event event)
{
    bool core = event.kind == BUS_EVENT_MESSAGE && event.id != BUS_INBOX_SUBSCRIPTION;
    uv_mutex_lock(&events->mutex);
    /* Inbox messages are bounded by the requests and the credit that they answer. */
    if (core && events->core_count >= BUS_CORE_EVENTS_MAX) {
        events->core_dropped++;
        uv_mutex_unlock(&events->mutex);
        natsMsg_Destroy(event.message);
        return;
    }
    if (events->count == events->capacity) {
        events->capacity = events->capacity ? events->capacity * 2 : FIRST_CAPACITY;
        events->array = memory_resize(events->array, events->capacity, sizeof(*events->array));
    }
    bool was_empty = events->count == 0;
    events->array[events->count++] = event;
    events->core_count += core;
    uv_mutex_unlock(&events->mutex);
    if (was_empty)
        uv_async_send(events->wake);
}

size_t bus_events_take(struct bus_events *events, struct bus_event **array, size_t *capacity)
{
    if (*capacity > KEPT_CAPACITY) {
        free(*array);
        *array = NULL;
        *capacity = 0;
    }
    uv_mutex_lock(&events->mutex);
    struct bus_event *taken = events->array;
    size_t taken_capacity = events->capacity;
    size_t count = events->count;
    uint64_t dropped = events->core_dropped;
    events->array = *array;
    events->capacity = *capacity;
    events->count = 0;
    events->core_count = 0;
    events->core_dropped = 0;
    uv_mutex_unlock(&events->mutex);
    *array = taken;
    *capacity = taken_capacity;
    if (dropped)
        LOG_WARN("bus: messages dropped, the loop does not keep up", LOG_I64("count", dropped));
    return count;
}

void bus_events_free(struct bus_events *events)
{
    for (size_t i = 0; i < events->count; i++)
        natsMsg_Destroy(events->array[i].message);
    free(events->array);
    uv_mutex_destroy(&events->mutex);
}
