/* Building units: statements with their parameters, in PostgreSQL's binary formats. */
#include <endian.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/compiler.h"
#include "shared/db_internal.h"
#include "shared/memory.h"

/* The header of an array: dimensions, flags, element type; then length and lower bound of each. */
#define ARRAY_EMPTY_SIZE 12
/* The count of parameters is an unsigned 16-bit number in the protocol. */
#define PARAMS_MAX 65535
/* A PostgreSQL message is shorter than 1 GiB. */
#define VALUE_MAX ((size_t)1 << 30)

static const uint32_t element_oids[] = {
    [DB_ARRAY_BOOL] = DB_OID_BOOL,        [DB_ARRAY_I16] = DB_OID_INT2,
    [DB_ARRAY_I32] = DB_OID_INT4,         [DB_ARRAY_I64] = DB_OID_INT8,
    [DB_ARRAY_TEXT] = DB_OID_TEXT,        [DB_ARRAY_BYTES] = DB_OID_BYTEA,
    [DB_ARRAY_TIME] = DB_OID_TIMESTAMPTZ, [DB_ARRAY_INET] = DB_OID_INET,
};

void db_list_push(struct db_list *list, struct db_unit *unit)
{
    unit->next = NULL;
    if (list->last == NULL) {
        list->first = unit;
    } else {
        list->last->next = unit;
    }
    list->last = unit;
    list->count++;
}

struct db_unit *db_list_pop(struct db_list *list)
{
    struct db_unit *unit = list->first;
    if (unit != NULL) {
        list->first = unit->next;
        if (list->first == NULL) {
            list->last = NULL;
        }
        unit->next = NULL;
        list->count--;
    }
    return unit;
}

void db_list_free(struct db_list *list)
{
    struct db_unit *unit;
    while ((unit = db_list_pop(list)) != NULL) {
        db_unit_free(unit);
    }
}

bool db_sql_begins(const char *sql, const char *word)
{
    return strncasecmp(sql + strspn(sql, " \t\r\n"), word, strlen(word)) == 0;
}

struct db_unit *db_unit_new(void)
{
    return memory_new(1, sizeof(struct db_unit));
}

void db_unit_release_params(struct db_unit *unit)
{
    free(unit->params);
    unit->params = NULL;
    buffer_free(&unit->values);
}

void db_unit_free(struct db_unit *unit)
{
    if (unit == NULL) {
        return;
    }
    for (size_t i = 0; unit->results != NULL && i < unit->use_count; i++) {
        PQclear(unit->results[i]);
    }
    free(unit->results);
    free(unit->rows);
    db_unit_release_params(unit);
    free(unit->uses);
    free(unit->message);
    free(unit);
}

void db_unit_set_error(struct db_unit *unit, const char *sqlstate, const char *message)
{
    if (unit->message != NULL) {
        return;
    }
    if (sqlstate != NULL && strlen(sqlstate) < sizeof(unit->sqlstate)) {
        memcpy(unit->sqlstate, sqlstate, strlen(sqlstate) + 1);
    }
    if (message == NULL) {
        message = "";
    }
    unit->message = memory_text(message, strlen(message));
}

void db_unit_add(struct db_unit *unit, const struct db_statement *statement)
{
    INVARIANT(!unit->array_open);
    /* COPY wedges a connection in pipeline mode. */
    INVARIANT(!db_sql_begins(statement->sql, "COPY"));
    if (db_sql_begins(statement->sql, "BEGIN") || db_sql_begins(statement->sql, "START")) {
        INVARIANT(unit->use_count == 0);
        unit->transaction = true;
    }
    if (unit->use_count == unit->use_capacity) {
        unit->use_capacity = unit->use_capacity == 0 ? 4 : 2 * unit->use_capacity;
        unit->uses = memory_resize(unit->uses, unit->use_capacity, sizeof(*unit->uses));
    }
    unit->uses[unit->use_count++] =
        (struct db_use){.statement = statement, .first_param = unit->param_count};
}

size_t db_unit_count(const struct db_unit *unit)
{
    return unit->use_count;
}

static void add_param(struct db_unit *unit, bool null)
{
    INVARIANT(unit->use_count > 0 && !unit->array_open);
    struct db_use *use = &unit->uses[unit->use_count - 1];
    INVARIANT(use->param_count < PARAMS_MAX);
    if (unit->param_count == unit->param_capacity) {
        unit->param_capacity = unit->param_capacity == 0 ? 8 : 2 * unit->param_capacity;
        unit->params = memory_resize(unit->params, unit->param_capacity, sizeof(*unit->params));
    }
    unit->params[unit->param_count++] =
        (struct db_param){.offset = unit->values.length, .null = null};
    use->param_count++;
}

static void end_param(struct db_unit *unit)
{
    struct db_param *param = &unit->params[unit->param_count - 1];
    param->length = unit->values.length - param->offset;
    INVARIANT(param->length < VALUE_MAX);
}

static void put_bytes(struct buffer *out, const void *bytes, size_t length)
{
    if (length > 0) {
        buffer_append(out, bytes, length);
    }
}

static void put_u32(struct buffer *out, uint32_t value)
{
    uint32_t big = htobe32(value);
    buffer_append(out, &big, sizeof(big));
}

static void put_i64(struct buffer *out, int64_t value)
{
    uint64_t big = htobe64((uint64_t)value);
    buffer_append(out, &big, sizeof(big));
}

static void patch_u32(struct buffer *out, size_t offset, uint32_t value)
{
    uint32_t big = htobe32(value);
    memcpy(out->data + offset, &big, sizeof(big));
}

/* What PostgreSQL cannot hold becomes its infinity, so that comparisons stay right. */
static int64_t postgres_time(int64_t time_ms)
{
    const int64_t earliest_ms = INT64_C(-210866803200000); /* 4714-11-24 BC */
    const int64_t latest_ms = INT64_C(9224318015999999);   /* 294276-12-31 */
    if (time_ms > latest_ms) {
        return INT64_MAX;
    }
    if (time_ms < earliest_ms) {
        return INT64_MIN;
    }
    return (time_ms - DB_EPOCH_MS) * 1000;
}

void db_param_null(struct db_unit *unit)
{
    add_param(unit, true);
}

void db_param_bool(struct db_unit *unit, bool value)
{
    add_param(unit, false);
    char byte = value ? 1 : 0;
    buffer_append(&unit->values, &byte, 1);
    end_param(unit);
}

void db_param_i32(struct db_unit *unit, int32_t value)
{
    add_param(unit, false);
    put_u32(&unit->values, (uint32_t)value);
    end_param(unit);
}

void db_param_i64(struct db_unit *unit, int64_t value)
{
    add_param(unit, false);
    put_i64(&unit->values, value);
    end_param(unit);
}

void db_param_text(struct db_unit *unit, const char *text, size_t length)
{
    db_param_bytes(unit, text, length);
}

void db_param_bytes(struct db_unit *unit, const void *bytes, size_t length)
{
    add_param(unit, false);
    put_bytes(&unit->values, bytes, length);
    end_param(unit);
}

void db_param_time(struct db_unit *unit, int64_t time_ms)
{
    db_param_i64(unit, postgres_time(time_ms));
}

void db_array_begin(struct db_unit *unit, enum db_array_type type)
{
    INVARIANT((size_t)type < ARRAY_LENGTH(element_oids));
    add_param(unit, false);
    unit->array_open = true;
    unit->array_type = type;
    unit->array_elements = 0;
    unit->array_nulls = false;
    put_u32(&unit->values, 1);
    put_u32(&unit->values, 0);
    put_u32(&unit->values, element_oids[type]);
    put_u32(&unit->values, 0);
    put_u32(&unit->values, 1);
}

static void begin_element(struct db_unit *unit, enum db_array_type type, size_t length)
{
    INVARIANT(unit->array_open && unit->array_type == type);
    INVARIANT(unit->array_elements < INT_MAX && length < VALUE_MAX);
    unit->array_elements++;
    put_u32(&unit->values, (uint32_t)length);
}

void db_element_null(struct db_unit *unit)
{
    INVARIANT(unit->array_open);
    unit->array_elements++;
    unit->array_nulls = true;
    put_u32(&unit->values, UINT32_MAX);
}

void db_element_bool(struct db_unit *unit, bool value)
{
    char byte = value ? 1 : 0;
    begin_element(unit, DB_ARRAY_BOOL, sizeof(byte));
    buffer_append(&unit->values, &byte, sizeof(byte));
}

void db_element_i16(struct db_unit *unit, int16_t value)
{
    uint16_t big = htobe16((uint16_t)value);
    begin_element(unit, DB_ARRAY_I16, sizeof(big));
    buffer_append(&unit->values, &big, sizeof(big));
}

void db_element_i32(struct db_unit *unit, int32_t value)
{
    begin_element(unit, DB_ARRAY_I32, sizeof(value));
    put_u32(&unit->values, (uint32_t)value);
}

void db_element_i64(struct db_unit *unit, int64_t value)
{
    begin_element(unit, DB_ARRAY_I64, sizeof(value));
    put_i64(&unit->values, value);
}

void db_element_text(struct db_unit *unit, const char *text, size_t length)
{
    begin_element(unit, DB_ARRAY_TEXT, length);
    put_bytes(&unit->values, text, length);
}

void db_element_bytes(struct db_unit *unit, const void *bytes, size_t length)
{
    begin_element(unit, DB_ARRAY_BYTES, length);
    put_bytes(&unit->values, bytes, length);
}

void db_element_time(struct db_unit *unit, int64_t time_ms)
{
    begin_element(unit, DB_ARRAY_TIME, sizeof(time_ms));
    put_i64(&unit->values, postgres_time(time_ms));
}

void db_element_inet(struct db_unit *unit, const uint8_t *address, size_t length)
{
    const size_t v4 = 4, v6 = 16;
    INVARIANT(length == v4 || length == v6);
    /* PostgreSQL's names of the families; bits of the mask; it is no network. */
    uint8_t head[] = {length == v4 ? 2 : 3, (uint8_t)(length * 8), 0, (uint8_t)length};
    begin_element(unit, DB_ARRAY_INET, sizeof(head) + length);
    buffer_append(&unit->values, head, sizeof(head));
    buffer_append(&unit->values, address, length);
}

void db_array_end(struct db_unit *unit)
{
    INVARIANT(unit->array_open);
    size_t start = unit->params[unit->param_count - 1].offset;
    if (unit->array_elements == 0) {
        patch_u32(&unit->values, start, 0);
        unit->values.length = start + ARRAY_EMPTY_SIZE;
    } else {
        patch_u32(&unit->values, start + 4, unit->array_nulls ? 1 : 0);
        patch_u32(&unit->values, start + 12, unit->array_elements);
    }
    unit->array_open = false;
    end_param(unit);
}
