/* The dispatcher's one statement. */
#ifndef DISPATCHER_SQL_H
#define DISPATCHER_SQL_H

#include "shared/db.h"

/* Columns of sql_select_jobs. */
enum sql_job_column {
    SQL_JOB_ID,
    SQL_JOB_VERSION,
    SQL_JOB_WEBHOOK_URL,
    SQL_JOB_HEADERS, /* NULL: none */
    SQL_JOB_PAYLOAD  /* NULL: none */
};

/* $1: the ids, bigint[]. Jobs that are not there have no row. */
extern const struct db_statement sql_select_jobs;

#endif
