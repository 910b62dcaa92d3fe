/*
 * All jobs, as far as the tick needs them: one dense array that is scanned, found by id. What only
 * a delivery needs (URL, headers, payload) stays in PostgreSQL; what few jobs say lies in policy.h.
 */
#ifndef SCHEDULER_CORE_JOB_TABLE_H
#define SCHEDULER_CORE_JOB_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/core/place_table.h"
#include "shared/cron.h"

#define JOB_PAUSED    UINT32_MAX /* due_after of a job that is not enabled */
#define PLACE_30_BITS UINT32_C(0x3fffffff)

/* 48 bytes. Minutes since 1970 fit 32 bits for 8000 years. */
struct job {
    int64_t id;
    struct cron cron;           /* of a one-shot job its one minute of the year */
    uint32_t account : 30;      /* place in the account table */
    uint32_t has_policy : 1;    /* one of its own (policy.h) */
    uint32_t tells_webhook : 1; /* of its failures: it has a failure_webhook_url */
    uint32_t version;           /* of the details, rises with every change */
    uint32_t due_after;         /* minute: only later slots count; JOB_PAUSED */
    uint32_t last_minute;       /* newest slot that was emitted, held or skipped */
};

static inline struct job *job_at(const struct place_table *jobs, uint32_t place)
{
    return place_table_at(jobs, place);
}

/* Whether the slot at time (which is minute, in the job's zone) is due and not dealt with; its
 * policy may say no. */
static inline bool job_due(const struct job *job, uint32_t minute, const struct cron_time *time)
{
    return job->due_after < minute && job->last_minute < minute && cron_matches(&job->cron, time);
}

#endif
