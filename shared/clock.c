#include "shared/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define DAY_S  86400
#define HOUR_S 3600

static int64_t read_clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
    return read_clock_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
    return read_clock_ms(CLOCK_BOOTTIME);
}

/* A date of the proleptic Gregorian calendar. */
struct date {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

static int64_t floor_divide(int64_t value, int64_t divisor)
{
    int64_t quotient = value / divisor;
    return value % divisor < 0 ? quotient - 1 : quotient;
}

static int floor_remainder(int64_t value, int divisor)
{
    int remainder = (int)(value % divisor);
    return remainder < 0 ? remainder + divisor : remainder;
}

/*
 * Both ways count in years that begin on 1 March, so that the leap day is the last of its year, and
 * in eras of 400 years, which all have 146097 days. Day 0 is 1970-01-01, which is 719468 days after
 * 0000-03-01.
 */
static struct date date_of_day(int64_t day_number)
{
    int64_t shifted = day_number + 719468;
    int64_t era = floor_divide(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    return (struct date){
        .year = era * 400 + year_of_era + (month <= 2),
        .month = month,
        .day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1),
    };
}

static int64_t day_of_date(struct date date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t march_month = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t day_of_year = (153 * march_month + 2) / 5 + date.day - 1;
    int64_t day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static char *format_with(char *text, int64_t time_s, const char *tail)
{
    struct date date = date_of_day(floor_divide(time_s, DAY_S));
    int second = floor_remainder(time_s, DAY_S);
    snprintf(text, CLOCK_TEXT_SIZE, "%04lld-%02d-%02dT%02d:%02d:%02d%s", (long long)date.year,
             date.month, date.day, second / HOUR_S, second / 60 % 60, second % 60, tail);
    return text;
}

char *clock_format_s(char text[static CLOCK_TEXT_SIZE], int64_t time_s)
{
    return format_with(text, time_s, "+00:00");
}

char *clock_format_ms(char text[static CLOCK_TEXT_SIZE], int64_t time_ms)
{
    char tail[16];
    snprintf(tail, sizeof tail, ".%03dZ", floor_remainder(time_ms, 1000));
    return format_with(text, floor_divide(time_ms, 1000), tail);
}

/* What is left of the text to parse. */
struct scan {
    const char *next;
    const char *end;
};

/* Exactly count digits, with a value from low to high. */
static bool scan_number(struct scan *scan, int count, int low, int high, int *number)
{
    if (scan->end - scan->next < count)
        return false;
    int value = 0;
    for (int i = 0; i < count; i++) {
        char c = scan->next[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    scan->next += count;
    *number = value;
    return value >= low && value <= high;
}

static bool scan_either(struct scan *scan, char a, char b)
{
    if (scan->next == scan->end || (*scan->next != a && *scan->next != b))
        return false;
    scan->next++;
    return true;
}

static bool scan_fraction(struct scan *scan)
{
    if (!scan_either(scan, '.', '.'))
        return true;
    const char *first = scan->next;
    while (scan->next < scan->end && *scan->next >= '0' && *scan->next <= '9')
        scan->next++;
    return scan->next > first;
}

/* Seconds east of UTC. */
static bool scan_offset(struct scan *scan, int *offset_s)
{
    *offset_s = 0;
    if (scan_either(scan, 'Z', 'z'))
        return true;
    bool west = scan_either(scan, '-', '-');
    if (!west && !scan_either(scan, '+', '+'))
        return false;
    int hour;
    int minute;
    if (!scan_number(scan, 2, 0, 23, &hour) || !scan_either(scan, ':', ':') ||
        !scan_number(scan, 2, 0, 59, &minute))
        return false;
    *offset_s = (hour * HOUR_S + minute * 60) * (west ? -1 : 1);
    return true;
}

int clock_parse(const char *text, size_t length, int64_t *time_s)
{
    struct scan scan = {text, text + length};
    int year, month, day, hour, minute, second, offset_s;
    if (!scan_number(&scan, 4, 0, 9999, &year) || !scan_either(&scan, '-', '-') ||
        !scan_number(&scan, 2, 1, 12, &month) || !scan_either(&scan, '-', '-') ||
        !scan_number(&scan, 2, 1, days_in_month(year, month), &day) ||
        !scan_either(&scan, 'T', 't') || !scan_number(&scan, 2, 0, 23, &hour) ||
        !scan_either(&scan, ':', ':') || !scan_number(&scan, 2, 0, 59, &minute) ||
        !scan_either(&scan, ':', ':') || !scan_number(&scan, 2, 0, 60, &second) ||
        !scan_fraction(&scan) || !scan_offset(&scan, &offset_s) || scan.next != scan.end)
        return -1;
    int second_of_day = hour * HOUR_S + minute * 60 + second;
    int64_t day_number = day_of_date((struct date){year, month, day});
    int64_t parsed = day_number * DAY_S + second_of_day - offset_s;
    /* A leap second can only be the last of a month in UTC; it counts as the second behind it. */
    if (second == 60 && (parsed % DAY_S != 0 || date_of_day(floor_divide(parsed, DAY_S)).day != 1))
        return -1;
    *time_s = parsed;
    return 0;
}
