/*
 * Runs that were emitted and have no final row in PostgreSQL yet, found by (job, slot, replay).
 *
 *   EMITTED ---------- result ---------> FINISHED --- row collected ---> gone
 *      \                                    ^
 *       +-- pending row collected --> RECORDED
 *
 * A run that finishes quickly goes from EMITTED to FINISHED and is written once.
 */
#ifndef SCHEDULER_CORE_OPEN_RUNS_H
#define SCHEDULER_CORE_OPEN_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/result.h"
#include "shared/run.h"

enum open_run_state { OPEN_RUN_FREE, OPEN_RUN_EMITTED, OPEN_RUN_RECORDED, OPEN_RUN_FINISHED };

#define OPEN_RUN_NONE UINT32_MAX

struct open_run {
    struct run run;
    uint64_t message; /* number in the run log; meaningful while the run has no row */
    int64_t emitted_ms;
    int64_t started_ms; /* of the result */
    uint32_t duration_ms;
    uint32_t
        next_finished; /* chain of the finished, or of the free; of an emitted one: its entry */
    uint16_t code;
    uint8_t outcome; /* enum result_outcome */
    uint8_t state;   /* enum open_run_state */
    uint8_t has_row; /* a pending row is in PostgreSQL */
    char *error;     /* owned; NULL: none */
};

struct open_runs {
    struct open_run *runs; /* owned */
    uint32_t length, capacity, count, free_run;
    uint32_t *index; /* owned: place + 1 by hash of the key */
    uint32_t index_mask;
    /* The finished in the order of their results. */
    uint32_t first_finished, last_finished, finished_count;
    /*
     * Those emitted in order of emission; entries whose run has moved on are passed over, also when
     * another run has its place now: the entries are numbered.
     */
    uint32_t *emitted;      /* owned: a ring of places */
    uint32_t emitted_first; /* number of the entry at head */
    uint32_t emitted_capacity, emitted_head, emitted_count;
};

void open_runs_init(struct open_runs *runs);
void open_runs_free(struct open_runs *runs);

/* The place of a run, or OPEN_RUN_NONE. */
uint32_t open_runs_find(const struct open_runs *runs, int64_t job, int64_t slot_s, uint32_t replay);
/* Makes room for so many more, so that adding them is quick. */
void open_runs_reserve(struct open_runs *runs, uint32_t more);
/* The run will be added soon: fetches what that needs into the processor's cache. */
void open_runs_expect(const struct open_runs *runs, const struct run *run);
/* The run must not be there, which is not checked: a look costs more than all the rest. state is
 * EMITTED or RECORDED. */
uint32_t open_runs_add(struct open_runs *runs, const struct run *run, enum open_run_state state,
                       uint64_t message, int64_t emitted_ms);
/* EMITTED or RECORDED becomes FINISHED. */
void open_runs_finish(struct open_runs *runs, uint32_t place, const struct result *result);
/* EMITTED becomes RECORDED. */
void open_runs_record(struct open_runs *runs, uint32_t place);
/* Takes the first of the finished out of its list; OPEN_RUN_NONE where there is none. */
uint32_t open_runs_next_finished(struct open_runs *runs);
/* The longest emitted run without a row and without a result, or OPEN_RUN_NONE; it stays. */
uint32_t open_runs_oldest_emitted(struct open_runs *runs);
/* Frees the place; a finished run must have been taken out of its list. */
void open_runs_remove(struct open_runs *runs, uint32_t place);

#endif
