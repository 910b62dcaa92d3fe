#include "gateway/query.h"

#include <stdlib.h>

#include "gateway/gateway.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/stats.h"
#include "shared/log.h"
#include "shared/memory.h"

struct query {
    struct request_list waiting; /* the request, while its client is there */
    query_rows_cb *on_rows;
};

void query_reply_failure(struct request *request, enum db_status status)
{
    switch (status) {
    case DB_FULL:
        stats_refused(REFUSED_READ);
        reply_retry(request, 503, 1, "Too many requests are waiting; try again");
        return;
    case DB_TIMEOUT:
    case DB_LOST: reply_retry(request, 503, 1, "The database does not answer; try again"); return;
    case DB_ERROR: reply_error(request, 500, "Internal error"); return;
    case DB_OK: break;
    }
    INVARIANT(false && "a failure that is none");
}

void query_log_failure(const struct db_outcome *outcome)
{
    if (outcome->status == DB_ERROR)
        LOG_ERROR("a read was refused", LOG_STR("sqlstate", outcome->sqlstate),
                  LOG_STR("error", outcome->message));
}

static void on_done(void *arg, const struct db_outcome *outcome)
{
    struct query *query = arg;
    query_log_failure(outcome);
    struct request *request = request_list_take(&query->waiting);
    query_rows_cb *on_rows = query->on_rows;
    free(query);
    if (request == NULL)
        return;
    if (outcome->status == DB_OK)
        on_rows(request, outcome);
    else
        query_reply_failure(request, outcome->status);
}

void query_run(struct request *request, struct db_unit *unit, query_rows_cb *on_rows)
{
    struct query *query = memory_new(1, sizeof *query);
    query->on_rows = on_rows;
    enum db_status status = db_run(request->gateway->db, unit, QUERY_TIMEOUT_MS, on_done, query);
    if (status == DB_OK) {
        request_wait(request, &query->waiting);
        return;
    }
    free(query);
    query_reply_failure(request, status);
}
