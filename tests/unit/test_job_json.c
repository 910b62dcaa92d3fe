#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/command.h"
#include "shared/job_json.h"

#define DEFAULTS                                                                                   \
    ",\"timezone\":\"UTC\",\"run_at\":null,\"start_at\":null,\"end_at\":null,\"catch_up\":"        \
    "\"latest\","                                                                                  \
    "\"catch_up_window_seconds\":null,\"allow_overlap\":true,\"jitter_seconds\":0,"                \
    "\"max_retries\":3,\"auto_pause\":true,\"external_id\":null,\"paused_reason\":null,"           \
    "\"check\":null}"

#define CREATED_MS INT64_C(1778332930000) /* 2026-05-09T13:22:10Z */

static struct job_view sample(void)
{
    return (struct job_view){
        .id = 1,
        .name = "hourly-sync",
        .cron_expression = "0 * * * *",
        .webhook_url = "https://your-app.com/sync",
        .headers = "{\"X-Secret\":\"mytoken\"}",
        .enabled = true,
        .timezone = "UTC",
        .catch_up = "latest",
        .catch_up_window_s = CATCH_UP_WINDOW_NONE,
        .allow_overlap = true,
        .max_retries = 3,
        .auto_pause = true,
        .due_after_ms = CREATED_MS,
        .created_ms = CREATED_MS,
        .now_ms = CREATED_MS + 500,
    };
}

static void assert_written(const struct job_view *view, const char *expected)
{
    struct buffer out = BUFFER_EMPTY;
    job_json_write(&out, view);
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void the_documented_job_is_written_as_documented(void **state)
{
    (void)state;
    struct job_view view = sample();
    assert_written(&view, "{\"id\":1,\"name\":\"hourly-sync\",\"cron_expression\":\"0 * * * *\","
                          "\"webhook_url\":\"https://your-app.com/sync\","
                          "\"headers\":{\"X-Secret\":\"mytoken\"},\"payload\":null,"
                          "\"failure_webhook_url\":null,\"enabled\":true,\"last_run_at\":null,"
                          "\"next_run_at\":\"2026-05-09T14:00:00+00:00\","
                          "\"created_at\":\"2026-05-09T13:22:10+00:00\"" DEFAULTS);
}

static void a_payload_is_written_as_it_came(void **state)
{
    (void)state;
    struct job_view view = sample();
    view.name = "a \"b\" \xc3\xa9";
    view.headers = NULL;
    view.payload = "{ \"n\" : 1.50,\n \"e\":\"\\u00e9\\/\" }";
    view.failure_webhook_url = "https://x.com/?a=1&b=2";
    view.enabled = false;
    view.last_run_ms = CREATED_MS + 999;
    assert_written(&view,
                   "{\"id\":1,\"name\":\"a \\\"b\\\" \xc3\xa9\",\"cron_expression\":\"0 * * * *\","
                   "\"webhook_url\":\"https://your-app.com/sync\","
                   "\"headers\":null,\"payload\":{ \"n\" : 1.50,\n \"e\":\"\\u00e9\\/\" },"
                   "\"failure_webhook_url\":\"https://x.com/?a=1&b=2\",\"enabled\":false,"
                   "\"last_run_at\":\"2026-05-09T13:22:10+00:00\",\"next_run_at\":null,"
                   "\"created_at\":\"2026-05-09T13:22:10+00:00\"" DEFAULTS);
}

static void every_field_is_written(void **state)
{
    (void)state;
    struct job_view view = sample();
    view.cron_expression = NULL;
    view.timezone = "America/New_York";
    view.run_at_ms = CREATED_MS + 50000;
    view.start_at_ms = CREATED_MS + 1000;
    view.end_at_ms = CREATED_MS + 86400000;
    view.catch_up = "none";
    view.catch_up_window_s = 0;
    view.allow_overlap = false;
    view.jitter_s = 59;
    view.max_retries = 0;
    view.auto_pause = false;
    view.external_id = "a\"b";
    view.paused_reason = "finished";
    view.check = "hRafrnC7Szs3fJUd";
    assert_written(&view,
                   "{\"id\":1,\"name\":\"hourly-sync\",\"cron_expression\":null,"
                   "\"webhook_url\":\"https://your-app.com/sync\","
                   "\"headers\":{\"X-Secret\":\"mytoken\"},\"payload\":null,"
                   "\"failure_webhook_url\":null,\"enabled\":true,\"last_run_at\":null,"
                   "\"next_run_at\":\"2026-05-09T13:23:00+00:00\","
                   "\"created_at\":\"2026-05-09T13:22:10+00:00\",\"timezone\":\"America/New_York\","
                   "\"run_at\":\"2026-05-09T13:23:00+00:00\","
                   "\"start_at\":\"2026-05-09T13:22:11+00:00\","
                   "\"end_at\":\"2026-05-10T13:22:10+00:00\",\"catch_up\":\"none\","
                   "\"catch_up_window_seconds\":0,\"allow_overlap\":false,\"jitter_seconds\":59,"
                   "\"max_retries\":0,\"auto_pause\":false,\"external_id\":\"a\\\"b\","
                   "\"paused_reason\":\"finished\",\"check\":\"hRafrnC7Szs3fJUd\"}");
}

static void assert_next(struct job_view view, const char *expected)
{
    struct buffer out = BUFFER_EMPTY;
    job_json_write(&out, &view);
    const char *found = strstr(out.data, "\"next_run_at\":");
    assert_non_null(found);
    assert_memory_equal(found + 14, expected, strlen(expected));
    buffer_free(&out);
}

static void the_next_run_is_after_now_and_after_due_after(void **state)
{
    (void)state;
    struct job_view view = sample();
    view.now_ms = INT64_C(1778335200000); /* 14:00:00.000: that slot is not ahead any more */
    assert_next(view, "\"2026-05-09T15:00:00+00:00\"");
    view.now_ms = INT64_C(1778335199999);
    assert_next(view, "\"2026-05-09T14:00:00+00:00\"");
    view.due_after_ms = INT64_C(1778335200000);
    assert_next(view, "\"2026-05-09T15:00:00+00:00\"");
}

static void the_next_run_follows_the_zone(void **state)
{
    (void)state;
    struct job_view view = sample();
    view.cron_expression = "30 3 * * *";
    view.timezone = "Asia/Kolkata"; /* +05:30 */
    assert_next(view, "\"2026-05-09T22:00:00+00:00\"");
    view.timezone = "Europe/Berlin"; /* +02:00 in May */
    assert_next(view, "\"2026-05-10T01:30:00+00:00\"");
}

static void the_next_run_is_within_the_bounds(void **state)
{
    (void)state;
    struct job_view view = sample();
    view.start_at_ms = INT64_C(1778338800000); /* 15:00 */
    assert_next(view, "\"2026-05-09T15:00:00+00:00\"");
    view.start_at_ms += 1000;
    assert_next(view, "\"2026-05-09T16:00:00+00:00\"");
    view.end_at_ms = INT64_C(1778342400000); /* 16:00 */
    assert_next(view, "\"2026-05-09T16:00:00+00:00\"");
    view.end_at_ms -= 1000;
    assert_next(view, "null");
}

static void a_single_run_is_next_until_it_is_due(void **state)
{
    (void)state;
    struct job_view view = sample();
    view.cron_expression = NULL;
    view.run_at_ms = INT64_C(1778335200000);
    view.now_ms = view.run_at_ms - 1;
    assert_next(view, "\"2026-05-09T14:00:00+00:00\"");
    view.now_ms = view.run_at_ms;
    assert_next(view, "null");
    view.now_ms = CREATED_MS;
    view.end_at_ms = view.run_at_ms - 1000;
    assert_next(view, "null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_job_is_written_as_documented),
        cmocka_unit_test(a_payload_is_written_as_it_came),
        cmocka_unit_test(every_field_is_written),
        cmocka_unit_test(the_next_run_follows_the_zone),
        cmocka_unit_test(the_next_run_is_within_the_bounds),
        cmocka_unit_test(a_single_run_is_next_until_it_is_due),
        cmocka_unit_test(the_next_run_is_after_now_and_after_due_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
