#include "gateway/job_stats.h"

#include <inttypes.h>

#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_executions.h"

static void write_number(struct buffer *out, int64_t number)
{
    if (number == EXECUTION_NO_NUMBER)
        buffer_text(out, "null");
    else
        buffer_format(out, "%" PRId64, number);
}

static void write_percentiles(struct buffer *out, const char *name, int64_t p50, int64_t p95)
{
    buffer_format(out, ",\"%s\":{\"p50\":", name);
    write_number(out, p50);
    buffer_text(out, ",\"p95\":");
    write_number(out, p95);
    buffer_text(out, "}");
}

static void write_stats(struct buffer *out, const struct sql_stats *stats)
{
    int64_t ended = stats->success + stats->failure;
    buffer_format(out,
                  "{\"executions\":%" PRId64 ",\"success\":%" PRId64 ",\"failure\":%" PRId64
                  ",\"skipped\":%" PRId64 ",\"success_rate\":",
                  stats->executions, stats->success, stats->failure, stats->skipped);
    if (ended == 0)
        buffer_text(out, "null");
    else
        buffer_format(out, "%.6g", (double)stats->success / (double)ended);
    write_percentiles(out, "duration_ms", stats->duration_p50_ms, stats->duration_p95_ms);
    write_percentiles(out, "lateness_ms", stats->lateness_p50_ms, stats->lateness_p95_ms);
    buffer_text(out, "}");
}

static void on_stats(struct request *request, const struct db_outcome *outcome)
{
    static const char *const windows[] = {"24h", "7d", "30d"};
    const struct db_rows *history = &outcome->statements[0];
    const struct db_rows *rows = &outcome->statements[1];
    if (history->count == 0) {
        reply_error(request, 404, "Job not found");
        return;
    }
    INVARIANT(rows->count == ARRAY_LENGTH(windows));
    struct buffer body = BUFFER_EMPTY;
    for (int row = 0; row < rows->count; row++) {
        struct sql_stats stats = sql_stats_row(rows, row);
        buffer_format(&body, "%s\"%s\":", row > 0 ? "," : "{", windows[row]);
        write_stats(&body, &stats);
    }
    buffer_text(&body, "}");
    reply_buffer(request, 200, &body);
}

void job_stats_show(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_history_days(unit, request->account, request->path_id);
    sql_stats(unit, request->account, request->path_id);
    query_run(request, unit, on_stats);
}
