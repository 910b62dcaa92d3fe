/* Columns and parameters that may be NULL. */
#ifndef GATEWAY_SQL_COLUMNS_H
#define GATEWAY_SQL_COLUMNS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shared/db.h"

static inline const char *sql_text_or_null(const struct db_rows *rows, int row, int column)
{
    return db_is_null(rows, row, column) ? NULL : db_text(rows, row, column);
}

/* 0: NULL */
static inline int64_t sql_time_or_zero(const struct db_rows *rows, int row, int column)
{
    return db_is_null(rows, row, column) ? 0 : db_time_ms(rows, row, column);
}

/* -1: NULL; smallint, integer or bigint */
static inline int64_t sql_number_or_none(const struct db_rows *rows, int row, int column)
{
    return db_is_null(rows, row, column) ? -1 : db_i64(rows, row, column);
}

static inline void sql_param_text_or_null(struct db_unit *unit, const char *text)
{
    if (text != NULL)
        db_param_text(unit, text, strlen(text));
    else
        db_param_null(unit);
}

#endif
