/* The rows of notices, and what became of them. They live as long as their account. */
#ifndef SIMULATION_NOTICES_H
#define SIMULATION_NOTICES_H

#include "scheduler/core/writing.h"
#include "tests/simulation/delivery.h"

struct notice {
    struct delivery delivery;
    int64_t account;
    bool deleted;
};

struct notices {
    struct notice *all; /* owned: by id - 1 */
    size_t count, room;
};

void notices_open(struct world *world);
void notices_close(struct world *world);

/* A new row is committed. */
void notices_add(struct world *world, const struct notice_row *row);
/* NULL: there is none, any more. */
struct notice *notices_find(const struct world *world, int64_t id);
void notices_deleted(struct world *world, int64_t account);
/* At the end: each of them has ended. */
void notices_balance(struct world *world);

#endif
