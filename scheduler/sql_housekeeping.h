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
void sql_expire_alerts(struct db_unit *unit, int32_t keep_days);
/* What goes through a table slice by slice has come to here; zero: begin. */
struct flip_place {
    int64_t check, id;
};
/*
 * A slice of the changes of checks' states that are older than 13 months; of each check the newest
 * such stays, for it says in which state the time behind it began.
 */
void sql_expire_flips(struct db_unit *unit, const struct flip_place *after);
/* Where the next slice begins. */
struct flip_place sql_flip_place(const struct db_rows *rows);
/*
 * A slice of the executions and attempts of deleted jobs, of the pings, changes of state and alerts
 * of deleted checks; the unit's last but COMMIT.
 */
void sql_purge(struct db_unit *unit);
/* Whether there is probably more to purge. */
bool sql_purge_goes_on(const struct db_outcome *outcome);

#endif
