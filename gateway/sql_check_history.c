#include "gateway/sql_check_history.h"

#include <string.h>

#include "gateway/sql_columns.h"

#define CHECK_IS "(SELECT id FROM checks WHERE account_id = $1::bigint AND public_id = $2::text)"

/* A scalar sub-select, so that PostgreSQL leaves out the partitions before it when it runs. */
#define HISTORY_BEGIN                                                                              \
    "(SELECT now() - make_interval(days => p.history_days)"                                        \
    " FROM accounts a JOIN plans p ON p.name = a.plan WHERE a.id = $1::bigint)"

#define PAGE " LIMIT $3::bigint OFFSET $4::bigint"

static void add_page(struct db_unit *unit, const struct db_statement *statement,
                     const struct sql_page *page)
{
    db_unit_add(unit, statement);
    db_param_i64(unit, page->account);
    db_param_text(unit, page->public_id, strlen(page->public_id));
    db_param_i64(unit, page->limit);
    db_param_i64(unit, page->offset);
}

void sql_pings(struct db_unit *unit, const struct sql_page *page)
{
    static const struct db_statement statement = {
        "gateway_pings",
        "SELECT id, received_at, host(source_ip), duration_ms, type, exit_code,"
        " rid, mark, body, method FROM pings WHERE check_id = " CHECK_IS
        " AND received_at > " HISTORY_BEGIN " ORDER BY received_at DESC, id DESC" PAGE};
    add_page(unit, &statement, page);
}

struct sql_ping sql_ping_row(const struct db_rows *rows, int row)
{
    struct sql_ping ping = {
        .id = db_i64(rows, row, 0),
        .received_s = db_time_ms(rows, row, 1) / 1000,
        .source_ip = sql_text_or_null(rows, row, 2),
        .duration_ms = sql_number_or_none(rows, row, 3),
        .type = db_text(rows, row, 4),
        .exit_code = sql_number_or_none(rows, row, 5),
        .rid = sql_text_or_null(rows, row, 6),
        .mark = sql_text_or_null(rows, row, 7),
        .method = sql_text_or_null(rows, row, 9),
    };
    if (!db_is_null(rows, row, 8))
        ping.body = db_bytes(rows, row, 8, &ping.body_length);
    return ping;
}

void sql_alerts(struct db_unit *unit, const struct sql_page *page)
{
    static const struct db_statement statement = {
        "gateway_alerts", "SELECT id, channel_id, type, status, error, created_at, sent_at,"
                          " attempts::text FROM alerts WHERE check_id = " CHECK_IS
                          " AND created_at > " HISTORY_BEGIN " ORDER BY id DESC" PAGE};
    add_page(unit, &statement, page);
}

struct sql_alert sql_alert_row(const struct db_rows *rows, int row)
{
    return (struct sql_alert){
        .id = db_i64(rows, row, 0),
        .channel = db_i64(rows, row, 1),
        .type = db_text(rows, row, 2),
        .status = db_text(rows, row, 3),
        .error = sql_text_or_null(rows, row, 4),
        .created_s = db_time_ms(rows, row, 5) / 1000,
        .sent_s = sql_time_or_zero(rows, row, 6) / 1000,
        .attempts = db_text(rows, row, 7),
    };
}

void sql_flips(struct db_unit *unit, const struct sql_page *page)
{
    static const struct db_statement statement = {
        "gateway_flips", "SELECT id, at, from_status::text, to_status::text, reason"
                         " FROM check_flips WHERE check_id = " CHECK_IS " ORDER BY id DESC" PAGE};
    add_page(unit, &statement, page);
}

struct sql_flip sql_flip_row(const struct db_rows *rows, int row)
{
    return (struct sql_flip){
        .id = db_i64(rows, row, 0),
        .at_s = db_time_ms(rows, row, 1) / 1000,
        .from = db_text(rows, row, 2),
        .to = db_text(rows, row, 3),
        .reason = db_text(rows, row, 4),
    };
}
