#include "gateway/check_uptime.h"

#include "gateway/members.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_uptime.h"
#include "gateway/uptime.h"

#define DECIMALS 4

static void write_percentage(struct buffer *out, const struct uptime *uptime)
{
    int64_t parts = uptime_parts(uptime);
    if (parts < 0)
        buffer_text(out, "null");
    else
        uptime_write(out, parts, DECIMALS);
}

static void write_month(struct buffer *out, const struct db_rows *rows, int row)
{
    struct uptime uptime = sql_uptime_row(rows, row);
    buffer_text(out, "{");
    member_text(out, "month", sql_uptime_month(rows, row));
    buffer_text(out, ",\"uptime\":");
    write_percentage(out, &uptime);
    member_number(out, "uptime_seconds", uptime.up_s);
    member_number(out, "downtime_seconds", uptime.down_s);
    buffer_text(out, "}");
}

static void on_uptime(struct request *request, const struct db_outcome *outcome)
{
    static const char *const windows[SQL_UPTIME_WINDOWS] = {"24h", "7d", "30d"};
    const struct db_rows *rows = &outcome->statements[0];
    if (rows->count == 0) {
        reply_error(request, 404, "Check not found");
        return;
    }
    INVARIANT(rows->count > SQL_UPTIME_WINDOWS);
    struct buffer body = BUFFER_EMPTY;
    for (int row = 0; row < SQL_UPTIME_WINDOWS; row++) {
        struct uptime uptime = sql_uptime_row(rows, row);
        buffer_format(&body, "%s\"%s\":", row > 0 ? "," : "{", windows[row]);
        write_percentage(&body, &uptime);
    }
    buffer_text(&body, ",\"months\":[");
    for (int row = SQL_UPTIME_WINDOWS; row < rows->count; row++) {
        if (row > SQL_UPTIME_WINDOWS)
            buffer_text(&body, ",");
        write_month(&body, rows, row);
    }
    buffer_text(&body, "]}");
    reply_buffer(request, 200, &body);
}

void check_uptime_show(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_uptime(unit, request->account, request->path_text);
    query_run(request, unit, on_uptime);
}
