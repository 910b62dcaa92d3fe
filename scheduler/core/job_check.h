/* The check that a job may have: its executions are the pings, and it follows the job. */
#ifndef SCHEDULER_CORE_JOB_CHECK_H
#define SCHEDULER_CORE_JOB_CHECK_H

#include "scheduler/core/command_context.h"

/* Whether the job may be what is declared, as far as its check goes; NULL: a new one. -1 after an
 * answer. */
int job_check_allow(struct command_context *context, const struct account *account,
                    const struct fact_job *fact, const struct job_input *declared);
/* Makes it, changes it as the facts of the job say, or deletes it. */
void job_check_follow(struct command_context *context, const struct account *account,
                      const struct fact_job *fact, bool wanted);
/* The job goes. */
void job_check_delete(struct command_context *context, int64_t job);

#endif
