#include "gateway/sql_jobs.h"

#include "gateway/sql_columns.h"

#define JOB_SELECT                                                                                 \
    "SELECT j.id, j.name, j.cron_expression, j.webhook_url, j.headers, j.payload,"                 \
    " j.failure_webhook_url, j.enabled, s.last_run_at, j.due_after, j.created_at, j.timezone,"     \
    " j.run_at, j.start_at, j.end_at, j.catch_up, j.catch_up_window_seconds, j.allow_overlap,"     \
    " j.jitter_seconds, j.max_retries, j.auto_pause, j.external_id, j.paused_reason, c.public_id"  \
    " FROM jobs j LEFT JOIN job_state s ON s.job_id = j.id"                                        \
    " LEFT JOIN checks c ON c.job_id = j.id WHERE j.account_id = $1::bigint"

void sql_jobs(struct db_unit *unit, int64_t account, const struct sql_job_filter *filter)
{
    static const struct db_statement statement = {
        "gateway_jobs", JOB_SELECT " AND ($2::boolean IS NULL OR j.enabled = $2::boolean)"
                                   " AND ($3::text IS NULL OR j.name = $3::text)"
                                   " AND ($4::text IS NULL OR j.external_id = $4::text)"
                                   " ORDER BY j.id DESC LIMIT $5::bigint OFFSET $6::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    if (filter->enabled != NULL)
        db_param_bool(unit, *filter->enabled);
    else
        db_param_null(unit);
    sql_param_text_or_null(unit, filter->name);
    sql_param_text_or_null(unit, filter->external_id);
    if (filter->limit > 0)
        db_param_i64(unit, filter->limit);
    else
        db_param_null(unit);
    db_param_i64(unit, filter->offset);
}

void sql_job(struct db_unit *unit, int64_t account, int64_t job)
{
    static const struct db_statement statement = {"gateway_job",
                                                  JOB_SELECT " AND j.id = $2::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    db_param_i64(unit, job);
}

struct job_view sql_job_row(const struct db_rows *rows, int row, int64_t now_ms)
{
    bool has_window = !db_is_null(rows, row, 16);
    return (struct job_view){
        .id = db_i64(rows, row, 0),
        .name = db_text(rows, row, 1),
        .cron_expression = sql_text_or_null(rows, row, 2),
        .webhook_url = db_text(rows, row, 3),
        .headers = sql_text_or_null(rows, row, 4),
        .payload = sql_text_or_null(rows, row, 5),
        .failure_webhook_url = sql_text_or_null(rows, row, 6),
        .enabled = db_bool(rows, row, 7),
        .last_run_ms = sql_time_or_zero(rows, row, 8),
        .due_after_ms = db_time_ms(rows, row, 9),
        .created_ms = db_time_ms(rows, row, 10),
        .timezone = db_text(rows, row, 11),
        .run_at_ms = sql_time_or_zero(rows, row, 12),
        .start_at_ms = sql_time_or_zero(rows, row, 13),
        .end_at_ms = sql_time_or_zero(rows, row, 14),
        .catch_up = db_text(rows, row, 15),
        .catch_up_window_s = has_window ? db_i32(rows, row, 16) : CATCH_UP_WINDOW_NONE,
        .allow_overlap = db_bool(rows, row, 17),
        .jitter_s = db_i32(rows, row, 18),
        .max_retries = db_i32(rows, row, 19),
        .auto_pause = db_bool(rows, row, 20),
        .external_id = sql_text_or_null(rows, row, 21),
        .paused_reason = sql_text_or_null(rows, row, 22),
        .check = sql_text_or_null(rows, row, 23),
        .now_ms = now_ms,
    };
}
