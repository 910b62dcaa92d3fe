/*
 * The rows of notices, and what became of them. They live as long as their account. Some tell of a
 * failed job, some are alerts of checks.
 */
#ifndef SIMULATION_NOTICES_H
#define SIMULATION_NOTICES_H

#include "scheduler/core/writing.h"
#include "shared/result.h"
#include "tests/simulation/delivery.h"

struct notice {
    struct delivery delivery;
    int64_t account;
    bool deleted;
    bool alert;
    uint8_t outcome; /* of its newest attempt that has a result */
    uint16_t code;
};

/* An alert that a transaction writes. */
struct new_alert {
    int64_t id, account;
};

struct notices {
    struct notice *all; /* owned: by id - 1 */
    size_t count, room;
};

void notices_open(struct world *world);
void notices_close(struct world *world);

/* A new row is committed. */
void notices_add(struct world *world, const struct notice_row *row);
void notices_add_alert(struct world *world, const struct new_alert *alert, int64_t now_ms);
/* Whether the notice is an alert that is still there. */
bool notices_alert(const struct world *world, const struct run *run);
/* An attempt at it is in RUNS; its result is in RESULTS; its row is committed. */
void notices_emitted(struct world *world, const struct run *run);
void notices_reported(struct world *world, int64_t id, enum result_outcome outcome, uint16_t code);
void notices_row(struct world *world, const struct execution *row);
/* NULL: there is none, any more. */
struct notice *notices_find(const struct world *world, int64_t id);
void notices_deleted(struct world *world, int64_t account);
/* At the end: each of them has ended. */
void notices_balance(struct world *world);

#endif
