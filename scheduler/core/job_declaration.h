/*
 * What a user declares of a job, whole: a struct job_input with every member set. It comes from a
 * job's facts, or from nothing; a command's fields are laid over it; it is held against the rules,
 * and becomes the job's facts and the core's settings.
 */
#ifndef SCHEDULER_CORE_JOB_DECLARATION_H
#define SCHEDULER_CORE_JOB_DECLARATION_H

#include <stdbool.h>

#include "scheduler/core/core.h"
#include "scheduler/core/facts.h"
#include "shared/command.h"

/* Strings are borrowed from the facts. Whether it has a check is not among them. */
struct job_input job_declared(const struct fact_job *fact);
/* Lays over it the fields that input carries; one schedule takes the place of the other. */
void job_declare(struct job_input *declared, const struct job_input *input);

/* Whether nothing but enabled differs between the two. */
bool job_declares_same(const struct job_input *a, const struct job_input *b);
/* Whether both are due at the same times. */
bool job_schedules_same(const struct job_input *a, const struct job_input *b);

/* Takes over all but enabled. */
void job_take_declaration(struct fact_job *fact, const struct job_input *declared);
/* For the core; enabled, version and due_after are the facts'. Borrowed from the facts. */
struct job_settings job_settings_of(const struct fact_job *fact);

#endif
