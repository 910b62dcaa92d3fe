#include "gateway/sql_pings.h"

#include <string.h>

void sql_check_names(struct db_unit *unit, const int64_t *ids, size_t count)
{
    static const struct db_statement statement = {
        "gateway_check_names",
        "SELECT public_id, account_id FROM checks WHERE id = ANY($1::bigint[])"};
    db_unit_add(unit, &statement);
    db_array_begin(unit, DB_ARRAY_I64);
    for (size_t i = 0; i < count; i++)
        db_element_i64(unit, ids[i]);
    db_array_end(unit);
}

struct sql_check_name sql_check_name_row(const struct db_rows *rows, int row)
{
    struct sql_check_name check = {.account = db_i64(rows, row, 1)};
    const char *text = db_text(rows, row, 0);
    if (public_id_parse(PUBLIC_ID_CHECK, text, strlen(text), &check.name) != 0)
        check.name.id = 0;
    return check;
}

void sql_slug_owners(struct db_unit *unit, const struct sql_slug *slugs, size_t count)
{
    static const struct db_statement statement = {
        "gateway_slug_owners",
        "SELECT w.number, k.account_id, c.id"
        " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (key, slug, number)"
        " JOIN ping_keys k ON k.key = w.key"
        " LEFT JOIN checks c ON c.account_id = k.account_id AND c.slug = w.slug"};
    char key[PUBLIC_ID_SIZE];
    db_unit_add(unit, &statement);
    db_array_begin(unit, DB_ARRAY_TEXT);
    for (size_t i = 0; i < count; i++)
        db_element_text(unit, public_id_text(PUBLIC_ID_PING_KEY, &slugs[i].ping_key, key),
                        PING_KEY_LENGTH);
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_TEXT);
    for (size_t i = 0; i < count; i++)
        db_element_text(unit, slugs[i].slug, slugs[i].length);
    db_array_end(unit);
}

struct sql_slug_owner sql_slug_owner_row(const struct db_rows *rows, int row)
{
    return (struct sql_slug_owner){
        .number = (size_t)(db_i64(rows, row, 0) - 1),
        .account = db_i64(rows, row, 1),
        .check = db_i64(rows, row, 2),
    };
}
