/*
 * What accounts may do, and do: attempts under way at once, starts in a minute, attempts in a
 * month; and the rows of usage.
 */
#ifndef SIMULATION_ALLOWANCES_H
#define SIMULATION_ALLOWANCES_H

#include "scheduler/core/writing.h"
#include "shared/run.h"
#include "tests/simulation/plans.h"
#include "tests/simulation/world.h"

#define MONTHS_MAX 130

struct plan_since {
    const struct plan *plan;
    int64_t since_ms;
};

struct minute_starts {
    uint32_t minute, count;
};

/*
 * Attempts. What was emitted in a month counts in it once a row tells of it in that month; whether
 * it counts where that comes in the next month, or where its job was deleted before, is open.
 */
struct month_count {
    uint32_t emitted, told, open;
};

struct allowance {
    struct plan_since *plans; /* owned */
    size_t plan_count, plan_room;
    struct minute_starts *starts; /* owned, in the order of minutes */
    size_t start_count, start_room;
    struct month_count months[MONTHS_MAX]; /* from the first one of the seed */
    uint32_t in_flight;
    bool deleted;
    struct usage_row usage;     /* the row; month 0: none */
    uint64_t told_by, usage_by; /* transactions */
};

struct allowances {
    struct allowance *all; /* owned: by account - 1 */
    size_t count, room;
    unsigned first_month;
};

void allowances_open(struct world *world);
void allowances_close(struct world *world);

/* A committed account: new, or on another plan. */
void allowances_plan(struct world *world, int64_t account, const char *plan);
void allowances_deleted(struct world *world, int64_t account);
const struct usage_row *allowances_usage(const struct world *world, int64_t account);

/* An attempt is in RUNS; start: of an execution that counts in its minute. */
void allowances_emitted(struct world *world, int64_t account, const struct run *run, bool start,
                        int64_t decided_ms);
/* It is not under way any more. */
void allowances_ended(struct world *world, int64_t account);
/* A row tells of it, by the leader's clock; or its job was deleted before one did. */
void allowances_told(struct world *world, int64_t account, int64_t decided_ms, int64_t told_ms);
void allowances_untold(struct world *world, int64_t account, int64_t decided_ms);

/* Rows of usage are committed; then what the transaction told of must be in them. */
void allowances_write(struct world *world, const struct usage_row *rows, size_t count);
void allowances_check(struct world *world, int64_t told_ms);

#endif
