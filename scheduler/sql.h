/* Every statement of the scheduler: one function a statement that adds it to a unit, and row
 * parsers. */
#ifndef SCHEDULER_SQL_H
#define SCHEDULER_SQL_H

#include "scheduler/core/core.h"
#include "scheduler/core/facts.h"
#include "shared/db.h"

/* The lease: one row back with the epoch where it was got (kept), no row where somebody else leads.
 */
void sql_lease_acquire(struct db_unit *unit, const char *holder, int64_t ttl_ms);
void sql_lease_renew(struct db_unit *unit, uint64_t epoch, int64_t ttl_ms);
void sql_lease_release(struct db_unit *unit, uint64_t epoch);

void sql_begin(struct db_unit *unit);
#define SQL_NOT_LEADER "CC001"
/* Fails with that SQLSTATE where epoch does not lead. */
void sql_assert_leader(struct db_unit *unit, uint64_t epoch);
void sql_commit(struct db_unit *unit);

/* Loading. Slices are in the order of ids behind after, limit rows at most. */
void sql_read_progress(struct db_unit *unit);
void sql_progress_row(const struct db_rows *rows, struct core_progress *progress);
void sql_read_plans(struct db_unit *unit);
void sql_plan_row(const struct db_rows *rows, int row, struct plan *plan);
void sql_slice_accounts(struct db_unit *unit, int64_t after, int32_t limit); /* id, plan */
/* id, account, version, cron_expression, enabled, due_after */
void sql_slice_jobs(struct db_unit *unit, int64_t after, int32_t limit);
/* The pending executions; behind the key of the last one. */
void sql_slice_pending(struct db_unit *unit, const struct run *after, int32_t limit);
void sql_pending_row(const struct db_rows *rows, int row, struct run *run);
/* email, created_at: what was asked for in the last hour */
void sql_read_recent_tokens(struct db_unit *unit);
/* id, subject, message_id, payload */
void sql_slice_outbox(struct db_unit *unit, int64_t after, int32_t limit);
/* Which of the runs have a final row: one row each, its place in the array from 1. */
void sql_read_final(struct db_unit *unit, const struct run *runs, size_t count);

/* The facts that commands need. */
void sql_read_facts(struct db_unit *unit, const struct command *commands, size_t count);
void sql_facts_rows(const struct db_outcome *outcome, struct facts *facts);

/* What a turn writes; statements without rows are left out. */
void sql_write_facts(struct db_unit *unit, const struct facts *facts, int64_t now_ms);
void sql_delete_outbox(struct db_unit *unit, const int64_t *ids, size_t count);
void sql_write_executions(struct db_unit *unit, const struct execution_batch *batch);
void sql_write_progress(struct db_unit *unit, const struct core_progress *progress);

/* Housekeeping. */
/*
 * Partitions from .. to are made; those older than keep_days by PostgreSQL's clock are dropped, so
 * that a leader whose clock is wrong drops nothing.
 */
void sql_maintain_partitions(struct db_unit *unit, int64_t from_ms, int64_t to_ms,
                             int32_t keep_days);
void sql_expire_answers(struct db_unit *unit);
void sql_expire_tokens(struct db_unit *unit);
/* A slice of the executions of deleted jobs; the unit's last but COMMIT. */
void sql_purge(struct db_unit *unit);
/* Whether there is probably more to purge. */
bool sql_purge_goes_on(const struct db_outcome *outcome);

#endif
