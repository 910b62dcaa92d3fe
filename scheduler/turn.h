/*
 * The leader's writing: one transaction after the other, each carrying all that has come together
 * since the one before (group commit):
 *
 *   commands, applied to the core and the checks; results of runs; pending rows; pings, what became
 *   of checks, and their alerts; what the outbox got rid of; and the positions in CMD, RESULTS,
 * PINGS and RUNS up to which all this goes.
 *
 *   IDLE -- commands wait --> READING (the rows they need) --> WRITING --> IDLE
 *     \------ rows wait --------------------------------------/
 *
 * Answers, events and mail leave after the commit. Where anything fails, the outcome is unknown:
 * the term ends, and the next one loads what holds.
 */
#ifndef SCHEDULER_TURN_H
#define SCHEDULER_TURN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "scheduler/checks/checks.h"
#include "scheduler/core/core.h"
#include "scheduler/outbox.h"
#include "scheduler/ping_intake.h"
#include "shared/bus.h"
#include "shared/command.h"
#include "shared/db.h"

struct turn;

struct turn_options {
    struct core *core;
    struct checks *checks;
    struct ping_intake *pings;
    struct db *db; /* a pool of one connection */
    struct bus *bus;
    struct outbox *outbox;
    bool (*may_write)(void *arg); /* the lease is held */
    /* A transaction has committed; so many commands and messages of results are done with. */
    void (*on_committed)(void *arg, unsigned commands, unsigned result_messages);
    void (*on_failed)(void *arg, const char *reason);
    void *arg;
};

struct turn *turn_open(uv_loop_t *loop, const struct turn_options *options);
void turn_close(struct turn *turn);

/* A message of CMD; takes the command. */
void turn_add_command(struct turn *turn, uint64_t sequence, struct command *command);
/* A message of RESULTS was given to the core. */
void turn_results_applied(struct turn *turn, uint64_t sequence);
/* There may be something to write. */
void turn_kick(struct turn *turn);
/*
 * A transaction of housekeeping, between two of the turns. Takes the unit; on_done comes once it
 * has committed, or was rolled back by an error of a statement, which ends nothing else.
 */
void turn_run(struct turn *turn, struct db_unit *unit, db_done_cb *on_done, void *arg);

/* The positions of the last transaction that committed. */
const struct core_progress *turn_written(const struct turn *turn);
uint64_t turn_written_pings(const struct turn *turn);
/* Commands were applied to the core, and are not committed yet: no run may leave now. */
bool turn_holds_commands(const struct turn *turn);
/* Writes what is left, then calls on_done with nothing more under way. */
void turn_finish(struct turn *turn, void (*on_done)(void *arg), void *arg);

#endif
