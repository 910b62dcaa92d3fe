/*
 * The books of the simulation: every execution, what was emitted, POSTed and recorded of it, and
 * what ought to have been. It fails the run as soon as something is wrong.
 *
 * The rows of the executions and attempts tables live here too.
 */
#ifndef SIMULATION_LEDGER_H
#define SIMULATION_LEDGER_H

#include "scheduler/core/facts.h"
#include "scheduler/core/writing.h"
#include "tests/simulation/delivery.h"
#include "tests/simulation/world.h"

struct ledger_job {
    struct delivery *slots; /* owned, in the order of minutes */
    size_t slot_count, slot_room;
    struct delivery *demands; /* owned, in the order of their replay: runs on demand, replays */
    size_t demand_count, demand_room;
};

struct ledger_key {
    int64_t job, slot_s;
    uint32_t replay;
};

enum skip_reason {
    SKIP_MISSED,
    SKIP_OVERLAP,
    SKIP_MONTH,
    SKIP_BURST,
    SKIP_CONCURRENCY,
    SKIP_PAUSED,
    SKIP_CAPACITY,
    SKIP_REASONS
};

struct ledger {
    struct ledger_job *jobs; /* owned: by id - 1 */
    size_t job_count, job_room;
    struct ledger_key *pending; /* owned: has been pending, and may be still */
    size_t pending_count, pending_room;
    uint32_t checked; /* minutes up to here are accounted for */
    /* totals */
    uint64_t slots, emitted, retries, demands, promised, posts, repeated, failures;
    uint64_t skipped[SKIP_REASONS];
};

void ledger_open(struct world *world);
void ledger_close(struct world *world);

/* The execution that a run or a result is of, or a notice; NULL where there is none, any more. */
struct delivery *ledger_delivery(struct world *world, int64_t job, int64_t slot_s, uint32_t replay);

/* A run is in RUNS, decided by a leader at a time of its clock. */
void ledger_emitted(struct world *world, const struct run *run, int64_t decided_ms);
/* Its result is in RESULTS; gone: nothing was POSTed. */
void ledger_reported(struct world *world, const struct run *run, enum result_outcome outcome,
                     uint16_t code);
/* Rows are committed, at a time of the leader's clock. */
void ledger_row(struct world *world, const struct execution *row, int64_t now_ms);
void ledger_attempt(struct world *world, const struct attempt *row);
/* A job is deleted, with its executions. */
void ledger_deleted(struct world *world, int64_t id);
/* A command was answered 202 with the id of an execution. */
void ledger_promised(struct world *world, const char *id, size_t length);
/* What a replay's window holds, as fact_slots: final slots' own executions. */
void ledger_window(struct world *world, int64_t id, const struct replay_window *window,
                   struct facts *facts);
/* Calls with every pending row. */
void ledger_each_pending(struct world *world, void *arg,
                         void (*call)(void *arg, const struct delivery *row));

/* Every due slot to last_tick must be in RUNS or in a row. */
void ledger_complete(struct world *world, uint32_t last_tick);
/* At the end: every due slot has a final row, and was POSTed as often as it should. */
void ledger_balance(struct world *world, uint32_t last_tick);

#endif
