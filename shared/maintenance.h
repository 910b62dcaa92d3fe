/*
 * Maintenance windows of a check: one that comes once, and one that comes again every week. All is
 * UTC. A window holds its first second, and not the one it ends with.
 *
 *   schedule = days ":" HH:MM "-" HH:MM
 *   days     = day { "," day }
 *   day      = "daily" | "weekdays" | "weekends" | "sun" | "mon" | ... | "sat"     (any case)
 *
 * A window that ends before it begins goes over midnight, and belongs to the day it begins on. It
 * may end at 24:00.
 */
#ifndef SHARED_MAINTENANCE_H
#define SHARED_MAINTENANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define MAINTENANCE_ERROR_SIZE 160
#define MAINTENANCE_NEVER      INT64_MAX

struct maintenance_week {
    uint8_t days;       /* on which it begins: bits 0..6, Sunday is 0; none: there is no window */
    uint16_t begin_min; /* of such a day: 0..1439 */
    uint16_t minutes;   /* it lasts: 1..1440 */
};

struct maintenance {
    int64_t once_begin_s, once_end_s; /* equal: there is none */
    struct maintenance_week week;
};

/*
 * Parses a schedule; no bytes are none. On failure returns -1, leaves *week untouched and writes a
 * sentence for the user to error.
 */
int maintenance_parse(const char *text, size_t length, struct maintenance_week *week,
                      char error[static MAINTENANCE_ERROR_SIZE]) MUST_CHECK;

bool maintenance_is_empty(const struct maintenance *maintenance);
bool maintenance_at(const struct maintenance *maintenance, int64_t time_s);

/*
 * The first second from time_s on in which there is no maintenance: time_s itself where there is
 * none, MAINTENANCE_NEVER where it never ends.
 */
int64_t maintenance_over_s(const struct maintenance *maintenance, int64_t time_s);

#endif
