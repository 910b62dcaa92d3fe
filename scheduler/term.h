/*
 * A term of leadership: everything a process does between winning the lease and losing or giving
 * back. It ends at the first thing that goes wrong (PostgreSQL or NATS away, a refusal, the lease
 * gone), and the next term, here or elsewhere, loads what holds: there is one way to recover, and
 * every start takes it.
 *
 *   LOADING     jobs, checks and what is open, from PostgreSQL
 *   ANCHORING   the marker in RUNS: from here on no older leader can write there
 *   READING     the tail of RUNS, for what was emitted and not recorded
 *   PREPARING   partitions for the executions
 *   LEADING     ticks, commands, results, pings
 *   FINISHING   asked to stop: no more commands, what is done is written
 */
#ifndef SCHEDULER_TERM_H
#define SCHEDULER_TERM_H

#include <stdint.h>
#include <uv.h>

#include "scheduler/lease.h"
#include "shared/bus.h"
#include "shared/config.h"

struct term;

struct term_options {
    const struct config *config;
    struct bus *bus;
    struct lease *lease;
    uint64_t epoch;
    int64_t connected_ms;        /* monotonic: since when NATS is there */
    void (*on_ended)(void *arg); /* failed or finished: close it */
    void *arg;
};

struct term *term_open(uv_loop_t *loop, const struct term_options *options);
/* At any time; no callback comes after it. */
void term_close(struct term *term);

/* Ends the term because of reason; on_ended comes from the loop, soon. */
void term_fail(struct term *term, const char *reason);
/* Ends it in good order. */
void term_finish(struct term *term);

#endif
