/*
 * Executions that are not final in PostgreSQL, found by (job, slot, replay): each with the attempt
 * that is under way, or that comes next.
 *
 *     HELD <-------- to be tried again -----------+
 *      |  \                                       |
 *      |   +--- emitted --> EMITTED --- result ---+---> FINISHED --- row collected ---> gone
 *      |                      |  \                        ^
 *      |                      |   +-- row collected --> RECORDED
 *      +---------- given up, skipped ---------------------+
 *
 * A run that finishes quickly goes from EMITTED to FINISHED and is written once. One that is HELD
 * waits for its time, or for its account's concurrency; it leaves only once its row is committed,
 * so that a leader that takes over knows of it. On its way it is in one list:
 *
 *     core.unwritten --> core.writing --> core.waiting (a heap by time) --> account.ready
 */
#ifndef SCHEDULER_CORE_OPEN_RUNS_H
#define SCHEDULER_CORE_OPEN_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/result.h"
#include "shared/run.h"

enum open_run_state {
    OPEN_RUN_FREE,
    OPEN_RUN_HELD,
    OPEN_RUN_EMITTED,
    OPEN_RUN_RECORDED,
    OPEN_RUN_FINISHED
};

#define OPEN_RUN_NONE UINT32_MAX

/* What set an execution off; numbers as in SQL. */
enum run_trigger { TRIGGER_SCHEDULE, TRIGGER_RUN, TRIGGER_REPLAY };

/* The end of an attempt. */
struct attempt_end {
    int64_t started_ms;
    uint32_t duration_ms;
    uint32_t dns_ms, connect_ms, tls_ms, first_byte_ms; /* RESULT_NO_TIME */
    uint16_t code;                                      /* 0: none */
    uint16_t body_bytes;
    bool success;
    char *error; /* owned; NULL: none */
    char *body;  /* owned; NULL: none */
};

/* That of no attempt, with an error. */
struct attempt_end *attempt_end_none(int64_t at_ms, const char *error);
/* Copies what the result borrows. */
struct attempt_end *attempt_end_of(const struct result *result);
void attempt_end_free(struct attempt_end *end);

struct open_run {
    struct run run;          /* its attempt: the one under way, or next */
    uint64_t message;        /* EMITTED: number in the run log */
    int64_t emitted_ms;      /* EMITTED */
    int64_t due_ms;          /* HELD: not before */
    struct attempt_end *end; /* owned; of the newest attempt, once it has ended; NULL */
    uint32_t account;        /* place */
    uint32_t next;           /* in a list; EMITTED: the number of its entry */
    union {
        uint32_t previous;   /* in a list */
        uint32_t heap_place; /* in core.waiting */
    };
    uint8_t state;     /* enum open_run_state */
    uint8_t trigger;   /* enum run_trigger */
    uint8_t list;      /* HELD: enum held_list */
    bool in_log : 1;   /* message waits for a row that tells of this attempt */
    bool skipped : 1;  /* FINISHED without an attempt: end->error says why */
    bool given_up : 1; /* FINISHED though its attempt may have been followed by another; the same */
    bool alert : 1;    /* a notice that is the alert of a check: see policy.h */
};

_Static_assert(sizeof(struct open_run) == 80, "a tick opens a million");

enum held_list { HELD_NOWHERE, HELD_UNWRITTEN, HELD_WRITING, HELD_WAITING, HELD_READY };

/* Places in the order they came, linked both ways: any can leave. */
struct run_list {
    uint32_t first, last; /* meaningful while count > 0 */
    uint32_t count;
};

struct open_runs {
    struct open_run *runs; /* owned */
    uint32_t length, capacity, count, free_run;
    uint32_t *index; /* owned: place + 1 by hash of the key */
    uint32_t index_mask;
    struct run_list finished; /* in the order of their results */
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
/*
 * The run must not be there, which is not checked: a look costs more than all the rest. It is HELD
 * in no list yet, RECORDED, or, with its message and time, EMITTED.
 */
uint32_t open_runs_add(struct open_runs *runs, const struct run *run, enum open_run_state state,
                       uint32_t account);
uint32_t open_runs_add_emitted(struct open_runs *runs, const struct run *run, uint32_t account,
                               uint64_t message, int64_t emitted_ms);
/* HELD, in no list any more, becomes EMITTED. */
void open_runs_emit(struct open_runs *runs, uint32_t place, uint64_t message, int64_t emitted_ms);
/* HELD, EMITTED or RECORDED becomes FINISHED. */
void open_runs_finish(struct open_runs *runs, uint32_t place);
/* EMITTED becomes RECORDED. */
void open_runs_record(struct open_runs *runs, uint32_t place);
/* Takes the first of the finished out of their list; OPEN_RUN_NONE where there is none. */
uint32_t open_runs_next_finished(struct open_runs *runs);
/* The longest emitted run without a row and without a result, or OPEN_RUN_NONE; it stays. */
uint32_t open_runs_oldest_emitted(struct open_runs *runs);
/* Frees the place; the run must be in no list. */
void open_runs_remove(struct open_runs *runs, uint32_t place);

void run_list_append(struct run_list *list, struct open_runs *runs, uint32_t place);
void run_list_take(struct run_list *list, struct open_runs *runs, uint32_t place);
/* Takes the first out; OPEN_RUN_NONE where there is none. */
uint32_t run_list_pop(struct run_list *list, struct open_runs *runs);

#endif
