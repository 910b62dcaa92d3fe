#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/cron.h"
#include "tests/unit/cron_sample.h"
#include "tests/unit/sample.h"

#define DAY  INT64_C(1440)
#define YEAR INT64_C(525600)

static struct cron parsed(const char *text)
{
    struct cron cron;
    char error[CRON_ERROR_SIZE] = "";
    if (cron_parse(text, strlen(text), &cron, error))
        fail_msg("\"%s\" was refused: %s", text, error);
    return cron;
}

static const struct {
    const char *expression;
    int64_t minutes;
} intervals[] = {
    {"* * * * *", 1},          {"*/15 * * * *", 15},       {"*/7 * * * *", 4},
    {"*/25 * * * *", 10},      {"0 * * * *", 60},          {"0,5 * * * *", 5},
    {"0,1 0 * * *", 1},        {"0 9 * * *", DAY},         {"0 9,17 * * *", 480},
    {"0 0,23 * * *", 60},      {"0,59 0,23 * * *", 1},     {"0,59 0,23 * * 1", 59},
    {"0,59 0,23 * * 1,2", 1},  {"0,59 0,23 * * 0,6", 1},   {"0,59 0,23 1 * *", 59},
    {"0,59 0,23 1,31 * *", 1}, {"0,59 0,23 1,30 4 *", 59}, {"59 23 * * *", DAY},
    {"0-58 23 * * *", 1},      {"30 0-23/5 * * *", 240},   {"0 9 * * 1", 7 * DAY},
    {"0 9 * * 1,4", 3 * DAY},  {"0 9 * * 1,6", 2 * DAY},   {"0 9 * * 1-5", DAY},
    {"0 0 1 * *", 28 * DAY},   {"0 0 31 * *", 31 * DAY},   {"0 0 30 * *", 30 * DAY},
    {"0 0 29 * *", 29 * DAY},  {"0 0 1,15 * *", 14 * DAY}, {"0 0 1,31 * *", DAY},
    {"0 0 */2 * *", DAY},      {"0 0 */10 * *", DAY},      {"0 0 1-31/15 * *", DAY},
    {"0 0 1 1 *", 365 * DAY},  {"0 0 29 2 *", 1461 * DAY}, {"0 0 28 2 *", 365 * DAY},
    {"0 0 28,29 2 *", DAY},    {"0 0 13 * 5", DAY},        {"0 0 1 1 1", DAY},
    {"0 0 1 2,3 *", 28 * DAY}, {"0 0 1 3,5 *", 61 * DAY},  {"0 0 29 2 */7", 10227 * DAY},
};

/* By going through every day of 400 years, and every time of a day. */
static int64_t interval_oracle(const struct cron *cron)
{
    int64_t shortest = INT64_MAX;
    int64_t first_time = -1;
    int64_t last_time = -1;
    for (int64_t minute = 0; minute < DAY; minute++) {
        if (!(cron->hours >> minute / 60 & 1) || !(cron->minutes >> minute % 60 & 1))
            continue;
        if (first_time < 0)
            first_time = minute;
        else if (minute - last_time < shortest)
            shortest = minute - last_time;
        last_time = minute;
    }
    struct cron day = *cron;
    day.minutes = 1;
    day.hours = 1;
    int64_t last_day = 0;
    int64_t beginning = INT64_MIN;
    for (int64_t at = 0; at <= INT64_C(292194); at++) {
        struct cron_time time = cron_time_of(at * DAY);
        if (!cron_matches(&day, &time))
            continue;
        if (beginning == INT64_MIN)
            beginning = at;
        else if ((at - last_day) * DAY - last_time + first_time < shortest)
            shortest = (at - last_day) * DAY - last_time + first_time;
        last_day = at;
        if (at >= beginning + 146097)
            break;
    }
    return shortest;
}

static void test_intervals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(intervals); i++) {
        struct cron cron = parsed(intervals[i].expression);
        int64_t found = cron_shortest_interval(&cron);
        int64_t expected = interval_oracle(&cron);
        if (found != expected || found != intervals[i].minutes)
            fail_msg("\"%s\": %lld, oracle %lld", intervals[i].expression, (long long)found,
                     (long long)expected);
    }
}

/* A calendar that only knows how to go on by a day, from a day that is known. */
struct calendar {
    int64_t day_number; /* from 1970-01-01 */
    int year, month, day, weekday;
};

static void calendar_forward(struct calendar *calendar)
{
    static const int lengths[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = calendar->year;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int length = lengths[calendar->month] + (calendar->month == 2 && leap);
    calendar->day_number++;
    calendar->weekday = (calendar->weekday + 1) % 7;
    if (++calendar->day <= length)
        return;
    calendar->day = 1;
    if (++calendar->month <= 12)
        return;
    calendar->month = 1;
    calendar->year++;
}

static bool day_fires(const struct expression *expression, const struct calendar *calendar)
{
    bool day = expression->values[2][calendar->day];
    bool weekday = expression->values[4][calendar->weekday];
    return expression->values[3][calendar->month] &&
           (expression->either ? day || weekday : day && weekday);
}

static int64_t next_oracle(const struct expression *expression, struct calendar calendar,
                           int64_t after)
{
    int last_year = calendar.year + CRON_HORIZON_YEARS;
    for (int64_t minute = after + 1; calendar.year <= last_year; calendar_forward(&calendar)) {
        if (day_fires(expression, &calendar)) {
            for (; minute < (calendar.day_number + 1) * DAY; minute++) {
                if (expression->values[1][minute % DAY / 60] && expression->values[0][minute % 60])
                    return minute;
            }
        }
        minute = (calendar.day_number + 1) * DAY;
    }
    return CRON_NEVER;
}

static void test_against_every_minute(void **state)
{
    (void)state;
    struct sample sample = sample_begin("cron_next against every minute");
    size_t tried = 0;
    while (tried < 6000) {
        struct expression expression;
        random_expression(&sample, &expression);
        struct cron cron;
        char error[CRON_ERROR_SIZE];
        if (cron_parse(expression.text, strlen(expression.text), &cron, error)) {
            /* Cut short, or a date that never comes. */
            assert_true(strstr(error, "never comes") || strlen(expression.text) > 200);
            continue;
        }
        tried++;
        struct calendar calendar = {.year = 1970, .month = 1, .day = 1, .weekday = 4};
        int64_t start = sample_within(&sample, 0, 140 * YEAR);
        while (calendar.day_number < start / DAY)
            calendar_forward(&calendar);
        int64_t minute = start - 1;
        for (int i = 0; i < 12; i++) {
            int64_t expected = next_oracle(&expression, calendar, minute);
            int64_t found = cron_next(&cron, minute);
            if (found != expected)
                fail_msg("\"%s\" after %lld: %lld, every minute says %lld", expression.text,
                         (long long)minute, (long long)found, (long long)expected);
            if (found == CRON_NEVER)
                break;
            struct cron_time time = cron_time_of(found);
            assert_true(cron_matches(&cron, &time));
            int64_t again = cron_next(&cron, found);
            if (again != CRON_NEVER)
                assert_int_equal(cron_previous(&cron, again), found);
            assert_int_equal(cron_previous(&cron, found + 1), found);
            minute = found;
            while (calendar.day_number < (minute + 1) / DAY)
                calendar_forward(&calendar);
        }
    }
}

static void test_intervals_of_random(void **state)
{
    (void)state;
    struct sample sample = sample_begin("cron_shortest_interval against 400 years");
    size_t tried = 0;
    while (tried < 150) {
        struct expression expression;
        random_expression(&sample, &expression);
        struct cron cron;
        char error[CRON_ERROR_SIZE];
        if (cron_parse(expression.text, strlen(expression.text), &cron, error))
            continue;
        tried++;
        if (cron_shortest_interval(&cron) != interval_oracle(&cron))
            fail_msg("\"%s\": %lld, oracle %lld", expression.text,
                     (long long)cron_shortest_interval(&cron), (long long)interval_oracle(&cron));
    }
}

static void test_time_of(void **state)
{
    (void)state;
    struct sample sample = sample_begin("cron_time_of against gmtime");
    for (int i = 0; i < 200000; i++) {
        int64_t minute = sample_within(&sample, -400 * YEAR, 400 * YEAR);
        time_t seconds = (time_t)minute * 60;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        struct cron_time time = cron_time_of(minute);
        assert_true(time.minute == UINT64_C(1) << tm.tm_min);
        assert_true(time.hour == 1U << tm.tm_hour);
        assert_true(time.day == 1U << tm.tm_mday);
        assert_true(time.month == 1U << (tm.tm_mon + 1));
        assert_true(time.weekday == 1U << tm.tm_wday);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_against_every_minute),
        cmocka_unit_test(test_intervals_of_random),
        cmocka_unit_test(test_time_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
