#include "shared/cron.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/cron_local.h"

#define FIELDS          5
#define MINUTES_A_DAY   1440
#define ALL_DAYS        0xfffffffeU
#define CYCLE_DAYS      146097    /* 400 years: after them dates and weekdays repeat */
#define NUMBER_MAX      100000000 /* ten of them fit an unsigned */
#define TOKEN_SHOWN_MAX 20

enum field_index { FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY };

static const struct field {
    const char *name;
    const char *words; /* names of three letters each, of the values from low on; "" */
    unsigned low, high;
} fields[FIELDS] = {
    {"minute", "", 0, 59},
    {"hour", "", 0, 23},
    {"day", "", 1, 31},
    {"month", "janfebmaraprmayjunjulaugsepoctnovdec", 1, 12},
    {"weekday", "sunmontuewedthufrisat", 0, 7},
};

struct item {
    const struct field *field;
    const char *at;
    const char *end;
    char *error;
};

/* One value of a list, or an end of a range. */
struct number {
    unsigned value;
    bool by_name;
};

static int item_fail(const struct item *item, const char *format, ...) PRINTF_LIKE(2, 3);

static int item_fail(const struct item *item, const char *format, ...)
{
    int written = snprintf(item->error, CRON_ERROR_SIZE, "%s: ", item->field->name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item->error + written, (size_t)(CRON_ERROR_SIZE - written), format, arguments);
    va_end(arguments);
    return -1;
}

/* Where a character cannot stand. */
static int item_unexpected(const struct item *item, const char *wanted)
{
    if (item->at == item->end)
        return item_fail(item, "%s is missing", wanted);
    unsigned char c = (unsigned char)*item->at;
    if (c > 0x20 && c < 0x7f)
        return item_fail(item, "expected %s, found '%c'", wanted, c);
    return item_fail(item, "expected %s, found byte 0x%02x", wanted, c);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'z';
}

static int word_fail(const struct item *item, const char *from)
{
    const char *until = from;
    while (until < item->end && (is_digit(*until) || is_letter(*until)))
        until++;
    int shown = until - from > TOKEN_SHOWN_MAX ? TOKEN_SHOWN_MAX : (int)(until - from);
    if (is_letter(*from) && *item->field->words)
        return item_fail(item, "unknown name '%.*s'", shown, from);
    return item_fail(item, "'%.*s' is not a number", shown, from);
}

/* A run of digits; what: how an error calls it. */
static int take_digits(struct item *item, const char *what, unsigned *value)
{
    const char *from = item->at;
    unsigned number = 0;
    while (item->at < item->end && is_digit(*item->at)) {
        if (number < NUMBER_MAX)
            number = number * 10 + (unsigned)(*item->at - '0');
        if (number > NUMBER_MAX)
            number = NUMBER_MAX;
        item->at++;
    }
    if (item->at < item->end && is_letter(*item->at))
        return word_fail(item, from);
    if (item->at == from)
        return item_unexpected(item, what);
    *value = number;
    return 0;
}

static int take_number(struct item *item, struct number *number)
{
    const struct field *field = item->field;
    const char *from = item->at;
    if (from < item->end && is_letter(*from)) {
        size_t length = 0;
        while (from + length < item->end && (is_letter(from[length]) || is_digit(from[length])))
            length++;
        if (length != 3)
            return word_fail(item, from);
        for (unsigned i = 0; field->words[(size_t)3 * i]; i++) {
            if (strncasecmp(field->words + (size_t)3 * i, from, 3) == 0) {
                item->at += 3;
                *number = (struct number){.value = field->low + i, .by_name = true};
                return 0;
            }
        }
        return word_fail(item, from);
    }
    unsigned value = 0;
    if (take_digits(item, "a number", &value))
        return -1;
    if (value < field->low || value > field->high) {
        int shown = item->at - from > TOKEN_SHOWN_MAX ? TOKEN_SHOWN_MAX : (int)(item->at - from);
        return item_fail(item, "%.*s is out of range %u-%u", shown, from, field->low, field->high);
    }
    *number = (struct number){.value = value};
    return 0;
}

static bool item_has(struct item *item, char c)
{
    if (item->at == item->end || *item->at != c)
        return false;
    item->at++;
    return true;
}

/* "*", "n" or "n-m", and a step behind the first and the last of them. */
static int take_range(struct item *item, uint64_t *mask)
{
    struct number low = {.value = item->field->low};
    struct number high = {.value = item->field->high};
    bool single = false;
    if (!item_has(item, '*')) {
        if (take_number(item, &low))
            return -1;
        single = !item_has(item, '-');
        high = low;
        if (!single && take_number(item, &high))
            return -1;
    }
    /* "fri-sun": Sunday by name is the 7 where it ends a range. */
    if (high.by_name && high.value == 0 && low.value > 0)
        high.value = 7;
    if (low.value > high.value)
        return item_fail(item, "range %u-%u runs backwards", low.value, high.value);
    unsigned step = 1;
    if (item_has(item, '/')) {
        /* As in cronie; other crons read "5/15" in different ways. */
        if (single)
            return item_fail(item, "a step needs a range: write %u-%u/... instead of %u/...",
                             low.value, item->field->high, low.value);
        if (take_digits(item, "a step", &step))
            return -1;
        if (step == 0)
            return item_fail(item, "step must be at least 1");
    }
    for (unsigned value = low.value; value <= high.value; value += step)
        *mask |= UINT64_C(1) << value;
    return 0;
}

static int field_parse(struct item *item, uint64_t *mask)
{
    *mask = 0;
    do {
        if (take_range(item, mask))
            return -1;
    } while (item_has(item, ','));
    if (item->at < item->end)
        return item_unexpected(item, "a comma or a space");
    return 0;
}

static int macro_fail(const char *text, size_t length, char error[static CRON_ERROR_SIZE])
{
    static const struct {
        const char *name;
        const char *instead;
    } macros[] = {
        {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
        {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
        {"@hourly", "0 * * * *"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(macros); i++) {
        if (strlen(macros[i].name) == length && strncasecmp(macros[i].name, text, length) == 0) {
            snprintf(error, CRON_ERROR_SIZE, "%s is not supported: write \"%s\"", macros[i].name,
                     macros[i].instead);
            return -1;
        }
    }
    snprintf(error, CRON_ERROR_SIZE,
             "names that start with @ are not supported: write five fields (minute hour day month "
             "weekday)");
    return -1;
}

/* In the longest of its years. */
static unsigned month_length_max(unsigned month)
{
    if (month == 2)
        return 29;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/*
 * An expression fires unless none of its days exists in any of its months: in the 400 years of the
 * calendar each date, 29 February too, falls on each of the seven weekdays.
 */
static int check_possible(const struct cron *cron, char error[static CRON_ERROR_SIZE])
{
    if (cron->either_day)
        return 0;
    for (unsigned month = 1; month <= 12; month++) {
        uint64_t existing = (UINT64_C(2) << month_length_max(month)) - 1;
        if ((cron->months >> month & 1) && (cron->days & existing))
            return 0;
    }
    int written = snprintf(error, CRON_ERROR_SIZE, "day %d never comes in month%s",
                           __builtin_ctz(cron->days), cron->months & (cron->months - 1) ? "s" : "");
    const char *separator = " ";
    for (unsigned month = 1; month <= 12; month++) {
        if (cron->months >> month & 1) {
            written += snprintf(error + written, (size_t)(CRON_ERROR_SIZE - written), "%s%u",
                                separator, month);
            separator = ", ";
        }
    }
    return -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

int cron_parse(const char *text, size_t length, struct cron *cron,
               char error[static CRON_ERROR_SIZE])
{
    struct item items[FIELDS];
    size_t count = 0;
    if (length > CRON_TEXT_MAX) {
        snprintf(error, CRON_ERROR_SIZE, "must be at most %d characters", CRON_TEXT_MAX);
        return -1;
    }
    for (size_t i = 0; i < length;) {
        if (is_space(text[i])) {
            i++;
            continue;
        }
        size_t from = i;
        while (i < length && !is_space(text[i]))
            i++;
        if (count == 0 && text[from] == '@')
            return macro_fail(text + from, i - from, error);
        if (count < FIELDS)
            items[count] = (struct item){&fields[count], text + from, text + i, error};
        count++;
    }
    if (count != FIELDS) {
        snprintf(error, CRON_ERROR_SIZE,
                 "must have 5 fields (minute hour day month weekday), found %zu", count);
        return -1;
    }
    uint64_t masks[FIELDS];
    bool restricted[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        restricted[i] = *items[i].at != '*';
        if (field_parse(&items[i], &masks[i]))
            return -1;
    }
    struct cron parsed = {
        .minutes = masks[FIELD_MINUTE],
        .hours = (uint32_t)masks[FIELD_HOUR],
        .days = (uint32_t)masks[FIELD_DAY],
        .months = (uint16_t)masks[FIELD_MONTH],
        .weekdays = (uint8_t)((masks[FIELD_WEEKDAY] | masks[FIELD_WEEKDAY] >> 7) & 0x7f),
        .either_day = restricted[FIELD_DAY] && restricted[FIELD_WEEKDAY],
        .elapsed = !restricted[FIELD_MINUTE] || !restricted[FIELD_HOUR],
    };
    if (check_possible(&parsed, error))
        return -1;
    *cron = parsed;
    return 0;
}

/*
 * Days are counted from 1970-01-01. The two conversions are Howard Hinnant's (chrono-Compatible
 * Low-Level Date Algorithms, days_from_civil and civil_from_days): years begin in March, so the
 * leap day comes last; eras have 400 years.
 */
struct civil {
    int64_t year;
    unsigned month, day;
};

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * CYCLE_DAYS + (int64_t)day_of_era - 719468;
}

static struct civil civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - (CYCLE_DAYS - 1)) / CYCLE_DAYS;
    unsigned day_of_era = (unsigned)(days - era * CYCLE_DAYS);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153;
    unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    return (struct civil){
        .year = (int64_t)year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * shifted + 2) / 5 + 1,
    };
}

static unsigned month_length(int64_t year, unsigned month)
{
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && !leap ? 28 : month_length_max(month);
}

static unsigned weekday_of(int64_t day)
{
    return (unsigned)((day % 7 + 11) % 7); /* 1970-01-01 was a Thursday */
}

static int64_t day_of(int64_t minute)
{
    return (minute >= 0 ? minute : minute - (MINUTES_A_DAY - 1)) / MINUTES_A_DAY;
}

struct cron_time cron_time_of(int64_t minute)
{
    int64_t day = day_of(minute);
    unsigned of_day = (unsigned)(minute - day * MINUTES_A_DAY);
    struct civil civil = civil_from_days(day);
    return (struct cron_time){
        .minute = UINT64_C(1) << of_day % 60,
        .hour = UINT32_C(1) << of_day / 60,
        .day = UINT32_C(1) << civil.day,
        .month = (uint16_t)(1U << civil.month),
        .weekday = (uint8_t)(1U << weekday_of(day)),
        .local = minute,
    };
}

int64_t cron_local_year(int64_t minute)
{
    return civil_from_days(day_of(minute)).year;
}

/* The days of a month that match, bits 1..31; first is the day number of its first. */
static uint32_t matching_days(const struct cron *cron, int64_t first, unsigned length)
{
    /* The seven bits again and again, so that bit n is the weekday of n days after a Sunday. */
    uint64_t weeks = cron->weekdays * UINT64_C(0x810204081);
    uint32_t by_weekday = (uint32_t)(weeks >> weekday_of(first) << 1);
    uint32_t existing = (uint32_t)((UINT64_C(2) << length) - 2);
    uint32_t days = cron->either_day ? cron->days | by_weekday : cron->days & by_weekday;
    return days & existing;
}

static unsigned lowest(uint64_t mask)
{
    return (unsigned)__builtin_ctzll(mask);
}

static unsigned highest(uint64_t mask)
{
    return 63 - (unsigned)__builtin_clzll(mask);
}

/* The first matching minute of a day that is not before of_day, or -1. */
static int time_from(const struct cron *cron, unsigned of_day)
{
    unsigned hour = of_day / 60;
    if (cron->hours >> hour & 1) {
        uint64_t minutes = cron->minutes >> of_day % 60 << of_day % 60;
        if (minutes)
            return (int)(hour * 60 + lowest(minutes));
    }
    uint32_t later = cron->hours >> (hour + 1) << (hour + 1);
    return later ? (int)(lowest(later) * 60 + lowest(cron->minutes)) : -1;
}

/* The last matching minute of a day that is not after of_day, or -1. */
static int time_until(const struct cron *cron, unsigned of_day)
{
    unsigned hour = of_day / 60;
    if (cron->hours >> hour & 1) {
        uint64_t minutes = cron->minutes & ((UINT64_C(2) << of_day % 60) - 1);
        if (minutes)
            return (int)(hour * 60 + highest(minutes));
    }
    uint32_t earlier = cron->hours & ((UINT32_C(1) << hour) - 1);
    return earlier ? (int)(highest(earlier) * 60 + highest(cron->minutes)) : -1;
}

static bool can_fire(const struct cron *cron)
{
    return cron->minutes && cron->hours && cron->months;
}

int64_t cron_local_next(const struct cron *cron, int64_t after)
{
    if (!can_fire(cron) || after < -CRON_MINUTE_LIMIT || after > CRON_MINUTE_LIMIT)
        return CRON_NEVER;
    int64_t day = day_of(after + 1);
    unsigned of_day = (unsigned)(after + 1 - day * MINUTES_A_DAY);
    struct civil date = civil_from_days(day);
    int64_t last_year = date.year + CRON_HORIZON_YEARS;
    int64_t first = day - date.day + 1;
    if (cron->months >> date.month & 1) {
        uint32_t days = matching_days(cron, first, month_length(date.year, date.month));
        if (days >> date.day & 1) {
            int time = time_from(cron, of_day);
            if (time >= 0)
                return day * MINUTES_A_DAY + time;
        }
        days &= (uint32_t)(ALL_DAYS << date.day); /* those after it */
        if (days)
            return (first + lowest(days) - 1) * MINUTES_A_DAY + time_from(cron, 0);
    }
    for (;;) {
        unsigned later = (unsigned)cron->months >> (date.month + 1) << (date.month + 1);
        if (!later) {
            if (++date.year > last_year)
                return CRON_NEVER;
            later = cron->months;
        }
        date.month = lowest(later);
        first = days_from_civil(date.year, date.month, 1);
        uint32_t days = matching_days(cron, first, month_length(date.year, date.month));
        if (days)
            return (first + lowest(days) - 1) * MINUTES_A_DAY + time_from(cron, 0);
    }
}

int64_t cron_local_previous(const struct cron *cron, int64_t before)
{
    if (!can_fire(cron) || before < -CRON_MINUTE_LIMIT || before > CRON_MINUTE_LIMIT)
        return CRON_NEVER;
    int64_t day = day_of(before - 1);
    unsigned of_day = (unsigned)(before - 1 - day * MINUTES_A_DAY);
    struct civil date = civil_from_days(day);
    int64_t first_year = date.year - CRON_HORIZON_YEARS;
    int64_t first = day - date.day + 1;
    if (cron->months >> date.month & 1) {
        uint32_t days = matching_days(cron, first, month_length(date.year, date.month));
        if (days >> date.day & 1) {
            int time = time_until(cron, of_day);
            if (time >= 0)
                return day * MINUTES_A_DAY + time;
        }
        days &= (UINT32_C(1) << date.day) - 1;
        if (days)
            return (first + highest(days) - 1) * MINUTES_A_DAY +
                   time_until(cron, MINUTES_A_DAY - 1);
    }
    for (;;) {
        unsigned earlier = cron->months & ((1U << date.month) - 1);
        if (!earlier) {
            if (--date.year < first_year)
                return CRON_NEVER;
            earlier = cron->months;
        }
        date.month = highest(earlier);
        first = days_from_civil(date.year, date.month, 1);
        uint32_t days = matching_days(cron, first, month_length(date.year, date.month));
        if (days)
            return (first + highest(days) - 1) * MINUTES_A_DAY +
                   time_until(cron, MINUTES_A_DAY - 1);
    }
}

/* The shortest distance between two set bits, 64 where there is only one. */
static unsigned shortest_distance(uint64_t mask)
{
    unsigned distance = mask & (mask - 1) ? 1 : 64;
    while (distance < 64 && !(mask & mask >> distance))
        distance++;
    return distance;
}

/*
 * The shortest distance between two days that match, in days. Walks the 400 years after which the
 * calendar repeats, weekdays included, and on to the first matching day of the next 400, so it has
 * seen every distance there is. Most expressions end it at once: no distance is shorter than
 * at_least.
 */
static int64_t shortest_day_distance(const struct cron *cron, int64_t at_least)
{
    const int64_t none = INT64_MIN;
    int64_t shortest = CYCLE_DAYS;
    int64_t beginning = none;
    int64_t last = none;
    for (int64_t year = 2000; year <= 2800; year++) {
        for (unsigned months = cron->months; months; months &= months - 1) {
            int64_t first = days_from_civil(year, lowest(months), 1);
            uint32_t days = matching_days(cron, first, month_length(year, lowest(months)));
            if (!days)
                continue;
            int64_t lowest_day = first + lowest(days) - 1;
            if (last != none && lowest_day - last < shortest)
                shortest = lowest_day - last;
            if (beginning == none)
                beginning = lowest_day;
            else if (lowest_day >= beginning + CYCLE_DAYS)
                return shortest;
            int64_t inside = shortest_distance(days);
            if (inside < shortest && inside < 32)
                shortest = inside;
            if (shortest <= at_least)
                return shortest;
            last = first + highest(days) - 1;
        }
    }
    return shortest;
}

/* No two matching days are closer than this: quickly known, and mostly the true distance. */
static int64_t day_distance_bound(const struct cron *cron)
{
    if (cron->either_day)
        return 1;
    /* Both must match: days are as far apart as their weekdays are, and as their dates, where no
     * month is shorter than 28 days. */
    int64_t by_weekday = shortest_distance(cron->weekdays | (uint64_t)cron->weekdays << 7);
    int64_t by_date = 28 - (int64_t)(highest(cron->days) - lowest(cron->days));
    if (by_date > shortest_distance(cron->days))
        by_date = shortest_distance(cron->days);
    return by_weekday > by_date ? by_weekday : by_date;
}

int64_t cron_shortest_interval(const struct cron *cron)
{
    INVARIANT(can_fire(cron) && cron->days && cron->weekdays);
    unsigned minute_span = highest(cron->minutes) - lowest(cron->minutes);
    unsigned hour_span = highest(cron->hours) - lowest(cron->hours);
    unsigned span = hour_span * 60 + minute_span;
    if (span == 0)
        return shortest_day_distance(cron, day_distance_bound(cron)) * MINUTES_A_DAY;
    int64_t shortest = MINUTES_A_DAY;
    if (minute_span > 0)
        shortest = shortest_distance(cron->minutes);
    if (hour_span > 0) {
        int64_t between_hours = (int64_t)shortest_distance(cron->hours) * 60 - (int64_t)minute_span;
        if (between_hours < shortest)
            shortest = between_hours;
    }
    /*
     * Over midnight only days that follow each other can be closer than two times of one day:
     * those are less than a day apart, and with a day between it is more.
     */
    int64_t over_midnight = MINUTES_A_DAY - (int64_t)span;
    if (over_midnight < shortest && shortest_day_distance(cron, 1) == 1)
        shortest = over_midnight;
    return shortest;
}
