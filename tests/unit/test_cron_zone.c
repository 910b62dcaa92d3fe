#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/cron.h"
#include "tests/unit/cron_sample.h"
#include "tests/unit/sample.h"

#define DAY         INT64_C(1440)
#define LEAD        (3 * DAY) /* in front of a window: all that may come a second time in it */
#define WINDOW      (7 * DAY)
#define WINDOWS     150
#define EXPRESSIONS 24 /* tried in a window */
#define STARTS      40 /* tried for an expression in a window */

static const char *const zones[] = {
    "Europe/Berlin",     "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Africa/Casablanca", "Pacific/Apia",     "America/Sao_Paulo",   "Antarctica/Troll",
    "Europe/Dublin",     "Asia/Gaza",        "America/St_Johns",    "Pacific/Kwajalein",
    "Pacific/Chatham",   "Asia/Tehran",      "Africa/Monrovia",     "Asia/Pyongyang"};

static struct cron parsed(const char *text, const char *zone)
{
    struct cron cron;
    char error[CRON_ERROR_SIZE] = "";
    if (cron_parse(text, strlen(text), &cron, error))
        fail_msg("\"%s\" was refused: %s", text, error);
    cron.zone = zone_find(zone, strlen(zone));
    assert_true(cron.zone != ZONE_NONE);
    return cron;
}

static int64_t minute_of(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d %H:%M", &tm);
    assert_true(end && *end == '\0');
    return timegm(&tm) / 60;
}

/* All firings from from to to, both included, in UTC; by hand. */
static const struct {
    const char *expression;
    const char *zone;
    const char *from;
    const char *to;
    const char *times[6];
} firings[] = {
    /* 02:00 to 03:00 is skipped: right after the gap, once. */
    {"30 2 * * *",
     "Europe/Berlin",
     "2026-03-28 00:00",
     "2026-03-30 23:59",
     {"2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"}},
    {"0,15,30 2 * * *",
     "Europe/Berlin",
     "2026-03-29 00:00",
     "2026-03-29 23:59",
     {"2026-03-29 01:00"}},
    {"30 2,3 * * *",
     "Europe/Berlin",
     "2026-03-29 00:00",
     "2026-03-29 23:59",
     {"2026-03-29 01:00", "2026-03-29 01:30"}},
    {"0 2,3 * * *", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 23:59", {"2026-03-29 01:00"}},
    {"0 3 * * *", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 23:59", {"2026-03-29 01:00"}},
    {"30 2 29 3 *",
     "Europe/Berlin",
     "2026-01-01 00:00",
     "2027-12-31 23:59",
     {"2026-03-29 01:00", "2027-03-29 00:30"}},
    {"30 2 * * 1", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 23:59", {NULL}},
    /* 02:00 to 03:00 comes twice: the first time counts. */
    {"30 2 * * *",
     "Europe/Berlin",
     "2026-10-25 00:00",
     "2026-10-26 23:59",
     {"2026-10-25 00:30", "2026-10-26 01:30"}},
    {"0 2,3 * * *",
     "Europe/Berlin",
     "2026-10-25 00:00",
     "2026-10-25 23:59",
     {"2026-10-25 00:00", "2026-10-25 02:00"}},
    /* Wildcards follow elapsed time. */
    {"0 * * * *",
     "Europe/Berlin",
     "2026-03-29 00:00",
     "2026-03-29 03:59",
     {"2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00", "2026-03-29 03:00"}},
    {"0 * * * *",
     "Europe/Berlin",
     "2026-10-25 00:00",
     "2026-10-25 03:59",
     {"2026-10-25 00:00", "2026-10-25 01:00", "2026-10-25 02:00", "2026-10-25 03:00"}},
    {"*/30 2 * * *",
     "Europe/Berlin",
     "2026-10-25 00:00",
     "2026-10-25 23:59",
     {"2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30"}},
    {"*/30 2 * * *", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 23:59", {NULL}},
    {"0-59 2 * * *", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 23:59", {"2026-03-29 01:00"}},
    {"0 9 * * 1",
     "America/New_York",
     "2026-03-01 00:00",
     "2026-03-10 23:59",
     {"2026-03-02 14:00", "2026-03-09 13:00"}},
    {"30 2 8 3 *",
     "America/New_York",
     "2026-01-01 00:00",
     "2026-12-31 23:59",
     {"2026-03-08 07:00"}},
    {"15 2 * * *",
     "Australia/Lord_Howe",
     "2026-10-03 00:00",
     "2026-10-04 12:00",
     {"2026-10-03 15:30"}},
    {"45 1 * * *",
     "Australia/Lord_Howe",
     "2026-04-04 12:00",
     "2026-04-05 12:00",
     {"2026-04-04 14:45"}},
    {"0 0 * * *", "Asia/Kathmandu", "2026-01-01 00:00", "2026-01-01 23:59", {"2026-01-01 18:15"}},
    /* A day that never was: the hours of it are made up for at once. */
    {"0 9,12 * * *",
     "Pacific/Apia",
     "2011-12-29 12:00",
     "2011-12-31 12:00",
     {"2011-12-29 19:00", "2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 19:00",
      "2011-12-30 22:00"}},
    {"0 9 30 12 *", "Pacific/Apia", "2011-06-01 00:00", "2012-06-01 00:00", {"2011-12-30 10:00"}},
    /* Midnight is skipped. */
    {"0 0 * * *",
     "America/Sao_Paulo",
     "2018-11-03 00:00",
     "2018-11-05 12:00",
     {"2018-11-03 03:00", "2018-11-04 03:00", "2018-11-05 02:00"}},
    {"30 1,2 * * *",
     "Antarctica/Troll",
     "2026-03-29 00:00",
     "2026-03-29 23:59",
     {"2026-03-29 01:00", "2026-03-29 23:30"}},
    {"30 2 * * *",
     "Africa/Casablanca",
     "2026-02-14 12:00",
     "2026-02-15 12:00",
     {"2026-02-15 01:30"}},
};

static void test_firings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(firings); i++) {
        struct cron cron = parsed(firings[i].expression, firings[i].zone);
        int64_t from = minute_of(firings[i].from);
        int64_t to = minute_of(firings[i].to);
        int64_t at = from - 1;
        for (size_t j = 0; j <= ARRAY_LENGTH(firings[i].times); j++) {
            bool more = j < ARRAY_LENGTH(firings[i].times) && firings[i].times[j];
            int64_t expected = more ? minute_of(firings[i].times[j]) : INT64_MAX;
            int64_t next = cron_next(&cron, at);
            if (more ? next != expected : next <= to)
                fail_msg("\"%s\" in %s from %s: firing %zu is %lld", firings[i].expression,
                         firings[i].zone, firings[i].from, j, (long long)(next - from));
            if (!more)
                break;
            at = next;
        }
        int64_t previous = cron_previous(&cron, to + 1);
        assert_true(at >= from ? previous == at : previous < from);
    }
}

/* Times that only ever fall into a gap, or come too late. */
static void test_never(void **state)
{
    (void)state;
    struct cron cron = parsed("*/5 2 31 3 */7", "Europe/Berlin");
    assert_true(cron_next(&cron, minute_of("2026-01-01 00:00")) == CRON_NEVER);
    assert_true(cron_previous(&cron, minute_of("2060-01-01 00:00")) == CRON_NEVER);
    cron = parsed("5 2 31 3 */7", "Europe/Berlin");
    assert_int_equal(cron_next(&cron, minute_of("2026-01-01 00:00")),
                     minute_of("2030-03-31 01:00"));
    cron = parsed("0 0 29 2 */7", "Europe/Berlin");
    assert_int_equal(cron_next(&cron, minute_of("2032-02-28 23:00")),
                     minute_of("2060-02-28 23:00"));
    assert_true(cron_next(&cron, minute_of("2088-02-28 23:00")) == CRON_NEVER);
    static const int64_t far[] = {INT64_MIN, INT64_MIN / 2, INT64_MAX / 2, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LENGTH(far); i++) {
        assert_true(cron_next(&cron, far[i]) == CRON_NEVER);
        assert_true(cron_previous(&cron, far[i]) == CRON_NEVER);
    }
    cron = parsed("* * * * *", "America/New_York");
    for (int64_t at = INT64_MAX / 8; at > 1; at /= 3) {
        assert_int_equal(cron_next(&cron, at), at + 1);
        assert_int_equal(cron_next(&cron, -at), -at + 1);
        assert_int_equal(cron_previous(&cron, at), at - 1);
        assert_int_equal(cron_previous(&cron, -at), -at - 1);
    }
}

/* What the C library says of a stretch of time in one zone. */
struct window {
    const char *zone;
    int64_t from;                 /* minute UTC of the first */
    int64_t local[LEAD + WINDOW]; /* local minutes */
    int64_t seen[LEAD + WINDOW];  /* local minutes before this one came before */
};

static void window_fill(struct window *window, const char *zone, int64_t from)
{
    int64_t seen = INT64_MIN;
    char variable[100];
    window->zone = zone;
    window->from = from;
    snprintf(variable, sizeof variable, ":%s", zone);
    setenv("TZ", variable, 1);
    tzset();
    for (int64_t i = 0; i < LEAD + WINDOW; i++) {
        time_t seconds = (time_t)(from + i) * 60;
        struct tm tm;
        localtime_r(&seconds, &tm);
        int64_t local_s = seconds + tm.tm_gmtoff;
        int64_t local = (local_s - (local_s % 60 + 60) % 60) / 60;
        window->local[i] = local;
        window->seen[i] = seen == INT64_MIN ? local : seen;
        if (local >= seen)
            seen = local + 1;
    }
    unsetenv("TZ");
    tzset();
}

static bool expression_names(const struct expression *expression, int64_t local)
{
    time_t seconds = (time_t)local * 60;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    bool day = expression->values[2][tm.tm_mday];
    bool weekday = expression->values[4][tm.tm_wday];
    return expression->values[0][tm.tm_min] && expression->values[1][tm.tm_hour] &&
           expression->values[3][tm.tm_mon + 1] &&
           (expression->either ? day || weekday : day && weekday);
}

static bool window_fires(const struct window *window, const struct expression *expression,
                         int64_t at)
{
    int64_t local = window->local[at];
    if (expression->elapsed)
        return expression_names(expression, local);
    for (int64_t skipped = window->seen[at]; skipped <= local; skipped++) {
        if (expression_names(expression, skipped))
            return true;
    }
    return false;
}

static void window_try(const struct window *window, struct sample *sample,
                       const struct expression *expression)
{
    struct cron cron = parsed(expression->text, window->zone);
    static bool fires[LEAD + WINDOW];
    for (int64_t at = LEAD; at < LEAD + WINDOW; at++) {
        struct cron_time time = cron_time_in(cron.zone, window->from + at);
        fires[at] = window_fires(window, expression, at);
        if (cron_matches(&cron, &time) != fires[at])
            fail_msg("\"%s\" in %s at minute %lld: is to %s", expression->text, window->zone,
                     (long long)(window->from + at), fires[at] ? "fire" : "be silent");
    }
    for (int i = 0; i < STARTS; i++) {
        int64_t start = sample_within(sample, LEAD, LEAD + WINDOW - 1);
        int64_t next = start + 1;
        int64_t previous = start - 1;
        while (next < LEAD + WINDOW && !fires[next])
            next++;
        while (previous >= LEAD && !fires[previous])
            previous--;
        int64_t found = cron_next(&cron, window->from + start);
        if (found == CRON_NEVER || found >= window->from + LEAD + WINDOW)
            found = window->from + LEAD + WINDOW;
        if (found - window->from != next)
            fail_msg("\"%s\" in %s after minute %lld: %lld, and %lld by trying each",
                     expression->text, window->zone, (long long)(window->from + start),
                     (long long)found, (long long)(window->from + next));
        found = cron_previous(&cron, window->from + start);
        if (found == CRON_NEVER || found < window->from + LEAD)
            found = window->from + LEAD - 1;
        if (found - window->from != previous)
            fail_msg("\"%s\" in %s before minute %lld: %lld, and %lld by trying each",
                     expression->text, window->zone, (long long)(window->from + start),
                     (long long)found, (long long)(window->from + previous));
    }
}

/* The start of a random span, or any time where a zone has none. */
static int64_t random_change(struct sample *sample, const char *name)
{
    uint16_t zone = zone_find(name, strlen(name));
    int64_t any =
        sample_within(sample, minute_of("1970-02-01 00:00"), minute_of("2099-01-01 00:00"));
    const struct zone_span *span = zone_span_at(zone, any);
    int64_t from = span->from == ZONE_BEGIN ? span->to : span->from;
    return from == ZONE_END || from < DAY * 30 ? any : from;
}

static void test_against_libc(void **state)
{
    (void)state;
    struct sample sample = sample_begin("cron in zones against every minute by the C library");
    static struct window window;
    for (int i = 0; i < WINDOWS; i++) {
        const char *zone = zones[sample_below(&sample, ARRAY_LENGTH(zones))];
        int64_t change = random_change(&sample, zone);
        window_fill(&window, zone, change - LEAD - sample_within(&sample, 0, WINDOW - 1));
        for (int j = 0; j < EXPRESSIONS;) {
            struct expression expression;
            struct cron cron;
            char error[CRON_ERROR_SIZE];
            random_expression_early(&sample, true, &expression);
            if (cron_parse(expression.text, strlen(expression.text), &cron, error))
                continue;
            window_try(&window, &sample, &expression);
            j++;
        }
    }
}

/* Further apart than a window: what lies between two firings is silent, and they find each other.
 */
static void test_long_distances(void **state)
{
    (void)state;
    struct sample sample = sample_begin("cron in zones over long distances");
    static struct cron_minute minutes;
    for (int i = 0; i < 3000; i++) {
        const char *zone = zones[sample_below(&sample, ARRAY_LENGTH(zones))];
        struct expression expression;
        struct cron cron;
        char error[CRON_ERROR_SIZE];
        random_expression(&sample, &expression);
        if (cron_parse(expression.text, strlen(expression.text), &cron, error))
            continue;
        cron.zone = zone_find(zone, strlen(zone));
        int64_t start = random_change(&sample, zone) + sample_within(&sample, -4 * DAY, DAY);
        int64_t next = cron_next(&cron, start);
        if (next == CRON_NEVER)
            continue;
        int64_t previous = cron_previous(&cron, next);
        cron_minute_set(&minutes, next);
        if (next <= start || previous > start ||
            !cron_matches(&cron, cron_minute_time(&minutes, cron.zone)) ||
            (previous != CRON_NEVER && cron_next(&cron, previous) != next))
            fail_msg("\"%s\" in %s after minute %lld: %lld, before that %lld", expression.text,
                     zone, (long long)start, (long long)next, (long long)previous);
        int64_t until = next < start + 20 * DAY ? next : start + 20 * DAY;
        for (int64_t minute = start + 1; minute < until; minute++) {
            struct cron_time time = cron_time_in(cron.zone, minute);
            if (cron_matches(&cron, &time))
                fail_msg("\"%s\" in %s after minute %lld: %lld, but %lld matches", expression.text,
                         zone, (long long)start, (long long)next, (long long)minute);
        }
    }
}

static void test_minute(void **state)
{
    (void)state;
    static struct cron_minute minutes;
    int64_t minute = minute_of("2026-03-29 01:00");
    for (int64_t at = minute; at < minute + 3; at++) {
        cron_minute_set(&minutes, at);
        for (int round = 0; round < 2; round++) {
            for (size_t i = 0; i < ARRAY_LENGTH(zones); i++) {
                uint16_t zone = zone_find(zones[i], strlen(zones[i]));
                struct cron_time expected = cron_time_in(zone, at);
                const struct cron_time *time = cron_minute_time(&minutes, zone);
                assert_true(time->local == expected.local && time->skipped == expected.skipped &&
                            time->minute == expected.minute && time->hour == expected.hour &&
                            time->day == expected.day && time->month == expected.month &&
                            time->weekday == expected.weekday);
            }
            assert_int_equal(cron_minute_time(&minutes, ZONE_UTC)->local, at);
        }
    }
    struct cron_time gap = cron_time_in(zone_find("Europe/Berlin", 13), minute);
    assert_int_equal(gap.skipped, 60);
    assert_int_equal(gap.local, minute + 120);
    gap = cron_time_in(zone_find("Europe/Berlin", 13), minute + 1);
    assert_int_equal(gap.skipped, 0);
    gap = cron_time_in(zone_find("Europe/Berlin", 13), minute_of("2026-10-25 01:59"));
    assert_int_equal(gap.skipped, CRON_REPEATED);
    gap = cron_time_in(zone_find("Europe/Berlin", 13), minute_of("2026-10-25 02:00"));
    assert_int_equal(gap.skipped, 0);
}

/* As cronie: by the first byte of minute or hour. */
static void test_elapsed(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        bool elapsed;
    } kinds[] = {{"* * * * *", true},      {"*/5 2 * * *", true},     {"5 * * * *", true},
                 {"5 */2 * * *", true},    {"*,5 2 * * *", true},     {"5 2 * * *", false},
                 {"5,* 2,* * * *", false}, {"0-59 0-23 * * *", false}};
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        struct cron cron = parsed(kinds[i].expression, "UTC");
        if (cron.elapsed != kinds[i].elapsed || cron.zone != ZONE_UTC)
            fail_msg("\"%s\"", kinds[i].expression);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_firings),      cmocka_unit_test(test_never),
        cmocka_unit_test(test_minute),       cmocka_unit_test(test_elapsed),
        cmocka_unit_test(test_against_libc), cmocka_unit_test(test_long_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
