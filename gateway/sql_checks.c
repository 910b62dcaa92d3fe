#include "gateway/sql_checks.h"

#include <string.h>

#include "gateway/sql_columns.h"

#define STATUS                                                                                     \
    "coalesce(s.status, CASE WHEN c.paused THEN 'paused' ELSE 'new' END::check_status)::text"

#define CHECK_SELECT                                                                               \
    "SELECT c.public_id, c.name, c.period_seconds, c.grace_seconds,"                               \
    " " STATUS ","                                                                                 \
    " s.base, s.last_ping_at, coalesce(s.alert_count, 0), coalesce(s.ping_count, 0),"              \
    " c.created_at, c.updated_at, c.tags, c.group_name, c.slug, c.maint_start, c.maint_end,"       \
    " c.maint_schedule, c.cron_expression, c.timezone, c.alert_after, c.recover_after,"            \
    " c.reminder_seconds,"                                                                         \
    " (SELECT string_agg(p.public_id, ',' ORDER BY u.place) FROM unnest(c.parents)"                \
    " WITH ORDINALITY AS u (id, place) JOIN checks p ON p.id = u.id),"                             \
    " CASE WHEN c.channels IS NOT NULL THEN coalesce((SELECT string_agg(h.id::text, ',' ORDER BY"  \
    " u.place) FROM unnest(c.channels) WITH ORDINALITY AS u (id, place)"                           \
    " JOIN channels h ON h.id = u.id), '') END, c.job_id, c.paused_reason, s.last_duration_ms"     \
    " FROM checks c LEFT JOIN check_state s ON s.check_id = c.id WHERE c.account_id = $1::bigint"

void sql_checks(struct db_unit *unit, int64_t account, const char *tag, const char *group)
{
    static const struct db_statement statement = {
        "gateway_checks",
        CHECK_SELECT " AND ($2::text IS NULL OR $2::text = ANY (string_to_array(c.tags, ',')))"
                     " AND ($3::text IS NULL OR c.group_name = $3::text)"
                     " ORDER BY c.created_at DESC, c.id DESC"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    sql_param_text_or_null(unit, tag);
    sql_param_text_or_null(unit, group);
}

void sql_check(struct db_unit *unit, int64_t account, const char *public_id)
{
    static const struct db_statement statement = {"gateway_check",
                                                  CHECK_SELECT " AND c.public_id = $2::text"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    db_param_text(unit, public_id, strlen(public_id));
}

static int64_t seconds_or_zero(const struct db_rows *rows, int row, int column)
{
    return sql_time_or_zero(rows, row, column) / 1000;
}

struct check_view sql_check_row(const struct db_rows *rows, int row)
{
    return (struct check_view){
        .public_id = db_text(rows, row, 0),
        .name = db_text(rows, row, 1),
        .period_s = db_i32(rows, row, 2),
        .grace_s = db_i32(rows, row, 3),
        .status = check_status_of(db_text(rows, row, 4)),
        .base_s = seconds_or_zero(rows, row, 5),
        .last_ping_s = seconds_or_zero(rows, row, 6),
        .alert_count = db_i64(rows, row, 7),
        .ping_count = db_i64(rows, row, 8),
        .created_s = seconds_or_zero(rows, row, 9),
        .updated_s = seconds_or_zero(rows, row, 10),
        .tags = db_text(rows, row, 11),
        .group = db_text(rows, row, 12),
        .slug = sql_text_or_null(rows, row, 13),
        .maint_start_s = seconds_or_zero(rows, row, 14),
        .maint_end_s = seconds_or_zero(rows, row, 15),
        .maint_schedule = db_text(rows, row, 16),
        .cron_expression = sql_text_or_null(rows, row, 17),
        .timezone = db_text(rows, row, 18),
        .alert_after = db_i32(rows, row, 19),
        .recover_after = db_i32(rows, row, 20),
        .reminder_s = db_i32(rows, row, 21),
        .parents = db_text(rows, row, 22),
        .channels = sql_text_or_null(rows, row, 23),
        .job = db_i64(rows, row, 24),
        .paused_reason = sql_text_or_null(rows, row, 25),
        .last_duration_ms = sql_number_or_none(rows, row, 26),
    };
}

void sql_check_status(struct db_unit *unit, int64_t check, const char *public_id)
{
    static const struct db_statement statement = {
        "gateway_check_status", "SELECT " STATUS " FROM checks c LEFT JOIN check_state s"
                                " ON s.check_id = c.id WHERE c.id = $1::bigint"
                                " AND c.public_id = $2::text"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, check);
    db_param_text(unit, public_id, strlen(public_id));
}

enum check_status sql_check_status_row(const struct db_rows *rows)
{
    return check_status_of(db_text(rows, 0, 0));
}

void sql_check_id(struct db_unit *unit, int64_t account, const char *public_id)
{
    static const struct db_statement statement = {
        "gateway_check_id",
        "SELECT id FROM checks WHERE account_id = $1::bigint AND public_id = $2::text"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    db_param_text(unit, public_id, strlen(public_id));
}

int64_t sql_check_id_row(const struct db_rows *rows)
{
    return db_i64(rows, 0, 0);
}
