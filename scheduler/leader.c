#include "scheduler/leader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "scheduler/lease.h"
#include "scheduler/term.h"
#include "shared/bus_streams.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/secret.h"

/*
 * More messages than the runs that may be open make, so that a tick always fits; what is queued
 * is bounded by OPEN_RUN_LIMIT.
 */
#define BUS_QUEUE_LIMIT  262144
#define HOLDER_SIZE      160
#define STREAMS_RETRY_MS 2000
/*
 * After a term that ended: whatever ended it needs a moment, and a longer one each time where terms
 * end soon, for each loads all jobs anew.
 */
#define PAUSE_FIRST_MS 250
#define PAUSE_MAX_MS   4000
#define TERM_LONG_MS   30000

struct leader {
    struct service *service;
    struct bus *bus;
    struct lease *lease;
    struct term *term;
    uv_timer_t pause;
    char holder[HOLDER_SIZE];
    bool streams_ready, streams_asked, campaigning, stopping;
    int64_t won_ms, pause_ms;
    int64_t connected_ms; /* monotonic: when NATS came */
    int part_nats, part_database;
};

static void compete(struct leader *leader)
{
    if (leader->stopping || leader->term || leader->campaigning || !leader->streams_ready ||
        !bus_connected(leader->bus) || uv_is_active((uv_handle_t *)&leader->pause))
        return;
    leader->campaigning = true;
    lease_campaign(leader->lease);
}

static void streams_ensure(struct leader *leader);

static void pause_over(uv_timer_t *timer)
{
    struct leader *leader = timer->data;
    if (leader->streams_ready)
        compete(leader);
    else if (bus_connected(leader->bus))
        streams_ensure(leader);
}

static void leader_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_all(uv_timer_t *timer)
{
    struct leader *leader = timer->data;
    lease_close(leader->lease);
    bus_close(leader->bus);
    service_stopped(leader->service);
    uv_close((uv_handle_t *)timer, leader_closed);
}

static void stopped(void *arg)
{
    struct leader *leader = arg;
    /* From the loop: what calls this must not be closed under its own feet. */
    uv_timer_start(&leader->pause, close_all, 0, 0);
}

static void released(void *arg)
{
    struct leader *leader = arg;
    uv_timer_start(&leader->pause, pause_over, (uint64_t)leader->pause_ms, 0);
}

static void term_ended(void *arg)
{
    struct leader *leader = arg;
    term_close(leader->term);
    leader->term = NULL;
    bool was_long = clock_monotonic_ms() - leader->won_ms >= TERM_LONG_MS;
    leader->pause_ms = was_long || !leader->pause_ms ? PAUSE_FIRST_MS : 2 * leader->pause_ms;
    if (leader->pause_ms > PAUSE_MAX_MS)
        leader->pause_ms = PAUSE_MAX_MS;
    leader->campaigning = false;
    lease_release(leader->lease, leader->stopping ? stopped : released, leader);
}

static void lease_won(void *arg, uint64_t epoch)
{
    struct leader *leader = arg;
    leader->won_ms = clock_monotonic_ms();
    LOG_INFO("lease won", LOG_I64("epoch", epoch));
    leader->term = term_open(service_loop(leader->service),
                             &(struct term_options){.config = service_config(leader->service),
                                                    .bus = leader->bus,
                                                    .lease = leader->lease,
                                                    .epoch = epoch,
                                                    .connected_ms = leader->connected_ms,
                                                    .on_ended = term_ended,
                                                    .arg = leader});
}

static void lease_lost(void *arg)
{
    struct leader *leader = arg;
    if (leader->term)
        term_fail(leader->term, "the lease is lost");
}

static void database_state(void *arg, bool connected)
{
    struct leader *leader = arg;
    service_set_ready(leader->service, leader->part_database, connected);
}

static void streams_ensured(void *arg, const char *error)
{
    struct leader *leader = arg;
    leader->streams_asked = false;
    if (leader->stopping)
        return;
    if (error) {
        LOG_ERROR("the streams are not as they should be", LOG_STR("error", error));
        uv_timer_start(&leader->pause, pause_over, STREAMS_RETRY_MS, 0);
        return;
    }
    leader->streams_ready = true;
    service_set_ready(leader->service, leader->part_nats, true);
    compete(leader);
}

static void streams_ensure(struct leader *leader)
{
    if (leader->streams_asked)
        return;
    leader->streams_asked = true;
    bus_streams_ensure(leader->bus,
                       service_config(leader->service)->stream_storage_mb * 1024 * 1024,
                       streams_ensured, leader);
}

static void bus_state(void *arg, bool connected)
{
    struct leader *leader = arg;
    /* A server may come back without its data: whatever is missing there is made anew. */
    leader->streams_ready = false;
    leader->connected_ms = clock_monotonic_ms();
    service_set_ready(leader->service, leader->part_nats, false);
    if (!connected && leader->term)
        term_fail(leader->term, "NATS is away");
    else if (connected)
        streams_ensure(leader);
}

struct leader *leader_open(struct service *service)
{
    const struct config *config = service_config(service);
    struct leader *leader = memory_new(1, sizeof(*leader));
    leader->service = service;
    leader->part_nats = service_part(service, "nats");
    leader->part_database = service_part(service, "database");
    uv_timer_init(service_loop(service), &leader->pause);
    leader->pause.data = leader;

    /* A restarted process of the same name is another holder. */
    uint64_t random;
    secret_random(&random, sizeof(random));
    snprintf(leader->holder, sizeof(leader->holder), "%.120s/%016" PRIx64, config->instance,
             random);
    leader->lease = lease_open(service_loop(service),
                               &(struct lease_options){.database_url = config->database_url,
                                                       .holder = leader->holder,
                                                       .ttl_ms = config->lease_ttl_ms,
                                                       .on_state = database_state,
                                                       .on_won = lease_won,
                                                       .on_lost = lease_lost,
                                                       .arg = leader});
    leader->bus =
        bus_open(service_loop(service), &(struct bus_options){.url = config->nats_url,
                                                              .name = "croncoco scheduler",
                                                              .queue_limit = BUS_QUEUE_LIMIT,
                                                              .on_state = bus_state,
                                                              .arg = leader});
    return leader;
}

void leader_stop(struct leader *leader)
{
    leader->stopping = true;
    uv_timer_stop(&leader->pause);
    if (leader->term)
        term_finish(leader->term);
    else
        lease_release(leader->lease, stopped, leader);
}
