#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "sample.h"
#include "shared/maintenance.h"

#define MINUTE   INT64_C(60)
#define HOUR     (60 * MINUTE)
#define DAY      (24 * HOUR)
#define THURSDAY INT64_C(0)
#define MONDAY   (4 * DAY)
#define SATURDAY (2 * DAY)
#define SUNDAY   (3 * DAY)

static struct maintenance weekly(const char *schedule)
{
    struct maintenance maintenance = {0};
    char error[MAINTENANCE_ERROR_SIZE] = "";
    if (maintenance_parse(schedule, strlen(schedule), &maintenance.week, error))
        fail_msg("%s: %s", schedule, error);
    return maintenance;
}

/* ---- what is documented ---- */

static void the_documented_schedules_mean_what_is_documented(void **state)
{
    (void)state;
    static const struct {
        const char *schedule, *weekdays; /* of tm_wday */
        int64_t begin_s, end_s;
    } documented[] = {
        {"daily:02:00-04:00", "0123456", 2 * HOUR, 4 * HOUR},
        {"weekdays:03:00-05:00", "12345", 3 * HOUR, 5 * HOUR},
        {"weekends:00:00-06:00", "06", 0, 6 * HOUR},
        {"sun:02:00-06:00", "0", 2 * HOUR, 6 * HOUR},
        {"mon,wed,fri:04:00-05:00", "135", 4 * HOUR, 5 * HOUR},
    };
    const int64_t begin_s = 1767225600; /* 2026-01-01 */
    for (size_t i = 0; i < ARRAY_LENGTH(documented); i++) {
        struct maintenance maintenance = weekly(documented[i].schedule);
        for (int64_t at_s = begin_s; at_s < begin_s + 15 * DAY; at_s += 60) {
            time_t time = at_s;
            struct tm tm;
            gmtime_r(&time, &tm);
            bool on = strchr(documented[i].weekdays, '0' + tm.tm_wday) &&
                      at_s % DAY >= documented[i].begin_s && at_s % DAY < documented[i].end_s;
            assert_int_equal(maintenance_at(&maintenance, at_s), on);
            assert_int_equal(maintenance_over_s(&maintenance, at_s),
                             on ? at_s - at_s % DAY + documented[i].end_s : at_s);
        }
    }
}

/* ---- bounds ---- */

static void a_window_holds_its_first_second_and_not_its_end(void **state)
{
    (void)state;
    struct maintenance maintenance = weekly("mon:04:00-05:00");
    assert_false(maintenance_at(&maintenance, MONDAY + 4 * HOUR - 1));
    assert_true(maintenance_at(&maintenance, MONDAY + 4 * HOUR));
    assert_true(maintenance_at(&maintenance, MONDAY + 5 * HOUR - 1));
    assert_false(maintenance_at(&maintenance, MONDAY + 5 * HOUR));
}

static void a_window_over_midnight_belongs_to_the_day_it_begins_on(void **state)
{
    (void)state;
    struct maintenance maintenance = weekly("sat:23:00-01:30");
    assert_false(maintenance_at(&maintenance, SATURDAY + HOUR)); /* that of Friday night */
    assert_true(maintenance_at(&maintenance, SATURDAY + 23 * HOUR));
    assert_int_equal(maintenance_over_s(&maintenance, SATURDAY + 23 * HOUR), SUNDAY + 90 * MINUTE);
    assert_true(maintenance_at(&maintenance, SUNDAY + 90 * MINUTE - 1));
    assert_false(maintenance_at(&maintenance, SUNDAY + 90 * MINUTE));
    assert_false(maintenance_at(&maintenance, SUNDAY + 23 * HOUR));
}

static void a_window_may_end_at_24_00(void **state)
{
    (void)state;
    static const char *const schedules[] = {"sat:22:00-24:00", "sat:22:00-00:00"};
    for (size_t i = 0; i < ARRAY_LENGTH(schedules); i++) {
        struct maintenance maintenance = weekly(schedules[i]);
        assert_int_equal(maintenance_over_s(&maintenance, SATURDAY + 22 * HOUR), SUNDAY);
        assert_false(maintenance_at(&maintenance, SUNDAY));
    }
}

static void windows_that_touch_are_left_at_the_end_of_the_last(void **state)
{
    (void)state;
    struct maintenance maintenance = weekly("sat,sun:00:00-24:00");
    assert_int_equal(maintenance_over_s(&maintenance, SATURDAY), MONDAY);
    assert_int_equal(maintenance_over_s(&maintenance, SUNDAY), MONDAY);
    maintenance = weekly("sat,sun:12:00-11:59");
    assert_int_equal(maintenance_over_s(&maintenance, SATURDAY + 12 * HOUR), SUNDAY + 719 * MINUTE);
}

static void one_that_never_ends_is_never_over(void **state)
{
    (void)state;
    struct maintenance maintenance = weekly("daily:00:00-24:00");
    for (int64_t at_s = 0; at_s < 8 * DAY; at_s += 7000)
        assert_int_equal(maintenance_over_s(&maintenance, at_s), MAINTENANCE_NEVER);
    maintenance = weekly("sun,mon,tue,wed,thu,fri:00:00-24:00");
    assert_int_equal(maintenance_over_s(&maintenance, SUNDAY), SATURDAY + 7 * DAY);
}

static void the_window_that_comes_once_is_added(void **state)
{
    (void)state;
    struct maintenance maintenance = {.once_begin_s = 1000, .once_end_s = 2000};
    assert_false(maintenance_is_empty(&maintenance));
    assert_false(maintenance_at(&maintenance, 999));
    assert_true(maintenance_at(&maintenance, 1000));
    assert_int_equal(maintenance_over_s(&maintenance, 1000), 2000);
    assert_int_equal(maintenance_over_s(&maintenance, 2000), 2000);

    maintenance = weekly("thu:00:00-01:00");
    maintenance.once_begin_s = HOUR; /* they touch */
    maintenance.once_end_s = 2 * HOUR;
    assert_int_equal(maintenance_over_s(&maintenance, THURSDAY), 2 * HOUR);
    maintenance = weekly("daily:00:00-24:00");
    maintenance.once_end_s = 20 * DAY;
    assert_int_equal(maintenance_over_s(&maintenance, THURSDAY), MAINTENANCE_NEVER);
    maintenance = weekly("mon,tue,wed,thu,fri:00:00-24:00");
    maintenance.once_begin_s = 2 * DAY; /* the weekend between two working weeks */
    maintenance.once_end_s = 4 * DAY;
    assert_int_equal(maintenance_over_s(&maintenance, THURSDAY), SATURDAY + 7 * DAY);
}

static void none_is_none(void **state)
{
    (void)state;
    struct maintenance maintenance = weekly("");
    assert_true(maintenance_is_empty(&maintenance));
    assert_false(maintenance_at(&maintenance, 0));
    assert_int_equal(maintenance_over_s(&maintenance, 12345), 12345);
}

/* ---- words ---- */

static void days_are_read_in_any_case(void **state)
{
    (void)state;
    static const struct {
        const char *schedule;
        unsigned days;
    } cases[] = {
        {"DAILY:00:00-00:01", 0x7f},        {"WeekDays:00:00-00:01", 0x3e},
        {"weekEnds:00:00-00:01", 0x41},     {"SUN:00:00-00:01", 0x01},
        {"Mon:00:00-00:01", 0x02},          {"tue:00:00-00:01", 0x04},
        {"wed:00:00-00:01", 0x08},          {"thu:00:00-00:01", 0x10},
        {"fri:00:00-00:01", 0x20},          {"sat:00:00-00:01", 0x40},
        {"sat,sun:00:00-00:01", 0x41},      {"mon,mon:00:00-00:01", 0x02},
        {"weekends,wed:00:00-00:01", 0x49},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct maintenance maintenance = weekly(cases[i].schedule);
        assert_int_equal(maintenance.week.days, cases[i].days);
        assert_int_equal(maintenance.week.begin_min, 0);
        assert_int_equal(maintenance.week.minutes, 1);
    }
}

static void what_is_no_schedule_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *schedule, *part; /* of the sentence */
    } cases[] = {
        {"daily", "followed by"},
        {"daily:", "followed by"},
        {"daily:02:00", "followed by"},
        {"daily:02:00-", "followed by"},
        {"daily:02:00-04:0", "followed by"},
        {"daily:02:00-04:000", "followed by"},
        {"daily:02:00-04:00 ", "followed by"},
        {"daily:2:00-4:00", "followed by"},
        {"daily:02.00-04.00", "followed by"},
        {"daily:02:00+04:00", "followed by"},
        {"daily:24:00-04:00", "followed by"},
        {"daily:02:00-24:01", "followed by"},
        {"daily:02:60-04:00", "followed by"},
        {"daily:25:00-26:00", "followed by"},
        {"daily:-2:00-04:00", "followed by"},
        {"daily:02:00-02:00", "whole day"},
        {"daily:00:00-24:00,", "followed by"},
        {":02:00-04:00", "no day"},
        {" ", "no day"},
        {"02:00-04:00", "no day"},
        {"mon-fri:02:00-04:00", "no day"},
        {"monday:02:00-04:00", "no day"},
        {"mon,:02:00-04:00", "no day"},
        {",mon:02:00-04:00", "no day"},
        {"mon, tue:02:00-04:00", "no day"},
        {"a name that is much longer than any:02:00-04:00", "\"a name that is m\" is no day"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct maintenance_week week = {.days = 99};
        char error[MAINTENANCE_ERROR_SIZE] = "";
        size_t length = strlen(cases[i].schedule);
        char *exact = sample_exact(cases[i].schedule, length);
        if (!maintenance_parse(exact, length, &week, error) || !strstr(error, cases[i].part))
            fail_msg("%s: %s", cases[i].schedule, error);
        assert_int_equal(week.days, 99);
        free(exact);
    }
}

/* ---- at random, second by second ---- */

static bool within(const struct maintenance *maintenance, int64_t at_s)
{
    if (at_s >= maintenance->once_begin_s && at_s < maintenance->once_end_s)
        return true;
    for (int64_t day = at_s / DAY - 2; day <= at_s / DAY; day++) {
        time_t begin = day * DAY;
        struct tm tm;
        gmtime_r(&begin, &tm);
        int64_t since_s = at_s - day * DAY - (int64_t)maintenance->week.begin_min * MINUTE;
        if (maintenance->week.days >> tm.tm_wday & 1 && since_s >= 0 &&
            since_s < (int64_t)maintenance->week.minutes * MINUTE)
            return true;
    }
    return false;
}

static void random_windows_agree_with_every_second_tried(void **state)
{
    (void)state;
    struct sample sample = sample_begin("maintenance");
    static const char *const names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    for (int round = 0; round < 300; round++) {
        char schedule[96] = "";
        unsigned days = 1 + (unsigned)sample_below(&sample, 127);
        for (unsigned day = 0; day < 7; day++)
            if (days >> day & 1)
                snprintf(schedule + strlen(schedule), sizeof(schedule) - strlen(schedule), "%s%s",
                         *schedule ? "," : "", names[day]);
        unsigned begin = (unsigned)sample_below(&sample, 1440);
        unsigned end = sample_below(&sample, 4) ? (unsigned)sample_below(&sample, 1440) : begin + 1;
        end += end == begin;
        snprintf(schedule + strlen(schedule), sizeof(schedule) - strlen(schedule),
                 ":%02u:%02u-%02u:%02u", begin / 60, begin % 60, end / 60, end % 60);
        struct maintenance maintenance = weekly(schedule);
        assert_int_equal(maintenance.week.days, days);
        int64_t from_s = sample_within(&sample, 100 * DAY, INT64_C(21900) * DAY);
        if (sample_below(&sample, 2)) {
            maintenance.once_begin_s = sample_within(&sample, from_s - DAY, from_s + DAY);
            maintenance.once_end_s =
                sample_within(&sample, maintenance.once_begin_s, from_s + 5 * DAY);
        }
        /* Backwards, so that the next second without maintenance is known. */
        int64_t over_s = from_s + 8 * DAY;
        while (within(&maintenance, over_s) && over_s < from_s + 30 * DAY)
            over_s++;
        for (int64_t at_s = over_s; at_s > from_s;
             at_s -= 1 + (int64_t)sample_below(&sample, 150)) {
            bool on = within(&maintenance, at_s);
            assert_int_equal(maintenance_at(&maintenance, at_s), on);
            if (!on) {
                assert_int_equal(maintenance_over_s(&maintenance, at_s), at_s);
                continue;
            }
            int64_t end_s = maintenance_over_s(&maintenance, at_s);
            assert_true(end_s > at_s && !within(&maintenance, end_s));
            assert_true(within(&maintenance, end_s - 1));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_schedules_mean_what_is_documented),
        cmocka_unit_test(a_window_holds_its_first_second_and_not_its_end),
        cmocka_unit_test(a_window_over_midnight_belongs_to_the_day_it_begins_on),
        cmocka_unit_test(a_window_may_end_at_24_00),
        cmocka_unit_test(windows_that_touch_are_left_at_the_end_of_the_last),
        cmocka_unit_test(one_that_never_ends_is_never_over),
        cmocka_unit_test(the_window_that_comes_once_is_added),
        cmocka_unit_test(none_is_none),
        cmocka_unit_test(days_are_read_in_any_case),
        cmocka_unit_test(what_is_no_schedule_is_refused_with_a_sentence),
        cmocka_unit_test(random_windows_agree_with_every_second_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
