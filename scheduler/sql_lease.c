#include "scheduler/sql_lease.h"

#include "scheduler/sql_unit.h"

void sql_lease_acquire(struct db_unit *unit, const char *holder, int64_t ttl_ms)
{
    ADD(unit, "lease_unblock", "SELECT lease_unblock()");
    ADD(unit, "lease_acquire",
        "UPDATE lease SET holder = $1::text, epoch = epoch + 1,"
        " expires_at = clock_timestamp() + $2::bigint * interval '1 ms'"
        " WHERE expires_at < clock_timestamp() OR holder = $1::text"
        /* PostgreSQL's clock was set back: who leads would have renewed it long ago. */
        " OR expires_at > clock_timestamp() + interval '2 minutes' RETURNING epoch");
    param_string(unit, holder);
    db_param_i64(unit, ttl_ms);
}

void sql_lease_renew(struct db_unit *unit, uint64_t epoch, int64_t ttl_ms)
{
    ADD(unit, "lease_renew",
        "UPDATE lease SET expires_at = clock_timestamp() + $2::bigint * interval '1 ms'"
        " WHERE epoch = $1::bigint AND expires_at > clock_timestamp() RETURNING epoch");
    db_param_i64(unit, (int64_t)epoch);
    db_param_i64(unit, ttl_ms);
}

void sql_lease_release(struct db_unit *unit, uint64_t epoch)
{
    ADD(unit, "lease_release",
        "UPDATE lease SET expires_at = '-infinity' WHERE epoch = $1::bigint RETURNING epoch");
    db_param_i64(unit, (int64_t)epoch);
}

void sql_begin(struct db_unit *unit)
{
    ADD(unit, "begin", "BEGIN");
}

void sql_assert_leader(struct db_unit *unit, uint64_t epoch)
{
    ADD(unit, "assert_leader", "SELECT assert_leader($1::bigint)");
    db_param_i64(unit, (int64_t)epoch);
}

void sql_commit(struct db_unit *unit)
{
    ADD(unit, "commit", "COMMIT");
}
