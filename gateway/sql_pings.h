/* What a ping needs to know, as in sql.h. */
#ifndef GATEWAY_SQL_PINGS_H
#define GATEWAY_SQL_PINGS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/db.h"
#include "shared/public_id.h"

/* Checks by their ids: a row for each that exists. */
struct sql_check_name {
    struct public_id name; /* id 0: what is there is none */
    int64_t account;
};
void sql_check_names(struct db_unit *unit, const int64_t *ids, size_t count);
struct sql_check_name sql_check_name_row(const struct db_rows *rows, int row);

/* Slugs: a row for each whose ping key exists. */
struct sql_slug {
    struct public_id ping_key;
    const char *slug;
    size_t length;
};
struct sql_slug_owner {
    size_t number; /* of the slug that was asked for, from 0 */
    int64_t account;
    int64_t check; /* 0: none has this slug */
};
void sql_slug_owners(struct db_unit *unit, const struct sql_slug *slugs, size_t count);
struct sql_slug_owner sql_slug_owner_row(const struct db_rows *rows, int row);

#endif
