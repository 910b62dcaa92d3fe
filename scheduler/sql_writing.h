/* Statements that write what the core gives one transaction; those without rows are left out. */
#ifndef SCHEDULER_SQL_WRITING_H
#define SCHEDULER_SQL_WRITING_H

#include "scheduler/core/core.h"
#include "scheduler/core/writing.h"
#include "shared/db.h"

/* Executions, their attempts, and what they change: usage, job_state, jobs, notices. */
void sql_write_executions(struct db_unit *unit, const struct writing *writing);
void sql_delete_outbox(struct db_unit *unit, const int64_t *ids, size_t count);
/* The rows of the outbox as they were made come back: sql_letter_rows. */
void sql_write_letters(struct db_unit *unit, const struct writing *writing, int64_t now_ms);
void sql_write_progress(struct db_unit *unit, const struct core_progress *progress);

/*
 * id, subject, message_id, payload of each letter written; of a unit that ends with
 * sql_write_letters, sql_write_progress and sql_commit, and writes letters.
 */
const struct db_rows *sql_letter_rows(const struct db_outcome *outcome);

#endif
