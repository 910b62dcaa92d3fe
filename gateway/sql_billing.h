/* The statements of billing, as sql.h has the others. */
#ifndef GATEWAY_SQL_BILLING_H
#define GATEWAY_SQL_BILLING_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/db.h"
#include "shared/secret.h"

/* What an account may use, and has used: no row or one. */
struct sql_plan_usage {
    const char *plan;
    int64_t stored_jobs, stored_jobs_limit;
    int64_t active_jobs, active_jobs_limit;
    int64_t executions, executions_limit;
    int64_t period_start_ms;
    int32_t min_interval_s;
    int32_t concurrency;
    int32_t burst_per_minute;
    int32_t burst_left;
    int32_t timeout_s;
    int32_t history_days;
    bool has_billing;
};
void sql_plan_usage(struct db_unit *unit, int64_t account);
struct sql_plan_usage sql_plan_usage_row(const struct db_rows *rows);

/* What is known of an account's subscription: no row or one. NULL and 0 where there is nothing. */
struct sql_billing {
    int64_t account;
    const char *email;
    const char *plan;
    int64_t version;
    const char *customer;
    const char *subscription;
    const char *checkout;
    const char *status;
    int64_t period_end_ms;
    bool cancels;
};
void sql_billing(struct db_unit *unit, int64_t account);
/* The same of the account that a subscription is of, or else the one of that number, or else the
 * one of a customer. */
void sql_billing_find(struct db_unit *unit, const char *subscription, int64_t account,
                      const char *customer);
struct sql_billing sql_billing_row(const struct db_rows *rows);

/* The answer that a request got before: no row or one. */
struct sql_answer {
    uint8_t fingerprint[HASH_SIZE];
    int status;
    const char *body;
};
void sql_answer(struct db_unit *unit, const char *id);
struct sql_answer sql_answer_row(const struct db_rows *rows);

#endif
