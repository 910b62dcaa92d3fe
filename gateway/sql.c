#include "gateway/sql.h"

#include "gateway/sql_columns.h"

void sql_holder_of_key(struct db_unit *unit, const uint8_t key_hash[static HASH_SIZE])
{
    static const struct db_statement statement = {
        "gateway_holder_of_key", "SELECT a.id, p.checks_api FROM accounts a"
                                 " JOIN plans p ON p.name = a.plan WHERE a.key_hash = $1::bytea"};
    db_unit_add(unit, &statement);
    db_param_bytes(unit, key_hash, HASH_SIZE);
}

void sql_holder_of_check_key(struct db_unit *unit, const uint8_t key_hash[static HASH_SIZE])
{
    static const struct db_statement statement = {
        "gateway_holder_of_check_key",
        "SELECT a.id, p.checks_api FROM check_keys k JOIN accounts a ON a.id = k.account_id"
        " JOIN plans p ON p.name = a.plan WHERE k.key_hash = $1::bytea"};
    db_unit_add(unit, &statement);
    db_param_bytes(unit, key_hash, HASH_SIZE);
}

struct auth_holder sql_holder_row(const struct db_rows *rows)
{
    return (struct auth_holder){.account = db_i64(rows, 0, 0), .checks_api = db_bool(rows, 0, 1)};
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
