/* Rows that a transaction writes for runs: executions, earlier attempts, and what they cause. */
#ifndef SCHEDULER_CORE_EXECUTION_H
#define SCHEDULER_CORE_EXECUTION_H

#include <stddef.h>
#include <stdint.h>

#include "scheduler/core/open_runs.h"

enum execution_status {
    EXECUTION_PENDING,
    EXECUTION_SUCCESS,
    EXECUTION_FAILURE,
    EXECUTION_SKIPPED
};

/* A row of executions; where replay is RUN_NOTICE, the new state of a row of notices. */
struct execution {
    int64_t job;
    int64_t slot_s;
    int64_t triggered_ms;    /* the slot, while no POST has begun */
    int64_t completed_ms;    /* 0: not yet */
    int64_t next_attempt_ms; /* 0: none is waited for */
    uint32_t replay;
    uint32_t version;
    uint16_t timeout_s;
    uint8_t status;   /* enum execution_status */
    uint8_t trigger;  /* enum run_trigger */
    uint8_t attempts; /* emitted */
    bool given_up;    /* a failure that is not tried again; its newest attempt is in attempts, and
                         end.error says why there is no other */
    bool ended;       /* end is that of the newest attempt; false: there is none, or it is under way
                       */
    struct attempt_end end; /* of a skipped one: the error alone */
};

/* An attempt that failed and is followed by another. */
struct attempt {
    int64_t job;
    int64_t slot_s;
    uint32_t replay;
    uint8_t number;
    struct attempt_end end;
};

/* Rows for one transaction, in the order of the table's key, each key once. */
struct execution_batch {
    struct execution *rows; /* owned */
    size_t count;
    size_t capacity;
};

struct execution *execution_batch_add(struct execution_batch *batch);
/* Sorts by key: PostgreSQL writes rows in key order about twice as fast as in any other. */
void execution_batch_sort(struct execution_batch *batch);
/* Frees what the rows own, and keeps the memory. */
void execution_batch_clear(struct execution_batch *batch);
void execution_batch_free(struct execution_batch *batch);

#endif
