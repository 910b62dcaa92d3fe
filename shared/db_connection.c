/*
 * One connection: libpq on uv_poll.
 *
 * Units go out one behind the other, each under its own Sync. Behind a unit that opens a
 * transaction or prepares a statement nothing is sent until its results are here (a barrier): after
 * a failure the next unit would run inside the failed transaction, or execute what was not
 * prepared.
 *
 * libpq closes and replaces its socket as it likes, so the uv_poll handle is closed whenever it may
 * have done so, and always before code that could open another socket with the same number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/db_internal.h"
#include "shared/memory.h"

#define CONNECT_TIMEOUT_MS  5000
#define BACKOFF_MIN_MS      50
#define BACKOFF_MAX_MS      1000
#define ROLLBACK_TIMEOUT_MS 5000
#define FIRST_LINE_SIZE     256

static const struct db_statement rollback_statement = {"db_rollback", "ROLLBACK"};

static void on_socket(uv_poll_t *poll, int status, int events);

static char *first_line(char text[static FIRST_LINE_SIZE], const char *message)
{
    snprintf(text, FIRST_LINE_SIZE, "%.*s", (int)strcspn(message, "\n"), message);
    return text;
}

/* The server's last word before it closes a connection, whether a statement was under way or not.
 */
static void note_fatal(struct db_connection *connection, const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (severity != NULL && text != NULL && strcmp(severity, "FATAL") == 0) {
        snprintf(connection->notice, sizeof(connection->notice), "%s", text);
    }
}

static void on_notice(void *arg, const PGresult *result)
{
    note_fatal(arg, result);
}

static void free_poll(uv_handle_t *handle)
{
    free(handle);
}

static void unwatch(struct db_connection *connection)
{
    if (connection->poll != NULL) {
        uv_poll_stop(connection->poll);
        uv_close((uv_handle_t *)connection->poll, free_poll);
        connection->poll = NULL;
        connection->events = 0;
    }
}

/* Returns false where there is no socket to watch. */
static bool watch(struct db_connection *connection, int events)
{
    if (connection->poll == NULL) {
        uv_poll_t *poll = memory_new(1, sizeof(*poll));
        if (uv_poll_init(connection->db->loop, poll, PQsocket(connection->pg)) != 0) {
            free(poll);
            return false;
        }
        poll->data = connection;
        connection->poll = poll;
    }
    if (events == connection->events) {
        return true;
    }
    connection->events = events;
    return uv_poll_start(connection->poll, events, on_socket) == 0;
}

void db_connection_close(struct db_connection *connection)
{
    unwatch(connection);
    PQfinish(connection->pg);
    connection->pg = NULL;
    free(connection->prepared);
    connection->prepared = NULL;
    connection->prepared_count = 0;
    connection->prepared_capacity = 0;
    connection->use = 0;
    connection->parsing = false;
    connection->barrier = false;
    db_list_free(&connection->under_way);
}

void db_connection_break(struct db_connection *connection, const char *reason)
{
    struct db *db = connection->db;
    char line[FIRST_LINE_SIZE];
    first_line(line, connection->notice[0] != '\0' ? connection->notice : reason);
    connection->notice[0] = '\0';

    struct db_unit *unit;
    while ((unit = db_list_pop(&connection->under_way)) != NULL) {
        db_unit_set_error(unit, "", line);
        db_finish(db, unit, DB_LOST);
    }
    if (connection->state == DB_CONNECTION_READY) {
        db->ready--;
    }
    connection->state = DB_CONNECTION_DOWN;
    db_connection_close(connection);

    /* Half of the delay is left to chance, so that a fleet does not come back in step. */
    db->jitter = db->jitter * 1664525u + 1013904223u;
    unsigned half_ms = connection->backoff_ms / 2;
    connection->due_ms = clock_monotonic_ms() + half_ms + (db->jitter >> 16) % (half_ms + 1);
    if (connection->backoff_ms < BACKOFF_MAX_MS) {
        connection->backoff_ms *= 2;
    }
    if (connection->backoff_ms > BACKOFF_MAX_MS) {
        connection->backoff_ms = BACKOFF_MAX_MS;
    }
    db_due(db, connection->due_ms);
    db_connection_lost(db, line);
}

static void break_with_error(struct db_connection *connection)
{
    char line[FIRST_LINE_SIZE];
    first_line(line, PQerrorMessage(connection->pg));
    db_connection_break(connection, line[0] == '\0' ? "connection lost" : line);
}

static void connected(struct db_connection *connection)
{
    if (PQsetnonblocking(connection->pg, 1) != 0 || PQenterPipelineMode(connection->pg) != 1) {
        break_with_error(connection);
        return;
    }
    connection->state = DB_CONNECTION_READY;
    connection->backoff_ms = BACKOFF_MIN_MS;
    if (!watch(connection, UV_READABLE)) {
        db_connection_break(connection, "no poll handle for the socket");
        return;
    }
    connection->db->ready++;
    db_connection_up(connection->db);
    db_wake(connection->db);
}

static void continue_connecting(struct db_connection *connection)
{
    bool ok = true;
    unwatch(connection);
    switch (PQconnectPoll(connection->pg)) {
    case PGRES_POLLING_READING: ok = watch(connection, UV_READABLE); break;
    case PGRES_POLLING_WRITING: ok = watch(connection, UV_WRITABLE); break;
    case PGRES_POLLING_OK: connected(connection); return;
    default: break_with_error(connection); return;
    }
    if (!ok) {
        db_connection_break(connection, "no poll handle for the socket");
    }
}

void db_connection_start(struct db_connection *connection)
{
    struct db *db = connection->db;
    if (connection->backoff_ms == 0) {
        connection->backoff_ms = BACKOFF_MIN_MS;
    }
    if (db->url_error != NULL) {
        db_connection_break(connection, db->url_error);
        return;
    }
    /* What follows dbname overrides the same setting in the connection string. */
    const char *const keywords[] = {"keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "tcp_user_timeout",
                                    "dbname",
                                    "application_name",
                                    "client_encoding",
                                    "options",
                                    NULL};
    const char *const values[] = {
        "10", "5", "3", "15000", db->url, db->name, "UTF8", db->startup_options, NULL};
    /* May block while it looks a host name up: addresses, or a resolver on the machine, do not. */
    connection->pg = PQconnectStartParams(keywords, values, 1);
    INVARIANT(connection->pg != NULL);
    PQsetNoticeReceiver(connection->pg, on_notice, connection);
    connection->state = DB_CONNECTION_CONNECTING;
    connection->due_ms = clock_monotonic_ms() + CONNECT_TIMEOUT_MS;
    db_due(db, connection->due_ms);
    if (PQstatus(connection->pg) == CONNECTION_BAD) {
        break_with_error(connection);
    } else if (!watch(connection, UV_WRITABLE)) {
        db_connection_break(connection, "no poll handle for the socket");
    }
}

bool db_connection_accepts(const struct db_connection *connection)
{
    return connection->state == DB_CONNECTION_READY && !connection->barrier &&
           connection->under_way.count < connection->db->pipeline_depth &&
           PQstatus(connection->pg) == CONNECTION_OK;
}

static bool is_prepared(const struct db_connection *connection, const struct db_unit *unit,
                        size_t use)
{
    const struct db_statement *statement = unit->uses[use].statement;
    for (size_t i = 0; i < connection->prepared_count; i++) {
        if (connection->prepared[i] == statement) {
            return true;
        }
    }
    for (size_t i = 0; i < use; i++) {
        if (unit->uses[i].statement == statement) {
            return true;
        }
    }
    return false;
}

static void remember_prepared(struct db_connection *connection,
                              const struct db_statement *statement)
{
    if (connection->prepared_count == connection->prepared_capacity) {
        connection->prepared_capacity =
            connection->prepared_capacity == 0 ? 16 : 2 * connection->prepared_capacity;
        connection->prepared =
            memory_resize(connection->prepared, connection->prepared_capacity,
                          sizeof(*connection->prepared)); // NOLINT(bugprone-sizeof-expression)
    }
    connection->prepared[connection->prepared_count++] = statement;
}

static bool send_use(struct db_connection *connection, const struct db_unit *unit,
                     const struct db_use *use)
{
    if (use->prepare &&
        PQsendPrepare(connection->pg, use->statement->name, use->statement->sql, 0, NULL) != 1) {
        return false;
    }
    size_t count = use->param_count;
    const char **values = memory_new(count + 1, sizeof(*values));
    int *lengths = memory_new(count + 1, sizeof(*lengths));
    int *formats = memory_new(count + 1, sizeof(*formats));
    for (size_t i = 0; i < count; i++) {
        const struct db_param *param = &unit->params[use->first_param + i];
        if (!param->null) {
            values[i] = param->length == 0 ? "" : unit->values.data + param->offset;
        }
        lengths[i] = (int)param->length;
        formats[i] = 1;
    }
    int sent = PQsendQueryPrepared(connection->pg, use->statement->name, (int)count, values,
                                   lengths, formats, 1);
    free(formats);
    free(lengths);
    free(values);
    return sent == 1;
}

void db_connection_send(struct db_connection *connection, struct db_unit *unit)
{
    INVARIANT(db_connection_accepts(connection));
    bool sent = true;
    for (size_t i = 0; sent && i < unit->use_count; i++) {
        unit->uses[i].prepare = !is_prepared(connection, unit, i);
        connection->barrier |= unit->uses[i].prepare;
        sent = send_use(connection, unit, &unit->uses[i]);
    }
    connection->barrier |= unit->transaction;
    unit->results =
        memory_new(unit->use_count, sizeof(PGresult *)); // NOLINT(bugprone-sizeof-expression)
    db_unit_release_params(unit);
    db_list_push(&connection->under_way, unit);
    if (unit == connection->under_way.first) {
        connection->use = 0;
        connection->parsing = unit->use_count > 0 && unit->uses[0].prepare;
    }
    if (!sent || PQpipelineSync(connection->pg) != 1) {
        break_with_error(connection);
    }
}

/* The first unit under way got its Sync. */
static void finish_first(struct db_connection *connection)
{
    struct db_unit *unit = db_list_pop(&connection->under_way);
    bool own = unit->on_done == NULL;
    db_finish(connection->db, unit, unit->message == NULL ? DB_OK : DB_ERROR);
    connection->use = 0;
    connection->parsing = false;
    if (connection->under_way.count > 0) {
        const struct db_unit *next = connection->under_way.first;
        connection->parsing = next->use_count > 0 && next->uses[0].prepare;
        return;
    }
    connection->barrier = false;
    if (PQstatus(connection->pg) == CONNECTION_OK &&
        PQtransactionStatus(connection->pg) != PQTRANS_IDLE) {
        if (own) {
            db_connection_break(connection, "a transaction could not be rolled back");
            return;
        }
        struct db_unit *rollback = db_unit_new();
        db_unit_add(rollback, &rollback_statement);
        rollback->deadline_ms = clock_monotonic_ms() + ROLLBACK_TIMEOUT_MS;
        db_due(connection->db, rollback->deadline_ms);
        db_connection_send(connection, rollback);
        connection->barrier = true;
    }
}

static void take_error(struct db_unit *unit, size_t use, const PGresult *result)
{
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    char message[512];
    /* The detail stays out: it quotes rows, and so may hold what must not be logged. */
    snprintf(message, sizeof(message), "%s: %s",
             use < unit->use_count ? unit->uses[use].statement->name : "sync",
             primary == NULL ? PQresultErrorMessage(result) : primary);
    db_unit_set_error(unit, sqlstate, message);
}

/* Keeps or clears the result. */
static void take_result(struct db_connection *connection, PGresult *result)
{
    struct db_unit *unit = connection->under_way.first;
    size_t use = connection->use;
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        if (use == unit->use_count) {
            break;
        }
        if (connection->parsing) {
            remember_prepared(connection, unit->uses[use].statement);
            break;
        }
        if (db_sql_begins(unit->uses[use].statement->sql, "COMMIT") &&
            strcmp(PQcmdStatus(result), "ROLLBACK") == 0) {
            db_unit_set_error(unit, "25P02", "COMMIT of a transaction that had failed");
        }
        PQclear(unit->results[use]);
        unit->results[use] = result;
        return;
    case PGRES_PIPELINE_ABORTED: break;
    default:
        note_fatal(connection, result);
        take_error(unit, use, result);
        break;
    }
    PQclear(result);
}

/* NULL came: the results of one step are complete. */
static void end_step(struct db_connection *connection)
{
    const struct db_unit *unit = connection->under_way.first;
    if (connection->use == unit->use_count) {
        return;
    }
    if (connection->parsing) {
        connection->parsing = false;
        return;
    }
    connection->use++;
    connection->parsing = connection->use < unit->use_count && unit->uses[connection->use].prepare;
}

static void take_results(struct db_connection *connection)
{
    unsigned nulls = 0; /* two in a row: a broken connection has nothing more */
    while (connection->under_way.count > 0 && nulls < 2 && PQisBusy(connection->pg) == 0) {
        PGresult *result = PQgetResult(connection->pg);
        nulls = result == NULL ? nulls + 1 : 0;
        if (result == NULL) {
            end_step(connection);
        } else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            finish_first(connection);
        } else {
            take_result(connection, result);
        }
    }
}

void db_connection_flush(struct db_connection *connection)
{
    if (connection->state != DB_CONNECTION_READY) {
        return;
    }
    /* A flush that the server does not take reads as well, so results may be here after it. */
    int left = PQflush(connection->pg);
    take_results(connection);
    if (connection->state != DB_CONNECTION_READY) {
        return;
    }
    if (left >= 0) {
        left = PQflush(connection->pg);
    }
    if (left < 0 || PQstatus(connection->pg) != CONNECTION_OK) {
        break_with_error(connection);
    } else if (!watch(connection, left == 1 ? UV_READABLE | UV_WRITABLE : UV_READABLE)) {
        db_connection_break(connection, "no poll handle for the socket");
    }
}

static void on_ready_socket(struct db_connection *connection, int status, int events)
{
    bool alive = status == 0;
    if ((events & UV_READABLE) != 0 || !alive) {
        alive &= PQconsumeInput(connection->pg) == 1;
    }
    if (alive) {
        db_connection_flush(connection);
    } else {
        take_results(connection); /* what came before the connection broke counts */
        if (connection->state == DB_CONNECTION_READY) {
            break_with_error(connection);
        }
    }
    db_wake(connection->db);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct db_connection *connection = poll->data;
    struct db *db = connection->db;
    if (connection->state == DB_CONNECTION_CONNECTING) {
        continue_connecting(connection);
    } else {
        on_ready_socket(connection, status, events);
    }
    db_deliver(db);
}
