/* The facts that commands need, read from PostgreSQL (sql_facts_read.c), and what became of them
 * (sql_facts_write.c). */
#ifndef SCHEDULER_SQL_FACTS_H
#define SCHEDULER_SQL_FACTS_H

#include <stdbool.h>

#include "scheduler/core/facts.h"
#include "shared/db.h"

/* Which of the statements that few commands need were added. */
struct sql_facts_read {
    bool secrets, slots, checks, all_checks, channels;
};

/* Of a replay that names more than REPLAY_MAX executions it reads one more. */
struct sql_facts_read sql_read_facts(struct db_unit *unit, const struct command *commands,
                                     size_t count);
void sql_facts_rows(const struct db_outcome *outcome, struct sql_facts_read read,
                    struct facts *facts);

/* Statements without rows are left out. */
void sql_write_facts(struct db_unit *unit, const struct facts *facts, int64_t now_ms);

#endif
