/* Statements about executions, as in sql.h. All see what the plan's history window holds. */
#ifndef GATEWAY_SQL_EXECUTIONS_H
#define GATEWAY_SQL_EXECUTIONS_H

#include <stdint.h>

#include "shared/db.h"
#include "shared/execution_json.h"
#include "shared/run.h"

/* How many days of its history a job's account sees: no row where the job is not the account's. */
void sql_history_days(struct db_unit *unit, int64_t account, int64_t job);

/* A page of a job's executions, the newest first; or one of them: no row or one. */
void sql_executions(struct db_unit *unit, int64_t account, int64_t job, int64_t limit,
                    int64_t offset);
void sql_execution(struct db_unit *unit, int64_t account, const struct run *run);
/* Strings are borrowed with the rows. */
struct execution_view sql_execution_row(const struct db_rows *rows, int row);

/* The attempts of an execution that have ended, the oldest first. */
void sql_attempts(struct db_unit *unit, int64_t account, const struct run *run);
struct attempt_view sql_attempt_row(const struct db_rows *rows, int row);

/* What a job's executions of some last hours look like together: a row a window. */
struct sql_stats {
    int64_t executions, success, failure, skipped;
    int64_t duration_p50_ms, duration_p95_ms; /* EXECUTION_NO_NUMBER: none ended */
    int64_t lateness_p50_ms, lateness_p95_ms; /* EXECUTION_NO_NUMBER: none began */
};
/* Rows: 24 hours, 7 days, 30 days, each within the history window. */
void sql_stats(struct db_unit *unit, int64_t account, int64_t job);
struct sql_stats sql_stats_row(const struct db_rows *rows, int row);

#endif
