#include "gateway/executions.h"

#include <string.h>

#include "gateway/gateway.h"
#include "gateway/parameter.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_executions.h"

#define LIMIT_MAX      500
#define LIMIT_STANDARD 100
#define OFFSET_MAX     1000000000

static void on_executions(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *history = &outcome->statements[0];
    const struct db_rows *rows = &outcome->statements[1];
    if (history->count == 0) {
        reply_error(request, 404, "Job not found");
        return;
    }
    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "[");
    for (int row = 0; row < rows->count; row++) {
        if (row > 0)
            buffer_text(&body, ",");
        struct execution_view execution = sql_execution_row(rows, row);
        execution_json_write(&body, &execution);
    }
    buffer_text(&body, "]");
    reply_buffer(request, 200, &body);
}

void executions_list(struct request *request)
{
    int64_t limit;
    int64_t offset;
    if (parameter_integer(request, "limit", 1, LIMIT_MAX, LIMIT_STANDARD, &limit) != 0 ||
        parameter_integer(request, "offset", 0, OFFSET_MAX, 0, &offset) != 0)
        return;
    struct db_unit *unit = db_unit_new();
    sql_history_days(unit, request->account, request->path_id);
    sql_executions(unit, request->account, request->path_id, limit, offset);
    query_run(request, unit, on_executions);
}

static void on_execution(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *history = &outcome->statements[0];
    const struct db_rows *rows = &outcome->statements[1];
    const struct db_rows *attempts = &outcome->statements[2];
    if (history->count == 0 || rows->count == 0) {
        reply_error(request, 404, history->count == 0 ? "Job not found" : "Execution not found");
        return;
    }
    struct execution_view execution = sql_execution_row(rows, 0);
    struct buffer body = BUFFER_EMPTY;
    execution_json_begin(&body, &execution);
    buffer_text(&body, ",\"attempt_log\":[");
    for (int row = 0; row < attempts->count; row++) {
        if (row > 0)
            buffer_text(&body, ",");
        struct attempt_view attempt = sql_attempt_row(attempts, row);
        attempt_json_write(&body, &attempt);
    }
    buffer_text(&body, "]}");
    reply_buffer(request, 200, &body);
}

void executions_show(struct request *request)
{
    struct run run;
    /* An id of another job is none of this one's: job 0 is nobody's. */
    if (run_id_parse(request->path_text, strlen(request->path_text), &run) != 0 ||
        run.job != request->path_id)
        run = (struct run){.job = 0};
    struct db_unit *unit = db_unit_new();
    sql_history_days(unit, request->account, request->path_id);
    sql_execution(unit, request->account, &run);
    sql_attempts(unit, request->account, &run);
    query_run(request, unit, on_execution);
}
