#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/job_json.h"

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
                          "\"created_at\":\"2026-05-09T13:22:10+00:00\"}");
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
                   "\"created_at\":\"2026-05-09T13:22:10+00:00\"}");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_job_is_written_as_documented),
        cmocka_unit_test(a_payload_is_written_as_it_came),
        cmocka_unit_test(the_next_run_is_after_now_and_after_due_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
