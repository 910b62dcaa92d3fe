/*
 * What the leader knows of the messages it wrote to RUNS (and of those it found there): which are
 * acknowledged, and how far every run has a row in PostgreSQL.
 *
 * Messages are numbered in the order of emission; the number is the n of their Nats-Msg-Id. Two
 * figures come out of it, for the progress row:
 *   last_tick  the newest minute of which every run is in the stream;
 *   runs_seq   a sequence up to which every run has a row, and that does not reach into a minute
 *              behind last_tick. So a new leader that reads the stream behind runs_seq finds every
 *              run of the minutes behind last_tick, and none is emitted twice.
 */
#ifndef SCHEDULER_CORE_RUN_LOG_H
#define SCHEDULER_CORE_RUN_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct run_message {
    uint64_t sequence; /* in RUNS; 0: not acknowledged */
    uint32_t minute;   /* newest of the slots that it tells of first; 0: of none */
    uint32_t without_row : 31;
    uint32_t of_tick : 1; /* the minute is not complete without it */
};

struct run_log {
    struct run_message *ring; /* owned */
    uint32_t capacity, head, count;
    uint64_t first;         /* number of the message at head */
    uint64_t unacked;       /* number of the first message without acknowledgement */
    uint64_t ticks_waiting; /* messages of ticks without acknowledgement */
    uint64_t runs_seq;
};

void run_log_init(struct run_log *log, uint64_t runs_seq);
void run_log_free(struct run_log *log);

/* The number of the message that is added next. */
uint64_t run_log_next(const struct run_log *log);
/* Returns the number of a message of count runs. sequence is 0 for one that is being published. */
uint64_t run_log_add(struct run_log *log, uint32_t minute, uint32_t count, uint64_t sequence);
/*
 * The message, which belongs to no tick, is the first that has runs of slots up to minute: they
 * were held, and their rows tell that their minute is dealt with. Until last_tick says so too, a
 * new leader has to find them.
 */
void run_log_keep(struct run_log *log, uint64_t number, uint32_t minute);
/* Acknowledgements come in the order of the numbers. */
void run_log_acknowledged(struct run_log *log, uint64_t number, uint64_t sequence);
/* A run of the message got its row, or needs none any more. */
void run_log_recorded(struct run_log *log, uint64_t number);

/* Whether the message is acknowledged. */
bool run_log_has(const struct run_log *log, uint64_t number);
/* Messages that wait for their acknowledgement. */
uint64_t run_log_waiting(const struct run_log *log);
/* Those of them that belong to a tick. */
uint64_t run_log_ticks_waiting(const struct run_log *log);
/* The newest complete minute, where emitted is the newest one emitted. */
uint32_t run_log_last_tick(const struct run_log *log, uint32_t emitted);
/* Moves runs_seq as far as it may go, and returns it. */
uint64_t run_log_advance(struct run_log *log, uint32_t last_tick);

#endif
