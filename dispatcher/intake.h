/*
 * Takes messages of runs from the lanes' work queues, as many as there is room for.
 *
 * Credit is counted in runs, and each lane has its own: it may hold half of the POSTs that are
 * possible at once, and two full messages more, so that the next runs are there when connections
 * fall free. A lane whose targets are slow fills its own share and waits; it takes nothing from the
 * others, and no lane's unused credit is held back from another. All lanes together hold LANES / 2
 * times what can be POSTed at once, and a little more.
 *
 * Each grant is for one message, which may have RUN_BATCH_MAX runs; what it has less is granted
 * again in the turn in which it comes.
 */
#ifndef DISPATCHER_INTAKE_H
#define DISPATCHER_INTAKE_H

#include "dispatcher/message.h"
#include "shared/bus.h"

struct intake;

struct intake_options {
    struct bus *bus; /* its streams exist */
    struct messages *messages;
    unsigned concurrency;
    /* A message that is now held; again: it may have been delivered before, to somebody. */
    void (*on_message)(void *arg, struct message *message, bool again);
    void *arg;
};

struct intake *intake_open(const struct intake_options *options);
void intake_close(struct intake *intake);

/* The connection was made anew. */
void intake_connected(struct intake *intake);

/* No more: what still comes goes back at once. */
void intake_stop(struct intake *intake);

/* Once a turn of the loop: grants the room that there is. */
void intake_turn(struct intake *intake);

#endif
