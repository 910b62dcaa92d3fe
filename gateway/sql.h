/*
 * Every statement of the gateway: a function that adds it to a unit, and one that reads a row. The
 * gateway's role can only read. Jobs and executions have pages of their own.
 */
#ifndef GATEWAY_SQL_H
#define GATEWAY_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/auth_cache.h"
#include "shared/db.h"
#include "shared/secret.h"

/* Whose key it is, the account's own or its checks': no row or one. */
void sql_holder_of_key(struct db_unit *unit, const uint8_t key_hash[static HASH_SIZE]);
void sql_holder_of_check_key(struct db_unit *unit, const uint8_t key_hash[static HASH_SIZE]);
struct auth_holder sql_holder_row(const struct db_rows *rows);

/* The account: no row or one. */
struct sql_account {
    const char *email;
    const char *plan;
    bool failure_email_enabled;
};
void sql_account(struct db_unit *unit, int64_t account);
struct sql_account sql_account_row(const struct db_rows *rows);

/* What deliveries of an account are signed with: one row. */
struct sql_webhook_secret {
    int64_t created_ms;          /* of the current one; 0: there is none */
    int64_t previous_expires_ms; /* of the one before, which still counts; 0: there is none */
};
void sql_webhook_secret(struct db_unit *unit, int64_t account);
struct sql_webhook_secret sql_webhook_secret_row(const struct db_rows *rows);

#endif
