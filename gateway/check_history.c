#include "gateway/check_history.h"

#include "gateway/members.h"
#include "gateway/parameter.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_check_history.h"
#include "gateway/sql_checks.h"
#include "shared/channel_json.h"

#define LIMIT_MAX      200
#define LIMIT_STANDARD 50
#define OFFSET_MAX     1000000000

typedef void page_statement(struct db_unit *unit, const struct sql_page *page);
typedef void item_writer(struct request *request, const struct db_rows *rows, int row,
                         struct buffer *out);

/* Whether the check is there, and a page of its history: two statements, answered by on_page. */
static void ask(struct request *request, page_statement *statement, query_rows_cb *on_page)
{
    struct sql_page page = {.account = request->account, .public_id = request->path_text};
    if (parameter_integer(request, "limit", 1, LIMIT_MAX, LIMIT_STANDARD, &page.limit) != 0 ||
        parameter_integer(request, "offset", 0, OFFSET_MAX, 0, &page.offset) != 0)
        return;
    struct db_unit *unit = db_unit_new();
    sql_check_id(unit, request->account, request->path_text);
    statement(unit, &page);
    query_run(request, unit, on_page);
}

static void answer(struct request *request, const struct db_outcome *outcome, const char *name,
                   item_writer *write)
{
    const struct db_rows *check = &outcome->statements[0];
    const struct db_rows *rows = &outcome->statements[1];
    if (check->count == 0) {
        reply_error(request, 404, "Check not found");
        return;
    }
    struct buffer body = BUFFER_EMPTY;
    buffer_format(&body, "{\"%s\":[", name);
    for (int row = 0; row < rows->count; row++) {
        buffer_text(&body, row > 0 ? ",{" : "{");
        write(request, rows, row, &body);
        buffer_text(&body, "}");
    }
    buffer_text(&body, "]}");
    reply_buffer(request, 200, &body);
}

static void write_ping(struct request *request, const struct db_rows *rows, int row,
                       struct buffer *out)
{
    struct sql_ping ping = sql_ping_row(rows, row);
    member_number(out, "id", ping.id);
    member_text(out, "check_id", request->path_text);
    member_number(out, "timestamp", ping.received_s);
    member_text(out, "source_ip", ping.source_ip);
    member_number_or_null(out, "duration", ping.duration_ms, -1);
    member_text(out, "type", ping.type);
    member_number_or_null(out, "exit_code", ping.exit_code, -1);
    member_text(out, "rid", ping.rid);
    member_text(out, "mark", ping.mark);
    member_bytes(out, "body", ping.body, ping.body_length);
    member_text(out, "method", ping.method);
}

static void on_pings(struct request *request, const struct db_outcome *outcome)
{
    answer(request, outcome, "pings", write_ping);
}

void check_history_pings(struct request *request)
{
    ask(request, sql_pings, on_pings);
}

static void write_alert(struct request *request, const struct db_rows *rows, int row,
                        struct buffer *out)
{
    struct sql_alert alert = sql_alert_row(rows, row);
    char channel[CHANNEL_ID_SIZE];
    member_number(out, "id", alert.id);
    member_text(out, "check_id", request->path_text);
    member_text(out, "channel_id", channel_id_write(alert.channel, channel));
    member_text(out, "type", alert.type);
    member_text(out, "status", alert.status);
    member_text(out, "error", alert.error);
    member_number(out, "created_at", alert.created_s);
    member_number_or_null(out, "sent_at", alert.sent_s, 0);
    buffer_format(out, ",\"attempts\":%s", alert.attempts);
}

static void on_alerts(struct request *request, const struct db_outcome *outcome)
{
    answer(request, outcome, "alerts", write_alert);
}

void check_history_alerts(struct request *request)
{
    ask(request, sql_alerts, on_alerts);
}

static void write_flip(struct request *request, const struct db_rows *rows, int row,
                       struct buffer *out)
{
    (void)request;
    struct sql_flip flip = sql_flip_row(rows, row);
    member_number(out, "id", flip.id);
    member_number(out, "timestamp", flip.at_s);
    member_text(out, "from", flip.from);
    member_text(out, "to", flip.to);
    member_text(out, "reason", flip.reason);
}

static void on_flips(struct request *request, const struct db_outcome *outcome)
{
    answer(request, outcome, "flips", write_flip);
}

void check_history_flips(struct request *request)
{
    ask(request, sql_flips, on_flips);
}
