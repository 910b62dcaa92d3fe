#include "scheduler/sql_checks_load.h"

#include <stdio.h>

#include "scheduler/sql_unit.h"

void sql_read_checks_progress(struct db_unit *unit)
{
    ADD(unit, "read_checks_progress",
        "SELECT pings_seq, next_ping, next_flip, next_alert, pings_stream FROM progress");
}

void sql_checks_progress_row(const struct db_rows *rows, struct checks_progress *progress,
                             const char **stream)
{
    *progress = (struct checks_progress){.pings_seq = (uint64_t)db_i64(rows, 0, 0),
                                         .next_ping = db_i64(rows, 0, 1),
                                         .next_flip = db_i64(rows, 0, 2),
                                         .next_alert = db_i64(rows, 0, 3)};
    *stream = db_text(rows, 0, 4);
}

void sql_slice_channels(struct db_unit *unit, int64_t after, int32_t limit)
{
    ADD(unit, "slice_channels",
        "SELECT id, account_id, kind, enabled AND verified FROM channels WHERE id > $1::bigint"
        " ORDER BY id LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

void sql_channel_row(const struct db_rows *rows, int row, struct channel_row *channel)
{
    *channel = (struct channel_row){.id = db_i64(rows, row, 0),
                                    .account = db_i64(rows, row, 1),
                                    .kind = channel_kind_of(db_text(rows, row, 2)),
                                    .usable = db_bool(rows, row, 3)};
}

/* ---- checks ---- */

void sql_slice_checks(struct db_unit *unit, int64_t after, int32_t limit)
{
    /* Both sides begin behind the slice before: the join would not find that out. */
    ADD(unit, "slice_checks",
        "SELECT c.id, c.account_id, c.period_seconds, c.cron_expression, c.timezone,"
        " c.grace_seconds, c.maint_start, c.maint_end, c.maint_schedule, c.alert_after,"
        " c.recover_after, c.reminder_seconds, c.parents, c.channels, c.job_id, c.paused,"
        " c.created_at, s.check_id IS NOT NULL, s.status, s.status_since, s.base, s.last_ping_at,"
        " CASE s.last_ping_type WHEN 'start' THEN 1 WHEN 'fail' THEN 2 WHEN 'log' THEN 3 ELSE 0"
        " END, coalesce(s.last_duration_ms, -1), s.ping_count, s.alert_count, s.failures,"
        " s.successes, s.counted_until, s.alerted, s.owed, s.owed_from, s.reminded_at, s.reminders"
        " FROM checks c LEFT JOIN check_state s ON s.check_id = c.id AND s.check_id > $1::bigint"
        " WHERE c.id > $1::bigint ORDER BY c.id LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

static int64_t second_or_zero(const struct db_rows *rows, int row, int column)
{
    return time_or_zero(rows, row, column) / 1000;
}

static void state_columns(const struct db_rows *rows, int row, struct check_state_row *state)
{
    *state = (struct check_state_row){.check = db_i64(rows, row, 0),
                                      .status = check_status_of(db_text(rows, row, 18)),
                                      .status_since_s = second_or_zero(rows, row, 19),
                                      .base_s = second_or_zero(rows, row, 20),
                                      .last_ping_ms = time_or_zero(rows, row, 21),
                                      .last_ping_kind = (enum ping_kind)db_i32(rows, row, 22),
                                      .last_duration_ms = db_i64(rows, row, 23),
                                      .ping_count = db_i64(rows, row, 24),
                                      .alert_count = db_i64(rows, row, 25),
                                      .failures = db_i32(rows, row, 26),
                                      .successes = db_i32(rows, row, 27),
                                      .counted_until_s = second_or_zero(rows, row, 28),
                                      .alerted = db_bool(rows, row, 29),
                                      .owed = db_bool(rows, row, 30),
                                      .owed_from_s = second_or_zero(rows, row, 31),
                                      .reminded_s = second_or_zero(rows, row, 32),
                                      .reminders = db_i32(rows, row, 33)};
}

int64_t sql_check_row(const struct db_rows *rows, int row, struct check_settings *settings,
                      struct check_lists *lists, struct check_state_row *state, bool *has_state)
{
    *settings = (struct check_settings){
        .period_s = db_i32(rows, row, 2),
        .cron_expression = text_or_null(rows, row, 3),
        .timezone = db_text(rows, row, 4),
        .grace_s = db_i32(rows, row, 5),
        .maint_start_s = second_or_zero(rows, row, 6),
        .maint_end_s = second_or_zero(rows, row, 7),
        .maint_schedule = db_text(rows, row, 8),
        .alert_after = db_i32(rows, row, 9),
        .recover_after = db_i32(rows, row, 10),
        .reminder_s = db_i32(rows, row, 11),
        .parents = lists->parents,
        .parent_count = db_i64_array(rows, row, 12, lists->parents, CHECK_PARENTS_MAX),
        .channels = db_is_null(rows, row, 13) ? NULL : lists->channels,
        .channel_count = db_i64_array(rows, row, 13, lists->channels, CHECK_CHANNELS_MAX),
        .job = db_i64(rows, row, 14),
        .paused = db_bool(rows, row, 15),
        .created_ms = db_time_ms(rows, row, 16)};
    *has_state = db_bool(rows, row, 17);
    if (*has_state)
        state_columns(rows, row, state);
    return db_i64(rows, row, 1);
}

/* ---- what goes on ---- */

void sql_slice_starts(struct db_unit *unit, int64_t after_check, const char *after_rid,
                      int32_t limit)
{
    ADD(unit, "slice_starts",
        "SELECT s.check_id, s.rid, s.started_at, s.due_at, s.ended_at FROM check_starts s"
        " JOIN checks c ON c.id = s.check_id WHERE c.id >= $1::bigint AND (s.check_id, s.rid) > "
        "($1::bigint, $2::text)"
        " ORDER BY s.check_id, s.rid LIMIT $3::integer");
    db_param_i64(unit, after_check);
    param_string(unit, after_rid);
    db_param_i32(unit, limit);
}

void sql_start_row(const struct db_rows *rows, int row, struct check_start_row *start)
{
    *start = (struct check_start_row){.check = db_i64(rows, row, 0),
                                      .started_ms = time_or_zero(rows, row, 2),
                                      .due_s = second_or_zero(rows, row, 3),
                                      .ended_ms = time_or_zero(rows, row, 4)};
    snprintf(start->rid, sizeof(start->rid), "%s", db_text(rows, row, 1));
}

void sql_slice_alerts(struct db_unit *unit, int64_t after, int32_t limit)
{
    ADD(unit, "slice_alerts",
        "SELECT a.id, a.check_id, a.account_id, a.channel_id, coalesce(ch.kind, 'webhook'),"
        " CASE a.type WHEN 'down' THEN 0 WHEN 'up' THEN 1 WHEN 'reminder' THEN 2 ELSE 3 END,"
        " a.created_at, a.notice_id, a.status = 'pending' AND a.notice_id IS NULL"
        " FROM alerts a LEFT JOIN channels ch ON ch.id = a.channel_id WHERE a.id > $1::bigint"
        " AND ((a.status = 'pending' AND a.notice_id IS NULL)"
        " OR a.created_at >= date_trunc('minute', now()))"
        " ORDER BY a.id LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

void sql_alert_row(const struct db_rows *rows, int row, struct alert_row *alert)
{
    *alert = (struct alert_row){.id = db_i64(rows, row, 0),
                                .check = db_i64(rows, row, 1),
                                .account = db_i64(rows, row, 2),
                                .channel = db_i64(rows, row, 3),
                                .channel_kind = channel_kind_of(db_text(rows, row, 4)),
                                .type = (enum alert_type)db_i32(rows, row, 5),
                                .created_s = db_time_ms(rows, row, 6) / 1000,
                                .notice = db_i64(rows, row, 7),
                                .waiting = db_bool(rows, row, 8)};
}
