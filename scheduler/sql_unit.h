/* What the files of statements (sql_*.c) have in common. */
#ifndef SCHEDULER_SQL_UNIT_H
#define SCHEDULER_SQL_UNIT_H

#include <stdint.h>
#include <string.h>

#include "shared/db.h"

#define MINUTE_MS 60000

/* Adds a statement whose text is a constant here. */
#define ADD(unit, statement_name, text)                                                            \
    do {                                                                                           \
        static const struct db_statement statement = {(statement_name), (text)};                   \
        db_unit_add((unit), &statement);                                                           \
    } while (0)

/*
 * One array parameter, of those of the count structs in rows that condition chooses; element writes
 * that of *row.
 */
#define EACH_IF(rows, count, type, condition, element)                                             \
    do {                                                                                           \
        db_array_begin(unit, (type));                                                              \
        for (size_t row_index = 0; row_index < (count); row_index++) {                             \
            __typeof__(&*(rows)) row = &(rows)[row_index];                                         \
            if (condition)                                                                         \
                (element);                                                                         \
        }                                                                                          \
        db_array_end(unit);                                                                        \
    } while (0)

#define EACH(rows, count, type, element) EACH_IF(rows, count, type, true, element)

static inline void param_string(struct db_unit *unit, const char *text)
{
    db_param_text(unit, text, strlen(text));
}

static inline void element_string(struct db_unit *unit, const char *text)
{
    if (text)
        db_element_text(unit, text, strlen(text));
    else
        db_element_null(unit);
}

static inline void element_time_or_null(struct db_unit *unit, int64_t time_ms)
{
    if (time_ms)
        db_element_time(unit, time_ms);
    else
        db_element_null(unit);
}

static inline const char *text_or_null(const struct db_rows *rows, int row, int column)
{
    return db_is_null(rows, row, column) ? NULL : db_text(rows, row, column);
}

static inline int64_t time_or_zero(const struct db_rows *rows, int row, int column)
{
    return db_is_null(rows, row, column) ? 0 : db_time_ms(rows, row, column);
}

#endif
