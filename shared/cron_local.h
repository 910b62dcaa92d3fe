/* Between cron.c and cron_zone.c: an expression on the local calendar, without changes of clocks.
 */
#ifndef SHARED_CRON_LOCAL_H
#define SHARED_CRON_LOCAL_H

#include "shared/cron.h"

/* As cron_next and cron_previous, with local minutes in and out; the zone is not looked at. */
int64_t cron_local_next(const struct cron *cron, int64_t after);
int64_t cron_local_previous(const struct cron *cron, int64_t before);

/* The year of a local minute. */
int64_t cron_local_year(int64_t minute);

/* Times further from 1970 have no next one: keeps all sums inside int64_t. */
#define CRON_MINUTE_LIMIT (INT64_MAX / 4)

#endif
