/* The dispatcher's statements. Jobs and notices that are not there have no row. */
#ifndef DISPATCHER_SQL_H
#define DISPATCHER_SQL_H

#include "shared/db.h"

/* Columns of sql_select_jobs. */
enum sql_job_column {
    SQL_JOB_ID,
    SQL_JOB_ACCOUNT_ID,
    SQL_JOB_VERSION,
    SQL_JOB_WEBHOOK_URL,
    SQL_JOB_HEADERS, /* NULL: none */
    SQL_JOB_PAYLOAD  /* NULL: none */
};

/* $1: the ids, bigint[]. */
extern const struct db_statement sql_select_jobs;

/* Columns of sql_select_notices. */
enum sql_notice_column {
    SQL_NOTICE_ID,
    SQL_NOTICE_ACCOUNT_ID,
    SQL_NOTICE_URL,
    SQL_NOTICE_BODY,
    SQL_NOTICE_IS_ALERT
};

/* $1: the ids, bigint[]. */
extern const struct db_statement sql_select_notices;

/* Columns of sql_select_secrets. */
enum sql_secret_column {
    SQL_SECRET_ACCOUNT_ID,
    SQL_SECRET_ID,        /* NULL: the account has none */
    SQL_SECRET_EXPIRES_AT /* NULL: the current one */
};

/*
 * $1: accounts, $2: jobs, $3: notices whose accounts are meant, bigint[] each. Secrets that are
 * valid, by account, the current one first; an account without one has a row, too.
 */
extern const struct db_statement sql_select_secrets;

#endif
