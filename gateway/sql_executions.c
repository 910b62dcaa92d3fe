#include "gateway/sql_executions.h"

#include "gateway/sql_columns.h"

/*
 * The beginning of the history window. A scalar sub-select, so that PostgreSQL leaves out the
 * partitions before it when it runs; NULL, and so no row, where the job is not the account's.
 */
#define HISTORY_BEGIN                                                                              \
    "(SELECT now() - make_interval(days => p.history_days)"                                        \
    " FROM jobs j JOIN accounts a ON a.id = j.account_id JOIN plans p ON p.name = a.plan"          \
    " WHERE j.account_id = $1::bigint AND j.id = $2::bigint)"

#define EXECUTION_COLUMNS                                                                          \
    "job_id, scheduled_at, replay, triggered_at, completed_at, status::text,"                      \
    " response_code::integer, duration_ms, error, attempts::integer, trigger::text, "              \
    "next_attempt_at"

/* One execution: $3 is the slot, $4 the replay. */
#define EXECUTION_IS                                                                               \
    " job_id = $2::bigint AND scheduled_at = $3::timestamptz AND replay = $4::integer"             \
    " AND scheduled_at > " HISTORY_BEGIN

void sql_history_days(struct db_unit *unit, int64_t account, int64_t job)
{
    static const struct db_statement statement = {
        "gateway_history_days",
        "SELECT p.history_days FROM jobs j JOIN accounts a ON a.id = j.account_id"
        " JOIN plans p ON p.name = a.plan WHERE j.account_id = $1::bigint AND j.id = $2::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    db_param_i64(unit, job);
}

void sql_executions(struct db_unit *unit, int64_t account, int64_t job, int64_t limit,
                    int64_t offset)
{
    static const struct db_statement statement = {
        "gateway_executions",
        "SELECT " EXECUTION_COLUMNS " FROM executions WHERE job_id = $2::bigint"
        " AND scheduled_at > " HISTORY_BEGIN " ORDER BY scheduled_at DESC, replay DESC"
        " LIMIT $3::bigint OFFSET $4::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    db_param_i64(unit, job);
    db_param_i64(unit, limit);
    db_param_i64(unit, offset);
}

static void param_execution(struct db_unit *unit, int64_t account, const struct run *run)
{
    db_param_i64(unit, account);
    db_param_i64(unit, run->job);
    db_param_time(unit, run->slot_s * 1000);
    db_param_i32(unit, (int32_t)run->replay);
}

void sql_execution(struct db_unit *unit, int64_t account, const struct run *run)
{
    static const struct db_statement statement = {
        "gateway_execution", "SELECT " EXECUTION_COLUMNS " FROM executions WHERE" EXECUTION_IS};
    db_unit_add(unit, &statement);
    param_execution(unit, account, run);
}

struct execution_view sql_execution_row(const struct db_rows *rows, int row)
{
    return (struct execution_view){
        .run = {.job = db_i64(rows, row, 0),
                .slot_s = db_time_ms(rows, row, 1) / 1000,
                .replay = (uint32_t)db_i32(rows, row, 2)},
        .triggered_ms = db_time_ms(rows, row, 3),
        .completed_ms = sql_time_or_zero(rows, row, 4),
        .status = db_text(rows, row, 5),
        .response_code = (int32_t)sql_number_or_none(rows, row, 6),
        .duration_ms = (int32_t)sql_number_or_none(rows, row, 7),
        .error = sql_text_or_null(rows, row, 8),
        .attempts = db_i32(rows, row, 9),
        .trigger = db_text(rows, row, 10),
        .next_attempt_ms = sql_time_or_zero(rows, row, 11),
    };
}

/* The newest attempt is in the row of its execution, unless another one was decided on since. */
void sql_attempts(struct db_unit *unit, int64_t account, const struct run *run)
{
    static const struct db_statement statement = {
        "gateway_attempts",
        "SELECT DISTINCT ON (attempt) attempt::integer, started_at, duration_ms, dns_ms,"
        " connect_ms, tls_ms, first_byte_ms, response_code::integer, error, response FROM ("
        "SELECT 1 AS source, attempt, started_at, duration_ms, dns_ms, connect_ms, tls_ms,"
        " first_byte_ms, response_code, error, response FROM attempts WHERE" EXECUTION_IS
        " UNION ALL "
        "SELECT 2, attempts, triggered_at, duration_ms, dns_ms, connect_ms, tls_ms,"
        " first_byte_ms, response_code, error, response FROM executions WHERE" EXECUTION_IS
        " AND duration_ms IS NOT NULL) AS u ORDER BY attempt, source"};
    db_unit_add(unit, &statement);
    param_execution(unit, account, run);
}

struct attempt_view sql_attempt_row(const struct db_rows *rows, int row)
{
    struct attempt_view view = {
        .attempt = db_i32(rows, row, 0),
        .started_ms = db_time_ms(rows, row, 1),
        .duration_ms = (int32_t)sql_number_or_none(rows, row, 2),
        .dns_ms = (int32_t)sql_number_or_none(rows, row, 3),
        .connect_ms = (int32_t)sql_number_or_none(rows, row, 4),
        .tls_ms = (int32_t)sql_number_or_none(rows, row, 5),
        .first_byte_ms = (int32_t)sql_number_or_none(rows, row, 6),
        .response_code = (int32_t)sql_number_or_none(rows, row, 7),
        .error = sql_text_or_null(rows, row, 8),
    };
    if (!db_is_null(rows, row, 9))
        view.response = db_bytes(rows, row, 9, &view.response_bytes);
    return view;
}

/*
 * The rows are read once, by the key, and each counts in the windows that it lies in. Late is how
 * much later than its slot the first POST of a slot's own execution began.
 */
void sql_stats(struct db_unit *unit, int64_t account, int64_t job)
{
    static const struct db_statement statement = {
        "gateway_stats",
        "WITH e AS MATERIALIZED (SELECT scheduled_at, status, duration_ms,"
        " CASE WHEN trigger = 'schedule' AND duration_ms IS NOT NULL THEN"
        " (extract(epoch FROM CASE WHEN attempts > 1 THEN (SELECT min(a.started_at) FROM attempts a"
        " WHERE a.job_id = x.job_id AND a.scheduled_at = x.scheduled_at AND a.replay = x.replay)"
        " ELSE triggered_at END - scheduled_at) * 1000)::bigint END AS lateness_ms"
        " FROM executions x WHERE job_id = $2::bigint AND scheduled_at > " HISTORY_BEGIN
        " AND scheduled_at > now() - interval '30 days')"
        " SELECT count(e.scheduled_at), count(*) FILTER (WHERE e.status = 'success'),"
        " count(*) FILTER (WHERE e.status = 'failure'),"
        " count(*) FILTER (WHERE e.status = 'skipped'),"
        " percentile_disc(0.5) WITHIN GROUP (ORDER BY e.duration_ms),"
        " percentile_disc(0.95) WITHIN GROUP (ORDER BY e.duration_ms),"
        " percentile_disc(0.5) WITHIN GROUP (ORDER BY e.lateness_ms),"
        " percentile_disc(0.95) WITHIN GROUP (ORDER BY e.lateness_ms)"
        " FROM (VALUES (24), (168), (720)) AS w (hours)"
        " LEFT JOIN e ON e.scheduled_at > now() - make_interval(hours => w.hours)"
        " GROUP BY w.hours ORDER BY w.hours"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    db_param_i64(unit, job);
}

struct sql_stats sql_stats_row(const struct db_rows *rows, int row)
{
    return (struct sql_stats){
        .executions = db_i64(rows, row, 0),
        .success = db_i64(rows, row, 1),
        .failure = db_i64(rows, row, 2),
        .skipped = db_i64(rows, row, 3),
        .duration_p50_ms = sql_number_or_none(rows, row, 4),
        .duration_p95_ms = sql_number_or_none(rows, row, 5),
        .lateness_p50_ms = sql_number_or_none(rows, row, 6),
        .lateness_p95_ms = sql_number_or_none(rows, row, 7),
    };
}
