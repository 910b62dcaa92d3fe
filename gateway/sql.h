/*
 * Every statement of the gateway: a function that adds it to a unit, and one that reads a row. The
 * gateway's role can only read.
 */
#ifndef GATEWAY_SQL_H
#define GATEWAY_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/db.h"
#include "shared/job_json.h"
#include "shared/secret.h"

/* Whose key it is: no row or one. */
void sql_account_of_key(struct db_unit *unit, const uint8_t key_hash[static HASH_SIZE]);
int64_t sql_account_of_key_row(const struct db_rows *rows);

/* The account: no row or one. */
struct sql_account {
    const char *email;
    const char *plan;
    bool failure_email_enabled;
};
void sql_account(struct db_unit *unit, int64_t account);
struct sql_account sql_account_row(const struct db_rows *rows);

/* All jobs of an account, the newest first; or one of them: no row or one. */
void sql_jobs(struct db_unit *unit, int64_t account);
void sql_job(struct db_unit *unit, int64_t account, int64_t job);
/* Strings are borrowed with the rows. */
struct job_view sql_job_row(const struct db_rows *rows, int row, int64_t now_ms);

/* How many days of its history a job's account sees: no row where the job is not the account's. */
void sql_history_days(struct db_unit *unit, int64_t account, int64_t job);

/* A page of a job's executions within that history, the newest first. */
struct sql_execution {
    int64_t triggered_ms;
    int64_t completed_ms; /* 0: not yet */
    const char *status;
    int32_t response_code; /* -1: none */
    int32_t duration_ms;   /* -1: none */
    const char *error;     /* NULL: none */
};
void sql_executions(struct db_unit *unit, int64_t account, int64_t job, int64_t limit,
                    int64_t offset);
struct sql_execution sql_execution_row(const struct db_rows *rows, int row);

#endif
