/*
 * Cron expressions: five fields (minute hour day month weekday) as bitmasks.
 *
 * Grammar as crontab(5) of cronie: lists, ranges, steps (also on "*" and on ranges), names of
 * months and weekdays (any case), 0 and 7 are Sunday. When both day fields are restricted a day
 * matches that either of them names; a field that starts with "*" is not a restriction. A minute is
 * the number of minutes since 1970-01-01T00:00Z.
 *
 * An expression is meant in the local time of its zone (shared/zone.h: one thread). Where minute or
 * hour start with "*" it follows elapsed time: it fires in every minute whose local time matches.
 * Otherwise it names fixed times, and a change of the clocks must not lose or double one: a local
 * minute that comes a second time does not fire again, and those that are skipped fire in the first
 * minute after the gap, once in all.
 */
#ifndef SHARED_CRON_H
#define SHARED_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/zone.h"

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
    uint16_t zone;      /* of shared/zone.h, never ZONE_NONE */
    uint8_t elapsed;    /* 1: minute or hour start with "*"; 0: fixed times */
};

_Static_assert(sizeof(struct cron) == 24, "a million jobs hold one each");

#define CRON_REPEATED (-1)

/* A minute taken apart, once for all jobs of a tick that have the same zone. */
struct cron_time {
    uint64_t minute;
    uint32_t hour, day;
    uint16_t month;
    uint8_t weekday; /* each a mask with one bit */
    int32_t skipped; /* so many local minutes were skipped right before this one, mostly 0; or
                        CRON_REPEATED: this local minute was there before */
    int64_t local;   /* the local minute */
};

/*
 * Parses length bytes. On failure returns -1, leaves *cron untouched and writes a sentence for the
 * user to error ("minute: 60 is out of range 0-59"). An expression that can never fire ("0 0 30 2
 * *") is refused. The zone is UTC; the caller may set another.
 */
int cron_parse(const char *text, size_t length, struct cron *cron,
               char error[static CRON_ERROR_SIZE]) MUST_CHECK;

/* A minute (UTC) in UTC, and in a zone. */
struct cron_time cron_time_of(int64_t minute);
struct cron_time cron_time_in(uint16_t zone, int64_t minute);

/* The part of cron_matches for the minutes at which clocks were changed. */
bool cron_matches_change(const struct cron *cron, const struct cron_time *time);

/* Whether the masks name the local minute, whatever the clocks did. */
static inline bool cron_names(const struct cron *cron, const struct cron_time *time)
{
    bool day = (cron->days & time->day) != 0;
    bool weekday = (cron->weekdays & time->weekday) != 0;
    return (cron->minutes & time->minute) && (cron->hours & time->hour) &&
           (cron->months & time->month) && (cron->either_day ? (day || weekday) : (day && weekday));
}

/*
 * Whether cron fires at time, which is of its zone. In the header, for the scan of a tick runs
 * through a million of these.
 */
static inline bool cron_matches(const struct cron *cron, const struct cron_time *time)
{
    if (__builtin_expect(time->skipped != 0, 0))
        return cron_matches_change(cron, time);
    return cron_names(cron, time);
}

/* One minute in all zones, each worked out when it is first asked for. Some 32 KiB. */
struct cron_minute {
    int64_t minute;
    uint64_t known[ZONES_MAX / 64];
    struct cron_time times[ZONES_MAX];
};

/* Sets the minute (UTC) and forgets what was known; before the first use too. */
void cron_minute_set(struct cron_minute *minute, int64_t number);

/* The part of cron_minute_time for a zone that is asked for the first time. */
void cron_minute_learn(struct cron_minute *minute, uint16_t zone);

/* Valid until the next cron_minute_set. */
static inline const struct cron_time *cron_minute_time(struct cron_minute *minute, uint16_t zone)
{
    if (!(minute->known[zone / 64] >> zone % 64 & 1))
        cron_minute_learn(minute, zone);
    return &minute->times[zone];
}

/*
 * The first minute > after in which cron fires, or the last one < before; CRON_NEVER where there is
 * none. Exactly what trying every minute with cron_matches finds.
 */
int64_t cron_next(const struct cron *cron, int64_t after);
int64_t cron_previous(const struct cron *cron, int64_t before);

/*
 * The shortest time between two firings, in minutes ("0,5 * * * *": 5), by the expression alone: at
 * a change of the clocks two may be closer ("30 2,3 * * *": 30 where 02:30 is skipped).
 */
int64_t cron_shortest_interval(const struct cron *cron);

#endif
