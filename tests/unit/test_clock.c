#include "shared/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shared/compiler.h"

static void test_formats(void **state)
{
    (void)state;
    static const struct {
        int64_t time_ms;
        const char *seconds;
        const char *milliseconds;
    } rows[] = {
        {0, "1970-01-01T00:00:00+00:00", "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00+00:00", "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59+00:00", "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59+00:00", "1969-12-31T23:59:59.000Z"},
        {951782399999, "2000-02-28T23:59:59+00:00", "2000-02-28T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00+00:00", "2000-02-29T00:00:00.000Z"},
        {951868800000, "2000-03-01T00:00:00+00:00", "2000-03-01T00:00:00.000Z"},
        {1709164800000, "2024-02-29T00:00:00+00:00", "2024-02-29T00:00:00.000Z"},
        {1778335200123, "2026-05-09T14:00:00+00:00", "2026-05-09T14:00:00.123Z"},
        {4107542400000, "2100-03-01T00:00:00+00:00", "2100-03-01T00:00:00.000Z"},
        {4107542399000, "2100-02-28T23:59:59+00:00", "2100-02-28T23:59:59.000Z"},
        {253402300799999, "9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[CLOCK_TEXT_SIZE];
        int64_t time_s = rows[i].time_ms / 1000 - (rows[i].time_ms % 1000 < 0);
        assert_string_equal(clock_format_s(text, time_s), rows[i].seconds);
        assert_string_equal(clock_format_ms(text, rows[i].time_ms), rows[i].milliseconds);
    }
}

static void test_formats_the_extremes_within_the_text(void **state)
{
    (void)state;
    static const int64_t extremes[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LENGTH(extremes); i++) {
        char text[CLOCK_TEXT_SIZE];
        assert_in_range(strlen(clock_format_s(text, extremes[i])), 25, CLOCK_TEXT_SIZE - 1);
        assert_in_range(strlen(clock_format_ms(text, extremes[i])), 24, CLOCK_TEXT_SIZE - 1);
    }
}

/* The C library's calendar as the judge, over years 0 to 9999. */
static void test_agrees_with_the_c_library(void **state)
{
    (void)state;
    const int64_t first_s = -62167219200;
    const int64_t last_s = 253402300799;
    /* A prime step, so that days and seconds vary. */
    for (int64_t time_s = first_s; time_s <= last_s; time_s += 1000003) {
        char text[CLOCK_TEXT_SIZE];
        char expected[80];
        struct tm tm;
        time_t time = time_s;
        assert_non_null(gmtime_r(&time, &tm));
        snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d+00:00",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        assert_string_equal(clock_format_s(text, time_s), expected);
        int64_t parsed;
        assert_int_equal(clock_parse(text, strlen(text), &parsed), 0);
        assert_true(parsed == time_s);
    }
}

static void test_parses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time_s;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01T00:00:00+00:00", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1969-12-31T23:59:59Z", -1},
        {"2026-05-09T14:00:00+02:00", 1778328000},
        {"2026-05-09T14:00:00-02:00", 1778342400},
        {"2026-05-09T14:00:00+05:45", 1778314500},
        {"2026-05-09T14:00:00-23:59", 1778335200 + 86340},
        {"2026-05-09T14:00:00+23:59", 1778335200 - 86340},
        {"2026-05-09T14:00:00.0Z", 1778335200},
        {"2026-05-09T14:00:00.999999999999Z", 1778335200},
        {"2026-05-09T14:00:00.5+02:00", 1778328000},
        {"2000-02-29T00:00:00Z", 951782400},
        {"2024-02-29T00:00:00Z", 1709164800},
        {"0000-01-01T00:00:00Z", -62167219200},
        {"9999-12-31T23:59:59Z", 253402300799},
        /* leap seconds, in UTC and elsewhere */
        {"2016-12-31T23:59:60Z", 1483228800},
        {"2017-01-01T00:59:60+01:00", 1483228800},
        {"2015-06-30T18:59:60.5-05:00", 1435708800},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int64_t time_s = 42;
        if (clock_parse(rows[i].text, strlen(rows[i].text), &time_s) != 0)
            fail_msg("refused: %s", rows[i].text);
        if (time_s != rows[i].time_s)
            fail_msg("%s became %lld", rows[i].text, (long long)time_s);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "2026",
        "2026-05-09",
        "2026-05-09T14:00",
        "2026-05-09T14:00Z",
        "2026-05-09T14:00:00",
        "2026-05-09 14:00:00Z",
        "2026-05-09T14:00:00 Z",
        " 2026-05-09T14:00:00Z",
        "2026-05-09T14:00:00Z ",
        "2026-05-09T14:00:00ZZ",
        "2026-05-09T14:00:00.Z",
        "2026-05-09T14:00:00,5Z",
        "2026-05-09T14:00:00.5",
        "2026-05-09T14:00:00+2:00",
        "2026-05-09T14:00:00+0200",
        "2026-05-09T14:00:00+02",
        "2026-05-09T14:00:00+02:",
        "2026-05-09T14:00:00+24:00",
        "2026-05-09T14:00:00+02:60",
        "2026-05-09T14:00:00+02:00Z",
        "2026-05-09T24:00:00Z",
        "2026-05-09T14:60:00Z",
        "2026-05-09T14:00:61Z",
        "2026-05-09T14:00:60Z",
        "2026-05-09T23:59:60Z",
        "2026-05-31T23:59:60+01:00",
        "2026-00-09T14:00:00Z",
        "2026-13-09T14:00:00Z",
        "2026-05-00T14:00:00Z",
        "2026-05-32T14:00:00Z",
        "2026-04-31T14:00:00Z",
        "2026-02-29T14:00:00Z",
        "2100-02-29T14:00:00Z",
        "2000-02-30T14:00:00Z",
        "-026-05-09T14:00:00Z",
        "+2026-05-09T14:00:00Z",
        "12026-05-09T14:00:00Z",
        "26-05-09T14:00:00Z",
        "2026/05/09T14:00:00Z",
        "2026-5-09T14:00:00Z",
        "2026-05-9T14:00:00Z",
        "2026-05-09T1:00:00Z",
        "2026-05-09T14.00.00Z",
        "20260509T140000Z",
        "2026-W19-6T14:00:00Z",
        "0x26-05-09T14:00:00Z",
        "2026-05-09T14:00:00UTC",
        "now",
        "1778335200",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int64_t time_s = 42;
        if (clock_parse(rows[i], strlen(rows[i]), &time_s) != -1)
            fail_msg("accepted: '%s'", rows[i]);
        assert_int_equal(time_s, 42);
    }
}

/* No prefix of a time is one, a NUL within is refused, and nothing behind the length is read. */
static void test_parses_exactly_its_length(void **state)
{
    (void)state;
    static const char text[] = "2026-05-09T14:00:00+02:00garbage";
    int64_t time_s = 42;
    for (size_t length = 0; length < 25; length++)
        assert_int_equal(clock_parse(text, length, &time_s), -1);
    assert_int_equal(clock_parse(text, 25, &time_s), 0);
    assert_int_equal(clock_parse(text, 26, &time_s), -1);
    assert_int_equal(clock_parse("2026-05-09T14:00:00Z", 21, &time_s), -1);
}

static void test_clocks_run(void **state)
{
    (void)state;
    int64_t now_ms = clock_now_ms();
    assert_true(now_ms / 1000 >= time(NULL) - 1 && now_ms / 1000 <= time(NULL) + 1);
    int64_t before_ms = clock_monotonic_ms();
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_true(clock_monotonic_ms() >= before_ms + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_formats_the_extremes_within_the_text),
        cmocka_unit_test(test_agrees_with_the_c_library),
        cmocka_unit_test(test_parses),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_parses_exactly_its_length),
        cmocka_unit_test(test_clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
