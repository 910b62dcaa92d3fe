#include "gateway/sql.h"

#include <stddef.h>

#define JOB_COLUMNS                                                                                \
    "j.id, j.name, j.cron_expression, j.webhook_url, j.headers, j.payload, "                       \
    "j.failure_webhook_url, j.enabled, s.last_run_at, j.due_after, j.created_at"

void sql_account_of_key(struct db_unit *unit, const uint8_t key_hash[static HASH_SIZE])
{
    static const struct db_statement statement = {
        "gateway_account_of_key", "SELECT id FROM accounts WHERE key_hash = $1::bytea"};
    db_unit_add(unit, &statement);
    db_param_bytes(unit, key_hash, HASH_SIZE);
}

int64_t sql_account_of_key_row(const struct db_rows *rows)
{
    return db_i64(rows, 0, 0);
}

void sql_account(struct db_unit *unit, int64_t account)
{
    static const struct db_statement statement = {
        "gateway_account",
        "SELECT email, plan, failure_email_enabled FROM accounts WHERE id = $1::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
}

struct sql_account sql_account_row(const struct db_rows *rows)
{
    return (struct sql_account){
        .email = db_text(rows, 0, 0),
        .plan = db_text(rows, 0, 1),
        .failure_email_enabled = db_bool(rows, 0, 2),
    };
}

void sql_jobs(struct db_unit *unit, int64_t account)
{
    static const struct db_statement statement = {
        "gateway_jobs",
        "SELECT " JOB_COLUMNS " FROM jobs j LEFT JOIN job_state s ON s.job_id = j.id"
        " WHERE j.account_id = $1::bigint ORDER BY j.id DESC"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
}

void sql_job(struct db_unit *unit, int64_t account, int64_t job)
{
    static const struct db_statement statement = {
        "gateway_job", "SELECT " JOB_COLUMNS " FROM jobs j LEFT JOIN job_state s ON s.job_id = j.id"
                       " WHERE j.account_id = $1::bigint AND j.id = $2::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    db_param_i64(unit, job);
}

static const char *text_or_null(const struct db_rows *rows, int row, int column)
{
    return db_is_null(rows, row, column) ? NULL : db_text(rows, row, column);
}

struct job_view sql_job_row(const struct db_rows *rows, int row, int64_t now_ms)
{
    return (struct job_view){
        .id = db_i64(rows, row, 0),
        .name = db_text(rows, row, 1),
        .cron_expression = db_text(rows, row, 2),
        .webhook_url = db_text(rows, row, 3),
        .headers = text_or_null(rows, row, 4),
        .payload = text_or_null(rows, row, 5),
        .failure_webhook_url = text_or_null(rows, row, 6),
        .enabled = db_bool(rows, row, 7),
        .last_run_ms = db_is_null(rows, row, 8) ? 0 : db_time_ms(rows, row, 8),
        .due_after_ms = db_time_ms(rows, row, 9),
        .created_ms = db_time_ms(rows, row, 10),
        .now_ms = now_ms,
    };
}

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

/* The bounds are scalar sub-selects so that PostgreSQL leaves out partitions before it runs. */
void sql_executions(struct db_unit *unit, int64_t account, int64_t job, int64_t limit,
                    int64_t offset)
{
    static const struct db_statement statement = {
        "gateway_executions",
        "SELECT triggered_at, completed_at, status::text, response_code::integer, duration_ms, "
        "error"
        " FROM executions WHERE job_id = $2::bigint AND scheduled_at > now() - make_interval(days "
        "=>"
        " (SELECT p.history_days FROM jobs j JOIN accounts a ON a.id = j.account_id"
        " JOIN plans p ON p.name = a.plan WHERE j.account_id = $1::bigint AND j.id = $2::bigint))"
        " ORDER BY scheduled_at DESC, replay DESC LIMIT $3::bigint OFFSET $4::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    db_param_i64(unit, job);
    db_param_i64(unit, limit);
    db_param_i64(unit, offset);
}

struct sql_execution sql_execution_row(const struct db_rows *rows, int row)
{
    return (struct sql_execution){
        .triggered_ms = db_time_ms(rows, row, 0),
        .completed_ms = db_is_null(rows, row, 1) ? 0 : db_time_ms(rows, row, 1),
        .status = db_text(rows, row, 2),
        .response_code = db_is_null(rows, row, 3) ? -1 : db_i32(rows, row, 3),
        .duration_ms = db_is_null(rows, row, 4) ? -1 : db_i32(rows, row, 4),
        .error = text_or_null(rows, row, 5),
    };
}
