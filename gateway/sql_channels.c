#include "gateway/sql_channels.h"

#define CHANNEL_SELECT                                                                             \
    "SELECT id, kind::text, name, target, enabled, verified, created_at, updated_at"               \
    " FROM channels WHERE account_id = $1::bigint"

void sql_channels(struct db_unit *unit, int64_t account)
{
    static const struct db_statement statement = {"gateway_channels",
                                                  CHANNEL_SELECT " ORDER BY id"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
}

void sql_channel(struct db_unit *unit, int64_t account, int64_t channel)
{
    static const struct db_statement statement = {"gateway_channel",
                                                  CHANNEL_SELECT " AND id = $2::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
    db_param_i64(unit, channel);
}

struct channel_view sql_channel_row(const struct db_rows *rows, int row)
{
    return (struct channel_view){
        .id = db_i64(rows, row, 0),
        .kind = channel_kind_of(db_text(rows, row, 1)),
        .name = db_text(rows, row, 2),
        .target = db_text(rows, row, 3),
        .enabled = db_bool(rows, row, 4),
        .verified = db_bool(rows, row, 5),
        .created_s = db_time_ms(rows, row, 6) / 1000,
        .updated_s = db_time_ms(rows, row, 7) / 1000,
    };
}

void sql_ping_key(struct db_unit *unit, int64_t account)
{
    static const struct db_statement statement = {
        "gateway_ping_key", "SELECT key, created_at FROM ping_keys WHERE account_id = $1::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
}

struct sql_ping_key sql_ping_key_row(const struct db_rows *rows)
{
    return (struct sql_ping_key){.key = db_text(rows, 0, 0), .created_ms = db_time_ms(rows, 0, 1)};
}

void sql_check_key(struct db_unit *unit, int64_t account)
{
    static const struct db_statement statement = {
        "gateway_check_key", "SELECT created_at FROM check_keys WHERE account_id = $1::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
}

int64_t sql_check_key_row(const struct db_rows *rows)
{
    return db_time_ms(rows, 0, 0);
}
