/* Statements of the housekeeping. Deletions go in slices, so that no transaction is a long one. */
#ifndef SCHEDULER_SQL_HOUSEKEEPING_H
#define SCHEDULER_SQL_HOUSEKEEPING_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/db.h"

/*
 * Partitions from .. to are made; those older than keep_days by PostgreSQL's clock are dropped, so
 * that a leader whose clock is wrong drops nothing.
 */
void sql_maintain_partitions(struct db_unit *unit, int64_t from_ms, int64_t to_ms,
                             int32_t keep_days);
void sql_expire_answers(struct db_unit *unit);
void sql_expire_tokens(struct db_unit *unit);
void sql_expire_secrets(struct db_unit *unit);
void sql_expire_notices(struct db_unit *unit, int32_t keep_days);
/* A slice of the executions and attempts of deleted jobs; the unit's last but COMMIT. */
void sql_purge(struct db_unit *unit);
/* Whether there is probably more to purge. */
bool sql_purge_goes_on(const struct db_outcome *outcome);

#endif
