#include "gateway/sql_billing.h"

#include <stddef.h>
#include <string.h>

#define BILLING_COLUMNS                                                                            \
    "a.id, a.email, a.plan, b.version, b.customer, b.subscription, b.checkout, b.status,"          \
    " b.period_end, b.cancels"

void sql_plan_usage(struct db_unit *unit, int64_t account)
{
    static const struct db_statement statement = {
        "gateway_plan_usage",
        "SELECT p.name, j.stored, p.stored_jobs, j.active, p.active_jobs,"
        " CASE WHEN u.period = m.month THEN u.executions ELSE 0 END, p.executions_per_month,"
        " m.month, p.min_interval_seconds, p.concurrency, p.burst_per_minute,"
        " greatest(p.burst_per_minute - CASE WHEN u.minute = date_trunc('minute', now())"
        " THEN u.starts ELSE 0 END, 0), p.timeout_seconds, p.history_days,"
        " b.customer IS NOT NULL"
        " FROM accounts a JOIN plans p ON p.name = a.plan"
        " LEFT JOIN usage u ON u.account_id = a.id LEFT JOIN billing b ON b.account_id = a.id"
        " CROSS JOIN LATERAL (SELECT count(*) AS stored, count(*) FILTER (WHERE enabled) AS active"
        " FROM jobs WHERE account_id = a.id) j"
        " CROSS JOIN (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
        " AS month) m WHERE a.id = $1::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
}

struct sql_plan_usage sql_plan_usage_row(const struct db_rows *rows)
{
    return (struct sql_plan_usage){
        .plan = db_text(rows, 0, 0),
        .stored_jobs = db_i64(rows, 0, 1),
        .stored_jobs_limit = db_i64(rows, 0, 2),
        .active_jobs = db_i64(rows, 0, 3),
        .active_jobs_limit = db_i64(rows, 0, 4),
        .executions = db_i64(rows, 0, 5),
        .executions_limit = db_i64(rows, 0, 6),
        .period_start_ms = db_time_ms(rows, 0, 7),
        .min_interval_s = db_i32(rows, 0, 8),
        .concurrency = db_i32(rows, 0, 9),
        .burst_per_minute = db_i32(rows, 0, 10),
        .burst_left = db_i32(rows, 0, 11),
        .timeout_s = db_i32(rows, 0, 12),
        .history_days = db_i32(rows, 0, 13),
        .has_billing = db_bool(rows, 0, 14),
    };
}

void sql_billing(struct db_unit *unit, int64_t account)
{
    static const struct db_statement statement = {
        "gateway_billing", "SELECT " BILLING_COLUMNS " FROM accounts a LEFT JOIN billing b"
                           " ON b.account_id = a.id WHERE a.id = $1::bigint"};
    db_unit_add(unit, &statement);
    db_param_i64(unit, account);
}

void sql_billing_find(struct db_unit *unit, const char *subscription, int64_t account,
                      const char *customer)
{
    static const struct db_statement statement = {
        "gateway_billing_find",
        "WITH found AS (SELECT 1 AS rank, account_id FROM billing WHERE subscription = $1::text"
        " UNION ALL SELECT 2, id FROM accounts WHERE id = $2::bigint"
        " UNION ALL SELECT 3, account_id FROM billing WHERE customer = $3::text)"
        " SELECT " BILLING_COLUMNS " FROM found f JOIN accounts a ON a.id = f.account_id"
        " LEFT JOIN billing b ON b.account_id = a.id ORDER BY f.rank, a.id LIMIT 1"};
    db_unit_add(unit, &statement);
    db_param_text(unit, subscription, strlen(subscription));
    db_param_i64(unit, account);
    if (customer != NULL)
        db_param_text(unit, customer, strlen(customer));
    else
        db_param_null(unit);
}

static const char *text_or_null(const struct db_rows *rows, int column)
{
    return db_is_null(rows, 0, column) ? NULL : db_text(rows, 0, column);
}

struct sql_billing sql_billing_row(const struct db_rows *rows)
{
    return (struct sql_billing){
        .account = db_i64(rows, 0, 0),
        .email = db_text(rows, 0, 1),
        .plan = db_text(rows, 0, 2),
        .version = db_i64(rows, 0, 3),
        .customer = text_or_null(rows, 4),
        .subscription = text_or_null(rows, 5),
        .checkout = text_or_null(rows, 6),
        .status = text_or_null(rows, 7),
        .period_end_ms = db_is_null(rows, 0, 8) ? 0 : db_time_ms(rows, 0, 8),
        .cancels = db_bool(rows, 0, 9),
    };
}

void sql_answer(struct db_unit *unit, const char *id)
{
    static const struct db_statement statement = {
        "gateway_answer",
        "SELECT fingerprint, status::integer, body FROM answers WHERE id = $1::text"};
    db_unit_add(unit, &statement);
    db_param_text(unit, id, strlen(id));
}

struct sql_answer sql_answer_row(const struct db_rows *rows)
{
    struct sql_answer answer = {.status = db_i32(rows, 0, 1), .body = db_text(rows, 0, 2)};
    size_t length;
    const void *fingerprint = db_bytes(rows, 0, 0, &length);
    INVARIANT(length == sizeof answer.fingerprint);
    memcpy(answer.fingerprint, fingerprint, length);
    return answer;
}
