/* Checks and channels as the API shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/channel_json.h"
#include "shared/check_json.h"
#include "shared/compiler.h"

static struct check_view sample(void)
{
    return (struct check_view){
        .public_id = "hRafrnC7Szs3fJUd",
        .name = "Nightly backup",
        .period_s = 86400,
        .grace_s = 300,
        .status = CHECK_UP,
        .base_s = 1707700000,
        .last_ping_s = 1707700000,
        .ping_count = 42,
        .created_s = 1707000000,
        .updated_s = 1707700000,
        .tags = "",
        .group = "",
        .maint_schedule = "",
        .timezone = "UTC",
        .alert_after = 1,
        .recover_after = 1,
        .parents = "",
        .last_duration_ms = -1,
    };
}

static void assert_written(const struct check_view *view, const char *expected)
{
    struct buffer out = BUFFER_EMPTY;
    check_json_write(&out, view);
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void the_documented_check_is_written_as_documented(void **state)
{
    (void)state;
    struct check_view view = sample();
    assert_written(&view, "{\"id\":\"hRafrnC7Szs3fJUd\",\"name\":\"Nightly backup\","
                          "\"period\":86400,\"grace\":300,\"status\":\"up\","
                          "\"last_ping_at\":1707700000,\"next_expected_at\":1707786400,"
                          "\"alert_count\":0,\"ping_count\":42,\"created_at\":1707000000,"
                          "\"updated_at\":1707700000,\"tags\":\"\",\"group\":\"\",\"slug\":null,"
                          "\"maint_start\":null,\"maint_end\":null,\"maint_schedule\":\"\","
                          "\"cron_expression\":null,\"timezone\":\"UTC\",\"alert_after\":1,"
                          "\"recover_after\":1,\"reminder_seconds\":0,\"parents\":[],"
                          "\"channels\":null,\"job_id\":null,\"paused_reason\":null,"
                          "\"last_duration_ms\":null}");
}

static void what_is_given_is_written(void **state)
{
    (void)state;
    struct check_view view = sample();
    view.name = "\"a\"\n\xe2\x82\xac";
    view.status = CHECK_PAUSED;
    view.alert_count = INT64_C(9000000000);
    view.tags = "production,database";
    view.group = "db";
    view.slug = "nightly";
    view.maint_start_s = 1707700001;
    view.maint_end_s = 1707700002;
    view.maint_schedule = "daily:02:00-04:00";
    view.cron_expression = "0 2 * * *";
    view.timezone = "Europe/Berlin";
    view.alert_after = 3;
    view.recover_after = 2;
    view.reminder_s = 300;
    view.parents = "0000000003E0pl5R,hRafrnC7Szs3fJUd";
    view.channels = "1,23,1000";
    view.job = 7;
    view.paused_reason = "plan";
    view.last_duration_ms = 0;
    assert_written(
        &view, "{\"id\":\"hRafrnC7Szs3fJUd\",\"name\":\"\\\"a\\\"\\n\xe2\x82\xac\","
               "\"period\":86400,\"grace\":300,\"status\":\"paused\","
               "\"last_ping_at\":1707700000,\"next_expected_at\":null,"
               "\"alert_count\":9000000000,\"ping_count\":42,\"created_at\":1707000000,"
               "\"updated_at\":1707700000,\"tags\":\"production,database\",\"group\":\"db\","
               "\"slug\":\"nightly\",\"maint_start\":1707700001,\"maint_end\":1707700002,"
               "\"maint_schedule\":\"daily:02:00-04:00\",\"cron_expression\":\"0 2 * * *\","
               "\"timezone\":\"Europe/Berlin\",\"alert_after\":3,\"recover_after\":2,"
               "\"reminder_seconds\":300,\"parents\":[\"0000000003E0pl5R\",\"hRafrnC7Szs3fJUd\"],"
               "\"channels\":[\"ch_001\",\"ch_023\",\"ch_1000\"],\"job_id\":7,"
               "\"paused_reason\":\"plan\",\"last_duration_ms\":0}");
    view.channels = "";
    struct buffer out = BUFFER_EMPTY;
    check_json_write(&out, &view);
    assert_non_null(strstr(out.data, "\"channels\":[],"));
    buffer_free(&out);
}

static void a_check_expects_its_next_ping(void **state)
{
    (void)state;
    static const struct {
        enum check_status status;
        int64_t base_s;
        const char *cron_expression, *timezone;
        int64_t expected_s;
    } rows[] = {
        {CHECK_UP, 1000, NULL, "UTC", 87400},
        {CHECK_LATE, 1000, NULL, "UTC", 87400},
        {CHECK_DOWN, 1000, NULL, "UTC", 87400}, /* in the past, but that is what was expected */
        {CHECK_NEW, 1000, NULL, "UTC", 0},
        {CHECK_NEW, 0, NULL, "UTC", 0},
        {CHECK_PAUSED, 1000, NULL, "UTC", 0},
        {CHECK_DOWN, 0, NULL, "UTC", 0}, /* a start that did not end was its first ping */
        {CHECK_UP, 1000, "*/5 * * * *", "UTC", 1200},
        {CHECK_UP, 1199, "*/5 * * * *", "UTC", 1200},
        {CHECK_UP, 1200, "*/5 * * * *", "UTC", 1500}, /* after it, so not the same second */
        {CHECK_UP, 1798761600, "0 2 * * *", "Europe/Berlin", 1798765200},
        {CHECK_UP, 1000, "nonsense", "UTC", 0},
        {CHECK_UP, 1000, "* * * * *", "Atlantis/City", 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct check_view view = sample();
        view.status = rows[i].status;
        view.base_s = rows[i].base_s;
        view.cron_expression = rows[i].cron_expression;
        view.timezone = rows[i].timezone;
        if (check_view_expected_s(&view) != rows[i].expected_s)
            fail_msg("row %zu: %lld", i, (long long)check_view_expected_s(&view));
    }
}

static void a_channel_is_written(void **state)
{
    (void)state;
    struct buffer out = BUFFER_EMPTY;
    const struct channel_view view = {.id = 1,
                                      .kind = CHANNEL_EMAIL,
                                      .name = "\"ops\"",
                                      .target = "ops@example.com",
                                      .enabled = true,
                                      .created_s = 1707000000,
                                      .updated_s = 1707700000};
    channel_json_write(&out, &view);
    assert_string_equal(out.data,
                        "{\"id\":\"ch_001\",\"kind\":\"email\",\"name\":\"\\\"ops\\\"\","
                        "\"target\":\"ops@example.com\",\"enabled\":true,\"verified\":false,"
                        "\"created_at\":1707000000,\"updated_at\":1707700000}");
    buffer_free(&out);
}

static void an_id_of_a_channel_has_one_spelling(void **state)
{
    (void)state;
    static const int64_t ids[] = {1, 9, 10, 999, 1000, 123456789012345};
    static const char *const wrong[] = {"",       "ch_",     "ch_1",   "ch_01",
                                        "ch_000", "ch_0001", "ch_01x", "CH_001",
                                        "001",    "ch_ 01",  "ch_-01", "ch_1234567890123456"};
    int64_t id = 77;
    for (size_t i = 0; i < ARRAY_LENGTH(ids); i++) {
        char text[CHANNEL_ID_SIZE];
        channel_id_write(ids[i], text);
        assert_int_equal(channel_id_parse(text, strlen(text), &id), 0);
        assert_true(id == ids[i]);
    }
    id = 77;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        if (channel_id_parse(wrong[i], strlen(wrong[i]), &id) == 0)
            fail_msg("%s", wrong[i]);
    assert_int_equal(id, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_check_is_written_as_documented),
        cmocka_unit_test(what_is_given_is_written),
        cmocka_unit_test(a_check_expects_its_next_ping),
        cmocka_unit_test(a_channel_is_written),
        cmocka_unit_test(an_id_of_a_channel_has_one_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
