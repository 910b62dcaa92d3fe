/* Reading binary columns. */
#include <endian.h>
#include <string.h>

#include "shared/compiler.h"
#include "shared/db_internal.h"

static const char *value_of(const struct db_rows *rows, int row, int column)
{
    INVARIANT(row >= 0 && row < rows->count);
    INVARIANT(column >= 0 && column < PQnfields(rows->result));
    return PQgetvalue(rows->result, row, column);
}

static size_t length_of(const struct db_rows *rows, int row, int column)
{
    return (size_t)PQgetlength(rows->result, row, column);
}

static int64_t eight_bytes(const char *value)
{
    uint64_t big;
    memcpy(&big, value, sizeof(big));
    return (int64_t)be64toh(big);
}

bool db_is_null(const struct db_rows *rows, int row, int column)
{
    INVARIANT(row >= 0 && row < rows->count);
    INVARIANT(column >= 0 && column < PQnfields(rows->result));
    return PQgetisnull(rows->result, row, column) != 0;
}

bool db_bool(const struct db_rows *rows, int row, int column)
{
    const char *value = value_of(rows, row, column);
    if (db_is_null(rows, row, column)) {
        return false;
    }
    INVARIANT(PQftype(rows->result, column) == DB_OID_BOOL);
    return value[0] != 0;
}

int32_t db_i32(const struct db_rows *rows, int row, int column)
{
    INVARIANT(PQftype(rows->result, column) != DB_OID_INT8);
    return (int32_t)db_i64(rows, row, column);
}

int64_t db_i64(const struct db_rows *rows, int row, int column)
{
    const char *value = value_of(rows, row, column);
    if (db_is_null(rows, row, column)) {
        return 0;
    }
    switch (PQftype(rows->result, column)) {
    case DB_OID_INT2: {
        uint16_t big;
        memcpy(&big, value, sizeof(big));
        return (int16_t)be16toh(big);
    }
    case DB_OID_INT4: {
        uint32_t big;
        memcpy(&big, value, sizeof(big));
        return (int32_t)be32toh(big);
    }
    default: INVARIANT(PQftype(rows->result, column) == DB_OID_INT8); return eight_bytes(value);
    }
}

int64_t db_time_ms(const struct db_rows *rows, int row, int column)
{
    const char *value = value_of(rows, row, column);
    if (db_is_null(rows, row, column)) {
        return 0;
    }
    INVARIANT(PQftype(rows->result, column) == DB_OID_TIMESTAMPTZ);
    int64_t time_us = eight_bytes(value);
    if (time_us == INT64_MAX || time_us == INT64_MIN) {
        return time_us;
    }
    int64_t time_ms = time_us / 1000;
    if (time_us % 1000 < 0) {
        time_ms--;
    }
    return time_ms + DB_EPOCH_MS;
}

/* Text, and the types whose binary form is the same: enums, json, name, varchar. */
static bool is_text(Oid type)
{
    switch (type) {
    case DB_OID_BOOL:
    case DB_OID_BYTEA:
    case DB_OID_INT2:
    case DB_OID_INT4:
    case DB_OID_INT8:
    case DB_OID_INET:
    case DB_OID_INT8_ARRAY:
    case DB_OID_TIMESTAMPTZ: return false;
    default: return true;
    }
}

const char *db_text(const struct db_rows *rows, int row, int column)
{
    const char *value = value_of(rows, row, column);
    INVARIANT(is_text(PQftype(rows->result, column)));
    return value;
}

const void *db_bytes(const struct db_rows *rows, int row, int column, size_t *length)
{
    const char *value = value_of(rows, row, column);
    *length = length_of(rows, row, column);
    return value;
}

size_t db_i64_array(const struct db_rows *rows, int row, int column, int64_t *values, size_t max)
{
    /* Dimensions, flags, element type; of the one dimension length and lower bound. */
    const size_t head = 20, empty = 12;
    const char *value = value_of(rows, row, column);
    const char *end = value + length_of(rows, row, column);
    INVARIANT(PQftype(rows->result, column) == DB_OID_INT8_ARRAY);
    if (value + empty >= end)
        return 0; /* or null */
    size_t count = 0;
    for (value += head; value < end && count < max; count++) {
        uint32_t length;
        memcpy(&length, value, sizeof(length));
        value += sizeof(length);
        bool null = length == UINT32_MAX;
        values[count] = null ? 0 : eight_bytes(value);
        value += null ? 0 : sizeof(int64_t);
    }
    return count;
}
