/*
 * Which ready run is POSTed next.
 *
 * Bounds: POSTs at once in all, and half of that for one lane, so that slow targets of one lane
 * leave room for the others; POSTs at once to one host; and connections being set up at once,
 * since each unknown name costs libcurl a thread. Lanes take turns. A run whose host is busy waits
 * aside, and lets the others of its lane pass.
 */
#ifndef DISPATCHER_LAUNCH_H
#define DISPATCHER_LAUNCH_H

#include <stddef.h>

#include "dispatcher/delivery.h"
#include "dispatcher/message.h"

struct launch;

struct launch_options {
    unsigned concurrency;
    unsigned per_host;
    /* Starts a POST; its end is told by launch_ended. */
    void (*start)(void *arg, struct held_run *run);
    void *arg;
};

struct launch *launch_create(const struct launch_options *options);
void launch_free(struct launch *launch);

/* The run is ready: its details are there, and without a problem. */
void launch_add(struct launch *launch, struct held_run *run);
/* A started run has its connection; may be called from inside libcurl. */
void launch_connected(struct launch *launch, struct held_run *run);
/* A started run has ended. */
void launch_ended(struct launch *launch, struct held_run *run);

/* Once a turn of the loop: starts what may start. */
void launch_turn(struct launch *launch);
/* Drops the runs of abandoned messages that wait here. */
void launch_drop_abandoned(struct launch *launch);

size_t launch_under_way(const struct launch *launch);
size_t launch_waiting(const struct launch *launch);

#endif
