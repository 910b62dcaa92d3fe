/* Statements that write what the core gives one transaction; those without rows are left out. */
#ifndef SCHEDULER_SQL_WRITING_H
#define SCHEDULER_SQL_WRITING_H

#include "scheduler/core/core.h"
#include "scheduler/core/writing.h"
#include "shared/db.h"

/* Executions, their attempts, and what they change: usage, job_state, jobs, notices. */
void sql_write_executions(struct db_unit *unit, const struct writing *writing);
void sql_delete_outbox(struct db_unit *unit, const int64_t *ids, size_t count);
/* The rows of the outbox as they were made come back: id, subject, message_id, payload. */
void sql_write_letters(struct db_unit *unit, const struct writing *writing, int64_t now_ms);
void sql_write_progress(struct db_unit *unit, const struct core_progress *progress);

#endif
