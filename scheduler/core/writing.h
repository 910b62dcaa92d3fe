/*
 * What core_collect gives one transaction to write. Arrays only grow, and are used again for the
 * next one.
 */
#ifndef SCHEDULER_CORE_WRITING_H
#define SCHEDULER_CORE_WRITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scheduler/core/execution.h"
#include "shared/mail.h"

/* A row of usage. */
struct usage_row {
    int64_t account;
    uint32_t executions;
    uint32_t minute;
    uint32_t starts;
    uint16_t month; /* since January 1970 */
};

/* What job_state says of the failures of a job. */
struct failing_row {
    int64_t job;
    int64_t since_ms;  /* 0: it does not fail */
    int64_t mailed_ms; /* 0: never */
    uint32_t unmailed;
    bool warned;
};

enum pause_reason { PAUSE_PLAN, PAUSE_FAILING, PAUSE_GONE, PAUSE_FINISHED, PAUSE_REASONS };
/* "plan" ... as in the API and in PostgreSQL. */
const char *pause_reason_name(enum pause_reason reason);

/* A job that the rules paused by themselves. */
struct pause_row {
    int64_t job;
    enum pause_reason reason;
    uint32_t minute; /* the newest that it was due in; written when last_tick has come there */
};

/*
 * A new row of notices: PostgreSQL joins it with the job's failure_webhook_url and name. Pending,
 * no attempt yet, to be sent at once.
 */
struct notice_row {
    int64_t id;
    int64_t job;
    int64_t created_s;
    int64_t failed_ms;
    uint16_t code;
    uint16_t timeout_s;
    const char *error; /* borrowed from the execution's row; never NULL */
};

/* A new row of outbox: a mail about a job, joined with the job's name and its account's address. */
struct letter_row {
    int64_t outbox; /* id */
    enum mail_kind kind;
    int64_t job;
    int64_t failed_ms, since_ms, pause_ms;
    int64_t count;
    uint16_t code;
    const char *error; /* borrowed from the execution's row; never NULL */
};

struct writing {
    struct execution_batch executions;
    struct attempt *attempts; /* owned, as what they own */
    struct usage_row *usage;
    struct failing_row *failing;
    struct pause_row *pauses;
    struct notice_row *notices;
    struct letter_row *letters;
    size_t attempt_count, usage_count, failing_count, pause_count, notice_count, letter_count;
    size_t attempt_room, usage_room, failing_room, pause_room, notice_room, letter_room;
};

/* Add an empty one. */
struct attempt *writing_add_attempt(struct writing *writing);
struct usage_row *writing_add_usage(struct writing *writing);
struct failing_row *writing_add_failing(struct writing *writing);
struct pause_row *writing_add_pause(struct writing *writing);
struct notice_row *writing_add_notice(struct writing *writing);
struct letter_row *writing_add_letter(struct writing *writing);

bool writing_is_empty(const struct writing *writing);
void writing_clear(struct writing *writing);
void writing_free(struct writing *writing);

#endif
