/*
 * What some jobs say beside their schedule. Most say nothing of it, so it lies apart from the array
 * that is scanned: a table found by the job's id, of the jobs whose policy is not the standard one.
 */
#ifndef SCHEDULER_CORE_POLICY_H
#define SCHEDULER_CORE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/core/place_table.h"
#include "shared/command.h"

#define POLICY_FOREVER   UINT32_MAX /* as last_minute */
#define POLICY_NO_WINDOW UINT32_MAX /* as catch_up_window_s: the service's */

struct policy {
    int64_t job;
    uint32_t first_minute;      /* slots before it do not count; 0: no bound */
    uint32_t last_minute;       /* slots after it do not count; POLICY_FOREVER */
    uint32_t catch_up_window_s; /* POLICY_NO_WINDOW */
    uint32_t open;              /* executions of the job that are not final, kept for no_overlap */
    uint16_t jitter_s;
    uint8_t max_retries;
    uint8_t catch_up; /* enum catch_up */
    bool no_overlap;
    bool never_paused; /* by its failures */
    bool finished;     /* its last slot was emitted */
};

/* That of a job that says nothing. */
extern const struct policy policy_standard;

bool policy_is_standard(const struct policy *policy);
/* The job's, or the standard one. Borrowed until a policy is added. */
static inline const struct policy *policy_of(const struct place_table *policies, int64_t job,
                                             bool has_policy)
{
    uint32_t place = has_policy ? place_table_find(policies, job) : PLACE_NONE;
    return place == PLACE_NONE ? &policy_standard : place_table_at(policies, place);
}

/* Seconds behind the slot that its run leaves: 0 .. jitter_s, always the same for a slot. */
uint32_t policy_jitter_s(const struct policy *policy, int64_t job, int64_t slot_s);

/* How long after the end of an attempt (from 1) the next may begin, in ms, with its jitter. */
int64_t policy_backoff_ms(int64_t job, int64_t slot_s, uint32_t replay, uint8_t attempt);

/*
 * Alerts of checks are notices with a policy of their own: an attempt that fails in whatever way is
 * followed by another, but for an address that is not allowed; only 2xx is a success.
 */
#define NOTICE_RETRIES 3 /* of alerts, too */
uint16_t alert_timeout_s(uint8_t attempt);

#endif
