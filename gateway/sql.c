#include "gateway/sql.h"

#include "gateway/sql_columns.h"

void sql_account_of_key(struct db_unit *unit, const uint8_t key_hash[static HASH_SIZE])
{
    static const struct db_statement statement = {
        "gateway_account_of_key", "SELECT id FROM accounts WHERE key_hash = $1::bytea"};
    db_unit_add(unit, &statement);
    db_param_bytes(unit, key_hash, HASH_SIZE);
}

int64_t sql_account_of_key_row(const struct db_rows *rows)
{
    return db_i64(rows, 0, 0);
}

void sql_account(struct db_unit *unit, int64_t account)
{
    static const struct db_statement statement = {
        "gateway_account",
        "SELECT email, plan, failure_email_enabled FROM accounts WHERE id = $1::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
}

struct sql_account sql_account_row(const struct db_rows *rows)
{
    return (struct sql_account){
        .email = db_text(rows, 0, 0),
        .plan = db_text(rows, 0, 1),
        .failure_email_enabled = db_bool(rows, 0, 2),
    };
}

void sql_webhook_secret(struct db_unit *unit, int64_t account)
{
    static const struct db_statement statement = {
        "gateway_webhook_secret", "SELECT min(created_at) FILTER (WHERE expires_at IS NULL),"
                                  " max(expires_at) FILTER (WHERE expires_at > now())"
                                  " FROM webhook_secrets WHERE account_id = $1::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
}

struct sql_webhook_secret sql_webhook_secret_row(const struct db_rows *rows)
{
    return (struct sql_webhook_secret){
        .created_ms = sql_time_or_zero(rows, 0, 0),
        .previous_expires_ms = sql_time_or_zero(rows, 0, 1),
    };
}
