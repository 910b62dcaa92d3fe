/*
 * What the files of db share. A unit is in exactly one list at a time: waiting (db), under_way (of
 * one connection), finished (db), and is freed after its callback.
 */
#ifndef SHARED_DB_INTERNAL_H
#define SHARED_DB_INTERNAL_H

#include "shared/buffer.h"
#include "shared/db.h"

#define DB_OID_BOOL        16
#define DB_OID_BYTEA       17
#define DB_OID_INT8        20
#define DB_OID_INT2        21
#define DB_OID_INT4        23
#define DB_OID_TEXT        25
#define DB_OID_INET        869
#define DB_OID_INT8_ARRAY  1016
#define DB_OID_TIMESTAMPTZ 1184

/* Between 1970-01-01 and 2000-01-01, where PostgreSQL's time begins. */
#define DB_EPOCH_MS INT64_C(946684800000)

struct db_use {
    const struct db_statement *statement;
    size_t first_param;
    size_t param_count;
    bool prepare; /* this unit prepares it on its connection; set when the unit is sent */
};

struct db_param {
    size_t offset; /* in the unit's values */
    size_t length;
    bool null;
};

struct db_unit {
    struct db_unit *next;

    struct db_use *uses;
    size_t use_count;
    size_t use_capacity;
    struct db_param *params;
    size_t param_count;
    size_t param_capacity;
    struct buffer values;
    bool transaction; /* begins with BEGIN */

    bool array_open;
    enum db_array_type array_type;
    uint32_t array_elements;
    bool array_nulls;

    int64_t deadline_ms; /* monotonic */
    db_done_cb *on_done; /* NULL: a unit of our own */
    void *arg;

    PGresult **results;   /* use_count of them, from when it is sent; NULL until it comes */
    struct db_rows *rows; /* over results, when all came */
    enum db_status status;
    char sqlstate[6];
    char *message; /* owned; NULL: none */
};

struct db_list {
    struct db_unit *first;
    struct db_unit *last;
    size_t count;
};

void db_list_push(struct db_list *list, struct db_unit *unit);
struct db_unit *db_list_pop(struct db_list *list); /* NULL where it is empty */
void db_list_free(struct db_list *list);

bool db_sql_begins(const char *sql, const char *word);
/* The parameters went out; they are never sent a second time. */
void db_unit_release_params(struct db_unit *unit);
/* Keeps the first error of a unit; message may be NULL. */
void db_unit_set_error(struct db_unit *unit, const char *sqlstate, const char *message);

enum db_connection_state {
    DB_CONNECTION_DOWN,       /* no PGconn; due_ms: when to try again */
    DB_CONNECTION_CONNECTING, /* due_ms: when to give up */
    DB_CONNECTION_READY
};

struct db_connection {
    struct db *db;
    enum db_connection_state state;
    int64_t due_ms;
    unsigned backoff_ms;
    PGconn *pg;
    uv_poll_t *poll; /* of its own memory: it outlives the socket until its close callback */
    int events;      /* that poll watches */

    struct db_list under_way;
    size_t use;   /* of the first unit under way: whose result comes next */
    bool parsing; /* the result of its preparation comes first */
    bool barrier; /* nothing may be sent behind what is under way */

    const struct db_statement **prepared;
    size_t prepared_count;
    size_t prepared_capacity;
    char notice[160]; /* the server's last word, which explains why it closed */
};

struct db {
    uv_loop_t *loop;
    uv_timer_t timer;   /* the earliest deadline of units and connections */
    uv_prepare_t sends; /* active while there is something to send before the loop sleeps */
    unsigned open_handles;
    bool closing;

    char *url;
    char *name;
    char *startup_options;
    const char *url_error; /* why url cannot be used; NULL: it can */
    unsigned queue_limit;
    unsigned pipeline_depth;
    void (*on_state)(void *arg, bool connected);
    void *arg;

    int64_t timer_due_ms; /* INT64_MAX: not armed */
    uint32_t jitter;
    struct db_list waiting;
    struct db_list finished;
    unsigned ready;  /* connections */
    bool told_state; /* what on_state heard last */
    bool outage;     /* logged, and not over */
    size_t connection_count;
    struct db_connection connections[];
};

/* db.c, for the connections: */
void db_finish(struct db *db, struct db_unit *unit, enum db_status status);
void db_deliver(struct db *db); /* runs callbacks: the last thing an event does */
void db_wake(struct db *db);    /* sends what waits before the loop sleeps */
void db_due(struct db *db, int64_t due_ms);
void db_connection_lost(struct db *db, const char *reason);
void db_connection_up(struct db *db);

/* db_connection.c; none of these calls back. */
void db_connection_start(struct db_connection *connection);
bool db_connection_accepts(const struct db_connection *connection);
void db_connection_send(struct db_connection *connection, struct db_unit *unit);
/* After sends: pushes out what the socket takes and watches for the rest. */
void db_connection_flush(struct db_connection *connection);
/* Gives the connection up, ends what is under way with DB_LOST, and plans the next try. */
void db_connection_break(struct db_connection *connection, const char *reason);
/* Closes without a word. */
void db_connection_close(struct db_connection *connection);

#endif
