/* The part of sql_facts.h that is about checks, channels and their keys. */
#ifndef SCHEDULER_SQL_CHECK_FACTS_H
#define SCHEDULER_SQL_CHECK_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "scheduler/core/facts.h"
#include "shared/command.h"
#include "shared/db.h"

/* Whether a command needs rows of checks, all checks of its account, rows of channels. */
bool sql_needs_checks(const struct command *command);
bool sql_needs_all_checks(const struct command *command);
bool sql_needs_channels(const struct command *command);

/* One statement each. */
void sql_read_checks(struct db_unit *unit, const struct command *commands, size_t count);
void sql_read_all_checks(struct db_unit *unit, const struct command *commands, size_t count);
void sql_read_channels(struct db_unit *unit, const struct command *commands, size_t count);
/* Of both; a check that is there already is left out. */
void sql_check_rows(const struct db_rows *rows, struct facts *facts);
void sql_channel_rows(const struct db_rows *rows, struct facts *facts);

/* Statements without rows are left out. What was deleted is remembered until its history is gone.
 */
void sql_delete_check_facts(struct db_unit *unit, const struct facts *facts);
void sql_write_check_facts(struct db_unit *unit, const struct facts *facts);

#endif
