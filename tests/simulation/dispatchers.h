/*
 * Dispatchers and the receiver that they POST to. A message of RUNS goes to one of them; when that
 * one dies it is delivered again to another, who asks the leader which of its runs are open.
 */
#ifndef SIMULATION_DISPATCHERS_H
#define SIMULATION_DISPATCHERS_H

#include "shared/run.h"
#include "tests/simulation/world.h"

/* The leader's answer to a question; data of an event. */
struct dispatcher_answer {
    unsigned dispatcher;
    uint64_t life; /* of the dispatcher that asked: its inbox is its own */
    uint64_t message;
    bool open[RUN_BATCH_MAX];
};

void dispatchers_open(struct world *world);
void dispatchers_close(struct world *world);
/* A message is in RUNS. */
void dispatchers_message(struct world *world, uint64_t sequence);
/* An event: a dispatcher_answer is at NATS. */
void dispatchers_answer(struct world *world, struct event *event);
void dispatchers_crash(struct world *world, unsigned index);
/* Messages that are not acknowledged. */
size_t dispatchers_waiting(const struct world *world);

#endif
