#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mailer/moment.h"

static void check_span(int64_t duration_ms, const char *expected)
{
    char text[SPAN_SIZE];
    assert_string_equal(span(text, duration_ms), expected);
}

static void a_span_has_its_two_largest_units(void **state)
{
    (void)state;
    check_span(0, "0 seconds");
    check_span(-1000, "0 seconds");
    check_span(999, "0 seconds");
    check_span(1000, "1 second");
    check_span(59999, "59 seconds");
    check_span(60000, "1 minute");
    check_span(61000, "1 minute 1 second");
    check_span(125000, "2 minutes 5 seconds");
    check_span(3600000, "1 hour");
    check_span(3659000, "1 hour");
    check_span(3660000, "1 hour 1 minute");
    check_span(86399000, "23 hours 59 minutes");
    check_span(86400000, "1 day");
    check_span(INT64_C(90000000), "1 day 1 hour");
    check_span(INT64_C(31536000000), "365 days");
    check_span(INT64_MAX, "106751991167 days 7 hours");
}

static void a_moment_is_utc(void **state)
{
    (void)state;
    char text[MOMENT_SIZE];
    assert_string_equal(moment(text, 0), "1970-01-01 at 00:00:00 UTC");
    assert_string_equal(moment(text, 1795352046999), "2026-11-22 at 12:54:06 UTC");
    assert_string_equal(moment(text, 253402300799999), "9999-12-31 at 23:59:59 UTC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_has_its_two_largest_units),
        cmocka_unit_test(a_moment_is_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
