/*
 * Finds open runs that nobody will ever report, because their messages are gone from RUNS (it was
 * purged, outgrew its size, or NATS lost its data), and gives them their end: a failure.
 *
 * A round: note the newest message of RUNS; wait until every lane's consumer is done with all to
 * there; note the newest message of RESULTS; wait until all to there are applied. Dispatchers
 * report a run before they acknowledge its message, so what was open when the round began, and
 * still is, has no message any more. While no dispatcher runs, a round waits, and runs with it.
 */
#ifndef SCHEDULER_SWEEP_H
#define SCHEDULER_SWEEP_H

#include <stdint.h>

#include "scheduler/core/core.h"
#include "shared/bus.h"

struct sweep;

struct sweep *sweep_open(struct bus *bus, struct core *core);
void sweep_close(struct sweep *sweep);
/*
 * Goes on with the round, or begins one when it is time; to be called every few seconds. runs_seq
 * is the newest sequence that RUNS is known to have, results_seq that of RESULTS which was applied.
 * Returns how many runs were given their end.
 */
uint32_t sweep_look(struct sweep *sweep, uint64_t runs_seq, uint64_t results_seq);

#endif
