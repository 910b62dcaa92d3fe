/* The dispatcher's metrics. */
#ifndef DISPATCHER_STATS_H
#define DISPATCHER_STATS_H

#include <stddef.h>

#include "dispatcher/message.h"

struct stats_gauges {
    size_t under_way; /* POSTs */
    size_t ready;     /* runs that wait for one */
    size_t messages;  /* held */
    size_t runs;      /* of these, not done */
    size_t results;   /* without a PubAck */
    size_t cached_jobs;
    size_t cached_bytes;
};

void stats_register(void);
void stats_message(bool again);
/* Its POST has begun. */
void stats_started(const struct held_run *run);
/* Its result is there. */
void stats_ended(const struct held_run *run);
void stats_set(const struct stats_gauges *gauges);

#endif
