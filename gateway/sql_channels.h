/* Statements about channels of alerts and the keys of checks, as in sql.h. */
#ifndef GATEWAY_SQL_CHANNELS_H
#define GATEWAY_SQL_CHANNELS_H

#include <stdint.h>

#include "shared/channel_json.h"
#include "shared/db.h"

/* All channels of an account, the oldest first; or one of them: no row or one. */
void sql_channels(struct db_unit *unit, int64_t account);
void sql_channel(struct db_unit *unit, int64_t account, int64_t channel);
/* Strings are borrowed with the rows. */
struct channel_view sql_channel_row(const struct db_rows *rows, int row);

/* The key that names the account in pings by name: no row or one. */
struct sql_ping_key {
    const char *key;
    int64_t created_ms;
};
void sql_ping_key(struct db_unit *unit, int64_t account);
struct sql_ping_key sql_ping_key_row(const struct db_rows *rows);

/* When the key for /api/v1 was made, in ms: no row or one. */
void sql_check_key(struct db_unit *unit, int64_t account);
int64_t sql_check_key_row(const struct db_rows *rows);

#endif
