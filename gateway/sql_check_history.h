/*
 * Statements about what became of a check, as in sql.h. They see no row where the check is not the
 * account's; of pings and alerts they see what the plan's history window holds.
 */
#ifndef GATEWAY_SQL_CHECK_HISTORY_H
#define GATEWAY_SQL_CHECK_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "shared/db.h"

/* Which rows of a history: of an account's check, the newest first. */
struct sql_page {
    int64_t account;
    const char *public_id;
    int64_t limit, offset;
};

/* Strings and bytes are borrowed with the rows; NULL and -1: null. */
struct sql_ping {
    int64_t id;
    int64_t received_s;
    const char *source_ip;
    int64_t duration_ms;
    const char *type;
    int64_t exit_code;
    const char *rid;
    const char *mark;
    const char *body;
    size_t body_length;
    const char *method;
};
void sql_pings(struct db_unit *unit, const struct sql_page *page);
struct sql_ping sql_ping_row(const struct db_rows *rows, int row);

struct sql_alert {
    int64_t id;
    int64_t channel;
    const char *type;
    const char *status;
    const char *error;
    int64_t created_s;
    int64_t sent_s;       /* 0: null */
    const char *attempts; /* JSON */
};
void sql_alerts(struct db_unit *unit, const struct sql_page *page);
struct sql_alert sql_alert_row(const struct db_rows *rows, int row);

struct sql_flip {
    int64_t id;
    int64_t at_s;
    const char *from;
    const char *to;
    const char *reason;
};
void sql_flips(struct db_unit *unit, const struct sql_page *page);
struct sql_flip sql_flip_row(const struct db_rows *rows, int row);

#endif
