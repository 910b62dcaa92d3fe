/*
 * An expression that parses means what its masks, written out, mean; cron_next and cron_previous
 * agree with cron_matches tried minute by minute, and no two firings are closer than
 * cron_shortest_interval. In a time zone too, around a change of its clocks. The first four bytes
 * choose a minute.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shared/cron.h"
#include "tests/fuzz/fuzz.h"

#define DAY 1440

static size_t write_mask(char *text, size_t size, uint64_t mask)
{
    size_t length = 0;
    for (int bit = 0; bit < 64; bit++) {
        if (mask >> bit & 1)
            length += (size_t)snprintf(text + length, size - length, "%d,", bit);
    }
    text[length - 1] = ' ';
    return length;
}

/* Full day fields as stars: as lists they would let any day match. */
static void check_written_out(const struct cron *cron)
{
    char text[512];
    char error[CRON_ERROR_SIZE];
    struct cron again;
    size_t length = write_mask(text, sizeof text, cron->minutes);
    length += write_mask(text + length, sizeof text - length, cron->hours);
    if (cron->days == 0xfffffffeU && !cron->either_day)
        length += (size_t)snprintf(text + length, sizeof text - length, "* ");
    else
        length += write_mask(text + length, sizeof text - length, cron->days);
    length += write_mask(text + length, sizeof text - length, cron->months);
    if (cron->weekdays == 0x7f && !cron->either_day)
        length += (size_t)snprintf(text + length, sizeof text - length, "*");
    else
        length += write_mask(text + length, sizeof text - length, cron->weekdays) - 1;
    if (length > CRON_TEXT_MAX)
        return;
    INVARIANT(!cron_parse(text, length, &again, error));
    INVARIANT(again.minutes == cron->minutes && again.hours == cron->hours &&
              again.days == cron->days && again.months == cron->months &&
              again.weekdays == cron->weekdays);
}

static bool fires(const struct cron *cron, int64_t minute)
{
    struct cron_time time = cron_time_of(minute);
    return cron_matches(cron, &time);
}

/* Nothing fires within from .. to: minute by minute at both ends, day by day between. */
static void check_silence(const struct cron *cron, int64_t from, int64_t to)
{
    struct cron whole_day = *cron;
    whole_day.minutes = (UINT64_C(1) << 60) - 1;
    whole_day.hours = (1U << 24) - 1;
    for (int64_t minute = from; minute <= to;) {
        bool midnight = minute % DAY == 0 && minute + DAY <= to;
        if (midnight && !fires(&whole_day, minute)) {
            minute += DAY;
            continue;
        }
        INVARIANT(!fires(cron, minute));
        minute++;
    }
}

static void check_times(const struct cron *cron, int64_t after)
{
    int64_t next = cron_next(cron, after);
    if (next == CRON_NEVER)
        return; /* 29 February on certain weekdays, over 2100 */
    INVARIANT(next > after && fires(cron, next));
    check_silence(cron, after + 1, next - 1);
    INVARIANT(cron_next(cron, next - 1) == next);
    INVARIANT(cron_previous(cron, next + 1) == next);
    int64_t previous = cron_previous(cron, next);
    if (previous == CRON_NEVER)
        return;
    INVARIANT(previous <= after && fires(cron, previous));
    check_silence(cron, previous + 1, after);
    INVARIANT(next - previous >= cron_shortest_interval(cron));
}

/* Minute by minute, an hour each side of the change that precedes the minute. */
static void check_zone(struct cron cron, int64_t minute)
{
    static const char *const names[] = {"Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll",
                                        "Pacific/Apia"};
    const char *name = names[minute % (int64_t)ARRAY_LENGTH(names)];
    cron.zone = zone_find(name, strlen(name));
    INVARIANT(cron.zone != ZONE_NONE);
    const struct zone_span *span = zone_span_at(cron.zone, minute);
    int64_t from = (span->from == ZONE_BEGIN ? minute : span->from) - 60;
    int64_t to = from + 120;
    int64_t last = CRON_NEVER;
    for (minute = from; minute <= to; minute++) {
        struct cron_time time = cron_time_in(cron.zone, minute);
        if (!cron_matches(&cron, &time))
            continue;
        INVARIANT(cron_next(&cron, last == CRON_NEVER ? from - 1 : last) == minute);
        INVARIANT(last == CRON_NEVER ? cron_previous(&cron, minute) < from
                                     : cron_previous(&cron, minute) == last);
        last = minute;
    }
    int64_t next = cron_next(&cron, last == CRON_NEVER ? from - 1 : last);
    INVARIANT(next == CRON_NEVER || next > to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cron cron;
    char error[CRON_ERROR_SIZE] = "";
    uint32_t minute;
    if (size < sizeof minute)
        return 0;
    memcpy(&minute, data, sizeof minute);
    if (cron_parse((const char *)data + sizeof minute, size - sizeof minute, &cron, error)) {
        INVARIANT(error[0] && strlen(error) < CRON_ERROR_SIZE);
        return 0;
    }
    check_written_out(&cron);
    check_times(&cron, minute % (200U * 525960U));
    check_zone(cron, minute % (130U * 525960U));
    return 0;
}
