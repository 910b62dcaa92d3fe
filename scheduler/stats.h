/* The scheduler's metrics, registered once. */
#ifndef SCHEDULER_STATS_H
#define SCHEDULER_STATS_H

#include "shared/metrics.h"

struct stats {
    struct metric *leading; /* 1 while this process leads */
    struct metric *epoch;   /* of the newest term of this process */
    struct metric *terms;   /* terms begun */
    struct metric *load_seconds;
    struct metric *jobs;
    struct metric *job_bytes; /* memory of the job table, by job */
    struct metric *open_runs;
    struct metric *runs;    /* emitted */
    struct metric *skipped; /* slots skipped */
    struct metric *scan_seconds;
    struct metric *tick_seconds; /* from the start of a minute to the last acknowledgement */
    struct metric *results;
    struct metric *commands;
    struct metric *executions; /* rows written */
    struct metric *transaction_seconds;
    struct metric *checks;
    struct metric *check_bytes; /* memory of the rules of checks, by check */
    struct metric *pings;       /* applied */
    struct metric *pings_lag_seconds;
    struct metric *flips;  /* written */
    struct metric *alerts; /* written */
    struct metric *evaluation_seconds;
};

extern struct stats stats;

void stats_register(void);

#endif
