/*
 * The books of the simulation: what every job was, slot by slot what was emitted, POSTed and
 * recorded, and what ought to have been. It fails the run as soon as something is wrong.
 *
 * The rows of the executions table live here too.
 */
#ifndef SIMULATION_LEDGER_H
#define SIMULATION_LEDGER_H

#include "tests/simulation/schedule.h"
#include "tests/simulation/world.h"

enum row { ROW_NONE, ROW_PENDING, ROW_SUCCESS, ROW_FAILURE, ROW_SKIPPED };

struct ledger_slot {
    uint32_t minute;
    uint8_t row;     /* enum row */
    uint8_t emitted; /* times in RUNS */
    uint8_t posts;   /* times at the receiver */
    uint8_t deaths;  /* of dispatchers between the POST and its record */
};

/* What holds for the slots behind after. */
struct ledger_version {
    uint32_t after, due_after; /* minutes */
    bool enabled;
    struct schedule schedule;
};

struct ledger_job {
    struct ledger_version *versions; /* owned */
    size_t version_count, version_room;
    struct ledger_slot *slots; /* owned, in the order of minutes */
    size_t slot_count, slot_room;
    bool deleted;
};

struct ledger_run {
    int64_t job;
    uint32_t minute;
};

struct ledger_gap {
    uint32_t after, to;
};

struct ledger {
    struct ledger_job *jobs; /* owned: by id - 1 */
    size_t job_count, job_room;
    struct ledger_run *pending; /* owned: has been pending, and may be still */
    size_t pending_count, pending_room;
    struct ledger_gap *gaps; /* owned: minutes behind the catch-up window */
    size_t gap_count, gap_room;
    uint32_t checked; /* minutes up to here are accounted for */
    /* totals */
    uint64_t slots, emitted, posts, repeated, skipped;
};

void ledger_open(struct world *world);
void ledger_close(struct world *world);

/* A committed change of a job, known or the next new one: holds for slots behind after. */
void ledger_changed(struct world *world, int64_t id, uint32_t after, uint32_t due_after,
                    bool enabled, const char *expression);
void ledger_deleted(struct world *world, int64_t id);

/* The slot's entry, made where there is none; it ends with the next call. */
struct ledger_slot *ledger_slot(struct world *world, int64_t id, uint32_t minute);
const struct ledger_slot *ledger_find(const struct world *world, int64_t id, uint32_t minute);
/* What held for a slot, or NULL. */
const struct ledger_version *ledger_version(const struct world *world, int64_t id, uint32_t minute);

/* A run is in RUNS, decided by a leader at a time of its clock. */
void ledger_emitted(struct world *world, int64_t id, uint32_t minute, uint32_t decided);
/* A row is committed; for a skipped one, missed or not. decided: the leader's minute. */
void ledger_row(struct world *world, int64_t id, uint32_t minute, enum row row, bool missed,
                uint32_t decided);
/* No leader looks at the minutes in (after, to] any more: they are out of the window. */
void ledger_gap(struct world *world, uint32_t after, uint32_t to);
/* Every due slot to last_tick must be in RUNS or in a row. */
void ledger_complete(struct world *world, uint32_t last_tick);
/* At the end: every due slot has a final row, and was POSTed as often as it should. */
void ledger_balance(struct world *world, uint32_t last_tick);

#endif
