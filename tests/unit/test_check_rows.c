/* What the leader writes for checks and reads again, in a real PostgreSQL with the real schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/migrate.h"
#include "scheduler/sql_alerts.h"
#include "scheduler/sql_checks_load.h"
#include "scheduler/sql_checks_write.h"
#include "shared/compiler.h"
#include "shared/mail.h"
#include "shared/memory.h"
#include "tests/unit/db_fixture.h"

#define AT_S   INT64_C(1764403200) /* 2025-11-29 08:00:00 UTC */
#define AT_MS  (AT_S * 1000)
#define NOW_MS (AT_MS + 2345)
#define MAILS  4
#define BIG    INT64_C(9223372036854775807)

static const char rows_before[] =
    "SET client_min_messages = warning; TRUNCATE accounts, checks, channels, alerts, notices, "
    "outbox, check_state, check_starts,"
    " check_flips, pings CASCADE;"
    "SELECT executions_maintain('2025-11-28', '2025-11-30', '2025-11-01');"
    "INSERT INTO accounts (id, email, plan, failure_email_enabled, key_hash, created_at)"
    " VALUES (1, 'a@example.com', 'pro', true, '\\x01', now());"
    "INSERT INTO checks (id, public_id, account_id, version, name, period_seconds,"
    " cron_expression, timezone, grace_seconds, maint_start, maint_end, maint_schedule, parents,"
    " channels, reminder_seconds, created_at, updated_at) VALUES"
    " (7, 'AAAAAAAAAAAAAAA7', 1, 1, 'Back \"up\" <&>', 3600, NULL, 'UTC', 300, NULL, NULL, '',"
    " '{}', NULL, 0, '2025-11-01Z', now()),"
    " (8, 'AAAAAAAAAAAAAAA8', 1, 1, 'Nightly', 86400, '0 2 * * *', 'Europe/Berlin', 600,"
    " '2025-11-02Z', '2025-11-03Z', 'daily:02:00-04:00', '{7,9}', '{1}', 900, '2025-11-01Z',"
    " now()),"
    " (9223372036854775807, 'AAAAAAAAAAAAAAA9', 1, 1, 'Last', 60, NULL, 'UTC', 60, NULL, NULL, '',"
    " '{}', '{}', 0, '2025-11-01Z', now());"
    "INSERT INTO channels VALUES"
    " (1, 1, 'webhook', 'w', 'https://example.com/hook', true, true, now(), now()),"
    " (2, 1, 'slack', 's', 'https://hooks.slack.com/x', true, true, now(), now()),"
    " (3, 1, 'email', 'e', 'ops@example.com', true, true, now(), now()),"
    " (4, 1, 'email', 'e', 'new@example.com', true, false, now(), now());"
    "INSERT INTO check_flips VALUES"
    " (7, 1, '2025-11-29 07:00:00Z', 'up', 'late', 'missed'),"
    " (7, 2, '2025-11-29 07:55:00Z', 'late', 'down', 'missed');"
    "INSERT INTO check_state VALUES"
    " (7, 'down', '2025-11-29 07:55:00Z', '2025-11-29 06:00:00Z', '2025-11-29 06:00:01Z',"
    " 'success', NULL, 4, 0, 1, 0, NULL, false, false, NULL, NULL, 0)";

static struct mail *mails; /* MAILS of them, that the last unit wrote */
static int mail_rows;
static struct db *db;

static int group_setup(void **state)
{
    db_fixture_start(state);
    assert_int_equal(migrate_run(postgres_server_url(server)), 0);
    db = open_pool(1, 8, 1);
    mails = memory_new(MAILS, sizeof(*mails));
    return 0;
}

static int group_teardown(void **state)
{
    close_pool(db);
    free(mails);
    return db_fixture_stop(state);
}

static void (*look)(const struct db_outcome *outcome);

static int setup(void **state)
{
    postgres_server_execute(server, rows_before);
    look = NULL;
    return db_fixture_forget(state);
}

static void run_unit(struct db_unit *unit)
{
    struct probe probe = {.look = look};
    unsigned before = finished;
    run(db, unit, WAIT_MS, &probe);
    wait_for(before + 1);
    if (probe.status != DB_OK)
        fail_msg("%s", probe.message);
    look = NULL;
}

static void expect(const char *sql, const char *value)
{
    char *got = postgres_server_value(server, sql);
    assert_string_equal(got, value);
    free(got);
}

/* ---- pings, states, starts, flips ---- */

static struct ping_row pings[] = {
    {.id = 11,
     .check = 7,
     .time_ms = NOW_MS,
     .duration_ms = 1500,
     .kind = PING_FAIL,
     .mark = PING_DUPLICATE,
     .method = PING_POST,
     .exit_code = 3,
     .source_bytes = 4,
     .source = {192, 0, 2, 9},
     .rid_bytes = 3,
     .rid = (char[]){'r', '-', '1'},
     .body_bytes = 2,
     .body = (char[]){'\0', 'x'}},
    {.id = 12,
     .check = 7,
     .time_ms = NOW_MS,
     .duration_ms = -1,
     .kind = PING_SUCCESS,
     .of_job = true,
     .exit_code = PING_NO_EXIT},
    {.id = 10,
     .check = BIG,
     .time_ms = NOW_MS - 86400000,
     .duration_ms = -1,
     .kind = PING_LOG,
     .mark = PING_EARLY,
     .method = PING_HEAD,
     .exit_code = PING_NO_EXIT,
     .source_bytes = 16,
     .source = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
};

static struct check_state_row states[] = {
    {.check = 7, .status = CHECK_NEW, .status_since_s = AT_S, .last_duration_ms = -1},
    {.check = 8,
     .status = CHECK_DOWN,
     .status_since_s = AT_S,
     .base_s = AT_S - 1,
     .last_ping_ms = NOW_MS,
     .last_ping_kind = PING_START,
     .last_duration_ms = 0,
     .ping_count = 5000000000,
     .alert_count = 2,
     .failures = 3,
     .successes = 1,
     .counted_until_s = AT_S + 2,
     .alerted = true,
     .owed = true,
     .owed_from_s = AT_S + 3,
     .reminded_s = AT_S + 4,
     .reminders = 6},
};

static struct check_start_row starts[] = {
    {.check = 7, .rid = "", .started_ms = NOW_MS, .due_s = AT_S + 300},
    {.check = 7, .rid = "a", .gone = true},
    {.check = 8, .rid = "b", .ended_ms = NOW_MS},
};

static struct flip_row flips[] = {
    {.check = 7, .id = 3, .at_s = AT_S, .from = CHECK_DOWN, .to = CHECK_UP, .reason = "ping"},
    {.check = 8, .id = 4, .at_s = AT_S, .from = CHECK_NEW, .to = CHECK_PAUSED, .reason = "plan"},
};

static struct check_pause_row pauses[] = {{.check = 8, .reason = "plan"}};

static void write_all(void)
{
    struct check_writing writing = {.pings = pings,
                                    .ping_count = ARRAY_LENGTH(pings),
                                    .states = states,
                                    .state_count = ARRAY_LENGTH(states),
                                    .starts = starts,
                                    .start_count = ARRAY_LENGTH(starts),
                                    .flips = flips,
                                    .flip_count = ARRAY_LENGTH(flips),
                                    .pauses = pauses,
                                    .pause_count = ARRAY_LENGTH(pauses)};
    struct db_unit *unit = db_unit_new();
    sql_write_checks(unit, &writing);
    sql_write_checks_progress(
        unit,
        &(struct checks_progress){.pings_seq = 5, .next_ping = 6, .next_flip = 7, .next_alert = 8},
        "2025-11-29T08:00:00.123456789Z");
    run_unit(unit);
}

static void pings_are_written(void **state)
{
    (void)state;
    write_all();
    expect("SELECT string_agg(concat_ws('|', check_id, received_at, id, type, source_ip, method,"
           " exit_code, rid, duration_ms, mark, body), ' ' ORDER BY id) FROM pings",
           "9223372036854775807|2025-11-28 08:00:02.345+00|10|log|2001:db8::1|HEAD|early"
           " 7|2025-11-29 08:00:02.345+00|11|fail|192.0.2.9|POST|3|r-1|1500|duplicate|\\x0078"
           " 7|2025-11-29 08:00:02.345+00|12|success");
    expect("SELECT count(*) FROM pings_20251128", "1");
}

static void flips_and_pauses_are_written(void **state)
{
    (void)state;
    write_all();
    expect("SELECT string_agg(concat_ws('|', check_id, id, at, from_status, to_status, reason),"
           " ' ' ORDER BY id) FROM check_flips WHERE id > 2",
           "7|3|2025-11-29 08:00:00+00|down|up|ping 8|4|2025-11-29 08:00:00+00|new|paused|plan");
    expect("SELECT string_agg(id || coalesce(paused_reason, '-'), ' ' ORDER BY id) FROM checks"
           " WHERE paused",
           "8plan");
}

static void look_at_progress(const struct db_outcome *outcome)
{
    struct checks_progress progress;
    const char *stream;
    sql_checks_progress_row(&outcome->statements[0], &progress, &stream);
    assert_int_equal(progress.pings_seq, 5);
    assert_int_equal(progress.next_ping, 6);
    assert_int_equal(progress.next_flip, 7);
    assert_int_equal(progress.next_alert, 8);
    assert_string_equal(stream, "2025-11-29T08:00:00.123456789Z");
}

#define ASSERT_SAME(field) assert_int_equal(got->field, wanted->field)

static void assert_state(const struct check_state_row *got, const struct check_state_row *wanted)
{
    ASSERT_SAME(check);
    ASSERT_SAME(status);
    ASSERT_SAME(status_since_s);
    ASSERT_SAME(base_s);
    ASSERT_SAME(last_ping_ms);
    ASSERT_SAME(last_ping_kind);
    ASSERT_SAME(last_duration_ms);
    ASSERT_SAME(ping_count);
    ASSERT_SAME(alert_count);
    ASSERT_SAME(failures);
    ASSERT_SAME(successes);
    ASSERT_SAME(counted_until_s);
    ASSERT_SAME(alerted);
    ASSERT_SAME(owed);
    ASSERT_SAME(owed_from_s);
    ASSERT_SAME(reminded_s);
    ASSERT_SAME(reminders);
}

static void assert_start(const struct check_start_row *got, const struct check_start_row *wanted)
{
    ASSERT_SAME(check);
    ASSERT_SAME(started_ms);
    ASSERT_SAME(due_s);
    ASSERT_SAME(ended_ms);
    ASSERT_SAME(gone);
    assert_string_equal(got->rid, wanted->rid);
}

static void look_at_checks(const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    struct check_settings settings;
    struct check_lists lists;
    struct check_state_row state;
    bool has_state;
    assert_int_equal(rows->count, 3);
    assert_int_equal(sql_check_row(rows, 0, &settings, &lists, &state, &has_state), 1);
    assert_int_equal(db_i64(rows, 0, 0), 7);
    assert_null(settings.cron_expression);
    assert_null(settings.channels);
    assert_int_equal(settings.period_s, 3600);
    assert_int_equal(settings.parent_count, 0);
    assert_int_equal(settings.created_ms, INT64_C(1761955200000));
    assert_false(settings.paused);
    assert_true(has_state);
    assert_state(&state, &states[0]);

    sql_check_row(rows, 1, &settings, &lists, &state, &has_state);
    assert_string_equal(settings.cron_expression, "0 2 * * *");
    assert_string_equal(settings.timezone, "Europe/Berlin");
    assert_string_equal(settings.maint_schedule, "daily:02:00-04:00");
    assert_int_equal(settings.grace_s, 600);
    assert_int_equal(settings.maint_start_s, 1762041600);
    assert_int_equal(settings.maint_end_s, 1762128000);
    assert_int_equal(settings.alert_after, 1);
    assert_int_equal(settings.recover_after, 1);
    assert_int_equal(settings.reminder_s, 900);
    assert_int_equal(settings.parent_count, 2);
    assert_int_equal(settings.parents[0], 7);
    assert_int_equal(settings.parents[1], 9);
    assert_int_equal(settings.channel_count, 1);
    assert_int_equal(settings.channels[0], 1);
    assert_true(settings.paused);
    assert_state(&state, &states[1]);

    sql_check_row(rows, 2, &settings, &lists, &state, &has_state);
    assert_int_equal(db_i64(rows, 2, 0), BIG);
    assert_non_null(settings.channels);
    assert_int_equal(settings.channel_count, 0);
    assert_false(has_state);
}

static void look_at_starts(const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    struct check_start_row start;
    assert_int_equal(rows->count, 2);
    sql_start_row(rows, 0, &start);
    assert_start(&start, &starts[0]);
    sql_start_row(rows, 1, &start);
    assert_start(&start, &starts[2]);
}

static void look_at_channels(const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    struct channel_row channel;
    assert_int_equal(rows->count, 4);
    for (int row = 0; row < 4; row++) {
        sql_channel_row(rows, row, &channel);
        assert_int_equal(channel.id, row + 1);
        assert_int_equal(channel.account, 1);
        assert_int_equal(channel.kind, row < 2 ? row : CHANNEL_EMAIL);
        assert_int_equal(channel.usable, row < 3);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    postgres_server_execute(server, "INSERT INTO check_starts VALUES (7, 'a', now(), NULL, NULL)");
    write_all();
    struct db_unit *unit = db_unit_new();
    sql_read_checks_progress(unit);
    look = look_at_progress;
    run_unit(unit);
    unit = db_unit_new();
    sql_slice_checks(unit, 0, 100);
    look = look_at_checks;
    run_unit(unit);
    unit = db_unit_new();
    sql_slice_starts(unit, 0, "", 100);
    look = look_at_starts;
    run_unit(unit);
    unit = db_unit_new();
    sql_slice_channels(unit, 0, 100);
    look = look_at_channels;
    run_unit(unit);
}

/* ---- alerts ---- */

/* Of check 7, and tests, to the channels that are there: ids and notices in order. */
#define ALERT(alert_check, alert_id, alert_channel, alert_kind, alert_type, of_notice, of_outbox)  \
    {                                                                                              \
        .check = (alert_check), .id = (alert_id), .account = 1, .channel = (alert_channel),        \
        .channel_kind = (alert_kind), .type = (alert_type), .created_s = AT_S,                     \
        .last_ping_s = AT_S - 7200, .notice = (of_notice), .outbox = (of_outbox),                  \
        .reminder = (alert_type) == ALERT_REMINDER ? 2 : 0,                                        \
        .waiting = !(of_notice) && !(of_outbox)                                                    \
    }

static void write_alerts(struct alert_row *alerts, size_t count, struct alert_group_row *groups,
                         size_t group_count)
{
    struct check_writing writing = {
        .alerts = alerts, .alert_count = count, .groups = groups, .group_count = group_count};
    struct db_unit *unit = db_unit_new();
    sql_write_alerts(unit, &writing, NOW_MS);
    sql_write_alert_letters(unit, &writing, NOW_MS);
    sql_write_alert_groups(unit, &writing, NOW_MS);
    run_unit(unit);
}

static void bodies_are_the_documented_ones(void **state)
{
    (void)state;
    struct alert_row alerts[] = {
        ALERT(0, 5, 1, CHANNEL_WEBHOOK, ALERT_TEST, 104, 0),
        ALERT(7, 1, 1, CHANNEL_WEBHOOK, ALERT_DOWN, 100, 0),
        ALERT(7, 2, 1, CHANNEL_WEBHOOK, ALERT_DOWN, 101, 0),
        ALERT(7, 3, 1, CHANNEL_WEBHOOK, ALERT_REMINDER, 102, 0),
        ALERT(7, 4, 1, CHANNEL_WEBHOOK, ALERT_UP, 103, 0),
    };
    alerts[2].last_ping_s = 0;
    write_alerts(alerts, ARRAY_LENGTH(alerts), NULL, 0);
    expect("SELECT body FROM notices WHERE id = 100",
           "{\"event\":\"check.down\",\"check\":{\"id\":\"AAAAAAAAAAAAAAA7\","
           "\"name\":\"Back \\\"up\\\" <&>\",\"status\":\"down\",\"last_ping_at\":1764396000,"
           "\"period\":3600},\"timestamp\":1764403200}");
    expect("SELECT body FROM notices WHERE id = 101",
           "{\"event\":\"check.down\",\"check\":{\"id\":\"AAAAAAAAAAAAAAA7\","
           "\"name\":\"Back \\\"up\\\" <&>\",\"status\":\"down\",\"last_ping_at\":null,"
           "\"period\":3600},\"timestamp\":1764403200}");
    expect("SELECT body FROM notices WHERE id = 102",
           "{\"event\":\"check.down\",\"check\":{\"id\":\"AAAAAAAAAAAAAAA7\","
           "\"name\":\"Back \\\"up\\\" <&>\",\"status\":\"down\",\"last_ping_at\":1764396000,"
           "\"period\":3600},\"timestamp\":1764403200,\"reminder\":2}");
    expect("SELECT body FROM notices WHERE id = 103",
           "{\"event\":\"check.up\",\"check\":{\"id\":\"AAAAAAAAAAAAAAA7\","
           "\"name\":\"Back \\\"up\\\" <&>\"},\"timestamp\":1764403200}");
    expect("SELECT body FROM notices WHERE id = 104",
           "{\"event\":\"test\",\"message\":\"This is a test notification from CronPulse.\","
           "\"timestamp\":1764403200}");
    expect("SELECT count(body::json) FROM notices", "5");
    expect("SELECT DISTINCT concat_ws('|', account_id, job_id, url, timeout_seconds, status,"
           " attempts, next_attempt_at, created_at, kind) FROM notices",
           "1|https://example.com/hook|5|pending|0|2025-11-29 08:00:02+00|2025-11-29 08:00:02+00|"
           "alert");
    expect("SELECT string_agg(concat_ws('|', check_id, id, account_id, channel_id, type, status,"
           " error, notice_id, created_at, sent_at), ' ' ORDER BY id) FROM alerts WHERE id > 3",
           "7|4|1|1|up|pending|103|2025-11-29 08:00:00+00"
           " 0|5|1|1|test|pending|104|2025-11-29 08:00:00+00");
}

static void slack_gets_a_readable_line(void **state)
{
    (void)state;
    struct alert_row alerts[] = {
        ALERT(0, 5, 2, CHANNEL_SLACK, ALERT_TEST, 104, 0),
        ALERT(7, 1, 2, CHANNEL_SLACK, ALERT_DOWN, 100, 0),
        ALERT(7, 2, 2, CHANNEL_SLACK, ALERT_DOWN, 101, 0),
        ALERT(7, 3, 2, CHANNEL_SLACK, ALERT_REMINDER, 102, 0),
        ALERT(7, 4, 2, CHANNEL_SLACK, ALERT_UP, 103, 0),
    };
    alerts[2].last_ping_s = 0;
    write_alerts(alerts, ARRAY_LENGTH(alerts), NULL, 0);
    expect("SELECT body FROM notices WHERE id = 100",
           "{\"text\":\"Back \\\"up\\\" &lt;&amp;&gt; is down."
           " Its last ping came at 2025-11-29 06:00:00 UTC.\"}");
    expect("SELECT body FROM notices WHERE id = 101",
           "{\"text\":\"Back \\\"up\\\" &lt;&amp;&gt; is down. It was never pinged.\"}");
    expect("SELECT body FROM notices WHERE id = 102",
           "{\"text\":\"Back \\\"up\\\" &lt;&amp;&gt; is still down."
           " Its last ping came at 2025-11-29 06:00:00 UTC.\"}");
    expect("SELECT body FROM notices WHERE id = 103",
           "{\"text\":\"Back \\\"up\\\" &lt;&amp;&gt; is up again.\"}");
    expect("SELECT body FROM notices WHERE id = 104",
           "{\"text\":\"This is a test notification from CronPulse.\"}");
}

/* ---- mails ---- */

static void look_at_letters(const struct db_outcome *outcome)
{
    mail_rows = 0;
    for (size_t i = 0; i < outcome->count; i++) {
        const struct db_rows *rows = &outcome->statements[i];
        for (int row = 0; row < rows->count; row++) {
            size_t length;
            const void *payload = db_bytes(rows, row, 3, &length);
            assert_true(mail_rows < MAILS);
            assert_int_equal(mail_decode(payload, length, &mails[mail_rows]), 0);
            assert_string_equal(db_text(rows, row, 2), mails[mail_rows].id);
            assert_string_equal(db_text(rows, row, 1) + strlen("mail."),
                                mail_kind_name(mails[mail_rows].kind));
            mail_rows++;
        }
    }
}

static void addresses_get_mails(void **state)
{
    (void)state;
    struct alert_row alerts[] = {
        ALERT(0, 5, 3, CHANNEL_EMAIL, ALERT_TEST, 0, 203),
        ALERT(7, 1, 3, CHANNEL_EMAIL, ALERT_DOWN, 0, 200),
        ALERT(7, 3, 3, CHANNEL_EMAIL, ALERT_REMINDER, 0, 201),
        ALERT(8, 4, 3, CHANNEL_EMAIL, ALERT_UP, 0, 202),
    };
    look = look_at_letters;
    write_alerts(alerts, ARRAY_LENGTH(alerts), NULL, 0);
    assert_int_equal(mail_rows, 4);
    const struct mail *down = &mails[0], *reminder = &mails[1], *up = &mails[2], *test = &mails[3];
    assert_int_equal(down->kind, MAIL_CHECK_DOWN);
    assert_string_equal(down->id, "alert-200");
    assert_string_equal(down->to, "ops@example.com");
    assert_int_equal(down->created_ms, NOW_MS);
    assert_int_equal(down->channel, 3);
    assert_int_equal(down->at_ms, AT_MS);
    assert_int_equal(down->since_ms, AT_MS - 300000);
    assert_string_equal(down->reason, "missed");
    assert_int_equal(down->period_s, 3600);
    assert_int_equal(down->grace_s, 300);
    assert_string_equal(down->schedule, "");
    assert_int_equal(down->count, 1);
    assert_string_equal(down->checks[0].id, "AAAAAAAAAAAAAAA7");
    assert_string_equal(down->checks[0].name, "Back \"up\" <&>");
    assert_int_equal(down->checks[0].last_ping_ms, AT_MS - 7200000);
    assert_int_equal(reminder->kind, MAIL_CHECK_REMINDER);
    assert_int_equal(reminder->reminder, 2);
    assert_int_equal(up->kind, MAIL_CHECK_UP);
    assert_int_equal(up->since_ms, 0);
    assert_string_equal(up->schedule, "0 2 * * * (Europe/Berlin)");
    assert_int_equal(test->kind, MAIL_CHECK_TEST);
    assert_int_equal(test->count, 0);
    expect("SELECT string_agg(concat_ws('|', id, type, status, notice_id, sent_at), ' ' ORDER BY"
           " id) FROM alerts WHERE id < 4",
           "1|down|sent|2025-11-29 08:00:02.345+00 3|reminder|sent|2025-11-29 08:00:02.345+00");
    expect("SELECT count(*) FROM outbox", "4");
}

/* ---- groups ---- */

static void alerts_leave_together(void **state)
{
    (void)state;
    struct alert_row alerts[] = {
        ALERT(7, 1, 1, CHANNEL_WEBHOOK, ALERT_DOWN, 0, 0),
        ALERT(7, 2, 3, CHANNEL_EMAIL, ALERT_DOWN, 0, 0),
        ALERT(7, 3, 2, CHANNEL_SLACK, ALERT_DOWN, 0, 0),
        ALERT(8, 4, 1, CHANNEL_WEBHOOK, ALERT_DOWN, 0, 0),
        ALERT(8, 5, 3, CHANNEL_EMAIL, ALERT_DOWN, 0, 0),
        ALERT(8, 6, 2, CHANNEL_SLACK, ALERT_DOWN, 0, 0),
        ALERT(8, 7, 1, CHANNEL_WEBHOOK, ALERT_DOWN, 99, 0), /* alone, between them */
    };
    write_alerts(alerts, ARRAY_LENGTH(alerts), NULL, 0);
    expect("SELECT count(*) FROM alerts WHERE status = 'pending' AND notice_id IS NULL", "6");
    expect("SELECT count(*) FROM notices", "1");

    struct alert_group_row groups[] = {
        {1, 1, CHANNEL_WEBHOOK, 100, 0, AT_S + 60, 1, 6},
        {1, 2, CHANNEL_SLACK, 101, 0, AT_S + 60, 1, 6},
        {1, 3, CHANNEL_EMAIL, 0, 200, AT_S + 60, 1, 6},
    };
    look = look_at_letters;
    write_alerts(NULL, 0, groups, ARRAY_LENGTH(groups));
    expect("SELECT body FROM notices WHERE id = 100",
           "{\"event\":\"checks.down\",\"checks\":[{\"id\":\"AAAAAAAAAAAAAAA7\","
           "\"name\":\"Back \\\"up\\\" <&>\",\"status\":\"down\",\"last_ping_at\":1764396001,"
           "\"period\":3600},{\"id\":\"AAAAAAAAAAAAAAA8\",\"name\":\"Nightly\","
           "\"status\":\"down\",\"last_ping_at\":null,\"period\":86400}],"
           "\"timestamp\":1764403260}");
    expect("SELECT body FROM notices WHERE id = 101",
           "{\"text\":\"2 checks are down:\\nBack \\\"up\\\" &lt;&amp;&gt;\\nNightly\"}");
    assert_int_equal(mail_rows, 1);
    assert_int_equal(mails[0].kind, MAIL_CHECK_DOWN);
    assert_int_equal(mails[0].count, 2);
    assert_int_equal(mails[0].period_s, 0);
    assert_string_equal(mails[0].checks[1].name, "Nightly");
    assert_int_equal(mails[0].checks[1].last_ping_ms, 0);
    expect("SELECT string_agg(concat_ws('|', id, status, notice_id, sent_at), ' ' ORDER BY id)"
           " FROM alerts",
           "1|pending|100 2|sent|2025-11-29 08:00:02.345+00 3|pending|101 4|pending|100"
           " 5|sent|2025-11-29 08:00:02.345+00 6|pending|101 7|pending|99");
}

static void many_are_named_up_to_a_limit(void **state)
{
    (void)state;
    postgres_server_execute(
        server,
        "INSERT INTO checks (id, public_id, account_id, version, name, period_seconds,"
        " grace_seconds, created_at, updated_at) SELECT 1000 + n, lpad(n::text, 16, '0'),"
        " 1, 1, 'check ' || n, 60, 60, now(), now() FROM generate_series(1, 1200) n;"
        "INSERT INTO alerts (check_id, id, account_id, channel_id, type, status, created_at)"
        " SELECT 1000 + n, ch * 2000 + n, 1, ch, 'down', 'pending', now() FROM generate_series(1, "
        "1200) n, generate_series(1, 3) ch");
    struct alert_group_row groups[] = {
        {1, 1, CHANNEL_WEBHOOK, 100, 0, AT_S, 1, 10000},
        {1, 2, CHANNEL_SLACK, 101, 0, AT_S, 1, 10000},
        {1, 3, CHANNEL_EMAIL, 0, 200, AT_S, 1, 10000},
    };
    look = look_at_letters;
    write_alerts(NULL, 0, groups, ARRAY_LENGTH(groups));
    expect("SELECT json_array_length(body::json->'checks') || ' ' || (body::json->>'more')"
           " FROM notices WHERE id = 100",
           "1000 200");
    expect("SELECT right(body, 31) FROM notices WHERE id = 101",
           "k 49\\ncheck 50\\nand 1150 more\"}");
    assert_int_equal(mails[0].count, 1200);
    assert_int_equal(mails[0].named, MAIL_CHECKS_MAX);
}

static void alerts_to_nobody_fail(void **state)
{
    (void)state;
    struct alert_row alerts[] = {
        ALERT(7, 1, 1, CHANNEL_WEBHOOK, ALERT_DOWN, 0, 0),
        ALERT(7, 2, 77, CHANNEL_WEBHOOK, ALERT_DOWN, 100, 0), /* deleted meanwhile */
    };
    struct alert_group_row groups[] = {{1, 1, CHANNEL_WEBHOOK, 0, 0, AT_S, 1, 1}};
    write_alerts(alerts, ARRAY_LENGTH(alerts), groups, 1);
    expect("SELECT string_agg(concat_ws('|', id, status, error), ' ') FROM alerts",
           "1|failed|the channel is not there any more, or not in use");
    expect("SELECT count(*) FROM notices", "0");
}

/* ---- what is loaded ---- */

static void look_at_alerts(const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    struct alert_row alert;
    assert_int_equal(rows->count, 2);
    sql_alert_row(rows, 0, &alert);
    assert_int_equal(alert.check, 7);
    assert_int_equal(alert.id, 1);
    assert_int_equal(alert.account, 1);
    assert_int_equal(alert.channel, 2);
    assert_int_equal(alert.channel_kind, CHANNEL_SLACK);
    assert_int_equal(alert.type, ALERT_REMINDER);
    assert_int_equal(alert.created_s, AT_S);
    assert_true(alert.waiting);
    sql_alert_row(rows, 1, &alert);
    assert_int_equal(alert.id, 3);
    assert_false(alert.waiting);
}

static void waiting_and_new_alerts_are_read(void **state)
{
    (void)state;
    struct alert_row alerts[] = {
        ALERT(7, 1, 2, CHANNEL_SLACK, ALERT_REMINDER, 0, 0),
        ALERT(7, 2, 2, CHANNEL_SLACK, ALERT_DOWN, 100, 0),
        ALERT(7, 3, 3, CHANNEL_EMAIL, ALERT_DOWN, 0, 200),
    };
    write_alerts(alerts, ARRAY_LENGTH(alerts), NULL, 0);
    postgres_server_execute(server, "UPDATE alerts SET created_at = now() + interval '1 minute'"
                                    " WHERE id = 3");
    struct db_unit *unit = db_unit_new();
    sql_slice_alerts(unit, 0, 100);
    look = look_at_alerts;
    run_unit(unit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pings_are_written, setup),
        cmocka_unit_test_setup(flips_and_pauses_are_written, setup),
        cmocka_unit_test_setup(what_is_written_is_read, setup),
        cmocka_unit_test_setup(bodies_are_the_documented_ones, setup),
        cmocka_unit_test_setup(slack_gets_a_readable_line, setup),
        cmocka_unit_test_setup(addresses_get_mails, setup),
        cmocka_unit_test_setup(alerts_leave_together, setup),
        cmocka_unit_test_setup(many_are_named_up_to_a_limit, setup),
        cmocka_unit_test_setup(alerts_to_nobody_fail, setup),
        cmocka_unit_test_setup(waiting_and_new_alerts_are_read, setup),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
