/*
 * Time zones of the IANA database, interned: a zone is an index, 0 is UTC. Its changes are read
 * once, from the system's tzdata, and stay for the life of the process; after an update of tzdata
 * the process is started again. For one thread, that of the loop; the first look-up of a zone reads
 * a file of a few KiB, later ones allocate nothing and do not block.
 *
 * Minutes are counted from 1970-01-01T00:00, in UTC or in the local time of a zone. Before 1970 a
 * zone keeps its offset of that day, after 2100 its last one. The few offsets of old that were no
 * whole minutes (Africa/Monrovia until 1972) are rounded down.
 */
#ifndef SHARED_ZONE_H
#define SHARED_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define ZONE_UTC      0
#define ZONE_NONE     UINT16_MAX
#define ZONES_MAX     1024 /* the database has some 600 */
#define ZONE_NAME_MAX 64   /* bytes */

/* The bounds of the first and the last span: far, and still safe to calculate with. */
#define ZONE_BEGIN (INT64_MIN / 2)
#define ZONE_END   (INT64_MAX / 2)

/* A time with one offset. */
struct zone_span {
    int64_t from, to; /* minutes UTC: from <= minute < to */
    int64_t seen;     /* local minutes before this one came before the span, or never will: those
                         of the span are a repetition below it, and at its start, where it is less
                         than the local minute, those between were skipped */
    int32_t offset;   /* local time minus UTC, minutes */
};

/*
 * ZONE_NONE for what is no name of the database ("Mars/Olympus", "EST5EDT4", "posix/UTC"), what
 * cannot be read, and beyond ZONES_MAX. "UTC" is known in any case of letters, and without tzdata.
 */
uint16_t zone_find(const char *name, size_t length) MUST_CHECK;

/* As it was given to zone_find; for ZONE_UTC "UTC". Lives as long as the process. */
const char *zone_name(uint16_t zone);

/* The span that holds a minute (UTC), which is within ZONE_BEGIN .. ZONE_END - 1. */
const struct zone_span *zone_span_at(uint16_t zone, int64_t minute);

/* The local minute of a minute (UTC). */
static inline int64_t zone_local(uint16_t zone, int64_t minute)
{
    return zone == ZONE_UTC ? minute : minute + zone_span_at(zone, minute)->offset;
}

#endif
