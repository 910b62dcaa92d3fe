/* A read from PostgreSQL for a request: bounded in number and time, and harmless if the client has
 * gone when the rows come. */
#ifndef GATEWAY_QUERY_H
#define GATEWAY_QUERY_H

#include "shared/db.h"

#define QUERY_TIMEOUT_MS 5000

struct request;

/* outcome->status is DB_OK. */
typedef void query_rows_cb(struct request *request, const struct db_outcome *outcome);

/* Takes the unit. Whatever goes wrong is answered here. */
void query_run(struct request *request, struct db_unit *unit, query_rows_cb *on_rows);

/* Answers a request whose read ended with any status but DB_OK. */
void query_reply_failure(struct request *request, enum db_status status);
/* Logs what PostgreSQL refused; nothing for the other statuses. */
void query_log_failure(const struct db_outcome *outcome);

#endif
