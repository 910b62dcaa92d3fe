/*
 * `scheduler migrate`: brings the database to the schema of this program. Safe to run any number of
 * times and from any number of processes at once; blocks; prints what it did on standard output and
 * what went wrong on standard error.
 */
#ifndef SCHEDULER_MIGRATE_H
#define SCHEDULER_MIGRATE_H

#include <stddef.h>

#include "scheduler/migrations.h"

/*
 * database_url: of the schema's owner, who may create roles; NULL where it is not set. Returns the
 * process's exit code: 0, 1 where a migration failed (it had no effect, those before it had), 64
 * where database_url is missing or malformed, 69 where no server answers within 30 s.
 */
int migrate_run(const char *database_url);

/* The same with another table of migrations. */
int migrate_apply(const char *database_url, const struct migration *table, size_t count);

#endif
