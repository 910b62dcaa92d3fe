/*
 * Statements that write the alerts of checks, and what tells of them: notices for webhooks and
 * Slack, rows of outbox for addresses. PostgreSQL joins in what the rules do not keep: names,
 * targets, schedules. Statements without rows are left out. What becomes of a notice is written to
 * its alerts with it (sql_writing.c).
 */
#ifndef SCHEDULER_SQL_ALERTS_H
#define SCHEDULER_SQL_ALERTS_H

#include "scheduler/checks/check_writing.h"
#include "shared/db.h"

/* Behind the checks' states and flips; now_ms is what core_add_alert_notice is given. */
void sql_write_alerts(struct db_unit *unit, const struct check_writing *writing, int64_t now_ms);
/* Behind sql_write_alerts. The rows of the outbox come back as those of sql_write_letters do. */
void sql_write_alert_letters(struct db_unit *unit, const struct check_writing *writing,
                             int64_t now_ms);
/* Behind both: alerts that were waiting and have left are not waiting any more. */
void sql_write_alert_groups(struct db_unit *unit, const struct check_writing *writing,
                            int64_t now_ms);

#endif
