/*
 * Statements about how long checks were up and down, as in sql.h. A check counts while it is up,
 * late or down: not before its first ping, nor while it is paused.
 */
#ifndef GATEWAY_SQL_UPTIME_H
#define GATEWAY_SQL_UPTIME_H

#include <stdint.h>

#include "gateway/uptime.h"
#include "shared/db.h"

#define SQL_UPTIME_WINDOWS 3  /* 24 hours, 7 days, 30 days */
#define SQL_UPTIME_MONTHS  12 /* with the present one, and not before that of the check */

/*
 * Of an account's check: no row where it has none; otherwise SQL_UPTIME_WINDOWS rows, and a row for
 * each month, the newest first.
 */
void sql_uptime(struct db_unit *unit, int64_t account, const char *public_id);
/* Of anybody's check, in the last hours: no row or one. */
void sql_uptime_of(struct db_unit *unit, int64_t check, const char *public_id, int32_t hours);
struct uptime sql_uptime_row(const struct db_rows *rows, int row);
/* "2026-05", borrowed with the rows; of the rows of months. */
const char *sql_uptime_month(const struct db_rows *rows, int row);

#endif
