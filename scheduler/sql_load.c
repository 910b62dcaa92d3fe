#include "scheduler/sql_load.h"

#include <stdio.h>

#include "scheduler/sql_unit.h"

void sql_read_progress(struct db_unit *unit)
{
    ADD(unit, "read_progress",
        "SELECT last_tick, runs_seq, commands_seq, results_seq, next_account, next_job,"
        " next_outbox, next_notice, next_replay, next_channel FROM progress");
}

void sql_progress_row(const struct db_rows *rows, struct core_progress *progress)
{
    progress->has_last_tick = !db_is_null(rows, 0, 0);
    progress->last_tick =
        progress->has_last_tick ? (uint32_t)(db_time_ms(rows, 0, 0) / MINUTE_MS) : 0;
    progress->runs_seq = (uint64_t)db_i64(rows, 0, 1);
    progress->commands_seq = (uint64_t)db_i64(rows, 0, 2);
    progress->results_seq = (uint64_t)db_i64(rows, 0, 3);
    progress->next_account = db_i64(rows, 0, 4);
    progress->next_job = db_i64(rows, 0, 5);
    progress->next_outbox = db_i64(rows, 0, 6);
    progress->next_notice = db_i64(rows, 0, 7);
    progress->next_replay = db_i64(rows, 0, 8);
    progress->next_channel = db_i64(rows, 0, 9);
}

void sql_read_plans(struct db_unit *unit)
{
    ADD(unit, "read_plans",
        "SELECT name, active_jobs, stored_jobs, min_interval_seconds, timeout_seconds,"
        " executions_per_month, concurrency, burst_per_minute, checks, check_period_max_seconds,"
        " check_grace_max_seconds FROM plans ORDER BY name");
}

void sql_plan_row(const struct db_rows *rows, int row, struct plan *plan)
{
    int64_t per_month = db_i64(rows, row, 5);
    *plan = (struct plan){.active_jobs = (uint32_t)db_i32(rows, row, 1),
                          .stored_jobs = (uint32_t)db_i32(rows, row, 2),
                          .min_interval_s = (uint32_t)db_i32(rows, row, 3),
                          .timeout_s = (uint16_t)db_i32(rows, row, 4),
                          .executions_per_month =
                              per_month < UINT32_MAX ? (uint32_t)per_month : UINT32_MAX,
                          .concurrency = (uint32_t)db_i32(rows, row, 6),
                          .burst_per_minute = (uint32_t)db_i32(rows, row, 7),
                          .checks = (uint32_t)db_i32(rows, row, 8),
                          .check_period_max_s = (uint32_t)db_i32(rows, row, 9),
                          .check_grace_max_s = (uint32_t)db_i32(rows, row, 10)};
    snprintf(plan->name, sizeof(plan->name), "%s", db_text(rows, row, 0));
}

void sql_read_recent_tokens(struct db_unit *unit)
{
    ADD(unit, "read_recent_tokens",
        "SELECT email, created_at FROM tokens WHERE created_at > now() - interval '1 hour'"
        " ORDER BY created_at");
}

void sql_slice_accounts(struct db_unit *unit, int64_t after, int32_t limit)
{
    ADD(unit, "slice_accounts",
        "SELECT id, plan, failure_email_enabled,"
        " ((extract(year FROM period AT TIME ZONE 'UTC') - 1970) * 12"
        " + extract(month FROM period AT TIME ZONE 'UTC') - 1)::integer,"
        " executions, minute, starts FROM accounts LEFT JOIN usage ON account_id = id"
        " WHERE id > $1::bigint ORDER BY id LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

void sql_account_row(const struct db_rows *rows, int row, struct account_row *account)
{
    *account = (struct account_row){.id = db_i64(rows, row, 0),
                                    .plan = db_text(rows, row, 1),
                                    .failure_email_enabled = db_bool(rows, row, 2),
                                    .month = (uint16_t)db_i32(rows, row, 3),
                                    .executions = (uint32_t)db_i64(rows, row, 4),
                                    .minute = (uint32_t)(time_or_zero(rows, row, 5) / MINUTE_MS),
                                    .starts = (uint32_t)db_i32(rows, row, 6)};
}

void sql_slice_jobs(struct db_unit *unit, int64_t after, int32_t limit)
{
    ADD(unit, "slice_jobs",
        "SELECT id, account_id, version, cron_expression, timezone, run_at, start_at, end_at,"
        " CASE catch_up WHEN 'latest' THEN 0 WHEN 'all' THEN 1 ELSE 2 END,"
        " coalesce(catch_up_window_seconds, -1), allow_overlap, jitter_seconds, max_retries,"
        " auto_pause, failure_webhook_url IS NOT NULL, enabled, due_after FROM jobs"
        " WHERE id > $1::bigint ORDER BY id LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

int64_t sql_job_row(const struct db_rows *rows, int row, struct job_settings *settings)
{
    *settings = (struct job_settings){.version = (uint32_t)db_i32(rows, row, 2),
                                      .cron_expression = text_or_null(rows, row, 3),
                                      .timezone = db_text(rows, row, 4),
                                      .run_at_s = time_or_zero(rows, row, 5) / 1000,
                                      .start_at_s = time_or_zero(rows, row, 6) / 1000,
                                      .end_at_s = time_or_zero(rows, row, 7) / 1000,
                                      .catch_up = (enum catch_up)db_i32(rows, row, 8),
                                      .catch_up_window_s = db_i32(rows, row, 9),
                                      .allow_overlap = db_bool(rows, row, 10),
                                      .jitter_s = (uint16_t)db_i32(rows, row, 11),
                                      .max_retries = (uint8_t)db_i32(rows, row, 12),
                                      .auto_pause = db_bool(rows, row, 13),
                                      .has_failure_webhook = db_bool(rows, row, 14),
                                      .enabled = db_bool(rows, row, 15),
                                      .due_after_ms = db_time_ms(rows, row, 16)};
    return db_i64(rows, row, 1);
}

void sql_slice_failing(struct db_unit *unit, int64_t after, int32_t limit)
{
    ADD(unit, "slice_failing",
        "SELECT job_id, failing_since, mailed_at, unmailed, pause_warned FROM job_state"
        " WHERE (failing_since IS NOT NULL OR mailed_at IS NOT NULL) AND job_id > $1::bigint"
        " ORDER BY job_id LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

void sql_failing_row(const struct db_rows *rows, int row, struct failing_row *failing)
{
    *failing = (struct failing_row){.job = db_i64(rows, row, 0),
                                    .since_ms = time_or_zero(rows, row, 1),
                                    .mailed_ms = time_or_zero(rows, row, 2),
                                    .unmailed = (uint32_t)db_i32(rows, row, 3),
                                    .warned = db_bool(rows, row, 4)};
}

void sql_slice_pending(struct db_unit *unit, const struct run *after, int32_t limit)
{
    ADD(unit, "slice_pending",
        "SELECT job_id, scheduled_at, replay, version, timeout_seconds::integer,"
        " attempts::integer, CASE trigger WHEN 'schedule' THEN 0 WHEN 'run' THEN 1 ELSE 2 END,"
        " next_attempt_at FROM executions"
        " WHERE status = 'pending' AND (scheduled_at, job_id, replay) >"
        " ($1::timestamptz, $2::bigint, $3::integer)"
        " ORDER BY scheduled_at, job_id, replay LIMIT $4::integer");
    db_param_time(unit, after->slot_s * 1000);
    db_param_i64(unit, after->job);
    db_param_i32(unit, (int32_t)after->replay);
    db_param_i32(unit, limit);
}

void sql_pending_row(const struct db_rows *rows, int row, struct pending_row *pending)
{
    *pending = (struct pending_row){.run = {.job = db_i64(rows, row, 0),
                                            .slot_s = db_time_ms(rows, row, 1) / 1000,
                                            .replay = (uint32_t)db_i32(rows, row, 2),
                                            .version = (uint32_t)db_i32(rows, row, 3),
                                            .timeout_s = (uint16_t)db_i32(rows, row, 4)},
                                    .attempts = (uint8_t)db_i32(rows, row, 5),
                                    .trigger = (uint8_t)db_i32(rows, row, 6),
                                    .next_attempt_ms = time_or_zero(rows, row, 7)};
}

void sql_slice_notices(struct db_unit *unit, int64_t after, int32_t limit)
{
    ADD(unit, "slice_notices",
        "SELECT id, created_at, timeout_seconds::integer, attempts::integer, next_attempt_at,"
        " account_id, kind = 'alert' FROM notices WHERE status = 'pending' AND id > $1::bigint"
        " ORDER BY id LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

void sql_notice_row(const struct db_rows *rows, int row, struct pending_row *pending)
{
    *pending = (struct pending_row){.run = {.job = db_i64(rows, row, 0),
                                            .slot_s = db_time_ms(rows, row, 1) / 1000,
                                            .replay = RUN_NOTICE,
                                            .timeout_s = (uint16_t)db_i32(rows, row, 2)},
                                    .attempts = (uint8_t)db_i32(rows, row, 3),
                                    .next_attempt_ms = time_or_zero(rows, row, 4),
                                    .account = db_i64(rows, row, 5),
                                    .alert = db_bool(rows, row, 6)};
}

void sql_slice_outbox(struct db_unit *unit, int64_t after, int32_t limit)
{
    ADD(unit, "slice_outbox",
        "SELECT id, subject, message_id, payload FROM outbox WHERE id > $1::bigint ORDER BY id"
        " LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

void sql_read_final(struct db_unit *unit, const struct run *runs, size_t count)
{
    /* A replay of -1 is RUN_NOTICE. */
    ADD(unit, "read_final",
        "WITH u AS (SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::integer[])"
        " WITH ORDINALITY AS u (job_id, scheduled_at, replay, place))"
        " SELECT u.place FROM u JOIN executions e USING (job_id, scheduled_at, replay)"
        " WHERE e.status IN ('success', 'failure')"
        " UNION ALL SELECT u.place FROM u JOIN notices n ON n.id = u.job_id"
        " WHERE u.replay = -1 AND n.status <> 'pending'");
    EACH(runs, count, DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH(runs, count, DB_ARRAY_TIME, db_element_time(unit, row->slot_s * 1000));
    EACH(runs, count, DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->replay));
}
