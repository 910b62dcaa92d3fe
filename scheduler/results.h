/* Messages of RESULTS: what became of runs, and dispatchers' questions. */
#ifndef SCHEDULER_RESULTS_H
#define SCHEDULER_RESULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/core/core.h"
#include "shared/bus.h"

/* Gives a message to the core; a question is answered only where leads says that one may be. */
void results_apply(struct core *core, struct bus *bus, bool leads, uint64_t sequence,
                   const struct bus_message *message);

#endif
