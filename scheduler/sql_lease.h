/* Statements of the lease, and around each transaction of the leader. */
#ifndef SCHEDULER_SQL_LEASE_H
#define SCHEDULER_SQL_LEASE_H

#include <stdint.h>

#include "shared/db.h"

/* One row back with the epoch where it was got (kept), no row where somebody else leads. */
void sql_lease_acquire(struct db_unit *unit, const char *holder, int64_t ttl_ms);
void sql_lease_renew(struct db_unit *unit, uint64_t epoch, int64_t ttl_ms);
void sql_lease_release(struct db_unit *unit, uint64_t epoch);

void sql_begin(struct db_unit *unit);
#define SQL_NOT_LEADER "CC001"
/* Fails with that SQLSTATE where epoch does not lead. */
void sql_assert_leader(struct db_unit *unit, uint64_t epoch);
void sql_commit(struct db_unit *unit);

#endif
