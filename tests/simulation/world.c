#include "tests/simulation/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/clock.h"
#include "shared/memory.h"

#define EPOCH_MS   INT64_C(1798761600000) /* 2027-01-01T00:00Z */
#define START_DAYS 800                    /* seeds begin within so many days: a leap day is in */

void world_init(struct world *world, uint64_t seed, unsigned jobs, unsigned days)
{
    *world = (struct world){.seed = seed,
                            .random = seed * 0x9e3779b97f4a7c15ULL + 1,
                            .wanted_jobs = jobs,
                            .days = days};
    world->begun_ms = EPOCH_MS + chance_between(world, 0, HOUR_MS * 24 * START_DAYS);
    world->now_ms = world->begun_ms;
    world->end_ms = world->begun_ms + HOUR_MS * 24 * days;
}

static void event_drop(struct event *event)
{
    if (event->data && event->drop)
        event->drop(event->data);
    event->data = NULL;
}

void world_free(struct world *world)
{
    for (size_t i = 0; i < world->event_count; i++)
        event_drop(&world->heap[i]);
    free(world->heap);
}

static bool before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static struct event *heap_push(struct world *world, const struct event *event)
{
    if (world->event_count == world->event_room) {
        world->event_room = world->event_room ? 2 * world->event_room : 1024;
        world->heap = memory_resize(world->heap, world->event_room, sizeof(*world->heap));
    }
    size_t at = world->event_count++;
    while (at > 0 && before(event, &world->heap[(at - 1) / 2])) {
        world->heap[at] = world->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->heap[at] = *event;
    return &world->heap[at];
}

static struct event heap_pop(struct world *world)
{
    struct event top = world->heap[0], last = world->heap[--world->event_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->event_count)
            break;
        if (child + 1 < world->event_count && before(&world->heap[child + 1], &world->heap[child]))
            child++;
        if (!before(&world->heap[child], &last))
            break;
        world->heap[at] = world->heap[child];
        at = child;
    }
    world->heap[at] = last;
    return top;
}

struct event *world_later(struct world *world, int64_t delay_ms, event_run *run)
{
    struct event event = {.at_ms = world->now_ms + (delay_ms > 0 ? delay_ms : 0),
                          .order = world->next_order++,
                          .run = run};
    return heap_push(world, &event);
}

void world_again(struct world *world, struct event *event, int64_t at_ms)
{
    struct event again = *event;
    event->data = NULL;
    again.at_ms = at_ms > world->now_ms ? at_ms : world->now_ms;
    heap_push(world, &again);
}

void world_run(struct world *world, int64_t until_ms)
{
    while (world->event_count && world->heap[0].at_ms <= until_ms) {
        struct event event = heap_pop(world);
        world->now_ms = event.at_ms;
        world->events_run++;
        event.run(world, &event);
        event_drop(&event);
    }
    world->now_ms = until_ms;
}

uint64_t chance_next(struct world *world)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t x = world->random += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

int64_t chance_between(struct world *world, int64_t low, int64_t high)
{
    return low + (int64_t)(chance_next(world) % (uint64_t)(high - low + 1));
}

bool chance_of(struct world *world, uint32_t per_million)
{
    return per_million && chance_next(world) % PER_MILLION < per_million;
}

void trace_add(struct world *world, int who, const char *what, long long first, long long second)
{
    world->ring[world->traced++ % TRACE_SIZE] = (struct trace){
        .at_ms = world->now_ms, .what = what, .first = first, .second = second, .who = who};
}

void trace_job(const struct world *world, int64_t job, const char *format, ...)
{
    if (job != world->watched || !job)
        return;
    char time[CLOCK_TEXT_SIZE];
    printf("%s job %lld: ", clock_format_ms(time, world->now_ms), (long long)job);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments); // NOLINT(clang-analyzer-valist.Uninitialized): it is
    va_end(arguments);
    printf("\n");
}

void world_fail(struct world *world, const char *format, ...)
{
    char time[CLOCK_TEXT_SIZE];
    uint64_t first = world->traced > TRACE_SIZE ? world->traced - TRACE_SIZE : 0;
    fprintf(stderr, "the last events:\n");
    for (uint64_t i = first; i < world->traced; i++) {
        const struct trace *trace = &world->ring[i % TRACE_SIZE];
        fprintf(stderr, "  %s ", clock_format_ms(time, trace->at_ms));
        if (trace->who >= 0)
            fprintf(stderr, "scheduler %d: ", trace->who);
        fprintf(stderr, "%s (%lld, %lld)\n", trace->what, trace->first, trace->second);
    }
    fprintf(stderr, "FAILED at %s, seed %" PRIu64 ": ", clock_format_ms(time, world->now_ms),
            world->seed);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments); // NOLINT(clang-analyzer-valist.Uninitialized): it is
    va_end(arguments);
    fprintf(stderr, "\nrepeat with: simulation --seed %" PRIu64 " --jobs %u --days %u\n",
            world->seed, world->wanted_jobs, world->days);
    exit(1);
}
