#include "scheduler/sql_alerts.h"

#include "scheduler/core/policy.h"
#include "scheduler/sql_unit.h"
#include "shared/mail.h"

/* Of the checks of a group: those that a notice names, and a text for Slack. */
#define NOTICE_CHECKS "1000"
#define SLACK_CHECKS  "50"
#define MAIL_CHECKS   "20"
_Static_assert(MAIL_CHECKS_MAX == 20, "a mail names all of its checks, or so many");

/* ---- pieces of statements: c is a row of checks ---- */

#define EPOCH(time) "extract(epoch FROM " time ")::bigint"
#define TEST_TEXT   "This is a test notification from CronPulse."

/* What is a letter of its own in Slack's texts, escaped. */
#define SLACK_NAME "replace(replace(replace(c.name, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')"

/* A check in the bodies of the API's "Webhook Event Types". */
#define CHECK_JSON(last_ping)                                                                      \
    "format('{\"id\":%s,\"name\":%s,\"status\":\"down\",\"last_ping_at\":%s,\"period\":%s}',"      \
    " to_json(c.public_id), to_json(c.name), coalesce((" EPOCH(last_ping) ")::text, 'null'),"      \
                                                                          " c.period_seconds)"

#define CHECK_MAIL(last_ping)                                                                      \
    "json_build_object('id', c.public_id, 'name', c.name, 'last_ping_ms',"                         \
    " coalesce(1000 * " EPOCH(last_ping) ", 0))"

#define SCHEDULE                                                                                   \
    "CASE WHEN c.cron_expression IS NULL THEN ''"                                                  \
    " ELSE format('%s (%s)', c.cron_expression, c.timezone) END"

#define EACH_ALERT(condition, type, element)                                                       \
    EACH_IF(writing->alerts, writing->alert_count, type, (condition), (element))
#define EACH_GROUP(condition, type, element)                                                       \
    EACH_IF(writing->groups, writing->group_count, type, (condition), (element))

static size_t alerts_with_notice(const struct check_writing *writing)
{
    size_t count = 0;
    for (size_t i = 0; i < writing->alert_count; i++)
        count += writing->alerts[i].notice != 0;
    return count;
}

static size_t alerts_with_mail(const struct check_writing *writing)
{
    size_t count = 0;
    for (size_t i = 0; i < writing->alert_count; i++)
        count += writing->alerts[i].outbox != 0;
    return count;
}

static size_t groups_with_notice(const struct check_writing *writing)
{
    size_t count = 0;
    for (size_t i = 0; i < writing->group_count; i++)
        count += writing->groups[i].notice != 0;
    return count;
}

static size_t groups_with_mail(const struct check_writing *writing)
{
    size_t count = 0;
    for (size_t i = 0; i < writing->group_count; i++)
        count += writing->groups[i].outbox != 0;
    return count;
}

/* ---- alerts, each alone ---- */

static void element_id_or_null(struct db_unit *unit, int64_t id)
{
    if (id)
        db_element_i64(unit, id);
    else
        db_element_null(unit);
}

static void write_alerts(struct db_unit *unit, const struct check_writing *writing, int64_t now_ms)
{
    /* Joined, for the channel may be deleted in the same transaction. */
    ADD(unit, "write_alerts",
        "INSERT INTO alerts (check_id, id, account_id, channel_id, type, status, notice_id,"
        " created_at, sent_at) SELECT u.check_id, u.id, ch.account_id, ch.id, u.type,"
        " CASE WHEN mailed THEN 'sent' ELSE 'pending' END, u.notice_id, u.created_at,"
        " CASE WHEN mailed THEN $8::timestamptz END"
        " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::boolean[],"
        " $6::bigint[], $7::timestamptz[])"
        " AS u (check_id, id, channel_id, type, mailed, notice_id, created_at)"
        " JOIN channels ch ON ch.id = u.channel_id");
    EACH_ALERT(true, DB_ARRAY_I64, db_element_i64(unit, row->check));
    EACH_ALERT(true, DB_ARRAY_I64, db_element_i64(unit, row->id));
    EACH_ALERT(true, DB_ARRAY_I64, db_element_i64(unit, row->channel));
    EACH_ALERT(true, DB_ARRAY_TEXT, element_string(unit, alert_type_name(row->type)));
    EACH_ALERT(true, DB_ARRAY_BOOL, db_element_bool(unit, row->outbox != 0));
    EACH_ALERT(true, DB_ARRAY_I64, element_id_or_null(unit, row->notice));
    EACH_ALERT(true, DB_ARRAY_TIME, db_element_time(unit, row->created_s * 1000));
    db_param_time(unit, now_ms);
}

static void write_notices(struct db_unit *unit, const struct check_writing *writing, int64_t now_ms)
{
    ADD(unit, "write_alert_notices",
        "INSERT INTO notices (id, account_id, url, body, timeout_seconds, status, attempts,"
        " next_attempt_at, created_at, kind)"
        " SELECT u.id, ch.account_id, ch.target,"
        " CASE WHEN ch.kind = 'slack' THEN format('{\"text\":%s}', to_json(CASE a.type"
        " WHEN 'test' THEN '" TEST_TEXT "' WHEN 'up' THEN format('%s is up again.', " SLACK_NAME ")"
        " ELSE format(CASE a.type WHEN 'down' THEN '%s is down. %s' ELSE '%s is still down. %s' "
        "END,"
        " " SLACK_NAME ", coalesce(to_char(u.last_ping AT TIME ZONE 'UTC',"
        " '\"Its last ping came at\" YYYY-MM-DD HH24:MI:SS \"UTC.\"'), 'It was never pinged.'))"
        " END))"
        " WHEN a.type = 'test' THEN"
        " format('{\"event\":\"test\",\"message\":\"" TEST_TEXT "\",\"timestamp\":%s}', e.at)"
        " WHEN a.type = 'up' THEN"
        " format('{\"event\":\"check.up\",\"check\":{\"id\":%s,\"name\":%s},\"timestamp\":%s}',"
        " to_json(c.public_id), to_json(c.name), e.at)"
        " ELSE format('{\"event\":\"check.down\",\"check\":%s,\"timestamp\":%s%s}',"
        " " CHECK_JSON(
            "u.last_ping") ", e.at,"
                           " CASE WHEN u.reminder > 0 THEN format(',\"reminder\":%s', u.reminder) "
                           "ELSE '' END) END,"
                           " $4::integer, 'pending', 0, $5::timestamptz, $5::timestamptz, 'alert'"
                           " FROM unnest($1::bigint[], $2::timestamptz[], $3::integer[])"
                           " AS u (id, last_ping, reminder) JOIN alerts a ON a.notice_id = u.id"
                           " CROSS JOIN LATERAL (SELECT " EPOCH(
                               "a.created_at") " AS at) e"
                                               " JOIN channels ch ON ch.id = a.channel_id LEFT "
                                               "JOIN checks c ON c.id = a.check_id"
                                               " WHERE c.id IS NOT NULL OR a.type = 'test'");
    EACH_ALERT(row->notice, DB_ARRAY_I64, db_element_i64(unit, row->notice));
    EACH_ALERT(row->notice, DB_ARRAY_TIME, element_time_or_null(unit, row->last_ping_s * 1000));
    EACH_ALERT(row->notice, DB_ARRAY_I32, db_element_i32(unit, row->reminder));
    db_param_i32(unit, alert_timeout_s(1));
    db_param_time(unit, now_ms / 1000 * 1000); /* the notice's key as a run */
}

static void write_letters(struct db_unit *unit, const struct check_writing *writing, int64_t now_ms)
{
    /* The payload is what mail_decode reads. The outage is the newest: this one, or what is over.
     */
    ADD(unit, "write_alert_letters",
        "INSERT INTO outbox (id, subject, message_id, payload)"
        " SELECT u.id, 'mail.check_' || a.type, 'alert-' || u.id, convert_to(json_build_object("
        "'v', 1, 'kind', 'check_' || a.type, 'id', 'alert-' || u.id, 'to', ch.target,"
        " 'created_ms', $6::bigint, 'expires_ms', 0, 'channel', ch.id,"
        " 'at_ms', 1000 * " EPOCH(
            "a.created_at") ","
                            " 'since_ms', coalesce(1000 * " EPOCH(
                                "f.at") ", 0), 'reason', coalesce(f.reason, ''),"
                                        " 'period_s', coalesce(c.period_seconds, 0), 'grace_s', "
                                        "coalesce(c.grace_seconds, 0),"
                                        " 'schedule', " SCHEDULE ", 'reminder', u.reminder,"
                                        " 'count', CASE WHEN c.id IS NULL THEN 0 ELSE 1 END, "
                                        "'checks', CASE WHEN c.id IS NULL"
                                        " THEN json_build_array() ELSE "
                                        "json_build_array(" CHECK_MAIL(
                                            "u.last_ping") ") END)::text,"
                                                           " 'UTF8') FROM unnest($1::bigint[], "
                                                           "$2::bigint[], $3::bigint[], "
                                                           "$4::timestamptz[],"
                                                           " $5::integer[]) AS u (id, check_id, "
                                                           "alert_id, last_ping, reminder)"
                                                           " JOIN alerts a ON a.check_id = "
                                                           "u.check_id AND a.id = u.alert_id"
                                                           " JOIN channels ch ON ch.id = "
                                                           "a.channel_id LEFT JOIN checks c ON "
                                                           "c.id = a.check_id"
                                                           " LEFT JOIN LATERAL (SELECT at, reason "
                                                           "FROM check_flips WHERE check_id = c.id"
                                                           " AND to_status = 'down' ORDER BY id "
                                                           "DESC LIMIT 1) f ON true"
                                                           " WHERE c.id IS NOT NULL OR a.type = "
                                                           "'test' ORDER BY u.id"
                                                           " RETURNING id, subject, message_id, "
                                                           "payload");
    EACH_ALERT(row->outbox, DB_ARRAY_I64, db_element_i64(unit, row->outbox));
    EACH_ALERT(row->outbox, DB_ARRAY_I64, db_element_i64(unit, row->check));
    EACH_ALERT(row->outbox, DB_ARRAY_I64, db_element_i64(unit, row->id));
    EACH_ALERT(row->outbox, DB_ARRAY_TIME, element_time_or_null(unit, row->last_ping_s * 1000));
    EACH_ALERT(row->outbox, DB_ARRAY_I32, db_element_i32(unit, row->reminder));
    db_param_i64(unit, now_ms);
}

/* ---- alerts that leave together ---- */

/* g is the group, as EACH_GROUP gives it, ch its channel. */
#define GROUP_ARRAYS                                                                               \
    "unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[])"            \
    " AS g (id, channel_id, first_alert, last_alert, created_at)"
#define OF_GROUP                                                                                   \
    "a.account_id = ch.account_id AND a.channel_id = ch.id"                                        \
    " AND a.id BETWEEN g.first_alert AND g.last_alert AND a.status = 'pending'"                    \
    " AND a.notice_id IS NULL"
#define GROUP_CHECKS                                                                               \
    "(SELECT row_number() OVER (ORDER BY a.id) AS place, c.*, s.last_ping_at FROM alerts a"        \
    " JOIN checks c ON c.id = a.check_id LEFT JOIN check_state s ON s.check_id = c.id"             \
    " WHERE " OF_GROUP ") c"

#define GROUP_PARAMS(noun)                                                                         \
    do {                                                                                           \
        EACH_GROUP(row->noun, DB_ARRAY_I64, db_element_i64(unit, row->noun));                      \
        EACH_GROUP(row->noun, DB_ARRAY_I64, db_element_i64(unit, row->channel));                   \
        EACH_GROUP(row->noun, DB_ARRAY_I64, db_element_i64(unit, row->first_alert));               \
        EACH_GROUP(row->noun, DB_ARRAY_I64, db_element_i64(unit, row->last_alert));                \
        EACH_GROUP(row->noun, DB_ARRAY_TIME, db_element_time(unit, row->created_s * 1000));        \
    } while (0)

static void write_group_notices(struct db_unit *unit, const struct check_writing *writing,
                                int64_t now_ms)
{
    ADD(unit, "write_alert_group_notices",
        "INSERT INTO notices (id, account_id, url, body, timeout_seconds, status, attempts,"
        " next_attempt_at, created_at, kind)"
        " SELECT g.id, ch.account_id, ch.target, CASE WHEN ch.kind = 'slack' THEN"
        " format('{\"text\":%s}', to_json(CASE WHEN l.count = 1 THEN format('%s is down.', l.names)"
        " ELSE format(E'%s checks are down:\\n%s%s', l.count, l.names,"
        " CASE WHEN l.count > " SLACK_CHECKS " THEN format(E'\\nand %s more',"
        " l.count - " SLACK_CHECKS ") ELSE '' END) END))"
        " ELSE format('{\"event\":\"checks.down\",\"checks\":[%s],\"timestamp\":%s%s}', l.list,"
        " " EPOCH(
            "g.created_at") ", CASE WHEN l.count > " NOTICE_CHECKS
                            " THEN format(',\"more\":%s', l.count - " NOTICE_CHECKS
                            ") ELSE '' END) END,"
                            " $6::integer, 'pending', 0, $7::timestamptz, $7::timestamptz, 'alert'"
                            " FROM " GROUP_ARRAYS
                            " JOIN channels ch ON ch.id = g.channel_id CROSS JOIN LATERAL"
                            " (SELECT count(*) AS count, string_agg(" CHECK_JSON(
                                "c.last_ping_at") ", ',' ORDER BY c.place) FILTER (WHERE c.place "
                                                  "<= " NOTICE_CHECKS ") AS list,"
                                                  " string_agg(" SLACK_NAME
                                                  ", E'\\n' ORDER BY c.place)"
                                                  " FILTER (WHERE c.place <= " SLACK_CHECKS
                                                  ") AS names FROM " GROUP_CHECKS ") l"
                                                  " WHERE l.count > 0");
    GROUP_PARAMS(notice);
    db_param_i32(unit, alert_timeout_s(1));
    db_param_time(unit, now_ms / 1000 * 1000);
}

static void write_group_letters(struct db_unit *unit, const struct check_writing *writing,
                                int64_t now_ms)
{
    ADD(unit, "write_alert_group_letters",
        "INSERT INTO outbox (id, subject, message_id, payload)"
        " SELECT g.id, 'mail.check_down', 'alert-' || g.id, convert_to(json_build_object("
        "'v', 1, 'kind', 'check_down', 'id', 'alert-' || g.id, 'to', ch.target,"
        " 'created_ms', $6::bigint, 'expires_ms', 0, 'channel', ch.id,"
        " 'at_ms', 1000 * " EPOCH(
            "g.created_at") ", 'since_ms', 0, 'reason', '',"
                            " 'period_s', l.period, 'grace_s', l.grace, 'schedule', l.schedule, "
                            "'reminder', 0,"
                            " 'count', l.count, 'checks', l.list)::text, 'UTF8')"
                            " FROM " GROUP_ARRAYS
                            " JOIN channels ch ON ch.id = g.channel_id CROSS JOIN LATERAL"
                            " (SELECT count(*) AS count, json_agg(" CHECK_MAIL(
                                "c.last_ping_at") " ORDER BY c.place)"
                                                  " FILTER (WHERE c.place <= " MAIL_CHECKS
                                                  ") AS list,"
                                                  " CASE WHEN count(*) = 1 THEN "
                                                  "min(c.period_seconds) ELSE 0 END AS period,"
                                                  " CASE WHEN count(*) = 1 THEN "
                                                  "min(c.grace_seconds) ELSE 0 END AS grace,"
                                                  " CASE WHEN count(*) = 1 THEN min(" SCHEDULE
                                                  ") ELSE '' END AS schedule"
                                                  " FROM " GROUP_CHECKS
                                                  ") l WHERE l.count > 0 ORDER BY g.id"
                                                  " RETURNING id, subject, message_id, payload");
    GROUP_PARAMS(outbox);
    db_param_i64(unit, now_ms);
}

void sql_write_alert_groups(struct db_unit *unit, const struct check_writing *writing,
                            int64_t now_ms)
{
    if (!writing->group_count)
        return;
    /* By neither a notice nor a mail: they failed. The channel may be gone, so it is not joined. */
    ADD(unit, "write_alert_groups",
        "UPDATE alerts a SET notice_id = g.notice_id,"
        " status = CASE WHEN g.mailed THEN 'sent' WHEN g.notice_id IS NULL THEN 'failed'"
        " ELSE 'pending' END, sent_at = CASE WHEN g.mailed THEN $7::timestamptz END,"
        " error = CASE WHEN NOT g.mailed AND g.notice_id IS NULL"
        " THEN 'the channel is not there any more, or not in use' END"
        " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],"
        " $6::boolean[]) AS g (account_id, channel_id, first_alert, last_alert, notice_id, mailed)"
        " WHERE a.account_id = g.account_id AND a.channel_id = g.channel_id"
        " AND a.id BETWEEN g.first_alert AND g.last_alert AND a.status = 'pending'"
        " AND a.notice_id IS NULL");
    EACH_GROUP(true, DB_ARRAY_I64, db_element_i64(unit, row->account));
    EACH_GROUP(true, DB_ARRAY_I64, db_element_i64(unit, row->channel));
    EACH_GROUP(true, DB_ARRAY_I64, db_element_i64(unit, row->first_alert));
    EACH_GROUP(true, DB_ARRAY_I64, db_element_i64(unit, row->last_alert));
    EACH_GROUP(true, DB_ARRAY_I64, element_id_or_null(unit, row->notice));
    EACH_GROUP(true, DB_ARRAY_BOOL, db_element_bool(unit, row->outbox != 0));
    db_param_time(unit, now_ms);
}

void sql_write_alerts(struct db_unit *unit, const struct check_writing *writing, int64_t now_ms)
{
    if (writing->alert_count)
        write_alerts(unit, writing, now_ms);
    if (alerts_with_notice(writing))
        write_notices(unit, writing, now_ms);
    if (groups_with_notice(writing))
        write_group_notices(unit, writing, now_ms);
}

void sql_write_alert_letters(struct db_unit *unit, const struct check_writing *writing,
                             int64_t now_ms)
{
    if (alerts_with_mail(writing))
        write_letters(unit, writing, now_ms);
    if (groups_with_mail(writing))
        write_group_letters(unit, writing, now_ms);
}
