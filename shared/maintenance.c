#include "shared/maintenance.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DAY_S         INT64_C(86400)
#define DAY_MIN       1440
#define HOUR_MIN      60
#define WEEK_DAYS     7
#define EPOCH_WEEKDAY 4 /* 1970-01-01 was a Thursday */
#define CLOCK_BYTES   5 /* HH:MM */

static const struct {
    const char *name;
    uint8_t days;
} day_names[] = {{"daily", 0x7f}, {"weekdays", 0x3e}, {"weekends", 0x41}, {"sun", 0x01},
                 {"mon", 0x02},   {"tue", 0x04},      {"wed", 0x08},      {"thu", 0x10},
                 {"fri", 0x20},   {"sat", 0x40}};

/* ---- parsing ---- */

static int day_parse(const char *text, size_t length, uint8_t *days,
                     char error[static MAINTENANCE_ERROR_SIZE])
{
    for (size_t i = 0; i < ARRAY_LENGTH(day_names); i++)
        if (strlen(day_names[i].name) == length &&
            strncasecmp(day_names[i].name, text, length) == 0) {
            *days |= day_names[i].days;
            return 0;
        }
    snprintf(error, MAINTENANCE_ERROR_SIZE,
             "\"%.*s\" is no day: daily, weekdays, weekends, or sun, mon, tue, wed, thu, fri, sat",
             (int)(length < 16 ? length : 16), text);
    return -1;
}

static int days_parse(const char *text, size_t length, uint8_t *days,
                      char error[static MAINTENANCE_ERROR_SIZE])
{
    *days = 0;
    for (;;) {
        const char *comma = memchr(text, ',', length);
        size_t day = comma ? (size_t)(comma - text) : length;
        if (day_parse(text, day, days, error))
            return -1;
        if (!comma)
            return 0;
        text += day + 1;
        length -= day + 1;
    }
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static int clock_parse_min(const char *text, int *minute)
{
    if (!is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' || !is_digit(text[3]) ||
        !is_digit(text[4]))
        return -1;
    int hours = 10 * (text[0] - '0') + text[1] - '0';
    int minutes = 10 * (text[3] - '0') + text[4] - '0';
    *minute = hours * HOUR_MIN + minutes;
    return minutes < HOUR_MIN && *minute <= DAY_MIN ? 0 : -1;
}

static int hours_parse(const char *text, size_t length, struct maintenance_week *week,
                       char error[static MAINTENANCE_ERROR_SIZE])
{
    int begin, end;
    if (length != 2 * CLOCK_BYTES + 1 || text[CLOCK_BYTES] != '-' ||
        clock_parse_min(text, &begin) || clock_parse_min(text + CLOCK_BYTES + 1, &end) ||
        begin == DAY_MIN) {
        snprintf(error, MAINTENANCE_ERROR_SIZE,
                 "the days are followed by \":\" and times as in \"02:00-04:00\" (UTC)");
        return -1;
    }
    if (begin == end) {
        snprintf(error, MAINTENANCE_ERROR_SIZE,
                 "it ends when it begins; a whole day is 00:00-24:00");
        return -1;
    }
    week->begin_min = (uint16_t)begin;
    week->minutes = (uint16_t)(end > begin ? end - begin : end + DAY_MIN - begin);
    return 0;
}

int maintenance_parse(const char *text, size_t length, struct maintenance_week *week,
                      char error[static MAINTENANCE_ERROR_SIZE])
{
    struct maintenance_week parsed = {0};
    if (length) {
        const char *colon = memchr(text, ':', length);
        size_t days = colon ? (size_t)(colon - text) : length;
        if (days_parse(text, days, &parsed.days, error))
            return -1;
        size_t skipped = colon ? days + 1 : days;
        if (hours_parse(text + skipped, length - skipped, &parsed, error))
            return -1;
    }
    *week = parsed;
    return 0;
}

/* ---- time ---- */

bool maintenance_is_empty(const struct maintenance *maintenance)
{
    return maintenance->once_begin_s >= maintenance->once_end_s && !maintenance->week.days;
}

/* The end of the week's window that holds the time, or the time. */
static int64_t week_over_s(const struct maintenance_week *week, int64_t time_s)
{
    int64_t today = time_s / DAY_S;
    for (int64_t day = today - 1; day <= today; day++) {
        int64_t begin_s = day * DAY_S + (int64_t)week->begin_min * 60;
        int64_t end_s = begin_s + (int64_t)week->minutes * 60;
        /* Behind the first day there is none whose number is below 0. */
        bool begins = week->days >> ((day + EPOCH_WEEKDAY + WEEK_DAYS) % WEEK_DAYS) & 1;
        if (begins && begin_s <= time_s && time_s < end_s)
            return end_s;
    }
    return time_s;
}

static int64_t once_over_s(const struct maintenance *maintenance, int64_t time_s)
{
    bool within = maintenance->once_begin_s <= time_s && time_s < maintenance->once_end_s;
    return within ? maintenance->once_end_s : time_s;
}

bool maintenance_at(const struct maintenance *maintenance, int64_t time_s)
{
    return once_over_s(maintenance, time_s) != time_s ||
           week_over_s(&maintenance->week, time_s) != time_s;
}

int64_t maintenance_over_s(const struct maintenance *maintenance, int64_t time_s)
{
    /* Windows may follow each other without a gap: a week of them has none at all. The one that
     * comes once may lie in it, and be left once. */
    int64_t over_s = once_over_s(maintenance, time_s);
    for (int windows = 0; windows <= 2 * WEEK_DAYS; windows++) {
        int64_t next_s = once_over_s(maintenance, week_over_s(&maintenance->week, over_s));
        if (next_s == over_s)
            return over_s;
        over_s = next_s;
    }
    return MAINTENANCE_NEVER;
}
