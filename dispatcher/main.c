/*
 * The dispatcher: takes runs, POSTs each to its job's webhook, reports what came of it. It decides
 * nothing; the leader does.
 *
 *   intake -> (claim) -> loader -> launch -> delivery -> report -> message acknowledged
 *
 * Events only record. The work is done in batches, once a turn of the loop: look-ups in on_events,
 * right behind the events, and the rest in on_turn, right before libuv waits.
 */
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "dispatcher/account_keys.h"
#include "dispatcher/claim.h"
#include "dispatcher/delivery.h"
#include "dispatcher/intake.h"
#include "dispatcher/job_cache.h"
#include "dispatcher/launch.h"
#include "dispatcher/loader.h"
#include "dispatcher/message.h"
#include "dispatcher/report.h"
#include "dispatcher/stats.h"
#include "shared/bus.h"
#include "shared/bus_streams.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/db.h"
#include "shared/guard.h"
#include "shared/log.h"
#include "shared/service.h"

#define CACHE_BYTES        ((size_t)128 << 20)
#define NOTICE_CACHE_BYTES ((size_t)8 << 20)
#define KEY_CACHE_ACCOUNTS 200000
#define DB_CONNECTIONS     2
/* Without a sign of life for so long, others may soon be given what is held. */
#define KEPT_MAX_MS    (RUN_ACK_WAIT_MS - 2000)
#define DB_QUEUE_LIMIT 64
#define ACCOUNT_EVENTS "event.account.*"

struct dispatcher {
    struct service *service;
    struct bus *bus;
    struct db *db;
    struct guard *guard;
    struct messages *messages;
    struct job_cache *cache;
    struct job_cache *notices;
    struct account_key_cache *keys;
    struct bus_subscription *account_events;
    struct loader *loader;
    struct launch *launch;
    struct deliveries *deliveries;
    struct reports *reports;
    struct claims *claims;
    struct intake *intake; /* NULL until the streams are there */
    uv_check_t events;
    uv_prepare_t turn;
    uv_timer_t progress;
    bool held_back;  /* nothing is started, for others may have it */
    int64_t kept_ms; /* monotonic: when JetStream last heard of what is held */
    int bus_part, db_part, streams_part;
};

/* --- a run's way --- */

static void end_run(struct dispatcher *dispatcher, struct held_run *run)
{
    stats_ended(run);
    reports_add(dispatcher->reports, run);
}

static void on_message(void *arg, struct message *message, bool again)
{
    struct dispatcher *dispatcher = arg;
    stats_message(again);
    if (again) {
        claims_begin(dispatcher->claims, message);
        return;
    }
    for (size_t i = 0; i < message->count; i++)
        loader_add(dispatcher->loader, &message->runs[i]);
}

static void on_claim_won(void *arg, struct message *message, const bool *closed)
{
    struct dispatcher *dispatcher = arg;
    /* The message goes with the last of its runs, which is the last one looked at here, if any. */
    size_t count = message->count;
    for (size_t i = 0; i < count; i++) {
        if (closed[i])
            held_run_done(&message->runs[i]);
        else
            loader_add(dispatcher->loader, &message->runs[i]);
    }
}

static void on_loaded(void *arg, struct held_run *run)
{
    struct dispatcher *dispatcher = arg;
    if (run->details && !*run->details->problem) {
        launch_add(dispatcher->launch, run);
        return;
    }
    if (run->details)
        delivery_refuse(run, RESULT_BLOCKED, run->details->problem);
    else
        delivery_refuse(run, RESULT_GONE,
                        run->run.replay == RUN_NOTICE ? "the notice is no longer there"
                                                      : "the job is no longer there");
    end_run(dispatcher, run);
}

static void on_start(void *arg, struct held_run *run)
{
    struct dispatcher *dispatcher = arg;
    stats_started(run);
    delivery_start(dispatcher->deliveries, run);
}

static void on_connected(void *arg, struct held_run *run)
{
    struct dispatcher *dispatcher = arg;
    launch_connected(dispatcher->launch, run);
}

static void on_delivered(void *arg, struct held_run *run)
{
    struct dispatcher *dispatcher = arg;
    launch_ended(dispatcher->launch, run);
    end_run(dispatcher, run);
}

/* --- the loop --- */

static void set_gauges(const struct dispatcher *dispatcher)
{
    struct stats_gauges gauges = {
        .under_way = launch_under_way(dispatcher->launch),
        .ready = launch_waiting(dispatcher->launch),
        .messages = messages_count(dispatcher->messages),
        .results = reports_waiting(dispatcher->reports),
        .cached_jobs = job_cache_count(dispatcher->cache),
        .cached_bytes = job_cache_bytes(dispatcher->cache),
    };
    for (unsigned lane = 0; lane < LANES; lane++)
        gauges.runs += messages_open_runs(dispatcher->messages, lane);
    stats_set(&gauges);
}

static void finish(struct dispatcher *dispatcher)
{
    uv_close((uv_handle_t *)&dispatcher->events, NULL);
    uv_close((uv_handle_t *)&dispatcher->turn, NULL);
    uv_close((uv_handle_t *)&dispatcher->progress, NULL);
    if (dispatcher->intake)
        intake_close(dispatcher->intake);
    claims_close(dispatcher->claims);
    bus_unsubscribe(dispatcher->account_events);
    bus_close(dispatcher->bus); /* the last acknowledgements leave here */
    reports_close(dispatcher->reports);
    deliveries_close(dispatcher->deliveries);
    launch_free(dispatcher->launch);
    db_close(dispatcher->db);
    loader_close(dispatcher->loader);
    messages_free(dispatcher->messages);
    job_cache_free(dispatcher->cache);
    job_cache_free(dispatcher->notices);
    account_key_cache_free(dispatcher->keys);
    guard_free(dispatcher->guard);
    service_stopped(dispatcher->service);
}

/* Not in on_turn: the pool sends right before libuv waits, too, and what comes then comes late. */
static void on_events(uv_check_t *events)
{
    struct dispatcher *dispatcher = events->data;
    loader_turn(dispatcher->loader);
}

static bool kept(const struct dispatcher *dispatcher)
{
    return clock_monotonic_ms() - dispatcher->kept_ms <= KEPT_MAX_MS;
}

static void keep(struct dispatcher *dispatcher)
{
    if (!bus_connected(dispatcher->bus))
        return;
    messages_progress(dispatcher->messages);
    if (!kept(dispatcher))
        claims_doubt_all(dispatcher->claims);
    dispatcher->kept_ms = clock_monotonic_ms();
}

/* What another dispatcher may have been given is not started before that is cleared up. */
static void launch(struct dispatcher *dispatcher)
{
    if (!kept(dispatcher))
        keep(dispatcher);
    if (!kept(dispatcher) || claims_doubting(dispatcher->claims)) {
        dispatcher->held_back = true;
        return;
    }
    if (dispatcher->held_back)
        launch_drop_abandoned(dispatcher->launch);
    dispatcher->held_back = false;
    launch_turn(dispatcher->launch);
}

static void on_turn(uv_prepare_t *turn)
{
    struct dispatcher *dispatcher = turn->data;
    launch(dispatcher);
    reports_turn(dispatcher->reports);
    if (dispatcher->intake)
        intake_turn(dispatcher->intake);
    set_gauges(dispatcher);
    if (service_stopping(dispatcher->service) && messages_count(dispatcher->messages) == 0)
        finish(dispatcher);
}

static void on_progress(uv_timer_t *timer)
{
    struct dispatcher *dispatcher = timer->data;
    keep(dispatcher);
}

/* Messages that have not begun go back; those that have are finished. */
static void on_stop(void *arg)
{
    struct dispatcher *dispatcher = arg;
    if (dispatcher->intake)
        intake_stop(dispatcher->intake);
    claims_abandon_all(dispatcher->claims);
    struct message *next;
    for (struct message *message = messages_first(dispatcher->messages); message; message = next) {
        next = message->next;
        if (message->state == MESSAGE_RUNNING && !message->started)
            message_abandon(message);
    }
    launch_drop_abandoned(dispatcher->launch);
}

/* --- the start --- */

static void on_bus_state(void *arg, bool connected)
{
    struct dispatcher *dispatcher = arg;
    service_set_ready(dispatcher->service, dispatcher->bus_part, connected);
    if (!connected)
        return;
    /* First of all: what is held must not be given to others. */
    keep(dispatcher);
    account_key_cache_changed_all(dispatcher->keys);
    claims_connected(dispatcher->claims);
    if (dispatcher->intake)
        intake_connected(dispatcher->intake);
    reports_hurry(dispatcher->reports);
}

/* event.account.<id>: perhaps a secret of it. */
static void on_account_event(void *arg, const struct bus_message *message)
{
    struct dispatcher *dispatcher = arg;
    int64_t account = bus_event_id(message->subject, "account");
    if (account > 0)
        account_key_cache_changed(dispatcher->keys, account);
}

static void on_db_state(void *arg, bool connected)
{
    struct dispatcher *dispatcher = arg;
    service_set_ready(dispatcher->service, dispatcher->db_part, connected);
}

static void on_streams(void *arg, const char *error)
{
    struct dispatcher *dispatcher = arg;
    if (error)
        service_fail(dispatcher->service, SERVICE_EXIT_UNAVAILABLE, "the streams cannot be used",
                     error);
    service_set_ready(dispatcher->service, dispatcher->streams_part, true);
    struct intake_options options = {
        .bus = dispatcher->bus,
        .messages = dispatcher->messages,
        .concurrency = (unsigned)service_config(dispatcher->service)->dispatch_concurrency,
        .on_message = on_message,
        .arg = dispatcher,
    };
    dispatcher->intake = intake_open(&options);
    if (service_stopping(dispatcher->service))
        intake_stop(dispatcher->intake);
}

static void open_servers(struct dispatcher *dispatcher)
{
    struct service *service = dispatcher->service;
    const struct config *config = service_config(service);
    dispatcher->bus_part = service_part(service, "nats");
    dispatcher->db_part = service_part(service, "database");
    dispatcher->streams_part = service_part(service, "streams");

    char error[GUARD_ERROR_SIZE];
    if (guard_create(config->webhook_allow_cidrs, &dispatcher->guard, error) != 0)
        service_fail(service, SERVICE_EXIT_CONFIG, "WEBHOOK_ALLOW_CIDRS is wrong", error);
    struct bus_options bus = {.url = config->nats_url,
                              .name = config->instance,
                              .on_state = on_bus_state,
                              .arg = dispatcher};
    dispatcher->bus = bus_open(service_loop(service), &bus);
    struct db_options db = {.url = config->database_url,
                            .name = "dispatcher",
                            .connections = DB_CONNECTIONS,
                            .queue_limit = DB_QUEUE_LIMIT,
                            .pipeline_depth = 4,
                            .on_state = on_db_state,
                            .arg = dispatcher};
    dispatcher->db = db_open(service_loop(service), &db);
}

static void open_parts(struct dispatcher *dispatcher)
{
    uv_loop_t *loop = service_loop(dispatcher->service);
    const struct config *config = service_config(dispatcher->service);
    dispatcher->messages = messages_create(dispatcher->bus);
    dispatcher->cache = job_cache_create(CACHE_BYTES);
    dispatcher->notices = job_cache_create(NOTICE_CACHE_BYTES);
    dispatcher->keys = account_key_cache_create(KEY_CACHE_ACCOUNTS);
    dispatcher->account_events =
        bus_subscribe(dispatcher->bus, ACCOUNT_EVENTS, NULL, on_account_event, dispatcher);
    struct loader_options loader = {.db = dispatcher->db,
                                    .jobs = dispatcher->cache,
                                    .notices = dispatcher->notices,
                                    .keys = dispatcher->keys,
                                    .signing_secret = config->webhook_signing_secret,
                                    .on_done = on_loaded,
                                    .arg = dispatcher};
    dispatcher->loader = loader_open(loop, &loader);
    struct launch_options launch = {.concurrency = (unsigned)config->dispatch_concurrency,
                                    .per_host = (unsigned)config->dispatch_per_host,
                                    .start = on_start,
                                    .arg = dispatcher};
    dispatcher->launch = launch_create(&launch);
    struct delivery_options delivery = {.connections = (long)config->dispatch_concurrency,
                                        .response_cap_bytes = (size_t)config->response_cap_bytes,
                                        .guard = dispatcher->guard,
                                        .on_connected = on_connected,
                                        .on_done = on_delivered,
                                        .arg = dispatcher};
    dispatcher->deliveries = deliveries_open(loop, &delivery);
    dispatcher->reports = reports_open(loop, dispatcher->bus);
    dispatcher->claims =
        claims_open(loop, dispatcher->bus, dispatcher->messages, on_claim_won, dispatcher);
}

static void start_loop_handles(struct dispatcher *dispatcher)
{
    uv_loop_t *loop = service_loop(dispatcher->service);
    uv_check_init(loop, &dispatcher->events);
    dispatcher->events.data = dispatcher;
    uv_check_start(&dispatcher->events, on_events);
    /* libuv calls the latest first: this is before the bus sends what it has. */
    uv_prepare_init(loop, &dispatcher->turn);
    dispatcher->turn.data = dispatcher;
    dispatcher->kept_ms = clock_monotonic_ms();
    uv_prepare_start(&dispatcher->turn, on_turn);
    uv_timer_init(loop, &dispatcher->progress);
    dispatcher->progress.data = dispatcher;
    uv_timer_start(&dispatcher->progress, on_progress, RUN_ACK_WAIT_MS / 3, RUN_ACK_WAIT_MS / 3);
}

int main(int argc, char **argv)
{
    static struct dispatcher dispatcher;
    dispatcher.service = service_open("dispatcher", CONFIG_DISPATCHER, argc, argv);
    stats_register();
    open_servers(&dispatcher);
    open_parts(&dispatcher);
    start_loop_handles(&dispatcher);
    service_on_stop(dispatcher.service, on_stop, &dispatcher);
    bus_streams_ensure(dispatcher.bus,
                       service_config(dispatcher.service)->stream_storage_mb * 1024 * 1024,
                       on_streams, &dispatcher);
    return service_run(dispatcher.service);
}
