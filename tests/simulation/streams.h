/*
 * The simulated JetStream: RUNS with its fence, CMD and RESULTS that are read by position. Here is
 * what happens at the moment a message arrives at the server.
 */
#ifndef SIMULATION_STREAMS_H
#define SIMULATION_STREAMS_H

#include "shared/run.h"
#include "tests/simulation/world.h"

/* A Nats-Msg-Id of RUNS: of message number, or of the marker where number is UINT64_MAX. */
struct run_message_id {
    uint64_t epoch, number;
};

struct stored_runs {
    uint64_t epoch;
    uint32_t count;
    struct run *runs; /* owned; NULL for a marker */
};

/* A message of RESULTS: one result, or a question about a message of RUNS. */
struct stored_result {
    bool question;
    uint8_t dispatcher; /* that asks */
    uint8_t outcome;
    uint8_t attempt;
    uint16_t code;
    uint16_t retry_after_s;
    uint32_t replay;
    uint32_t duration_ms;
    uint64_t life;    /* of that dispatcher */
    uint64_t message; /* sequence in RUNS that is asked about */
    int64_t job, started_ms;
    int64_t slot_s;
};

struct streams {
    struct stored_runs *runs; /* owned: sequence - 1 */
    size_t run_count, run_room;
    bool has_last_id;
    struct run_message_id last_id;
    uint64_t anchored;  /* epoch of the newest marker of a leader that was not deposed */
    uint64_t *commands; /* owned: numbers of clients.h */
    size_t command_count, command_room;
    struct stored_result *results; /* owned */
    size_t result_count, result_room;
    uint64_t refused;

    bool down;                /* connections are broken */
    int64_t down_until_ms;    /* then: those who wait come back with the connection */
    int64_t stalled_until_ms; /* messages wait until then */
};

void streams_open(struct world *world);
void streams_close(struct world *world);

/* Both return the sequence, or 0 for a refusal. */
uint64_t streams_anchor(struct world *world, uint64_t epoch, uint64_t expected_last);
uint64_t streams_publish_runs(struct world *world, const struct run_message_id *id,
                              const struct run_message_id *expected, const struct run_batch *batch,
                              int64_t decided_ms);
void streams_add_command(struct world *world, uint64_t command);
void streams_add_result(struct world *world, const struct stored_result *result);

/* Every run of (before, to] must have a row, and none may be of a minute behind last_tick. */
void streams_check_runs(struct world *world, uint64_t before, uint64_t to, uint32_t last_tick);
/* The server lost its dedupe state, as in a restart. */
void streams_restart(struct world *world);

#endif
