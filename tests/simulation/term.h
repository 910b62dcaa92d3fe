/*
 * A term of leadership, as scheduler/term.c makes it around the core: loading, anchoring, reading
 * the tail of RUNS, leading. It does what the shell does, in the shell's order.
 */
#ifndef SIMULATION_TERM_H
#define SIMULATION_TERM_H

#include "scheduler/checks/checks.h"
#include "scheduler/core/core.h"
#include "tests/simulation/streams.h"
#include "tests/simulation/turn.h"
#include "tests/simulation/world.h"

enum term_state { TERM_LOADING, TERM_ANCHORING, TERM_READING, TERM_PREPARING, TERM_LEADING };

struct term {
    unsigned index; /* of the scheduler */
    uint64_t epoch;
    enum term_state state;
    struct world *world;   /* for the core's callback */
    struct core *core;     /* owned */
    struct checks *checks; /* owned: of this term alone, for nobody makes any here */
    uint64_t load_step;

    struct run_message_id last_id; /* of what was published last */
    uint64_t first, next;          /* message numbers: not acknowledged, to be published */
    uint64_t marker, tail_next;    /* sequences in RUNS */
    int64_t gap_after, gap_to;     /* minutes behind the window */

    uint64_t commands_read, results_read; /* sequences given out */
    unsigned command_credit, result_credit;
    bool finishing;        /* asked to stop: what is done is written, nothing more is begun */
    bool reading;          /* a step that reads is on its way */
    uint64_t clock_number; /* of the timer that counts */
    struct turn turn;
    struct outbox outbox;
};

struct term *term_new(unsigned index, uint64_t epoch);
void term_free(struct term *term);
void term_start(struct world *world, struct term *term);
uint64_t term_epoch(const struct term *term);
/* Leads, and holds the lease. */
bool term_leads(const struct world *world, const struct term *term);
/* Ends it in good order, as on SIGTERM. */
void term_finish(struct world *world, struct term *term);
/* There may be something to read in CMD or RESULTS. */
void term_notice(struct world *world, struct term *term);
/* PostgreSQL or NATS failed. */
void term_step_failed(struct world *world, struct event *event);

/* For the turn: deals with the minutes that have come. */
void term_tick(struct world *world, struct term *term);
/* So many commands and messages of results are done with. */
void term_committed(struct world *world, struct term *term, unsigned commands, unsigned results);

#endif
