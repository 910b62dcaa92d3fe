/*
 * The whole system around the real core, under a simulated clock: see world.h.
 *
 *   simulation [--seed N] [--seeds N] [--jobs N] [--days N] [--watch JOB]
 *
 * Runs seeds from --seed on, each with so many jobs for so many simulated days and a quiet time
 * behind them, in which everything must come to its end. --watch prints the history of one job.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/simulation/allowances.h"
#include "tests/simulation/calendar.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/database.h"
#include "tests/simulation/dispatchers.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/notices.h"
#include "tests/simulation/rows.h"
#include "tests/simulation/schedulers.h"
#include "tests/simulation/streams.h"
#include "tests/simulation/term.h"

#define QUIET_MS   (32 * HOUR_MS) /* longer than any outage or stop that began before it */
#define SETTLED_MS HOUR_MS
#define LOOK_MS    250
#define LOOKS      1000

struct totals {
    uint64_t events, slots, emitted, retries, demands, promised, posts, repeated, failures;
    uint64_t notices, alerts, letters, pauses, commands, terms, crashes, stops, refused;
    uint64_t skipped[SKIP_REASONS];
};

/* Whether everything has come to its end but what waits for its time. */
static bool calm(const struct world *world)
{
    const struct term *term = schedulers_leading(world);
    const struct core_progress *progress = &world->database->progress;
    if (!term || dispatchers_waiting(world) || term->core->log.count ||
        progress->runs_seq != world->streams->run_count ||
        progress->commands_seq != world->streams->command_count ||
        progress->results_seq != world->streams->result_count)
        return false;
    for (uint32_t place = 0; place < term->core->open.length; place++) {
        const struct open_run *open = &term->core->open.runs[place];
        if (open->state != OPEN_RUN_FREE &&
            (open->state != OPEN_RUN_HELD || open->due_ms <= world->now_ms))
            return false;
    }
    return true;
}

static void balance(struct world *world)
{
    const struct term *term = schedulers_leading(world);
    if (!term)
        world_fail(world, "nobody leads at the end");
    uint32_t now = (uint32_t)(world->now_ms / MINUTE_MS);
    const struct core_progress *progress = &world->database->progress;
    if (progress->last_tick + 2 < now)
        world_fail(world, "last_tick is %u at minute %u", progress->last_tick, now);
    if (!calm(world))
        world_fail(world,
                   "there is no end: %zu messages are not acknowledged, %u runs are open, %u "
                   "messages in the run log, RUNS %" PRIu64 " of %zu",
                   dispatchers_waiting(world), term->core->open.count, term->core->log.count,
                   progress->runs_seq, world->streams->run_count);
    ledger_balance(world, progress->last_tick);
    notices_balance(world);
    clients_balance(world);
}

/* To a moment at which what was emitted is over. */
static void settle(struct world *world)
{
    faults_end(world);
    world_run(world, world->now_ms + SETTLED_MS);
    while (world->database->down || world->streams->down || !schedulers_leading(world)) {
        if (world->now_ms > world->end_ms + QUIET_MS)
            world_fail(world, "nobody leads, long after the last fault");
        world_run(world, world->now_ms + SETTLED_MS);
    }
    world_run(world, world->now_ms + 2 * SETTLED_MS);
    for (int i = 0; i < LOOKS && !calm(world); i++)
        world_run(world, world->now_ms + LOOK_MS);
}

static void run_seed(uint64_t seed, unsigned jobs, unsigned days, int64_t watched,
                     struct totals *totals)
{
    struct world world;
    world_init(&world, seed, jobs, days);
    world.watched = watched;
    calendar_open(&world);
    allowances_open(&world);
    notices_open(&world);
    rows_open(&world);
    ledger_open(&world);
    database_open(&world);
    streams_open(&world);
    faults_open(&world);
    dispatchers_open(&world);
    clients_open(&world);
    schedulers_open(&world);

    world_run(&world, world.end_ms);
    settle(&world);
    balance(&world);

    totals->events += world.events_run;
    totals->slots += world.ledger->slots;
    totals->emitted += world.ledger->emitted;
    totals->retries += world.ledger->retries;
    totals->demands += world.ledger->demands;
    totals->promised += world.ledger->promised;
    totals->posts += world.ledger->posts;
    totals->repeated += world.ledger->repeated;
    totals->failures += world.ledger->failures;
    for (int i = 0; i < SKIP_REASONS; i++)
        totals->skipped[i] += world.ledger->skipped[i];
    totals->notices += world.rows->notices;
    totals->alerts += world.database->alerts;
    totals->letters += world.rows->letters;
    totals->pauses += world.rows->pauses;
    totals->commands += clients_count(&world);
    totals->terms += world.schedulers->terms;
    totals->crashes += world.schedulers->crashes;
    totals->stops += world.schedulers->stops;
    totals->refused += world.streams->refused + world.database->refused;

    schedulers_close(&world);
    world_free(&world);
    clients_close(&world);
    dispatchers_close(&world);
    faults_close(&world);
    streams_close(&world);
    database_close(&world);
    ledger_close(&world);
    rows_close(&world);
    notices_close(&world);
    allowances_close(&world);
    calendar_close(&world);
}

static uint64_t number_of(const char *text, uint64_t low, uint64_t high)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0' || number < low || number > high) {
        fprintf(stderr, "simulation: %s is not a number from %" PRIu64 " to %" PRIu64 "\n", text,
                low, high);
        exit(2);
    }
    return number;
}

int main(int count, char **arguments)
{
    uint64_t seed = 1, seeds = 12;
    unsigned jobs = 250, days = 6;
    int64_t watched = 0;
    for (int i = 1; i < count; i += 2) {
        const char *value = i + 1 < count ? arguments[i + 1] : "";
        if (strcmp(arguments[i], "--seed") == 0) {
            seed = number_of(value, 0, UINT64_MAX);
            seeds = 1;
        } else if (strcmp(arguments[i], "--seeds") == 0) {
            seeds = number_of(value, 1, UINT32_MAX);
        } else if (strcmp(arguments[i], "--jobs") == 0) {
            jobs = (unsigned)number_of(value, 1, 100000);
        } else if (strcmp(arguments[i], "--days") == 0) {
            days = (unsigned)number_of(value, 1, 3660);
        } else if (strcmp(arguments[i], "--watch") == 0) {
            watched = (int64_t)number_of(value, 1, UINT32_MAX);
        } else {
            fprintf(stderr, "usage: simulation [--seed N] [--seeds N] [--jobs N] [--days N]"
                            " [--watch JOB]\n");
            return 2;
        }
    }
    struct totals totals = {0};
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (uint64_t i = 0; i < seeds; i++)
        run_seed(seed + i, jobs, days, watched, &totals);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%" PRIu64 " seeds from %" PRIu64 ": %u jobs and %u days each, %" PRIu64
           " events in %lld s\n",
           seeds, seed, jobs, days, totals.events, (long long)(ended.tv_sec - begun.tv_sec));
    printf("slots %" PRIu64 ", runs on demand and replays %" PRIu64 " (%" PRIu64
           " answered), attempts %" PRIu64 " (%" PRIu64 " retries, %" PRIu64
           " executions with a repetition), failures %" PRIu64 "\n",
           totals.slots, totals.demands, totals.promised, totals.emitted, totals.retries,
           totals.repeated, totals.failures);
    printf("skipped: missed %" PRIu64 ", overlap %" PRIu64 ", month %" PRIu64 ", burst %" PRIu64
           ", concurrency %" PRIu64 ", paused %" PRIu64 ", capacity %" PRIu64 "\n",
           totals.skipped[SKIP_MISSED], totals.skipped[SKIP_OVERLAP], totals.skipped[SKIP_MONTH],
           totals.skipped[SKIP_BURST], totals.skipped[SKIP_CONCURRENCY],
           totals.skipped[SKIP_PAUSED], totals.skipped[SKIP_CAPACITY]);
    printf("notices %" PRIu64 ", alerts %" PRIu64 ", mails about jobs %" PRIu64 ", pauses %" PRIu64
           ", commands %" PRIu64 "\n",
           totals.notices, totals.alerts, totals.letters, totals.pauses, totals.commands);
    printf("terms %" PRIu64 ", crashes %" PRIu64 ", stops %" PRIu64
           ", writes of deposed leaders refused %" PRIu64 "\n",
           totals.terms, totals.crashes, totals.stops, totals.refused);
    return 0;
}
