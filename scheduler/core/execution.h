/* A row of the executions table that is to be written. */
#ifndef SCHEDULER_CORE_EXECUTION_H
#define SCHEDULER_CORE_EXECUTION_H

#include <stddef.h>
#include <stdint.h>

enum execution_status {
    EXECUTION_PENDING,
    EXECUTION_SUCCESS,
    EXECUTION_FAILURE,
    EXECUTION_SKIPPED
};

struct execution {
    int64_t job;
    int64_t slot_s;
    int64_t triggered_ms; /* the slot, while the POST has not begun */
    int64_t completed_ms; /* 0: not yet */
    uint32_t replay;
    uint32_t version;
    uint32_t duration_ms;
    uint16_t timeout_s;
    uint16_t code;  /* 0: none */
    uint8_t status; /* enum execution_status */
    uint8_t attempts;
    char *error; /* owned; NULL: none */
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
/* Frees the rows' errors, and keeps the memory. */
void execution_batch_clear(struct execution_batch *batch);
void execution_batch_free(struct execution_batch *batch);

#endif
