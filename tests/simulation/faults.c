#include "tests/simulation/faults.h"

#include <stdlib.h>

#include "shared/memory.h"
#include "tests/simulation/database.h"
#include "tests/simulation/dispatchers.h"
#include "tests/simulation/schedulers.h"
#include "tests/simulation/streams.h"
#include "tests/simulation/term.h"

#define OUTAGE_EVERY_MS (10 * HOUR_MS)
#define ROOM_SMALL      30

struct faults {
    uint32_t open_run_limit;
    uint64_t outages;
};

static const struct chances weathers[] = {
    {0, 0, 0, 0, 0},
    {.scheduler_crash = 50,
     .scheduler_stop = 50,
     .dispatcher_crash = 50,
     .database_unknown = 500,
     .answer_lost = 10000},
    {.scheduler_crash = 4000,
     .scheduler_stop = 2000,
     .dispatcher_crash = 2000,
     .database_unknown = 10000,
     .answer_lost = 100000},
    {.scheduler_crash = 40000,
     .dispatcher_crash = 10000,
     .database_unknown = 50000,
     .answer_lost = 300000},
};

static void weather(struct world *world, struct event *event)
{
    if (world->draining)
        return;
    int64_t dice = chance_between(world, 0, 99);
    unsigned kind = dice < 15 ? 0 : dice < 65 ? 1 : dice < 90 ? 2 : 3;
    world->chances = weathers[kind];
    trace_add(world, -1, "weather", kind, 0);
    int64_t longest_ms = kind == 3 ? HOUR_MS / 4 : 4 * HOUR_MS;
    world_later(world, chance_between(world, longest_ms / 10, longest_ms), event->run);
}

static int64_t outage_length(struct world *world)
{
    int64_t dice = chance_between(world, 0, 99);
    if (dice < 45)
        return chance_between(world, 200, 20000);
    if (dice < 75)
        return chance_between(world, 20000, 5 * MINUTE_MS);
    if (dice < 95)
        return chance_between(world, 5 * MINUTE_MS, 3 * HOUR_MS);
    return chance_between(world, 3 * HOUR_MS, 30 * HOUR_MS); /* longer than the window, at times */
}

static void database_up(struct world *world, struct event *event)
{
    (void)event;
    if (world->now_ms < world->database->stalled_until_ms)
        return; /* a longer one began meanwhile */
    world->database->down = false;
    schedulers_database_back(world);
}

static void nats_up(struct world *world, struct event *event)
{
    (void)event;
    world->streams->down = false;
    schedulers_campaign(world, 0);
    schedulers_messages(world);
}

static void outage(struct world *world, struct event *event)
{
    if (world->draining)
        return;
    int64_t length_ms = outage_length(world);
    world->faults->outages++;
    switch (chance_between(world, 0, 5)) {
    case 0:
        trace_add(world, -1, "PostgreSQL is down for ms", length_ms, 0);
        world->database->down = true;
        database_lease_stall(world);
        world_later(world, length_ms, database_up);
        break;
    case 1:
        trace_add(world, -1, "PostgreSQL stalls for ms", length_ms, 0);
        world->database->stalled_until_ms = world->now_ms + length_ms;
        database_lease_stall(world);
        world_later(world, length_ms, database_up);
        break;
    case 2:
        trace_add(world, -1, "NATS is down for ms", length_ms, 0);
        world->streams->down = true;
        world->streams->down_until_ms = world->now_ms + length_ms;
        if (chance_of(world, PER_MILLION / 2))
            streams_restart(world);
        schedulers_nats_down(world);
        world_later(world, length_ms, nats_up);
        break;
    case 3:
        length_ms = length_ms % 40000;
        trace_add(world, -1, "NATS stalls for ms", length_ms, 0);
        world->streams->stalled_until_ms = world->now_ms + length_ms;
        world_later(world, length_ms, nats_up);
        break;
    case 4: {
        const struct scheduler *all = world->schedulers->all;
        for (unsigned i = 0; i < SCHEDULERS; i++)
            if (all[i].term)
                term_finish(world, all[i].term);
        length_ms = 0;
        break;
    }
    default:
        trace_add(world, -1, "no scheduler for ms", length_ms, 0);
        for (unsigned i = 0; i < SCHEDULERS; i++)
            schedulers_crash(world, i, length_ms + chance_between(world, 0, 1000));
    }
    world_later(world, length_ms + chance_between(world, 0, 2 * OUTAGE_EVERY_MS), event->run);
}

void faults_open(struct world *world)
{
    world->faults = memory_new(1, sizeof(*world->faults));
    world->faults->open_run_limit = world->seed % 4 == 3 ? ROOM_SMALL : 1000000;
    world_later(world, 10 * MINUTE_MS, weather);
    world_later(world, chance_between(world, 0, 2 * OUTAGE_EVERY_MS), outage);
}

void faults_close(struct world *world)
{
    free(world->faults);
}

void faults_end(struct world *world)
{
    world->draining = true;
    world->chances = (struct chances){0};
}

uint32_t faults_open_run_limit(const struct world *world)
{
    return world->faults->open_run_limit;
}
