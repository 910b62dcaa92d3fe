#include "dispatcher/launch.h"

#include <stdlib.h>
#include <string.h>

#include "dispatcher/job_details.h"
#include "shared/compiler.h"
#include "shared/memory.h"

#define HOST_BUCKETS    4096 /* a power of two */
#define CONNECTING_MAX  256
#define CONNECTING_LANE (CONNECTING_MAX / 2)

/* A host that has POSTs under way, or had when runs came to wait for it. */
struct host {
    struct host *next_in_bucket;
    unsigned under_way;
    struct run_queue waiting;
    uint32_t hash;
    char name[];
};

struct lane {
    struct run_queue ready;
    unsigned under_way;
    unsigned connecting;
};

struct launch {
    struct launch_options options;
    unsigned per_lane;
    unsigned under_way;
    unsigned connecting;
    unsigned next_lane; /* whose turn it is */
    size_t waiting_for_host;
    struct lane lanes[LANES];
    struct host *hosts[HOST_BUCKETS];
};

struct launch *launch_create(const struct launch_options *options)
{
    INVARIANT(options->concurrency > 0 && options->per_host > 0);
    struct launch *launch = memory_new(1, sizeof(*launch));
    launch->options = *options;
    launch->per_lane = (options->concurrency + 1) / 2;
    return launch;
}

static struct host **host_link(struct launch *launch, const struct job_details *details)
{
    struct host **link = &launch->hosts[details->host_hash & (HOST_BUCKETS - 1)];
    while (*link &&
           ((*link)->hash != details->host_hash || strcmp((*link)->name, details->host) != 0))
        link = &(*link)->next_in_bucket;
    return link;
}

static struct host *host_get(struct launch *launch, const struct job_details *details)
{
    struct host **link = host_link(launch, details);
    if (!*link) {
        size_t name_bytes = strlen(details->host) + 1;
        *link = memory_new(1, sizeof(struct host) + name_bytes);
        (*link)->hash = details->host_hash;
        memcpy((*link)->name, details->host, name_bytes);
    }
    return *link;
}

static void host_free_if_idle(struct launch *launch, const struct job_details *details)
{
    struct host **link = host_link(launch, details);
    struct host *host = *link;
    if (!host || host->under_way > 0 || host->waiting.first)
        return;
    *link = host->next_in_bucket;
    free(host);
}

void launch_free(struct launch *launch)
{
    for (size_t i = 0; i < HOST_BUCKETS; i++) {
        while (launch->hosts[i]) {
            struct host *host = launch->hosts[i];
            launch->hosts[i] = host->next_in_bucket;
            free(host);
        }
    }
    free(launch);
}

void launch_add(struct launch *launch, struct held_run *run)
{
    run_queue_push(&launch->lanes[run->message->lane].ready, run);
}

void launch_connected(struct launch *launch, struct held_run *run)
{
    if (!run->connecting)
        return;
    run->connecting = false;
    launch->connecting--;
    launch->lanes[run->message->lane].connecting--;
}

void launch_ended(struct launch *launch, struct held_run *run)
{
    launch_connected(launch, run);
    launch->under_way--;
    launch->lanes[run->message->lane].under_way--;

    struct host *host = *host_link(launch, run->details);
    INVARIANT(host && host->under_way > 0);
    host->under_way--;
    struct held_run *waiter = run_queue_pop(&host->waiting);
    if (waiter) {
        launch->waiting_for_host--;
        run_queue_push_front(&launch->lanes[waiter->message->lane].ready, waiter);
    }
    host_free_if_idle(launch, run->details);
}

/* The next lane in turn that has something to start and room for it. */
static struct lane *pick_lane(struct launch *launch)
{
    for (unsigned i = 0; i < LANES; i++) {
        struct lane *lane = &launch->lanes[launch->next_lane];
        launch->next_lane = (launch->next_lane + 1) % LANES;
        if (lane->ready.first && lane->under_way < launch->per_lane &&
            lane->connecting < CONNECTING_LANE)
            return lane;
    }
    return NULL;
}

static void start(struct launch *launch, struct lane *lane, struct held_run *run)
{
    struct host *host = host_get(launch, run->details);
    if (host->under_way >= launch->options.per_host) {
        run_queue_push(&host->waiting, run);
        launch->waiting_for_host++;
        return;
    }
    host->under_way++;
    lane->under_way++;
    lane->connecting++;
    launch->under_way++;
    launch->connecting++;
    run->connecting = true;
    run->message->started = true;
    launch->options.start(launch->options.arg, run);
}

void launch_turn(struct launch *launch)
{
    while (launch->under_way < launch->options.concurrency && launch->connecting < CONNECTING_MAX) {
        struct lane *lane = pick_lane(launch);
        if (!lane)
            return;
        start(launch, lane, run_queue_pop(&lane->ready));
    }
}

static void drop_from(struct run_queue *queue)
{
    struct run_queue kept = {NULL, NULL, 0};
    struct held_run *run;
    while ((run = run_queue_pop(queue))) {
        if (run->message->state == MESSAGE_ABANDONED)
            held_run_done(run);
        else
            run_queue_push(&kept, run);
    }
    *queue = kept;
}

void launch_drop_abandoned(struct launch *launch)
{
    /* All that wait aside line up again: the run that was to make way for them may be dropped. */
    for (size_t i = 0; i < HOST_BUCKETS; i++) {
        for (struct host **link = &launch->hosts[i]; *link;) {
            struct host *host = *link;
            struct held_run *run;
            while ((run = run_queue_pop(&host->waiting)))
                run_queue_push(&launch->lanes[run->message->lane].ready, run);
            if (host->under_way > 0) {
                link = &host->next_in_bucket;
                continue;
            }
            *link = host->next_in_bucket;
            free(host);
        }
    }
    launch->waiting_for_host = 0;
    for (unsigned i = 0; i < LANES; i++)
        drop_from(&launch->lanes[i].ready);
}

size_t launch_under_way(const struct launch *launch)
{
    return launch->under_way;
}

size_t launch_waiting(const struct launch *launch)
{
    size_t waiting = launch->waiting_for_host;
    for (unsigned i = 0; i < LANES; i++)
        waiting += launch->lanes[i].ready.count;
    return waiting;
}
