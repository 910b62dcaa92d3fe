#include "tests/simulation/schedulers.h"

#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"
#include "tests/simulation/database.h"
#include "tests/simulation/streams.h"
#include "tests/simulation/term.h"

#define SKEW_MS             40 /* clocks differ by so much from the true time */
#define TERM_PAUSE_MS       250
#define CAMPAIGN_MS         200
#define PUBLISH_TIMEOUT_MS  10000
#define DATABASE_TIMEOUT_MS 15000
#define FLIGHT_MS           4

static void lease_won(struct world *world, struct event *event);
static void campaign(struct world *world, struct event *event);

static void campaign_later(struct world *world, unsigned index, int64_t delay_ms)
{
    struct scheduler *scheduler = &world->schedulers->all[index];
    if (!scheduler->up || scheduler->term || scheduler->campaigning)
        return;
    scheduler->campaigning = true;
    struct event *event =
        world_later(world, delay_ms + chance_between(world, 0, CAMPAIGN_MS), campaign);
    event->target = index;
    event->life = scheduler->life;
}

void schedulers_open(struct world *world)
{
    world->schedulers = memory_new(1, sizeof(*world->schedulers));
    for (unsigned i = 0; i < SCHEDULERS; i++) {
        world->schedulers->all[i].up = true;
        world->schedulers->all[i].skew_ms = chance_between(world, -SKEW_MS, SKEW_MS);
        campaign_later(world, i, 0);
    }
}

void schedulers_close(struct world *world)
{
    for (unsigned i = 0; i < SCHEDULERS; i++) {
        struct scheduler *scheduler = &world->schedulers->all[i];
        term_free(scheduler->term);
        free(scheduler->out);
        free(scheduler->out_links);
    }
    free(world->schedulers);
}

int64_t scheduler_wall_ms(const struct world *world, unsigned index)
{
    return world->now_ms + world->schedulers->all[index].skew_ms;
}

const struct term *schedulers_leading(const struct world *world)
{
    for (unsigned i = 0; i < SCHEDULERS; i++)
        if (world->schedulers->all[i].term && term_leads(world, world->schedulers->all[i].term))
            return world->schedulers->all[i].term;
    return NULL;
}

/* ---- lives ---- */

static void restart(struct world *world, struct event *event)
{
    struct scheduler *scheduler = &world->schedulers->all[event->target];
    if (scheduler->life != event->life)
        return;
    scheduler->up = true;
    scheduler->skew_ms = chance_between(world, -SKEW_MS, SKEW_MS);
    campaign_later(world, event->target, 0);
}

static void out_forget(struct scheduler *scheduler, size_t from)
{
    for (size_t i = from; i < scheduler->out_count; i++)
        if (scheduler->out[i].data && scheduler->out[i].drop)
            scheduler->out[i].drop(scheduler->out[i].data);
    scheduler->out_count = from;
}

static bool holds_lease(const struct world *world, unsigned index)
{
    const struct scheduler *scheduler = &world->schedulers->all[index];
    return scheduler->term && database_leads(world, term_epoch(scheduler->term));
}

void schedulers_crash(struct world *world, unsigned index, int64_t restart_ms)
{
    struct scheduler *scheduler = &world->schedulers->all[index];
    if (!scheduler->up)
        return;
    trace_add(world, (int)index, "dies, back in ms", restart_ms, 0);
    if (holds_lease(world, index))
        database_lease_stall(world);
    world->schedulers->crashes++;
    scheduler->up = scheduler->campaigning = false;
    scheduler->life++;
    scheduler->term_number++;
    scheduler->stopped_until_ms = 0;
    for (unsigned link = 0; link < LINKS; link++)
        scheduler->free_ms[link] = scheduler->reply_free_ms[link] = 0;
    scheduler->cut_ms = world->now_ms + chance_between(world, 0, FLIGHT_MS);
    out_forget(scheduler, 0);
    term_free(scheduler->term);
    scheduler->term = NULL;
    struct event *event = world_later(world, restart_ms, restart);
    event->target = index;
    event->life = scheduler->life;
}

static int64_t restart_delay(struct world *world)
{
    return chance_of(world, 30000) ? chance_between(world, 60000, 1200000)
                                   : chance_between(world, 300, 20000);
}

static void resumed(struct world *world, struct event *event)
{
    struct scheduler *scheduler = &world->schedulers->all[event->target];
    const struct database *database = world->database;
    if (scheduler->life == event->life && scheduler->term && !database->down &&
        database->stalled_until_ms <= world->now_ms)
        database_lease_resume(world, term_epoch(scheduler->term));
}

static void stop(struct world *world, unsigned index)
{
    struct scheduler *scheduler = &world->schedulers->all[index];
    int64_t stop_ms = chance_of(world, 300000) ? chance_between(world, 100, 2000)
                                               : chance_between(world, 2000, 30000);
    if (chance_of(world, 20000))
        stop_ms = chance_between(world, 60000, 2 * HOUR_MS);
    trace_add(world, (int)index, "is stopped for ms", stop_ms, 0);
    world->schedulers->stops++;
    if (holds_lease(world, index))
        database_lease_stall(world);
    scheduler->stopped_until_ms = world->now_ms + stop_ms;
    struct event *event = world_later(world, stop_ms, resumed);
    event->target = index;
    event->life = scheduler->life;
}

/* ---- links ---- */

/* A message is at its server: drops it, lets it wait, or hands it on. */
static void arrived(struct world *world, struct event *event, enum link link)
{
    struct scheduler *scheduler = &world->schedulers->all[event->target];
    bool alive = scheduler->life == event->life;
    if (!alive && (scheduler->life != event->life + 1 || event->at_ms > scheduler->cut_ms))
        return;
    bool down = link == LINK_DATABASE ? world->database->down : world->streams->down;
    int64_t stalled_until_ms = link == LINK_DATABASE ? world->database->stalled_until_ms
                                                     : world->streams->stalled_until_ms;
    int64_t timeout_ms = link == LINK_DATABASE ? DATABASE_TIMEOUT_MS : PUBLISH_TIMEOUT_MS;
    if (down) {
        if (alive && link == LINK_DATABASE)
            scheduler_reply(world, event, link, term_step_failed);
        return;
    }
    if (world->now_ms < stalled_until_ms) {
        if (stalled_until_ms - world->now_ms > timeout_ms && alive)
            scheduler_timer(world, event->target, timeout_ms, term_step_failed)->term = event->term;
        if (!alive)
            scheduler->cut_ms = stalled_until_ms;
        world_again(world, event, stalled_until_ms);
        return;
    }
    event->step(world, event);
}

static void arrived_database(struct world *world, struct event *event)
{
    arrived(world, event, LINK_DATABASE);
}

static void arrived_nats(struct world *world, struct event *event)
{
    arrived(world, event, LINK_NATS);
}

struct event *scheduler_send(struct world *world, unsigned index, enum link link, event_run *arrive)
{
    struct scheduler *scheduler = &world->schedulers->all[index];
    if (scheduler->out_count == scheduler->out_room) {
        scheduler->out_room = scheduler->out_room ? 2 * scheduler->out_room : 16;
        scheduler->out =
            memory_resize(scheduler->out, scheduler->out_room, sizeof(*scheduler->out));
        scheduler->out_links =
            memory_resize(scheduler->out_links, scheduler->out_room, sizeof(enum link));
    }
    scheduler->out_links[scheduler->out_count] = link;
    struct event *event = &scheduler->out[scheduler->out_count++];
    *event = (struct event){.run = link == LINK_DATABASE ? arrived_database : arrived_nats,
                            .step = arrive,
                            .target = index,
                            .life = scheduler->life,
                            .term = scheduler->term_number};
    return event;
}

static void depart(struct world *world, struct scheduler *scheduler, size_t at, int64_t from_ms)
{
    enum link link = scheduler->out_links[at];
    int64_t arrival_ms = from_ms + chance_between(world, 0, FLIGHT_MS / 2);
    if (arrival_ms < scheduler->free_ms[link])
        arrival_ms = scheduler->free_ms[link];
    scheduler->free_ms[link] = arrival_ms;
    struct event *event = world_later(world, arrival_ms - world->now_ms, NULL);
    int64_t at_ms = event->at_ms;
    uint64_t order = event->order;
    *event = scheduler->out[at];
    event->at_ms = at_ms;
    event->order = order;
    scheduler->out[at].data = NULL;
}

/* ---- steps ---- */

static void stepped(struct world *world, unsigned index)
{
    struct scheduler *scheduler = &world->schedulers->all[index];
    int64_t count = (int64_t)scheduler->out_count, dies_at = -1, from_ms = world->now_ms;
    if (chance_of(world, world->chances.scheduler_crash))
        dies_at = chance_between(world, 0, count);
    int64_t stops_at = -1;
    if (dies_at < 0 && chance_of(world, world->chances.scheduler_stop)) {
        stops_at = chance_between(world, 0, count);
        stop(world, index);
    }
    for (int64_t i = 0; i < count && i != dies_at; i++) {
        if (i == stops_at)
            from_ms = scheduler->stopped_until_ms;
        depart(world, scheduler, (size_t)i, from_ms);
    }
    out_forget(scheduler, 0);
    if (dies_at >= 0)
        schedulers_crash(world, index, restart_delay(world));
}

struct scheduler *scheduler_of(struct world *world, const struct event *event)
{
    struct scheduler *scheduler = &world->schedulers->all[event->target];
    return scheduler->life == event->life && scheduler->term_number == event->term &&
                   scheduler->term
               ? scheduler
               : NULL;
}

/* Something comes to a process. */
static void step(struct world *world, struct event *event)
{
    struct scheduler *scheduler = scheduler_of(world, event);
    if (!scheduler)
        return;
    if (world->now_ms < scheduler->stopped_until_ms) {
        int64_t late_ms = event->timer ? chance_between(world, 0, 1) : 0;
        world_again(world, event, scheduler->stopped_until_ms + late_ms);
        return;
    }
    if (chance_of(world, world->chances.scheduler_crash)) {
        schedulers_crash(world, event->target, restart_delay(world));
        return;
    }
    event->step(world, event);
    stepped(world, event->target);
}

struct event *scheduler_reply(struct world *world, const struct event *request, enum link link,
                              event_run *reply)
{
    struct scheduler *scheduler = &world->schedulers->all[request->target];
    int64_t arrival_ms = world->now_ms + chance_between(world, 0, FLIGHT_MS / 2);
    if (arrival_ms < scheduler->reply_free_ms[link])
        arrival_ms = scheduler->reply_free_ms[link];
    scheduler->reply_free_ms[link] = arrival_ms;
    struct event *event = world_later(world, arrival_ms - world->now_ms, step);
    event->step = reply;
    event->target = request->target;
    event->life = request->life;
    event->term = request->term;
    return event;
}

struct event *scheduler_timer(struct world *world, unsigned index, int64_t delay_ms,
                              event_run *timer)
{
    const struct scheduler *scheduler = &world->schedulers->all[index];
    struct event *event = world_later(world, delay_ms, step);
    event->step = timer;
    event->target = index;
    event->life = scheduler->life;
    event->term = scheduler->term_number;
    event->timer = true;
    return event;
}

/* ---- the lease ---- */

static void campaign(struct world *world, struct event *event)
{
    struct scheduler *scheduler = &world->schedulers->all[event->target];
    const struct database *database = world->database;
    if (scheduler->life != event->life || !scheduler->up)
        return;
    scheduler->campaigning = false;
    if (world->now_ms < scheduler->stopped_until_ms) {
        campaign_later(world, event->target, scheduler->stopped_until_ms - world->now_ms);
        return;
    }
    if (scheduler->term || database->down || world->streams->down ||
        world->now_ms < database->stalled_until_ms)
        return; /* whatever ends that asks again */
    uint64_t epoch;
    if (database_lease_take(world, event->target, &epoch)) {
        world->schedulers->terms++;
        trace_add(world, (int)event->target, "wins the lease, epoch", (long long)epoch, 0);
        scheduler->term = term_new(event->target, epoch);
        scheduler->term_number++;
        schedulers_campaign(world, LEASE_TTL_MS);
        struct event request = {
            .target = event->target, .life = scheduler->life, .term = scheduler->term_number};
        scheduler_reply(world, &request, LINK_DATABASE, lease_won);
    } else if (!database->lease_renewed) {
        campaign_later(world, event->target, database->lease_expires_ms - world->now_ms);
    }
}

static void lease_won(struct world *world, struct event *event)
{
    struct scheduler *scheduler = &world->schedulers->all[event->target];
    database_lease_resume(world, term_epoch(scheduler->term));
    term_start(world, scheduler->term);
}

void schedulers_campaign(struct world *world, int64_t delay_ms)
{
    for (unsigned i = 0; i < SCHEDULERS; i++)
        campaign_later(world, i, delay_ms);
}

static void lease_checked(struct world *world, struct event *event)
{
    struct scheduler *scheduler = &world->schedulers->all[event->target];
    if (!database_leads(world, term_epoch(scheduler->term)))
        scheduler_term_ended(world, event->target, "ends: the lease is lost");
}

void schedulers_lease_ends(struct world *world, unsigned index, int64_t at_ms)
{
    if (world->schedulers->all[index].term)
        scheduler_timer(world, index, at_ms - world->now_ms, lease_checked);
}

static void release(struct world *world, struct event *event)
{
    database_lease_release(world, event->number);
}

void scheduler_term_ended(struct world *world, unsigned index, const char *reason)
{
    struct scheduler *scheduler = &world->schedulers->all[index];
    uint64_t epoch = term_epoch(scheduler->term);
    trace_add(world, (int)index, reason, (long long)epoch, 0);
    world->schedulers->ended++;
    if (holds_lease(world, index))
        database_lease_stall(world);
    term_free(scheduler->term);
    scheduler->term = NULL;
    scheduler->term_number++;
    scheduler_send(world, index, LINK_DATABASE, release)->number = epoch;
    campaign_later(world, index, TERM_PAUSE_MS);
}

/* ---- what happens around them ---- */

void schedulers_messages(struct world *world)
{
    for (unsigned i = 0; i < SCHEDULERS; i++)
        if (world->schedulers->all[i].term)
            term_notice(world, world->schedulers->all[i].term);
}

static void disconnected(struct world *world, struct event *event)
{
    scheduler_term_ended(world, event->target, "ends: NATS is away");
}

void schedulers_nats_down(struct world *world)
{
    for (unsigned i = 0; i < SCHEDULERS; i++)
        if (world->schedulers->all[i].term)
            scheduler_timer(world, i, chance_between(world, 0, 1000), disconnected);
}

void schedulers_database_back(struct world *world)
{
    int holder = world->database->lease_holder;
    if (holder >= 0 && world->schedulers->all[holder].term &&
        world->schedulers->all[holder].stopped_until_ms <= world->now_ms)
        database_lease_resume(world, term_epoch(world->schedulers->all[holder].term));
    schedulers_campaign(world, 0);
}
