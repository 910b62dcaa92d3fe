/* The pool when something goes away: a deadline, a connection, the server, the pool itself. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "tests/unit/db_fixture.h"

static void test_deadlines(void **state)
{
    (void)state;
    struct db *db = open_pool(1, 8, 1);
    struct probe slow = {0};
    struct probe waiting = {0};
    struct probe patient = {0};
    wait_until_up(db);
    int64_t start_ms = clock_monotonic_ms();
    run(db, unit_with(&nap, 10000), 300, &slow);
    run(db, unit_with(&one, 1), 100, &waiting);
    run(db, unit_with(&one, 2), WAIT_MS, &patient);
    wait_for(3);
    assert_true(clock_monotonic_ms() - start_ms < 2000);
    assert_int_equal(waiting.status, DB_TIMEOUT);
    assert_int_equal(waiting.order, 1);
    assert_int_equal(slow.status, DB_LOST);
    assert_int_equal(patient.status, DB_OK);
    assert_int_equal(patient.number, 2);
    close_pool(db);
}

static void test_terminated_backend(void **state)
{
    (void)state;
    struct db *db = open_pool(1, 8, 4);
    struct probe pid = {0};
    struct probe probes[3] = {0};
    run(db, unit_of(&backend), WAIT_MS, &pid);
    wait_for(1);
    expect_number(db, unit_with(&nap, 1), 1);
    expect_number(db, unit_with(&one, 5), 5);
    finished = 0;
    run(db, unit_with(&one, 6), WAIT_MS, &probes[0]);
    run(db, unit_with(&nap, 10000), WAIT_MS, &probes[1]);
    run(db, unit_with(&one, 7), WAIT_MS, &probes[2]);
    run_for(100);
    char sql[64];
    snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", (int)pid.number);
    postgres_server_execute(server, sql);
    wait_for(3);
    assert_int_equal(probes[0].status, DB_OK);
    assert_int_equal(probes[1].status, DB_LOST);
    assert_non_null(strstr(probes[1].message, "terminating connection"));
    assert_int_equal(probes[2].status, DB_LOST);
    expect_number(db, unit_with(&one, 8), 8);
    close_pool(db);
}

struct states {
    unsigned changes;
    bool connected;
};

static void on_state(void *arg, bool connected)
{
    struct states *states = arg;
    states->changes++;
    assert_int_not_equal(states->connected, connected);
    states->connected = connected;
}

static void test_server_killed(void **state)
{
    (void)state;
    struct states states = {0};
    struct db_options options = {.url = postgres_server_url(server),
                                 .name = "test_db",
                                 .connections = 2,
                                 .queue_limit = 16,
                                 .pipeline_depth = 2,
                                 .on_state = on_state,
                                 .arg = &states};
    struct db *db = db_open(&loop, &options);
    struct probe probes[8] = {0};
    wait_until_up(db);
    run_for(200);
    assert_int_equal(states.changes, 1);
    for (size_t i = 0; i < 8; i++) {
        run(db, unit_with(&nap, i < 2 ? 10000 : 1), WAIT_MS, &probes[i]);
    }
    run_for(100);
    postgres_server_kill(server);
    run_for(500);
    assert_false(db_connected(db));
    assert_int_equal(states.changes, 2);
    postgres_server_restart(server);
    wait_for(8);
    unsigned lost = 0;
    for (size_t i = 0; i < 8; i++) {
        lost += probes[i].status == DB_LOST;
        assert_true(probes[i].status == DB_LOST || probes[i].status == DB_OK);
    }
    assert_int_equal(lost, 2);
    assert_int_equal(states.changes, 3);
    assert_true(db_connected(db));
    close_pool(db);
}

static void test_close_with_work(void **state)
{
    (void)state;
    struct db *db = open_pool(1, 16, 4);
    struct probe probes[8] = {0};
    wait_until_up(db);
    for (size_t i = 0; i < 8; i++) {
        run(db, unit_with(&nap, 10000), WAIT_MS, &probes[i]);
    }
    run_for(50);
    close_pool(db);
    assert_int_equal(finished, 0);
}

static struct db *closed_inside;

static void close_inside(const struct db_outcome *outcome)
{
    assert_int_equal(outcome->status, DB_OK);
    db_close(closed_inside);
}

static void test_close_in_callback(void **state)
{
    (void)state;
    struct probe probes[4] = {{.look = close_inside}};
    closed_inside = open_pool(1, 16, 4);
    for (size_t i = 0; i < 4; i++) {
        run(closed_inside, unit_with(&one, 1), WAIT_MS, &probes[i]);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(finished, 1);
}

static void expect_timeout_of(const char *url)
{
    struct db *db = open_pool_at(url);
    struct probe probe = {0};
    finished = 0;
    run(db, unit_with(&one, 1), 100, &probe);
    wait_for(1);
    assert_int_equal(probe.status, DB_TIMEOUT);
    close_pool(db);
}

static void test_unusable_addresses(void **state)
{
    (void)state;
    char url[POSTGRES_URL_SIZE];
    expect_timeout_of("postgres://user:secret@127.0.0.1:1/db");
    expect_timeout_of("postgres://user:se@cret@127.0.0.1:1/db");
    expect_timeout_of("no connection string");
    expect_timeout_of(postgres_server_url_of(server, "postgres", "absent", url));
}

/* It takes connections, and never says a word. */
static void test_silent_server(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    char url[POSTGRES_URL_SIZE];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(url, sizeof(url), "host=127.0.0.1 port=%d dbname=x user=x", ntohs(address.sin_port));
    struct db *db = open_pool_at(url);
    int first = -1;
    int second = -1;
    for (int i = 0; second < 0 && i < 100; i++) {
        run_for(100);
        int taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        *(first < 0 ? &first : &second) = taken;
    }
    assert_true(second >= 0);
    assert_false(db_connected(db));
    close_pool(db);
    close(first);
    close(second);
    close(fd);
}

#define CHAOS_UNITS  3000
#define CHAOS_WINDOW 40

static struct probe *chaos_probes;
static struct db *chaos_db;
static unsigned chaos_sent;

static void chaos_send(void)
{
    static const struct db_statement begin = {"begin", "BEGIN"};
    static const struct db_statement insert = {"insert_chaos",
                                               "INSERT INTO chaos VALUES ($1::bigint)"};
    static const struct db_statement commit = {"commit", "COMMIT"};
    while (chaos_sent < CHAOS_UNITS && chaos_sent - finished < CHAOS_WINDOW) {
        struct db_unit *unit = db_unit_new();
        bool transaction = chaos_sent % 3 == 0;
        if (transaction) {
            db_unit_add(unit, &begin);
        }
        db_unit_add(unit, &insert);
        db_param_i64(unit, chaos_sent);
        db_unit_add(unit, &insert);
        db_param_i64(unit, chaos_sent % 7 == 0 ? chaos_sent : -1 - (int64_t)chaos_sent);
        if (transaction) {
            db_unit_add(unit, &commit);
        }
        run(chaos_db, unit, WAIT_MS, &chaos_probes[chaos_sent++]);
    }
}

/* Backends die at random: what was told about each unit must be what the table says. */
static void test_random_terminations(void **state)
{
    (void)state;
    postgres_server_execute(server, "CREATE TABLE chaos (id bigint PRIMARY KEY)");
    chaos_probes = memory_new(CHAOS_UNITS, sizeof(*chaos_probes));
    chaos_db = open_pool(3, CHAOS_WINDOW, 8);
    chaos_sent = 0;
    while (finished < CHAOS_UNITS) {
        chaos_send();
        run_for(5);
        free(postgres_server_value(server,
                                   "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                   " WHERE application_name = 'test_db' AND random() < 0.1"));
    }
    unsigned lost = 0;
    for (unsigned i = 0; i < CHAOS_UNITS; i++) {
        char sql[96];
        const struct probe *probe = &chaos_probes[i];
        assert_int_equal(probe->calls, 1);
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM chaos WHERE id IN (%u, %lld)", i,
                 -1 - (long long)i);
        lost += probe->status == DB_LOST;
        assert_int_equal(probe->status, probe->status == DB_LOST ? DB_LOST
                                        : i % 7 == 0             ? DB_ERROR
                                                                 : DB_OK);
        if (i % 10 != 0 && probe->status != DB_LOST) {
            continue; /* a sample of those whose outcome is known, and all others */
        }
        char *rows = postgres_server_value(server, sql);
        if (probe->status == DB_LOST) {
            assert_true(strcmp(rows, "0") == 0 || strcmp(rows, "2") == 0);
        } else {
            assert_string_equal(rows, probe->status == DB_OK ? "2" : "0");
        }
        free(rows);
    }
    print_message("%u of %u units lost\n", lost, CHAOS_UNITS);
    close_pool(chaos_db);
    free(chaos_probes);
}

int main(void)
{
    log_open("test_db_outage", NULL, LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_deadlines, db_fixture_forget),
        cmocka_unit_test_setup(test_terminated_backend, db_fixture_forget),
        cmocka_unit_test_setup(test_server_killed, db_fixture_forget),
        cmocka_unit_test_setup(test_close_with_work, db_fixture_forget),
        cmocka_unit_test_setup(test_close_in_callback, db_fixture_forget),
        cmocka_unit_test_setup(test_unusable_addresses, db_fixture_forget),
        cmocka_unit_test_setup(test_silent_server, db_fixture_forget),
        cmocka_unit_test_setup(test_random_terminations, db_fixture_forget),
    };
    return cmocka_run_group_tests(tests, db_fixture_start, db_fixture_stop);
}
