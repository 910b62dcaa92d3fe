/*
 * Expressions in their zones. A zone's time is a row of spans with one offset each; inside a span
 * an expression is a matter of the local calendar (cron.c), and each span knows which of its local
 * minutes were there before and which were skipped in front of it.
 */
#include "shared/cron.h"

#include <string.h>

#include "shared/cron_local.h"

struct cron_time cron_time_in(uint16_t zone, int64_t minute)
{
    if (zone == ZONE_UTC)
        return cron_time_of(minute);
    const struct zone_span *span = zone_span_at(zone, minute);
    struct cron_time time = cron_time_of(minute + span->offset);
    if (time.local < span->seen)
        time.skipped = CRON_REPEATED;
    else if (minute == span->from)
        time.skipped = (int32_t)(time.local - span->seen);
    return time;
}

bool cron_matches_change(const struct cron *cron, const struct cron_time *time)
{
    if (cron->elapsed)
        return cron_names(cron, time);
    if (time->skipped == CRON_REPEATED)
        return false;
    int64_t next = cron_local_next(cron, time->local - time->skipped - 1);
    return next != CRON_NEVER && next <= time->local;
}

void cron_minute_set(struct cron_minute *minute, int64_t number)
{
    minute->minute = number;
    memset(minute->known, 0, sizeof minute->known);
}

void cron_minute_learn(struct cron_minute *minute, uint16_t zone)
{
    INVARIANT(zone < ZONES_MAX);
    minute->times[zone] = cron_time_in(zone, minute->minute);
    minute->known[zone / 64] |= UINT64_C(1) << zone % 64;
}

/* The first local minute of a span that an expression may fire in. */
static int64_t span_begin(const struct cron *cron, const struct zone_span *span)
{
    int64_t begin = span->from + span->offset;
    return !cron->elapsed && span->seen > begin ? span->seen : begin;
}

/* The local minute that makes the start of a span fire for a gap before it, or CRON_NEVER. */
static int64_t span_gap(const struct cron *cron, const struct zone_span *span)
{
    int64_t begin = span->from + span->offset;
    if (cron->elapsed || span->seen >= begin)
        return CRON_NEVER;
    int64_t local = cron_local_next(cron, span->seen - 1);
    return local < begin ? local : CRON_NEVER;
}

int64_t cron_next(const struct cron *cron, int64_t after)
{
    if (cron->zone == ZONE_UTC || after < -CRON_MINUTE_LIMIT || after > CRON_MINUTE_LIMIT)
        return cron_local_next(cron, after);
    const struct zone_span *span = zone_span_at(cron->zone, after + 1);
    int64_t last_year = cron_local_year(after + 1 + span->offset) + CRON_HORIZON_YEARS;
    int64_t from = after + 1 + span->offset;
    for (;;) {
        int64_t gap = after < span->from ? span_gap(cron, span) : CRON_NEVER;
        if (gap != CRON_NEVER)
            return cron_local_year(gap) <= last_year ? span->from : CRON_NEVER;
        int64_t begin = span_begin(cron, span);
        int64_t local = cron_local_next(cron, (from > begin ? from : begin) - 1);
        if (local != CRON_NEVER && local - span->offset < span->to)
            return cron_local_year(local) <= last_year ? local - span->offset : CRON_NEVER;
        if (span->to == ZONE_END)
            return CRON_NEVER;
        span = zone_span_at(cron->zone, span->to);
        from = span->from + span->offset;
        if (cron_local_year(from) > last_year)
            return CRON_NEVER;
    }
}

int64_t cron_previous(const struct cron *cron, int64_t before)
{
    if (cron->zone == ZONE_UTC || before < -CRON_MINUTE_LIMIT || before > CRON_MINUTE_LIMIT)
        return cron_local_previous(cron, before);
    const struct zone_span *span = zone_span_at(cron->zone, before - 1);
    int64_t first_year = cron_local_year(before - 1 + span->offset) - CRON_HORIZON_YEARS;
    int64_t to = before + span->offset;
    for (;;) {
        int64_t local = cron_local_previous(cron, to);
        if (local != CRON_NEVER && local >= span_begin(cron, span))
            return cron_local_year(local) >= first_year ? local - span->offset : CRON_NEVER;
        int64_t gap = span_gap(cron, span);
        if (gap != CRON_NEVER)
            return cron_local_year(gap) >= first_year ? span->from : CRON_NEVER;
        if (span->from == ZONE_BEGIN)
            return CRON_NEVER;
        span = zone_span_at(cron->zone, span->from - 1);
        to = span->to + span->offset;
        if (cron_local_year(to - 1) < first_year)
            return CRON_NEVER;
    }
}
