/* Statements that write what the rules of checks give one transaction; those without rows are left
 * out. */
#ifndef SCHEDULER_SQL_CHECKS_WRITE_H
#define SCHEDULER_SQL_CHECKS_WRITE_H

#include "scheduler/checks/check_writing.h"
#include "scheduler/checks/checks.h"
#include "shared/db.h"

/* Pings, states, starts, flips and pauses; alerts are in sql_alerts.h. */
void sql_write_checks(struct db_unit *unit, const struct check_writing *writing);
/* As sql_checks_progress_row reads it. */
void sql_write_checks_progress(struct db_unit *unit, const struct checks_progress *progress,
                               const char *stream);

#endif
