/*
 * Statements that read the core's state at the beginning of a term, each with its row parser.
 * Slices are in the order of ids behind after, limit rows at most; the first column is the id.
 */
#ifndef SCHEDULER_SQL_LOAD_H
#define SCHEDULER_SQL_LOAD_H

#include "scheduler/core/core.h"
#include "shared/db.h"

void sql_read_progress(struct db_unit *unit);
void sql_progress_row(const struct db_rows *rows, struct core_progress *progress);
void sql_read_plans(struct db_unit *unit);
void sql_plan_row(const struct db_rows *rows, int row, struct plan *plan);
/* email, created_at: what was asked for in the last hour */
void sql_read_recent_tokens(struct db_unit *unit);

/* Strings of a parsed row are borrowed from it. */
void sql_slice_accounts(struct db_unit *unit, int64_t after, int32_t limit);
void sql_account_row(const struct db_rows *rows, int row, struct account_row *account);
void sql_slice_jobs(struct db_unit *unit, int64_t after, int32_t limit);
/* Returns the account. */
int64_t sql_job_row(const struct db_rows *rows, int row, struct job_settings *settings);
void sql_slice_failing(struct db_unit *unit, int64_t after, int32_t limit);
void sql_failing_row(const struct db_rows *rows, int row, struct failing_row *failing);
/* The pending executions; behind the key of the last one. */
void sql_slice_pending(struct db_unit *unit, const struct run *after, int32_t limit);
void sql_pending_row(const struct db_rows *rows, int row, struct pending_row *pending);
void sql_slice_notices(struct db_unit *unit, int64_t after, int32_t limit);
void sql_notice_row(const struct db_rows *rows, int row, struct pending_row *pending);
/* id, subject, message_id, payload */
void sql_slice_outbox(struct db_unit *unit, int64_t after, int32_t limit);

/* Which of the runs have a final row: one row each, its place in the array from 1. */
void sql_read_final(struct db_unit *unit, const struct run *runs, size_t count);

#endif
