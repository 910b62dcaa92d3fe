/*
 * What the rules of jobs and those of checks tell each other in one transaction: between
 * core_collect and checks_collect, and behind both.
 */
#ifndef SCHEDULER_CHECKS_CHECK_EXCHANGE_H
#define SCHEDULER_CHECKS_CHECK_EXCHANGE_H

#include <stdint.h>

#include "scheduler/checks/checks.h"
#include "scheduler/core/core.h"

/*
 * Final executions of jobs, on schedule or on demand, are pings of their checks (a replay says
 * nothing of now); a job that the rules paused pauses its check.
 */
void check_exchange_jobs(struct checks *checks, const struct writing *writing, int64_t now_ms);
/* Alerts that are delivered as notices become runs. */
void check_exchange_alerts(struct core *core, const struct check_writing *writing, int64_t now_ms);

#endif
