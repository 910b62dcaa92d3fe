/*
 * Results on their way to the stream RESULTS. A lane's result goes out at once; those that come
 * within PACE_MS of it, or while REPORTS_PER_LANE messages are unacknowledged, gather in the next.
 * A message without a PubAck is published again, for as long as it takes: the leader ignores what
 * it has had. Nothing here is more than the runs held (message.h), each with the beginning of its
 * answer: RESULT_BODY_MAX bytes, kept once, with the run or in the message.
 */
#ifndef DISPATCHER_REPORT_H
#define DISPATCHER_REPORT_H

#include <uv.h>

#include "dispatcher/message.h"

struct reports;

/* A run whose result is in the stream is done (held_run_done). */
struct reports *reports_open(uv_loop_t *loop, struct bus *bus);
/* The memory goes with the next turns of the loop. */
void reports_close(struct reports *reports);

/* Takes run->result. */
void reports_add(struct reports *reports, struct held_run *run);

/* Once a turn of the loop: publishes what has come. */
void reports_turn(struct reports *reports);
/* The connection is back: publishes at once again what has no PubAck and is not under way. */
void reports_hurry(struct reports *reports);

size_t reports_waiting(const struct reports *reports); /* results */

#endif
