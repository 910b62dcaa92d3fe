#include "tests/unit/db_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "shared/clock.h"

struct postgres_server *server;
uv_loop_t loop;
unsigned finished;

const struct db_statement one = {"one", "SELECT $1::bigint"};
const struct db_statement nap = {"nap", "SELECT 1::bigint FROM pg_sleep($1::bigint / 1000.0)"};
const struct db_statement backend = {"backend", "SELECT pg_backend_pid()::bigint"};

int db_fixture_start(void **state)
{
    (void)state;
    server = postgres_server_start();
    return uv_loop_init(&loop);
}

int db_fixture_stop(void **state)
{
    (void)state;
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    postgres_server_free(server);
    return 0;
}

int db_fixture_forget(void **state)
{
    (void)state;
    finished = 0;
    return 0;
}

static void on_done(void *arg, const struct db_outcome *outcome)
{
    struct probe *probe = arg;
    probe->calls++;
    probe->order = ++finished;
    probe->status = outcome->status;
    probe->count = outcome->count;
    snprintf(probe->sqlstate, sizeof(probe->sqlstate), "%s", outcome->sqlstate);
    snprintf(probe->message, sizeof(probe->message), "%s", outcome->message);
    if (outcome->status == DB_OK) {
        const struct db_rows *last = &outcome->statements[outcome->count - 1];
        if (last->count > 0 && PQftype(last->result, 0) == 20) {
            probe->number = db_i64(last, 0, 0);
        }
    }
    if (probe->look != NULL) {
        probe->look(outcome);
    }
}

static void on_too_long(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing came in %d ms", WAIT_MS);
}

void wait_for(unsigned callbacks)
{
    uv_timer_t timer;
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, on_too_long, WAIT_MS, 0);
    while (finished < callbacks) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(finished, callbacks);
}

static void on_pause_over(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    uv_stop(&loop);
}

void run_for(uint64_t ms)
{
    uv_timer_t timer;
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, on_pause_over, ms, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_run(&loop, UV_RUN_NOWAIT);
}

struct db *open_pool(unsigned connections, unsigned queue_limit, unsigned depth)
{
    struct db_options options = {.url = postgres_server_url(server),
                                 .name = "test_db",
                                 .connections = connections,
                                 .queue_limit = queue_limit,
                                 .pipeline_depth = depth};
    return db_open(&loop, &options);
}

struct db *open_pool_at(const char *url)
{
    struct db_options options = {
        .url = url, .name = "test_db", .connections = 1, .queue_limit = 8, .pipeline_depth = 8};
    return db_open(&loop, &options);
}

void close_pool(struct db *db)
{
    db_close(db);
    uv_run(&loop, UV_RUN_DEFAULT);
}

void wait_until_up(const struct db *db)
{
    for (int64_t end_ms = clock_monotonic_ms() + WAIT_MS; !db_connected(db);) {
        assert_true(clock_monotonic_ms() < end_ms);
        run_for(10);
    }
}

void run(struct db *db, struct db_unit *unit, int64_t timeout_ms, struct probe *probe)
{
    assert_int_equal(db_run(db, unit, timeout_ms, on_done, probe), DB_OK);
    assert_int_equal(probe->calls, 0);
}

struct db_unit *unit_of(const struct db_statement *statement)
{
    struct db_unit *unit = db_unit_new();
    db_unit_add(unit, statement);
    return unit;
}

struct db_unit *unit_with(const struct db_statement *statement, int64_t argument)
{
    struct db_unit *unit = unit_of(statement);
    db_param_i64(unit, argument);
    return unit;
}

void expect_number(struct db *db, struct db_unit *unit, int64_t number)
{
    struct probe probe = {0};
    run(db, unit, WAIT_MS, &probe);
    wait_for(finished + 1);
    assert_int_equal(probe.status, DB_OK);
    assert_int_equal(probe.number, number);
}
