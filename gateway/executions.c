#include "gateway/executions.h"

#include <string.h>

#include "gateway/gateway.h"
#include "gateway/parameter.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql.h"
#include "shared/clock.h"
#include "shared/json.h"

#define LIMIT_MAX      500
#define LIMIT_STANDARD 100
#define OFFSET_MAX     1000000000

static void write_number(struct buffer *out, int32_t value)
{
    if (value < 0)
        buffer_text(out, "null");
    else
        buffer_format(out, "%d", value);
}

static void write_execution(struct buffer *out, const struct sql_execution *execution)
{
    char time[CLOCK_TEXT_SIZE];
    buffer_format(out, "{\"triggered_at\":\"%s\",\"completed_at\":",
                  clock_format_s(time, execution->triggered_ms / 1000));
    if (execution->completed_ms == 0)
        buffer_text(out, "null");
    else
        buffer_format(out, "\"%s\"", clock_format_s(time, execution->completed_ms / 1000));
    buffer_format(out, ",\"status\":\"%s\",\"response_code\":", execution->status);
    write_number(out, execution->response_code);
    buffer_text(out, ",\"duration_ms\":");
    write_number(out, execution->duration_ms);
    buffer_text(out, ",\"error\":");
    if (execution->error == NULL)
        buffer_text(out, "null");
    else
        json_write_string(out, execution->error, strlen(execution->error));
    buffer_text(out, "}");
}

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
        struct sql_execution execution = sql_execution_row(rows, row);
        write_execution(&body, &execution);
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
