/*
 * What the commands about checks and those about jobs have in common: how a check is made, changed
 * and shown.
 */
#ifndef SCHEDULER_CORE_CHECK_RULES_H
#define SCHEDULER_CORE_CHECK_RULES_H

#include "scheduler/core/check_declaration.h"
#include "scheduler/core/command_context.h"

#define CHECK_PAUSED_WITH_JOB "job" /* paused_reason */

/* A new check, in the facts and in the rules. */
struct check_birth {
    int64_t id;
    const char *public_id;
    int64_t account;
    int64_t job; /* 0: none */
    bool paused; /* because its job is */
};
struct fact_check *check_make(struct command_context *context, const struct check_birth *birth,
                              const struct check_input *declared);
/* The facts were changed: the rules get to know, and a new version is written. */
void check_changed(struct command_context *context, struct fact_check *fact);
void check_delete_fact(struct command_context *context, struct fact_check *fact);
/* NULL: by its user. The facts alone: check_changed is to follow. */
void check_pause_fact(struct fact_check *fact, const char *reason);
void check_resume_fact(struct fact_check *fact);

/* The rules may have paused a check since its row was read. */
void check_synchronise(const struct checks *checks, struct fact_check *fact);

/* 403 and -1 where the plan allows no check more; of those that are not paused alone. */
int check_room(struct command_context *context, const struct account *account);
int check_room_active(struct command_context *context, const struct account *account);

/* Appends the JSON object. */
void check_write(struct command_context *context, const struct fact_check *fact);

#endif
