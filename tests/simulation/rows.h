/*
 * What core_collect gives a transaction, as scheduler/sql_writing.c writes it; and the rows of
 * job_state that come of it.
 */
#ifndef SIMULATION_ROWS_H
#define SIMULATION_ROWS_H

#include "scheduler/core/writing.h"
#include "tests/simulation/world.h"

struct job_state {
    bool has_run; /* the row is there */
    struct failing_row failing;
    int64_t mailed_ms;      /* the newest mail about a failure */
    int64_t pause_told_ms;  /* the newest mail about a pause, whose row may come later */
    int64_t failures, told; /* since the account's first mail; in mails */
};

struct rows {
    struct job_state *states; /* owned: by job - 1 */
    size_t count, room;
    uint64_t notices, letters, pauses;
};

void rows_open(struct world *world);
void rows_close(struct world *world);
/* now_ms: of the leader's clock. */
void rows_write(struct world *world, const struct writing *writing, int64_t now_ms);
/* Of a job, made where there is none. */
struct job_state *rows_state(struct world *world, int64_t job);

#endif
