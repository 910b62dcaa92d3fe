/* A core and checks with two accounts, and commands that are applied to them. */
#ifndef TESTS_UNIT_COMMANDS_FIXTURE_H
#define TESTS_UNIT_COMMANDS_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/core/commands.h"
#include "shared/mail.h"
#include "shared/public_id.h"

#define NOW_MS    INT64_C(1798761630000) /* 2027-01-01T00:00:30Z */
#define MINUTE_MS INT64_C(60000)
#define MINUTE    (NOW_MS / MINUTE_MS)
#define OPEN_RUNS 2000

/* Account 1 (a@example.com) has the free plan: 2 active jobs, 3 stored, 2 checks; account 2
 * (b@example.com) the business plan: 10, 12 and 6. Each has its channel, which has its number. */
extern struct core *core;
extern struct checks *checks;
extern struct facts facts;
extern int64_t now_ms;
extern uint8_t last_token[TOKEN_ID_SIZE];

int commands_set_up(void **state);
int commands_tear_down(void **state);
const struct fact_answer *apply(struct command *command, const char *id);
void assert_status(const struct fact_answer *answer, int status);
void assert_refused(const struct fact_answer *answer, int status, const char *part);
void assert_error(const struct fact_answer *answer, int status, const char *part);
void assert_says(const struct fact_answer *answer, int status, const char *part);
struct command create_command(int64_t account, const char *expression);
const struct fact_answer *create(int64_t account, const char *expression, const char *id);
const struct fact_answer *enable(int64_t account, int64_t job, bool enabled, const char *id);
const struct fact_answer *reschedule(int64_t account, int64_t job, const char *expression,
                                     const char *id);
const struct fact_answer *job_deletion(int64_t account, int64_t job, const char *id);
const struct fact_answer *by_mail(enum command_kind kind, const char *email, const char *id);
const struct fact_answer *by_token(enum command_kind kind, const uint8_t *token, const char *email,
                                   const char *id);
/* "check00000000007" */
const char *public_id_of(int64_t check);
struct command check_command(enum command_kind kind, int64_t account, int64_t check);
const struct fact_answer *check_creation(int64_t account, int64_t check, const char *id);
const struct fact_answer *about_check(enum command_kind kind, int64_t account, int64_t check,
                                      const char *id);
struct mail last_mail(void);
bool core_has_job(int64_t id);
const struct job *core_job(int64_t id);
bool core_has_account(int64_t id);
const struct account *core_account(int64_t id);

#endif
