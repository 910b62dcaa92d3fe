#include "gateway/sql_uptime.h"

#include <string.h>

/*
 * Behind the tables c (the check: id, created_at, status), t (now) and w (the windows: place, name,
 * begins, ends). Before the first change of state that is looked at, the check was what that one
 * changed; without any, it is what it is. The rows are sums of how the segments between changes
 * overlap with each window.
 */
#define UPTIME_FROM                                                                                \
    " f AS (SELECT f.id, f.at, f.from_status, f.to_status FROM c JOIN check_flips f"               \
    " ON f.check_id = c.id WHERE f.at > (SELECT min(begins) FROM w)),"                             \
    " s AS (SELECT f.at AS begins, lead(f.at, 1, t.now) OVER (ORDER BY f.id) AS ends,"             \
    " f.to_status AS status FROM f CROSS JOIN t UNION ALL"                                         \
    " SELECT c.created_at, coalesce((SELECT f.at FROM f ORDER BY f.id LIMIT 1), t.now),"           \
    " coalesce((SELECT f.from_status FROM f ORDER BY f.id LIMIT 1), c.status)"                     \
    " FROM c CROSS JOIN t)"                                                                        \
    " SELECT w.name, coalesce(sum(o.seconds) FILTER (WHERE s.status IN ('up', 'late')), 0)"        \
    "::bigint, coalesce(sum(o.seconds) FILTER (WHERE s.status = 'down'), 0)::bigint"               \
    " FROM c CROSS JOIN w LEFT JOIN s ON s.begins < w.ends AND s.ends > w.begins"                  \
    " LEFT JOIN LATERAL (SELECT extract(epoch FROM least(s.ends, w.ends)"                          \
    " - greatest(s.begins, w.begins)) AS seconds) o ON true"                                       \
    " GROUP BY w.place, w.name ORDER BY w.place"

#define CHECK_COLUMNS                                                                              \
    "c.id, c.created_at, coalesce(s.status, 'new') AS status"                                      \
    " FROM checks c LEFT JOIN check_state s ON s.check_id = c.id"

void sql_uptime(struct db_unit *unit, int64_t account, const char *public_id)
{
    static const struct db_statement statement = {
        "gateway_uptime",
        "WITH c AS MATERIALIZED (SELECT " CHECK_COLUMNS
        " WHERE c.account_id = $1::bigint AND c.public_id = $2::text),"
        " t AS (SELECT date_trunc('second', now()) AS now),"
        " w AS MATERIALIZED (SELECT -h.place AS place, '' AS name,"
        " t.now - make_interval(hours => h.hours) AS begins, t.now AS ends FROM t"
        " CROSS JOIN (VALUES (3, 24), (2, 168), (1, 720)) AS h (place, hours)"
        " UNION ALL SELECT m.ago, to_char(m.month, 'YYYY-MM'), m.month AT TIME ZONE 'UTC',"
        " least((m.month + interval '1 month') AT TIME ZONE 'UTC', t.now) FROM t CROSS JOIN c"
        " CROSS JOIN LATERAL (SELECT ago,"
        " date_trunc('month', t.now AT TIME ZONE 'UTC') - make_interval(months => ago) AS month"
        " FROM generate_series(0, $3::integer - 1) AS ago) m"
        " WHERE (m.month + interval '1 month') AT TIME ZONE 'UTC' > c.created_at)," UPTIME_FROM};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    db_param_text(unit, public_id, strlen(public_id));
    db_param_i32(unit, SQL_UPTIME_MONTHS);
}

void sql_uptime_of(struct db_unit *unit, int64_t check, const char *public_id, int32_t hours)
{
    static const struct db_statement statement = {
        "gateway_uptime_of", "WITH c AS MATERIALIZED (SELECT " CHECK_COLUMNS
                             " WHERE c.id = $1::bigint AND c.public_id = $2::text),"
                             " t AS (SELECT date_trunc('second', now()) AS now),"
                             " w AS MATERIALIZED (SELECT 0 AS place, '' AS name,"
                             " t.now - make_interval(hours => $3::integer) AS begins,"
                             " t.now AS ends FROM t)," UPTIME_FROM};
    db_unit_add(unit, &statement);
    db_param_i64(unit, check);
    db_param_text(unit, public_id, strlen(public_id));
    db_param_i32(unit, hours);
}

struct uptime sql_uptime_row(const struct db_rows *rows, int row)
{
    return (struct uptime){.up_s = db_i64(rows, row, 1), .down_s = db_i64(rows, row, 2)};
}

const char *sql_uptime_month(const struct db_rows *rows, int row)
{
    return db_text(rows, row, 0);
}
