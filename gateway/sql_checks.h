/* Statements about checks, as in sql.h. */
#ifndef GATEWAY_SQL_CHECKS_H
#define GATEWAY_SQL_CHECKS_H

#include <stdint.h>

#include "shared/check_json.h"
#include "shared/db.h"

/* All checks of an account that have the tag and are of the group, where these are not NULL; the
 * newest first. */
void sql_checks(struct db_unit *unit, int64_t account, const char *tag, const char *group);
/* No row or one. */
void sql_check(struct db_unit *unit, int64_t account, const char *public_id);
/* Strings are borrowed with the rows. */
struct check_view sql_check_row(const struct db_rows *rows, int row);

/* What anybody's check is now: no row or one. */
void sql_check_status(struct db_unit *unit, int64_t check, const char *public_id);
enum check_status sql_check_status_row(const struct db_rows *rows);

/* The number of an account's check: no row or one. */
void sql_check_id(struct db_unit *unit, int64_t account, const char *public_id);
int64_t sql_check_id_row(const struct db_rows *rows);

#endif
