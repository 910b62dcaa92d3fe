/* Statements about jobs, as in sql.h. */
#ifndef GATEWAY_SQL_JOBS_H
#define GATEWAY_SQL_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/command.h"
#include "shared/db.h"
#include "shared/job_json.h"

/* Which jobs of an account: NULL and 0 mean any. */
struct sql_job_filter {
    const bool *enabled;
    const char *name;
    const char *external_id;
    int64_t limit; /* 0: all */
    int64_t offset;
};

/* The newest first. */
void sql_jobs(struct db_unit *unit, int64_t account, const struct sql_job_filter *filter);
/* No row or one. */
void sql_job(struct db_unit *unit, int64_t account, int64_t job);
/* Strings are borrowed with the rows. */
struct job_view sql_job_row(const struct db_rows *rows, int row, int64_t now_ms);

#endif
