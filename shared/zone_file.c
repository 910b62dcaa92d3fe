#include "shared/zone_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"

#define HEADER_BYTES 44
#define DAY_S        86400
#define OFFSET_MAX_S INT64_C(93600) /* 26 h; RFC 8536: should lie within -24:59:59 .. 25:59:59 */

struct reader {
    const uint8_t *at, *end;
};

/* The six counts of a header, in its order, and what they make of the block behind it. */
struct header {
    uint8_t version;
    uint32_t utc_flags, standard_flags, leaps, times, types, letters;
};

struct changes {
    struct zone_change *items;
    size_t count, capacity;
    bool broken; /* a time that does not rise, an offset out of range */
};

/*
 * A day of the year by the footer's rule: month 1..12, week 1..5 (5: the last one), weekday, or,
 * where month is 0, a number of days from 1 January (leap_counted), or one as if 29 February were
 * none.
 */
struct rule {
    unsigned month, week, weekday;
    int day;
    bool leap_counted;
    int time_s; /* of the day, by the clock before the change; may be below 0 or above 24 h */
};

struct footer {
    int32_t standard_s, summer_s;
    bool changes;
    struct rule to_summer, to_standard;
};

static uint64_t take_integer(struct reader *reader, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | *reader->at++;
    return value;
}

static size_t left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static int take_header(struct reader *reader, struct header *header)
{
    if (left(reader) < HEADER_BYTES || memcmp(reader->at, "TZif", 4) != 0)
        return -1;
    header->version = reader->at[4];
    reader->at += 20;
    header->utc_flags = (uint32_t)take_integer(reader, 4);
    header->standard_flags = (uint32_t)take_integer(reader, 4);
    header->leaps = (uint32_t)take_integer(reader, 4);
    header->times = (uint32_t)take_integer(reader, 4);
    header->types = (uint32_t)take_integer(reader, 4);
    header->letters = (uint32_t)take_integer(reader, 4);
    return 0;
}

static uint64_t block_bytes(const struct header *header, unsigned time_bytes)
{
    return (uint64_t)header->times * (time_bytes + 1) + (uint64_t)header->types * 6 +
           header->letters + (uint64_t)header->leaps * (time_bytes + 4) + header->standard_flags +
           header->utc_flags;
}

/* A change before 1970 only says where 1970 begins. */
static void changes_add(struct changes *changes, int64_t at_s, int64_t offset_s)
{
    if (offset_s < -OFFSET_MAX_S || offset_s > OFFSET_MAX_S) {
        changes->broken = true;
        return;
    }
    if (at_s < 0)
        at_s = 0;
    if (changes->count > 0) {
        struct zone_change *last = &changes->items[changes->count - 1];
        if (at_s < last->at_s)
            changes->broken = true;
        if (at_s == last->at_s && changes->count > 1 && offset_s == last[-1].offset_s)
            changes->count--;
        else if (at_s <= last->at_s)
            last->offset_s = (int32_t)offset_s;
        if (at_s <= last->at_s || offset_s == last->offset_s)
            return;
    }
    if (changes->count == changes->capacity) {
        changes->capacity = changes->capacity ? 2 * changes->capacity : 16;
        changes->items = memory_resize(changes->items, changes->capacity, sizeof *changes->items);
    }
    changes->items[changes->count++] = (struct zone_change){at_s, (int32_t)offset_s};
}

/* The block of 64-bit times; last_s: the last one, INT64_MIN where there is none. */
static int take_block(struct reader *reader, const struct header *header, struct changes *changes,
                      int64_t *last_s)
{
    if (header->leaps > 0 || header->types == 0 || header->types > 256 ||
        block_bytes(header, 8) > left(reader))
        return -1;
    struct reader times = *reader;
    const uint8_t *indexes = reader->at + (size_t)header->times * 8;
    const uint8_t *types = indexes + header->times;
    reader->at += block_bytes(header, 8);
    *last_s = INT64_MIN;
    for (uint32_t i = 0; i <= header->times; i++) {
        /* Before the first change the first type holds. */
        int64_t at_s = i == 0 ? INT64_MIN : (int64_t)take_integer(&times, 8);
        unsigned type = i == 0 ? 0 : indexes[i - 1];
        if (type >= header->types || at_s < *last_s)
            return -1;
        struct reader offset = {types + (size_t)type * 6, reader->end};
        changes_add(changes, at_s, (int32_t)(uint32_t)take_integer(&offset, 4));
        *last_s = at_s;
    }
    return 0;
}

static bool footer_has(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != (uint8_t)c)
        return false;
    reader->at++;
    return true;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int take_number(struct reader *reader, int low, int high, int *number)
{
    int value = 0;
    if (reader->at == reader->end || !is_digit(*reader->at))
        return -1;
    for (; reader->at < reader->end && is_digit(*reader->at); reader->at++) {
        value = value * 10 + (*reader->at - '0');
        if (value > high)
            return -1;
    }
    if (value < low)
        return -1;
    *number = value;
    return 0;
}

/* "EST", "<+0330>" */
static int skip_letters(struct reader *reader)
{
    const uint8_t *from = reader->at;
    if (footer_has(reader, '<')) {
        while (reader->at < reader->end && *reader->at != '>')
            reader->at++;
        return footer_has(reader, '>') ? 0 : -1;
    }
    while (reader->at < reader->end && ((*reader->at | 0x20) >= 'a' && (*reader->at | 0x20) <= 'z'))
        reader->at++;
    return reader->at > from ? 0 : -1;
}

/* [+-]hh[:mm[:ss]] */
static int take_time(struct reader *reader, int hours_max, int *time_s)
{
    int sign = footer_has(reader, '-') ? -1 : 1;
    int hours;
    int minutes = 0;
    int seconds = 0;
    if (sign > 0)
        footer_has(reader, '+');
    if (take_number(reader, 0, hours_max, &hours) ||
        (footer_has(reader, ':') &&
         (take_number(reader, 0, 59, &minutes) ||
          (footer_has(reader, ':') && take_number(reader, 0, 59, &seconds)))))
        return -1;
    *time_s = sign * (hours * 3600 + minutes * 60 + seconds);
    return 0;
}

/* ",M3.2.0/2", ",J60", ",59/-1:30" */
static int take_rule(struct reader *reader, struct rule *rule)
{
    *rule = (struct rule){.time_s = 2 * 3600};
    if (!footer_has(reader, ','))
        return -1;
    if (footer_has(reader, 'M')) {
        int month;
        int week;
        int weekday;
        if (take_number(reader, 1, 12, &month) || !footer_has(reader, '.') ||
            take_number(reader, 1, 5, &week) || !footer_has(reader, '.') ||
            take_number(reader, 0, 6, &weekday))
            return -1;
        rule->month = (unsigned)month;
        rule->week = (unsigned)week;
        rule->weekday = (unsigned)weekday;
    } else {
        rule->leap_counted = !footer_has(reader, 'J');
        if (take_number(reader, rule->leap_counted ? 0 : 1, 365, &rule->day))
            return -1;
    }
    return footer_has(reader, '/') ? take_time(reader, 167, &rule->time_s) : 0;
}

/* Offsets are west of UTC here. Nothing at all: no rule is known, the last offset stays. */
static int take_footer(struct reader *reader, struct footer *footer, bool *known)
{
    int west_s;
    *known = false;
    if (!footer_has(reader, '\n'))
        return -1;
    if (footer_has(reader, '\n'))
        return 0;
    if (skip_letters(reader) || take_time(reader, 25, &west_s))
        return -1;
    *known = true;
    *footer = (struct footer){.standard_s = -west_s};
    if (footer_has(reader, '\n'))
        return 0;
    footer->changes = true;
    footer->summer_s = footer->standard_s + 3600;
    if (skip_letters(reader))
        return -1;
    if (reader->at < reader->end && *reader->at != ',') {
        if (take_time(reader, 25, &west_s))
            return -1;
        footer->summer_s = -west_s;
    }
    if (take_rule(reader, &footer->to_summer) || take_rule(reader, &footer->to_standard))
        return -1;
    return footer_has(reader, '\n') ? 0 : -1;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Of 1 January, from 1970-01-01; years from 1 on. */
static int64_t day_of_year(int year)
{
    int before = year - 1;
    return (int64_t)before * 365 + before / 4 - before / 100 + before / 400 - 719162;
}

static int64_t rule_time_s(const struct rule *rule, int year, int32_t offset_s)
{
    static const int starts[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t day = day_of_year(year);
    if (rule->month == 0) {
        day += rule->leap_counted ? rule->day : rule->day - 1 + (rule->day > 59 && is_leap(year));
    } else {
        day += starts[rule->month - 1] + (rule->month > 2 && is_leap(year));
        int length =
            starts[rule->month] - starts[rule->month - 1] + (rule->month == 2 && is_leap(year));
        int first = (int)((day % 7 + 11) % 7); /* its weekday; 1970-01-01 was a Thursday */
        int date = ((int)rule->weekday - first + 7) % 7 + 7 * ((int)rule->week - 1);
        day += date < length ? date : date - 7;
    }
    return day * DAY_S + rule->time_s - offset_s;
}

static void changes_by_footer(struct changes *changes, const struct footer *footer, int64_t last_s)
{
    if (!footer->changes) {
        if (last_s < 0)
            changes_add(changes, 0, footer->standard_s);
        return;
    }
    /* The year before, for what holds when the first one begins. */
    for (int year = ZONE_FILE_YEAR_FIRST - 1; year <= ZONE_FILE_YEAR_LAST; year++) {
        struct zone_change first = {rule_time_s(&footer->to_summer, year, footer->standard_s),
                                    footer->summer_s};
        struct zone_change second = {rule_time_s(&footer->to_standard, year, footer->summer_s),
                                     footer->standard_s};
        if (second.at_s < first.at_s) {
            struct zone_change swapped = first;
            first = second;
            second = swapped;
        }
        if (first.at_s > last_s)
            changes_add(changes, first.at_s, first.offset_s);
        if (second.at_s > last_s)
            changes_add(changes, second.at_s, second.offset_s);
    }
}

int zone_file_parse(const uint8_t *bytes, size_t length, struct zone_change **changes,
                    size_t *count)
{
    struct reader reader = {bytes, bytes + length};
    struct header header;
    struct footer footer;
    struct changes found = {0};
    bool footer_known;
    int64_t last_s;
    /* The first block, of 32-bit times, is for readers of old. */
    if (take_header(&reader, &header) || header.version < '2' ||
        block_bytes(&header, 4) > left(&reader))
        return -1;
    reader.at += block_bytes(&header, 4);
    if (take_header(&reader, &header) || header.version < '2' ||
        take_block(&reader, &header, &found, &last_s) ||
        take_footer(&reader, &footer, &footer_known)) {
        free(found.items);
        return -1;
    }
    if (footer_known)
        changes_by_footer(&found, &footer, last_s);
    if (found.broken) {
        free(found.items);
        return -1;
    }
    *changes = found.items;
    *count = found.count;
    return 0;
}

int zone_file_read(const char *path, struct zone_change **changes, size_t *count)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return -1;
    uint8_t *bytes = memory_new(ZONE_FILE_MAX, 1);
    size_t length = fread(bytes, 1, ZONE_FILE_MAX, file);
    int status = ferror(file) || length == ZONE_FILE_MAX
                     ? -1
                     : zone_file_parse(bytes, length, changes, count);
    fclose(file);
    free(bytes);
    return status;
}
