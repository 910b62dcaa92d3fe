/*
 * Cron expressions: five fields (minute hour day month weekday) as bitmasks.
 *
 * Grammar as crontab(5) of cronie: lists, ranges, steps (also on "*" and on ranges), names of
 * months and weekdays (any case), 0 and 7 are Sunday. When both day fields are restricted a day
 * matches that either of them names; a field that starts with "*" is not a restriction. All times
 * UTC; a minute is the number of minutes since 1970-01-01T00:00Z.
 */
#ifndef SHARED_CRON_H
#define SHARED_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define CRON_TEXT_MAX      255 /* bytes of an expression */
#define CRON_ERROR_SIZE    160
#define CRON_NEVER         INT64_MIN /* no such minute within CRON_HORIZON_YEARS */
#define CRON_HORIZON_YEARS 30

struct cron {
    uint64_t minutes;   /* bits 0..59 */
    uint32_t hours;     /* bits 0..23 */
    uint32_t days;      /* bits 1..31 */
    uint16_t months;    /* bits 1..12 */
    uint8_t weekdays;   /* bits 0..6, Sunday is 0 */
    uint8_t either_day; /* 1: both day fields are restricted, either may match; 0: both must */
};

/* A minute taken apart, once for all jobs of a tick. */
struct cron_time {
    uint64_t minute;
    uint32_t hour, day;
    uint16_t month;
    uint8_t weekday; /* each a mask with one bit */
};

/*
 * Parses length bytes. On failure returns -1, leaves *cron untouched and writes a sentence for the
 * user to error ("minute: 60 is out of range 0-59"). An expression that can never fire ("0 0 30 2
 * *") is refused.
 */
int cron_parse(const char *text, size_t length, struct cron *cron,
               char error[static CRON_ERROR_SIZE]) MUST_CHECK;

struct cron_time cron_time_of(int64_t minute);
/* In the header, for the scan of a tick runs through a million of these. */
static inline bool cron_matches(const struct cron *cron, const struct cron_time *time)
{
    bool day = (cron->days & time->day) != 0;
    bool weekday = (cron->weekdays & time->weekday) != 0;
    return (cron->minutes & time->minute) && (cron->hours & time->hour) &&
           (cron->months & time->month) && (cron->either_day ? (day || weekday) : (day && weekday));
}

/* The first matching minute > after, or the last one < before; CRON_NEVER where there is none. */
int64_t cron_next(const struct cron *cron, int64_t after);
int64_t cron_previous(const struct cron *cron, int64_t before);

/* The shortest time between two firings, in minutes ("0,5 * * * *": 5). */
int64_t cron_shortest_interval(const struct cron *cron);

#endif
