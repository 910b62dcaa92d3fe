/* The pool: units wait here, get their deadlines, and have their callbacks run. */
#include "shared/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/db_internal.h"
#include "shared/log.h"
#include "shared/memory.h"

/*
 * An abandoned query ends when its client is gone, or after 30 s; the connection string may set
 * other values.
 */
#define STARTUP_OPTIONS                                                                            \
    "-c TimeZone=UTC -c statement_timeout=30000 -c client_connection_check_interval=2000"

static void on_timer(uv_timer_t *timer);
static void on_prepare(uv_prepare_t *prepare);

static char *copy_of(const char *text)
{
    return memory_text(text, strlen(text));
}

/*
 * Returns why url cannot be used, or NULL. libpq's own words are kept out of it: they quote the
 * string, which has a password in it.
 */
static const char *check_url(const char *url, char **startup_options)
{
    const char *error = NULL;
    char *message = NULL;
    const char *options = "";
    PQconninfoOption *parsed = PQconninfoParse(url, &message);
    PQfreemem(message);
    if (parsed == NULL) {
        error = "the connection string is malformed";
    }
    for (PQconninfoOption *option = parsed; option != NULL && option->keyword != NULL; option++) {
        if (option->val == NULL) {
            continue;
        }
        if (strcmp(option->keyword, "options") == 0) {
            options = option->val;
        }
        if (strcmp(option->keyword, "host") == 0 && strchr(option->val, '@') != NULL &&
            option->val[0] != '@') {
            error = "the connection string is malformed: write an @ of the password as %40";
        }
    }
    size_t size = sizeof(STARTUP_OPTIONS " ") + strlen(options);
    *startup_options = memory_new(size, 1);
    snprintf(*startup_options, size, "%s %s", STARTUP_OPTIONS, options);
    PQconninfoFree(parsed);
    return error;
}

struct db *db_open(uv_loop_t *loop, const struct db_options *options)
{
    INVARIANT(options->connections > 0 && options->queue_limit > 0 && options->pipeline_depth > 0);
    struct db *db =
        memory_new(1, sizeof(*db) + options->connections * sizeof(struct db_connection));
    db->loop = loop;
    db->url = copy_of(options->url);
    db->name = copy_of(options->name);
    db->url_error = check_url(db->url, &db->startup_options);
    db->queue_limit = options->queue_limit;
    db->pipeline_depth = options->pipeline_depth;
    db->on_state = options->on_state;
    db->arg = options->arg;
    db->jitter = (uint32_t)uv_hrtime();
    db->timer_due_ms = INT64_MAX;
    db->connection_count = options->connections;

    INVARIANT(uv_timer_init(loop, &db->timer) == 0);
    INVARIANT(uv_prepare_init(loop, &db->sends) == 0);
    db->timer.data = db;
    db->sends.data = db;
    db->open_handles = 2;
    int64_t now_ms = clock_monotonic_ms();
    for (size_t i = 0; i < db->connection_count; i++) {
        db->connections[i].db = db;
        db->connections[i].due_ms = now_ms;
    }
    db_due(db, now_ms);
    return db;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct db *db = handle->data;
    if (--db->open_handles > 0) {
        return;
    }
    free(db->startup_options);
    free(db->name);
    free(db->url);
    free(db);
}

void db_close(struct db *db)
{
    db->closing = true;
    for (size_t i = 0; i < db->connection_count; i++) {
        db_connection_close(&db->connections[i]);
    }
    db_list_free(&db->waiting);
    db_list_free(&db->finished);
    uv_close((uv_handle_t *)&db->timer, on_handle_closed);
    uv_close((uv_handle_t *)&db->sends, on_handle_closed);
}

bool db_connected(const struct db *db)
{
    return db->ready > 0;
}

unsigned db_waiting(const struct db *db)
{
    return (unsigned)db->waiting.count;
}

void db_due(struct db *db, int64_t due_ms)
{
    if (due_ms >= db->timer_due_ms) {
        return;
    }
    int64_t delay_ms = due_ms - clock_monotonic_ms();
    db->timer_due_ms = due_ms;
    uv_timer_start(&db->timer, on_timer, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
}

void db_wake(struct db *db)
{
    if (db->waiting.count > 0) {
        uv_prepare_start(&db->sends, on_prepare);
    }
}

void db_connection_lost(struct db *db, const char *reason)
{
    if (!db->outage) {
        db->outage = true;
        LOG_WARN("database connection lost", LOG_STR("reason", reason),
                 LOG_I64("connections_left", db->ready));
    }
}

void db_connection_up(struct db *db)
{
    if (db->outage && db->ready == db->connection_count) {
        db->outage = false;
        LOG_INFO("database connected again", LOG_I64("connections", db->ready));
    }
}

void db_finish(struct db *db, struct db_unit *unit, enum db_status status)
{
    if (unit->on_done == NULL) {
        db_unit_free(unit);
        return;
    }
    unit->status = status;
    db_list_push(&db->finished, unit);
}

/* NULL unless it succeeded. */
static const struct db_rows *rows_of(struct db_unit *unit)
{
    if (unit->status != DB_OK) {
        return NULL;
    }
    unit->rows = memory_new(unit->use_count, sizeof(*unit->rows));
    for (size_t i = 0; i < unit->use_count; i++) {
        INVARIANT(unit->results[i] != NULL);
        unit->rows[i].result = unit->results[i];
        unit->rows[i].count = PQntuples(unit->results[i]);
    }
    return unit->rows;
}

void db_deliver(struct db *db)
{
    struct db_unit *unit;
    while (!db->closing) {
        bool connected = db->ready > 0;
        if (connected != db->told_state) {
            db->told_state = connected;
            if (db->on_state != NULL) {
                db->on_state(db->arg, connected);
            }
            continue;
        }
        unit = db_list_pop(&db->finished);
        if (unit == NULL) {
            return;
        }
        struct db_outcome outcome = {.status = unit->status,
                                     .statements = rows_of(unit),
                                     .count = unit->status == DB_OK ? unit->use_count : 0,
                                     .message = unit->message == NULL ? "" : unit->message};
        if (unit->status == DB_ERROR) {
            memcpy(outcome.sqlstate, unit->sqlstate, sizeof(outcome.sqlstate));
        }
        unit->on_done(unit->arg, &outcome);
        db_unit_free(unit);
    }
}

/* The connection with the least under way that takes another unit, or NULL. */
static struct db_connection *pick(struct db *db)
{
    struct db_connection *best = NULL;
    for (size_t i = 0; i < db->connection_count; i++) {
        struct db_connection *connection = &db->connections[i];
        if (db_connection_accepts(connection) &&
            (best == NULL || connection->under_way.count < best->under_way.count)) {
            best = connection;
        }
    }
    return best;
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct db *db = prepare->data;
    uv_prepare_stop(prepare);
    struct db_connection *connection;
    while (db->waiting.count > 0 && (connection = pick(db)) != NULL) {
        db_connection_send(connection, db_list_pop(&db->waiting));
    }
    for (size_t i = 0; i < db->connection_count; i++) {
        db_connection_flush(&db->connections[i]);
    }
    db_deliver(db);
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

/* Ends the waiting units whose time is over; returns the next deadline. */
static int64_t expire_waiting(struct db *db, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    struct db_list all = db->waiting;
    struct db_unit *unit;
    db->waiting = (struct db_list){0};
    while ((unit = db_list_pop(&all)) != NULL) {
        if (unit->deadline_ms <= now_ms) {
            db_unit_set_error(unit, "", "the deadline passed before a connection was free");
            db_finish(db, unit, DB_TIMEOUT);
        } else {
            next_ms = earlier(next_ms, unit->deadline_ms);
            db_list_push(&db->waiting, unit);
        }
    }
    return next_ms;
}

/* What is due of one connection; returns its next deadline. */
static int64_t expire_connection(struct db_connection *connection, int64_t now_ms)
{
    if (connection->state == DB_CONNECTION_DOWN) {
        if (connection->due_ms > now_ms) {
            return connection->due_ms;
        }
        db_connection_start(connection);
        return connection->due_ms;
    }
    if (connection->state == DB_CONNECTION_CONNECTING) {
        if (connection->due_ms > now_ms) {
            return connection->due_ms;
        }
        db_connection_break(connection, "no connection in time");
        return connection->due_ms;
    }
    int64_t next_ms = INT64_MAX;
    for (const struct db_unit *unit = connection->under_way.first; unit != NULL;
         unit = unit->next) {
        if (unit->deadline_ms <= now_ms) {
            char reason[128];
            snprintf(reason, sizeof(reason), "the deadline of %s passed",
                     unit->use_count > 0 ? unit->uses[0].statement->name : "a unit");
            db_connection_break(connection, reason);
            return connection->due_ms;
        }
        next_ms = earlier(next_ms, unit->deadline_ms);
    }
    return next_ms;
}

static void on_timer(uv_timer_t *timer)
{
    struct db *db = timer->data;
    int64_t now_ms = clock_monotonic_ms();
    db->timer_due_ms = INT64_MAX;
    int64_t next_ms = expire_waiting(db, now_ms);
    for (size_t i = 0; i < db->connection_count; i++) {
        next_ms = earlier(next_ms, expire_connection(&db->connections[i], now_ms));
    }
    if (next_ms != INT64_MAX) {
        db_due(db, next_ms);
    }
    db_deliver(db);
}

/* Units that the pool can send at once need no place in the queue. */
static size_t free_slots(const struct db *db)
{
    size_t slots = 0;
    for (size_t i = 0; i < db->connection_count; i++) {
        const struct db_connection *connection = &db->connections[i];
        if (db_connection_accepts(connection)) {
            slots += db->pipeline_depth - connection->under_way.count;
        }
    }
    return slots;
}

enum db_status db_run(struct db *db, struct db_unit *unit, int64_t timeout_ms, db_done_cb *on_done,
                      void *arg)
{
    INVARIANT(!db->closing && on_done != NULL && unit->use_count > 0 && !unit->array_open);
    if (unit->transaction) {
        const char *last = unit->uses[unit->use_count - 1].statement->sql;
        INVARIANT(db_sql_begins(last, "COMMIT") || db_sql_begins(last, "ROLLBACK"));
    }
    if (db->waiting.count >= db->queue_limit &&
        db->waiting.count >= db->queue_limit + free_slots(db)) {
        db_unit_free(unit);
        return DB_FULL;
    }
    unit->deadline_ms = clock_monotonic_ms() + timeout_ms;
    unit->on_done = on_done;
    unit->arg = arg;
    db_list_push(&db->waiting, unit);
    db_due(db, unit->deadline_ms);
    db_wake(db);
    return DB_OK;
}
