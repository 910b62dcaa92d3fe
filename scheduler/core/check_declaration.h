/*
 * What a user declares of a check, whole: a struct check_input with every member set. It comes from
 * a check's facts, or from nothing; a command's fields are laid over it; it is held against the
 * rules, and becomes the check's facts and the settings of its rules.
 */
#ifndef SCHEDULER_CORE_CHECK_DECLARATION_H
#define SCHEDULER_CORE_CHECK_DECLARATION_H

#include "scheduler/checks/checks.h"
#include "scheduler/core/facts.h"
#include "shared/check_input.h"

/* Strings are borrowed from the facts. */
struct check_input check_declared(const struct fact_check *fact);
/* Lays over it the fields that input carries; the schedule that is given takes the place of the
 * other. */
void check_declare(struct check_input *declared, const struct check_input *input);

/* Takes over all; the period of an expression is that between its next two times, but not longer
 * than a period may be. */
void check_take_declaration(struct fact_check *fact, const struct check_input *declared,
                            int64_t now_ms);
/* For the rules; borrowed. Of a declaration it is neither paused nor a job's. */
struct check_settings check_settings_of(const struct fact_check *fact);
struct check_settings check_settings_declared(const struct check_input *declared);

#endif
