#include "scheduler/sql_housekeeping.h"

#include "scheduler/sql_unit.h"

#define PURGE_STATEMENTS 7

void sql_maintain_partitions(struct db_unit *unit, int64_t from_ms, int64_t to_ms,
                             int32_t keep_days)
{
    ADD(unit, "maintain_partitions",
        "SELECT executions_maintain(($1::timestamptz AT TIME ZONE 'UTC')::date,"
        " ($2::timestamptz AT TIME ZONE 'UTC')::date, (now() AT TIME ZONE 'UTC')::date - "
        "$3::integer)");
    db_param_time(unit, from_ms);
    db_param_time(unit, to_ms);
    db_param_i32(unit, keep_days);
}

/* Events of Stripe ("stripe/...") are repeated for three days. */
void sql_expire_answers(struct db_unit *unit)
{
    ADD(unit, "expire_answers",
        "DELETE FROM answers WHERE id IN (SELECT id FROM answers"
        " WHERE created_at < now() - interval '24 hours' AND (id NOT LIKE 'stripe/%'"
        " OR created_at < now() - interval '7 days') ORDER BY created_at LIMIT 2000)");
}

void sql_expire_tokens(struct db_unit *unit)
{
    ADD(unit, "expire_tokens",
        "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens"
        " WHERE created_at < now() - interval '24 hours' ORDER BY created_at LIMIT 2000)");
}

void sql_expire_secrets(struct db_unit *unit)
{
    ADD(unit, "expire_secrets",
        "DELETE FROM webhook_secrets WHERE id IN (SELECT id FROM webhook_secrets"
        " WHERE expires_at < now() ORDER BY expires_at LIMIT 2000)");
}

void sql_expire_notices(struct db_unit *unit, int32_t keep_days)
{
    ADD(unit, "expire_notices",
        "DELETE FROM notices WHERE id IN (SELECT id FROM notices"
        " WHERE created_at < now() - make_interval(days => $1::integer) AND status <> 'pending'"
        " ORDER BY created_at LIMIT 2000)");
    db_param_i32(unit, keep_days);
}

void sql_expire_alerts(struct db_unit *unit, int32_t keep_days)
{
    ADD(unit, "expire_alerts",
        "DELETE FROM alerts WHERE (check_id, id) IN (SELECT check_id, id FROM alerts"
        " WHERE created_at < now() - make_interval(days => $1::integer) AND status <> 'pending'"
        " ORDER BY created_at LIMIT 2000)");
    db_param_i32(unit, keep_days);
}

void sql_expire_flips(struct db_unit *unit, const struct flip_place *after)
{
    ADD(unit, "expire_flips",
        "WITH slice AS (SELECT check_id, id, at FROM check_flips"
        " WHERE (check_id, id) > ($1::bigint, $2::bigint) ORDER BY check_id, id LIMIT 5000),"
        " gone AS (DELETE FROM check_flips f USING slice s"
        " WHERE f.check_id = s.check_id AND f.id = s.id AND s.at < now() - interval '13 months'"
        " AND EXISTS (SELECT FROM check_flips n WHERE n.check_id = s.check_id AND n.id > s.id"
        " AND n.at < now() - interval '13 months'))"
        " SELECT check_id, id FROM slice ORDER BY check_id DESC, id DESC LIMIT 1");
    db_param_i64(unit, after->check);
    db_param_i64(unit, after->id);
}

struct flip_place sql_flip_place(const struct db_rows *rows)
{
    if (!rows->count)
        return (struct flip_place){0};
    return (struct flip_place){.check = db_i64(rows, 0, 0), .id = db_i64(rows, 0, 1)};
}

static void purge_checks(struct db_unit *unit)
{
    ADD(unit, "purge_pings",
        "WITH purge AS (SELECT check_id FROM check_purges ORDER BY check_id LIMIT 200), gone AS"
        " (DELETE FROM pings WHERE (check_id, received_at, id) IN"
        " (SELECT p.check_id, p.received_at, p.id FROM purge JOIN pings p USING (check_id)"
        " LIMIT 5000) RETURNING 1) SELECT count(*) FROM gone");
    ADD(unit, "purge_flips",
        "WITH purge AS (SELECT check_id FROM check_purges ORDER BY check_id LIMIT 200), gone AS"
        " (DELETE FROM check_flips WHERE (check_id, id) IN"
        " (SELECT f.check_id, f.id FROM purge JOIN check_flips f USING (check_id) LIMIT 5000)"
        " RETURNING 1) SELECT count(*) FROM gone");
    ADD(unit, "purge_alerts",
        "WITH purge AS (SELECT check_id FROM check_purges ORDER BY check_id LIMIT 200), gone AS"
        " (DELETE FROM alerts WHERE (check_id, id) IN"
        " (SELECT a.check_id, a.id FROM purge JOIN alerts a USING (check_id) LIMIT 5000)"
        " RETURNING 1) SELECT count(*) FROM gone");
    ADD(unit, "purge_checks_done",
        "WITH purge AS (SELECT check_id FROM check_purges ORDER BY check_id LIMIT 200), gone AS"
        " (DELETE FROM check_purges d USING purge WHERE d.check_id = purge.check_id"
        " AND NOT EXISTS (SELECT FROM pings p WHERE p.check_id = purge.check_id)"
        " AND NOT EXISTS (SELECT FROM check_flips f WHERE f.check_id = purge.check_id)"
        " AND NOT EXISTS (SELECT FROM alerts a WHERE a.check_id = purge.check_id) RETURNING 1)"
        " SELECT count(*) FROM gone");
}

void sql_purge(struct db_unit *unit)
{
    ADD(unit, "purge_attempts",
        "WITH purge AS (SELECT job_id FROM purges ORDER BY job_id LIMIT 200), gone AS"
        " (DELETE FROM attempts WHERE (job_id, scheduled_at, replay, attempt) IN"
        " (SELECT a.job_id, a.scheduled_at, a.replay, a.attempt"
        " FROM purge JOIN attempts a USING (job_id) LIMIT 5000) RETURNING 1)"
        " SELECT count(*) FROM gone");
    ADD(unit, "purge_executions",
        "WITH purge AS (SELECT job_id FROM purges ORDER BY job_id LIMIT 200), gone AS"
        " (DELETE FROM executions WHERE (job_id, scheduled_at, replay) IN"
        " (SELECT e.job_id, e.scheduled_at, e.replay FROM purge JOIN executions e USING (job_id)"
        " LIMIT 5000) RETURNING 1) SELECT count(*) FROM gone");
    ADD(unit, "purge_done",
        "WITH purge AS (SELECT job_id FROM purges ORDER BY job_id LIMIT 200), gone AS"
        " (DELETE FROM purges USING purge WHERE purges.job_id = purge.job_id"
        " AND NOT EXISTS (SELECT FROM executions e WHERE e.job_id = purge.job_id)"
        " AND NOT EXISTS (SELECT FROM attempts a WHERE a.job_id = purge.job_id) RETURNING 1)"
        " SELECT count(*) FROM gone");
    purge_checks(unit);
}

bool sql_purge_goes_on(const struct db_outcome *outcome)
{
    /* Their counts stand before COMMIT. */
    for (size_t i = 0; i < PURGE_STATEMENTS; i++)
        if (db_i64(&outcome->statements[outcome->count - 2 - i], 0, 0) > 0)
            return true;
    return false;
}
