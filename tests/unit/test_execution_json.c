#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/execution_json.h"

#define SLOT_S INT64_C(1778331600) /* 2026-05-09T13:00:00Z */

static void assert_execution(const struct execution_view *view, const char *expected)
{
    struct buffer out = BUFFER_EMPTY;
    execution_json_write(&out, view);
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void assert_attempt(const struct attempt_view *view, const char *expected)
{
    struct buffer out = BUFFER_EMPTY;
    attempt_json_write(&out, view);
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void the_documented_execution_comes_first(void **state)
{
    (void)state;
    assert_execution(
        &(struct execution_view){.run = {.job = 1, .slot_s = SLOT_S},
                                 .triggered_ms = SLOT_S * 1000 + 3,
                                 .completed_ms = SLOT_S * 1000 + 1046,
                                 .status = "failure",
                                 .response_code = 503,
                                 .duration_ms = 1043,
                                 .error = "HTTP \"503\"",
                                 .attempts = 4,
                                 .trigger = "schedule"},
        "{\"triggered_at\":\"2026-05-09T13:00:00+00:00\","
        "\"completed_at\":\"2026-05-09T13:00:01+00:00\",\"status\":\"failure\","
        "\"response_code\":503,\"duration_ms\":1043,\"error\":\"HTTP \\\"503\\\"\","
        "\"id\":\"msg_1_1778331600\",\"scheduled_at\":\"2026-05-09T13:00:00+00:00\",\"attempts\":4,"
        "\"trigger\":\"schedule\",\"replay_of\":null,\"next_attempt_at\":null}");
}

static void what_is_not_known_yet_is_null(void **state)
{
    (void)state;
    assert_execution(
        &(struct execution_view){.run = {.job = 1, .slot_s = SLOT_S, .replay = 7},
                                 .triggered_ms = SLOT_S * 1000,
                                 .status = "pending",
                                 .response_code = EXECUTION_NO_NUMBER,
                                 .duration_ms = EXECUTION_NO_NUMBER,
                                 .trigger = "run",
                                 .next_attempt_ms = SLOT_S * 1000 + 30000},
        "{\"triggered_at\":\"2026-05-09T13:00:00+00:00\",\"completed_at\":null,"
        "\"status\":\"pending\",\"response_code\":null,\"duration_ms\":null,\"error\":null,"
        "\"id\":\"msg_1_1778331600_7\",\"scheduled_at\":\"2026-05-09T13:00:00+00:00\","
        "\"attempts\":0,\"trigger\":\"run\",\"replay_of\":null,"
        "\"next_attempt_at\":\"2026-05-09T13:00:30+00:00\"}");
}

static void a_replay_names_the_execution_of_its_slot(void **state)
{
    (void)state;
    assert_execution(
        &(struct execution_view){.run = {.job = 1, .slot_s = SLOT_S, .replay = 7},
                                 .triggered_ms = SLOT_S * 1000,
                                 .completed_ms = SLOT_S * 1000,
                                 .status = "success",
                                 .response_code = 200,
                                 .attempts = 1,
                                 .trigger = "replay"},
        "{\"triggered_at\":\"2026-05-09T13:00:00+00:00\","
        "\"completed_at\":\"2026-05-09T13:00:00+00:00\",\"status\":\"success\","
        "\"response_code\":200,\"duration_ms\":0,\"error\":null,\"id\":\"msg_1_1778331600_7\","
        "\"scheduled_at\":\"2026-05-09T13:00:00+00:00\",\"attempts\":1,\"trigger\":\"replay\","
        "\"replay_of\":\"msg_1_1778331600\",\"next_attempt_at\":null}");
}

static void an_attempt_shows_its_times_and_its_answer(void **state)
{
    (void)state;
    assert_attempt(&(struct attempt_view){.attempt = 2,
                                          .started_ms = SLOT_S * 1000,
                                          .duration_ms = 31,
                                          .dns_ms = 1,
                                          .connect_ms = 2,
                                          .tls_ms = EXECUTION_NO_NUMBER,
                                          .first_byte_ms = 28,
                                          .response_code = 200,
                                          .response = "a\"\n\xc3\xa9",
                                          .response_bytes = 5},
                   "{\"attempt\":2,\"started_at\":\"2026-05-09T13:00:00+00:00\",\"duration_ms\":31,"
                   "\"dns_ms\":1,\"connect_ms\":2,\"tls_ms\":null,\"first_byte_ms\":28,"
                   "\"response_code\":200,\"error\":null,\"response\":\"a\\\"\\n\xc3\xa9\"}");
}

/* The first KiB of an answer may end within a character, and need not be text at all. */
static void an_answer_may_be_any_bytes(void **state)
{
    (void)state;
    struct attempt_view view = {.attempt = 1,
                                .started_ms = SLOT_S * 1000,
                                .duration_ms = 1,
                                .dns_ms = EXECUTION_NO_NUMBER,
                                .connect_ms = EXECUTION_NO_NUMBER,
                                .tls_ms = EXECUTION_NO_NUMBER,
                                .first_byte_ms = EXECUTION_NO_NUMBER,
                                .response_code = EXECUTION_NO_NUMBER,
                                .error = "no",
                                .response = "\xff\0x\xed\xa0\x80\xc3",
                                .response_bytes = 7};
#define HEAD                                                                                       \
    "{\"attempt\":1,\"started_at\":\"2026-05-09T13:00:00+00:00\",\"duration_ms\":1,\"dns_ms\":"    \
    "null,"                                                                                        \
    "\"connect_ms\":null,\"tls_ms\":null,\"first_byte_ms\":null,\"response_code\":null,"           \
    "\"error\":\"no\",\"response\":"
    assert_attempt(&view, HEAD "\"\xef\xbf\xbd\\u0000x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                               "\xef\xbf\xbd\"}");
    view.response = "";
    view.response_bytes = 0;
    assert_attempt(&view, HEAD "\"\"}");
    view.response = NULL;
    assert_attempt(&view, HEAD "null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_execution_comes_first),
        cmocka_unit_test(what_is_not_known_yet_is_null),
        cmocka_unit_test(a_replay_names_the_execution_of_its_slot),
        cmocka_unit_test(an_attempt_shows_its_times_and_its_answer),
        cmocka_unit_test(an_answer_may_be_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
