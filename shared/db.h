/*
 * PostgreSQL for a process with a libuv loop: a bounded pool of libpq connections in pipeline mode,
 * reconnecting for ever with backoff. Statements are prepared once a connection, and parameters
 * travel in binary.
 *
 * A unit is what goes out under one Sync: all its statements run or none after the first error.
 * Independent reads are units of one statement; a transaction is a unit that begins with BEGIN and
 * ends with COMMIT. Nothing is sent behind a transaction on its connection until it has ended, so
 * that one that fails harms no other; reads are pipelined. Units of one pool may run on different
 * connections in any order; a pool of one connection keeps their order.
 */
#ifndef SHARED_DB_H
#define SHARED_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <libpq-fe.h>

#include "shared/compiler.h"

enum db_status {
    DB_OK,
    DB_FULL,   /* too many units wait: nothing was sent */
    DB_ERROR,  /* PostgreSQL refused a statement: the unit had no effect; sqlstate tells */
    DB_LOST,   /* the connection broke or the deadline passed while the unit ran: outcome unknown */
    DB_TIMEOUT /* the deadline passed before the unit was sent: it had no effect */
};

/* The statement, a constant for the process's life: its address identifies it. */
struct db_statement {
    const char *name; /* unique in the process; the name it is prepared under */
    const char *sql;
};

struct db_unit; /* built, then handed to db_run, which takes it */

struct db_unit *db_unit_new(void);
void db_unit_free(struct db_unit *unit); /* only for a unit that was not handed over */
/*
 * Adds a statement; its parameters follow by the calls below, in the order $1, $2, ... The types
 * must be those of the statement: cast in SQL ($1::bigint) so that they are.
 */
void db_unit_add(struct db_unit *unit, const struct db_statement *statement);
/* How many statements were added: the place of the next one's rows in the outcome. */
size_t db_unit_count(const struct db_unit *unit);
void db_param_null(struct db_unit *unit);
void db_param_bool(struct db_unit *unit, bool value);
void db_param_i32(struct db_unit *unit, int32_t value);
void db_param_i64(struct db_unit *unit, int64_t value);
void db_param_text(struct db_unit *unit, const char *text, size_t length);
void db_param_bytes(struct db_unit *unit, const void *bytes, size_t length);
/* timestamptz of milliseconds since 1970; INT64_MIN and INT64_MAX are the infinities. */
void db_param_time(struct db_unit *unit, int64_t time_ms);

/*
 * Arrays (for unnest): begin, one call an element, end. The element calls are the db_element ones.
 */
enum db_array_type {
    DB_ARRAY_BOOL,
    DB_ARRAY_I16,
    DB_ARRAY_I32,
    DB_ARRAY_I64,
    DB_ARRAY_TEXT,
    DB_ARRAY_BYTES,
    DB_ARRAY_TIME,
    DB_ARRAY_INET
};
void db_array_begin(struct db_unit *unit, enum db_array_type type);
void db_element_null(struct db_unit *unit);
void db_element_bool(struct db_unit *unit, bool value);
void db_element_i16(struct db_unit *unit, int16_t value);
void db_element_i32(struct db_unit *unit, int32_t value);
void db_element_i64(struct db_unit *unit, int64_t value);
void db_element_text(struct db_unit *unit, const char *text, size_t length);
void db_element_bytes(struct db_unit *unit, const void *bytes, size_t length);
void db_element_time(struct db_unit *unit, int64_t time_ms);
/* An address of 4 or 16 bytes, in network order. */
void db_element_inet(struct db_unit *unit, const uint8_t *address, size_t length);
void db_array_end(struct db_unit *unit);

/*
 * The rows of one statement, borrowed for the duration of the callback; columns are binary. A
 * column is read as what it is, or aborts: smallint, integer and bigint by db_i64, the first two by
 * db_i32. NULL reads as zero.
 */
struct db_rows {
    const PGresult *result;
    int count;
};

bool db_is_null(const struct db_rows *rows, int row, int column);
bool db_bool(const struct db_rows *rows, int row, int column);
int32_t db_i32(const struct db_rows *rows, int row, int column);
int64_t db_i64(const struct db_rows *rows, int row, int column);
int64_t db_time_ms(const struct db_rows *rows, int row, int column); /* timestamptz */
/* Borrowed; NUL-terminated; "" for NULL. */
const char *db_text(const struct db_rows *rows, int row, int column);
const void *db_bytes(const struct db_rows *rows, int row, int column, size_t *length);
/* The first max elements of a bigint[]; returns how many were read. Null elements read as zero. */
size_t db_i64_array(const struct db_rows *rows, int row, int column, int64_t *values, size_t max);

struct db_outcome {
    enum db_status status;
    /* DB_OK: the rows of each statement, in order. Otherwise count 0. */
    const struct db_rows *statements;
    size_t count;
    char sqlstate[6];    /* DB_ERROR: "40001"; otherwise "" */
    const char *message; /* borrowed; "" where there is none; for the log, never for a client */
};

typedef void db_done_cb(void *arg, const struct db_outcome *outcome);

struct db;

struct db_options {
    const char *url;         /* libpq's connection string */
    const char *name;        /* application_name */
    unsigned connections;    /* pool size */
    unsigned queue_limit;    /* units that may wait for a connection */
    unsigned pipeline_depth; /* units under way on one connection; 1 keeps units apart */
    /* Called when the first connection is up and when the last is gone. May be NULL. */
    void (*on_state)(void *arg, bool connected);
    void *arg;
};

struct db *db_open(uv_loop_t *loop, const struct db_options *options);
/* Frees all; units under way or waiting end without a callback. */
void db_close(struct db *db);
bool db_connected(const struct db *db);
unsigned db_waiting(const struct db *db);

/*
 * Takes the unit in every case, and runs it; on_done comes exactly once, never from inside db_run,
 * unless db_run returns DB_FULL. timeout_ms counts from now. While no connection is up units wait
 * for one, until their deadline.
 */
enum db_status db_run(struct db *db, struct db_unit *unit, int64_t timeout_ms, db_done_cb *on_done,
                      void *arg) MUST_CHECK;

#endif
