/*
 * What became of one execution or one notice: in RUNS, at the receiver, and in its row. Each step
 * is held against those before it.
 */
#ifndef SIMULATION_DELIVERY_H
#define SIMULATION_DELIVERY_H

#include "scheduler/core/execution.h"
#include "shared/run.h"
#include "tests/simulation/world.h"

enum row { ROW_NONE, ROW_PENDING, ROW_SUCCESS, ROW_FAILURE, ROW_SKIPPED };

struct delivery {
    int64_t job; /* of a notice its id */
    int64_t slot_s;
    int64_t decided_ms;      /* when its newest attempt was emitted, by that leader's clock */
    int64_t next_attempt_ms; /* as the row says; 0: none is waited for */
    uint32_t replay;
    uint32_t version;
    uint16_t timeout_s;
    uint8_t row;     /* enum row */
    uint8_t trigger; /* enum run_trigger */
    uint8_t emitted; /* attempts in RUNS */
    uint8_t told;    /* attempts that the row tells of */
    uint8_t logged;  /* rows of attempts */
    uint8_t posted;  /* newest attempt at the receiver */
    uint8_t posts;   /* times that one came */
    uint8_t deaths;  /* of dispatchers between its POST and its record */
    bool in_flight;  /* the newest attempt is in RUNS, and its result not in RESULTS */
    bool posting;    /* its POST is under way */
    bool repeated;   /* an attempt came more than once */
    bool listed;     /* in a list of those that may be pending */
    bool promised;   /* a command was answered 202 for it */
};

/* "job 7, slot 29123456, replay 0"; valid until the next call. */
const char *delivery_name(const struct delivery *delivery);
bool delivery_is_final(const struct delivery *delivery);

/* An attempt is in RUNS. */
void delivery_emitted(struct world *world, struct delivery *delivery, const struct run *run,
                      int64_t decided_ms);
/* Its POST begins, and is over; or the dispatcher died meanwhile. */
void delivery_posted(struct world *world, struct delivery *delivery, const struct run *run);
void delivery_over(struct delivery *delivery, uint8_t attempt);
void delivery_died(struct delivery *delivery, uint8_t attempt);
/* Its result is in RESULTS: true for the first time. */
bool delivery_reported(struct world *world, struct delivery *delivery, uint8_t attempt, bool gone);
/* Its row is committed. Returns how many attempts it tells of for the first time. */
uint8_t delivery_row(struct world *world, struct delivery *delivery, const struct execution *row);
/* At the end. */
void delivery_balance(struct world *world, const struct delivery *delivery);

#endif
