/* The pool against a real server: types, order, transactions, errors, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/db.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "tests/unit/db_fixture.h"

static struct db_statement begin = {"begin", "BEGIN"};
static struct db_statement commit = {"commit", "COMMIT"};
static struct db_statement divide = {"divide", "SELECT 1 / $1::int"};
static struct db_statement insert = {"insert", "INSERT INTO entries (id) VALUES ($1)"};
static struct db_statement count_entries = {"count_entries", "SELECT count(*) FROM entries"};
static struct db_statement insert_child = {"insert_child", "INSERT INTO children VALUES ($1)"};

static char *large_text; /* 1 MB */
#define LARGE 1000000

static struct db_statement every_type = {
    "every_type",
    "SELECT $1::bool, $2::int, $3::bigint, $4::text, $5::bytea, $6::timestamptz, "
    "$7::text, $8::text, $9::smallint, $4::text::execution, $10::timestamptz, "
    "$11::timestamptz, NULL::bool, NULL::bigint, NULL::timestamptz, $12::timestamptz"};

static void look_at_every_type(const struct db_outcome *outcome)
{
    assert_int_equal(outcome->status, DB_OK);
    assert_int_equal(outcome->count, 1);
    const struct db_rows *rows = &outcome->statements[0];
    assert_int_equal(rows->count, 1);
    assert_true(db_bool(rows, 0, 0));
    assert_int_equal(db_i32(rows, 0, 1), INT32_MIN);
    assert_true(db_i64(rows, 0, 2) == INT64_MIN);
    assert_string_equal(db_text(rows, 0, 3), "pending");
    size_t length;
    const void *bytes = db_bytes(rows, 0, 4, &length);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "\0\xff\n", 3);
    assert_int_equal(db_time_ms(rows, 0, 5), 1778335200123);
    assert_string_equal(db_text(rows, 0, 6), large_text);
    assert_string_equal(db_text(rows, 0, 7), "");
    assert_false(db_is_null(rows, 0, 7));
    assert_true(db_is_null(rows, 0, 8));
    assert_int_equal(db_i32(rows, 0, 8), 0);
    assert_string_equal(db_text(rows, 0, 9), "pending");
    assert_int_equal(db_time_ms(rows, 0, 10), -1);
    assert_true(db_time_ms(rows, 0, 11) == INT64_MAX);
    assert_false(db_bool(rows, 0, 12));
    assert_int_equal(db_i64(rows, 0, 13), 0);
    assert_int_equal(db_time_ms(rows, 0, 14), 0);
    assert_true(db_time_ms(rows, 0, 15) == INT64_MIN);
}

static void test_types(void **state)
{
    (void)state;
    struct db *db = open_pool(1, 8, 8);
    struct probe probe = {.look = look_at_every_type};
    struct db_unit *unit = unit_of(&every_type);
    db_param_bool(unit, true);
    db_param_i32(unit, INT32_MIN);
    db_param_i64(unit, INT64_MIN);
    db_param_text(unit, "pending", 7);
    db_param_bytes(unit, "\0\xff\n", 3);
    db_param_time(unit, 1778335200123);
    db_param_text(unit, large_text, LARGE);
    db_param_text(unit, "", 0);
    db_param_null(unit);
    db_param_time(unit, -1);
    db_param_time(unit, INT64_MAX);
    db_param_time(unit, INT64_MIN);
    run(db, unit, WAIT_MS, &probe);
    wait_for(1);
    close_pool(db);
}

#define ELEMENTS 100000

static struct db_statement arrays = {
    "arrays", "SELECT * FROM unnest($1::bool[], $2::smallint[], $3::int[], $4::bigint[], "
              "$5::text[], $6::bytea[], $7::timestamptz[])"};

static void look_at_arrays(const struct db_outcome *outcome)
{
    assert_string_equal(outcome->message, "");
    const struct db_rows *rows = &outcome->statements[0];
    assert_int_equal(rows->count, ELEMENTS);
    for (int i = 0; i < ELEMENTS; i++) {
        char text[16];
        size_t length;
        snprintf(text, sizeof(text), "text %d", i);
        assert_int_equal(db_bool(rows, i, 0), i % 2);
        assert_int_equal(db_i32(rows, i, 1), (int16_t)i);
        assert_int_equal(db_i32(rows, i, 2), -i);
        assert_int_equal(db_is_null(rows, i, 3), i % 7 == 0);
        assert_int_equal(db_i64(rows, i, 3), i % 7 == 0 ? 0 : INT64_C(-5000000000) * i);
        assert_string_equal(db_text(rows, i, 4), i % 3 == 0 ? "" : text);
        assert_string_equal(db_bytes(rows, i, 5, &length), text);
        assert_int_equal(length, strlen(text));
        assert_int_equal(db_time_ms(rows, i, 6), INT64_C(1000000007) * i);
    }
}

static void test_arrays(void **state)
{
    (void)state;
    struct db *db = open_pool(1, 8, 8);
    struct probe probe = {.look = look_at_arrays};
    struct db_unit *unit = unit_of(&arrays);
    db_array_begin(unit, DB_ARRAY_BOOL);
    for (int i = 0; i < ELEMENTS; i++) {
        db_element_bool(unit, i % 2 == 1);
    }
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_I16);
    for (int i = 0; i < ELEMENTS; i++) {
        db_element_i16(unit, (int16_t)i);
    }
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_I32);
    for (int i = 0; i < ELEMENTS; i++) {
        db_element_i32(unit, -i);
    }
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_I64);
    for (int i = 0; i < ELEMENTS; i++) {
        if (i % 7 == 0) {
            db_element_null(unit);
        } else {
            db_element_i64(unit, INT64_C(-5000000000) * i);
        }
    }
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_TEXT);
    for (int i = 0; i < ELEMENTS; i++) {
        char text[16];
        snprintf(text, sizeof(text), "text %d", i);
        db_element_text(unit, text, i % 3 == 0 ? 0 : strlen(text));
    }
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_BYTES);
    for (int i = 0; i < ELEMENTS; i++) {
        char text[16];
        snprintf(text, sizeof(text), "text %d", i);
        db_element_bytes(unit, text, strlen(text));
    }
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_TIME);
    for (int i = 0; i < ELEMENTS; i++) {
        db_element_time(unit, INT64_C(1000000007) * i);
    }
    db_array_end(unit);
    run(db, unit, WAIT_MS, &probe);
    wait_for(1);
    close_pool(db);
}

static struct db_statement array_lengths = {
    "array_lengths", "SELECT (cardinality($1::text[]) * 10 + cardinality($2::bigint[]))::bigint"};

static void test_empty_array(void **state)
{
    (void)state;
    struct db *db = open_pool(1, 8, 8);
    struct db_unit *unit = unit_of(&array_lengths);
    db_array_begin(unit, DB_ARRAY_TEXT);
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_I64);
    db_element_null(unit);
    db_element_null(unit);
    db_array_end(unit);
    expect_number(db, unit, 2);
    close_pool(db);
}

static struct db_statement addresses = {
    "addresses", "SELECT array_to_string($1::inet[], ' ', '-'), '{7,null,-9,5}'::bigint[], "
                 "'{}'::bigint[], NULL::bigint[]"};

static void look_at_addresses(const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    int64_t values[4] = {0};
    assert_string_equal(db_text(rows, 0, 0), "192.0.2.1 - 2001:db8::1");
    assert_int_equal(db_i64_array(rows, 0, 1, values, 4), 4);
    assert_int_equal(values[0], 7);
    assert_int_equal(values[1], 0);
    assert_int_equal(values[2], -9);
    assert_int_equal(values[3], 5);
    assert_int_equal(db_i64_array(rows, 0, 1, values, 3), 3);
    assert_int_equal(db_i64_array(rows, 0, 2, values, 4), 0);
    assert_int_equal(db_i64_array(rows, 0, 3, values, 4), 0);
}

static void test_addresses(void **state)
{
    (void)state;
    static const uint8_t v4[4] = {192, 0, 2, 1};
    static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
    struct db *db = open_pool(1, 8, 8);
    struct probe probe = {.look = look_at_addresses};
    struct db_unit *unit = unit_of(&addresses);
    db_array_begin(unit, DB_ARRAY_INET);
    db_element_inet(unit, v4, sizeof(v4));
    db_element_null(unit);
    db_element_inet(unit, v6, sizeof(v6));
    db_array_end(unit);
    run(db, unit, WAIT_MS, &probe);
    wait_for(1);
    assert_int_equal(probe.status, DB_OK);
    close_pool(db);
}

/* Many megabytes in both directions at once: neither side may wait for the other. */
static struct db_statement echo = {"echo", "SELECT $1::text FROM generate_series(1, 10)"};

static void send_large_units(struct db *db)
{
    struct probe probes[4] = {0};
    finished = 0;
    for (size_t i = 0; i < 4; i++) {
        struct db_unit *unit = unit_of(&echo);
        db_param_text(unit, large_text, LARGE);
        db_unit_add(unit, &echo);
        db_param_text(unit, large_text, LARGE);
        run(db, unit, WAIT_MS, &probes[i]);
    }
    wait_for(4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(probes[i].status, DB_OK);
        assert_int_equal(probes[i].count, 2);
    }
    close_pool(db);
}

static void test_large_units(void **state)
{
    (void)state;
    char url[POSTGRES_URL_SIZE];
    char *port = postgres_server_value(server, "SHOW port");
    snprintf(url, sizeof(url), "postgres://postgres@127.0.0.1:%s/postgres", port);
    send_large_units(open_pool_at(postgres_server_url(server)));
    send_large_units(open_pool_at(url));
    free(port);
}

static void test_order(void **state)
{
    (void)state;
    struct db *db = open_pool(1, 1000, 16);
    struct probe *probes = memory_new(1000, sizeof(*probes));
    for (int i = 0; i < 1000; i++) {
        run(db, unit_with(&one, i), WAIT_MS, &probes[i]);
    }
    wait_for(1000);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(probes[i].status, DB_OK);
        assert_int_equal(probes[i].number, i);
        assert_int_equal(probes[i].order, i + 1);
    }
    free(probes);
    close_pool(db);
}

static void test_concurrent_connections(void **state)
{
    (void)state;
    struct db *db = open_pool(4, 16, 1);
    struct probe probes[4] = {0};
    wait_until_up(db);
    run_for(200); /* for all four */
    int64_t start_ms = clock_monotonic_ms();
    for (size_t i = 0; i < 4; i++) {
        run(db, unit_with(&nap, 400), WAIT_MS, &probes[i]);
    }
    wait_for(4);
    assert_true(clock_monotonic_ms() - start_ms < 1200);
    close_pool(db);
}

static struct db_statement settings = {
    "settings",
    "SELECT count(*) FROM pg_settings WHERE (name, setting) IN (('application_name', 'test_db'), "
    "('client_encoding', 'UTF8'), ('TimeZone', 'UTC'), ('statement_timeout', '30000'), "
    "('client_connection_check_interval', '2000'))"};

static void test_settings(void **state)
{
    (void)state;
    struct db *db = open_pool(1, 16, 1);
    expect_number(db, unit_of(&settings), 5);
    close_pool(db);
}

static void test_transaction(void **state)
{
    (void)state;
    postgres_server_execute(server, "TRUNCATE entries, children");
    struct db *db = open_pool(1, 16, 16);
    struct probe probe = {0};
    struct db_unit *unit = unit_of(&begin);
    db_unit_add(unit, &insert);
    db_param_i64(unit, 1);
    db_unit_add(unit, &insert);
    db_param_i64(unit, 2);
    db_unit_add(unit, &commit);
    run(db, unit, WAIT_MS, &probe);
    wait_for(1);
    assert_int_equal(probe.status, DB_OK);
    assert_int_equal(probe.count, 4);
    expect_number(db, unit_of(&count_entries), 2);
    close_pool(db);
}

/*
 * The failing unit stands in the middle of a full pipeline; what it began to prepare or left open
 * must not harm those behind it.
 */
static void test_error(void **state)
{
    (void)state;
    postgres_server_execute(server, "TRUNCATE entries, children");
    struct db *db = open_pool(1, 16, 16);
    for (int round = 0; round < 4; round++) {
        struct probe probes[4] = {0};
        finished = 0;
        run(db, unit_with(&one, 7), WAIT_MS, &probes[0]);
        struct db_unit *unit = db_unit_new();
        if (round % 2 == 0) {
            db_unit_add(unit, &begin);
        }
        db_unit_add(unit, &insert);
        db_param_i64(unit, round);
        db_unit_add(unit, &divide);
        db_param_i32(unit, 0);
        db_unit_add(unit, &count_entries);
        if (round % 2 == 0) {
            db_unit_add(unit, &commit);
        }
        run(db, unit, WAIT_MS, &probes[1]);
        run(db, unit_of(&count_entries), WAIT_MS, &probes[2]);
        run(db, unit_with(&one, 8), WAIT_MS, &probes[3]);
        wait_for(4);
        assert_int_equal(probes[0].number, 7);
        assert_int_equal(probes[1].status, DB_ERROR);
        assert_int_equal(probes[1].count, 0);
        assert_string_equal(probes[1].sqlstate, "22012");
        assert_string_equal(probes[1].message, "divide: division by zero");
        assert_int_equal(probes[2].status, DB_OK);
        assert_int_equal(probes[2].number, 0);
        assert_int_equal(probes[3].number, 8);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(probes[i].order, i + 1);
        }
    }
    close_pool(db);
}

static struct db_statement wrong = {"wrong", "SELECT nothing FROM nowhere"};

static void test_statement_that_cannot_be_prepared(void **state)
{
    (void)state;
    struct db *db = open_pool(1, 16, 16);
    for (int i = 0; i < 2; i++) {
        struct probe probe = {0};
        finished = 0;
        struct db_unit *unit = unit_of(&wrong);
        db_unit_add(unit, &one);
        db_param_i64(unit, 1);
        run(db, unit, WAIT_MS, &probe);
        wait_for(1);
        assert_int_equal(probe.status, DB_ERROR);
        assert_string_equal(probe.sqlstate, "42P01");
    }
    expect_number(db, unit_with(&one, 3), 3);
    close_pool(db);
}

/* The constraint is deferred: every statement succeeds, and the commit does not. */
static void test_commit_that_fails(void **state)
{
    (void)state;
    postgres_server_execute(server, "TRUNCATE entries, children");
    struct db *db = open_pool(1, 16, 16);
    struct probe explicit_commit = {0};
    struct db_unit *unit = unit_of(&begin);
    db_unit_add(unit, &insert_child);
    db_param_i64(unit, 77);
    db_unit_add(unit, &commit);
    run(db, unit, WAIT_MS, &explicit_commit);
    wait_for(1);
    assert_int_equal(explicit_commit.status, DB_ERROR);
    assert_string_equal(explicit_commit.sqlstate, "23503");
    expect_number(db, unit_with(&one, 1), 1);

    finished = 0;
    struct probe at_sync = {0};
    struct probe behind = {0};
    run(db, unit_with(&insert_child, 78), WAIT_MS, &at_sync);
    run(db, unit_with(&one, 2), WAIT_MS, &behind);
    wait_for(2);
    assert_int_equal(at_sync.status, DB_ERROR);
    assert_string_equal(at_sync.sqlstate, "23503");
    assert_int_equal(behind.number, 2);
    close_pool(db);
}

static void on_refused(void *arg, const struct db_outcome *outcome)
{
    (void)arg;
    fail_msg("a unit that was refused ended with %d", (int)outcome->status);
}

static void test_full_queue(void **state)
{
    (void)state;
    struct db *db = open_pool(1, 2, 1);
    struct probe probes[4] = {0};
    run(db, unit_with(&one, 0), WAIT_MS, &probes[0]);
    run(db, unit_with(&one, 1), WAIT_MS, &probes[1]);
    assert_int_equal(db_waiting(db), 2);
    assert_int_equal(db_run(db, unit_with(&one, 2), WAIT_MS, on_refused, NULL), DB_FULL);
    wait_for(2);
    assert_int_equal(db_waiting(db), 0);
    run(db, unit_with(&one, 3), WAIT_MS, &probes[3]);
    wait_for(3);
    close_pool(db);
}

static unsigned long many_left;
static struct db *many_db;

static void on_one_of_many(void *arg, const struct db_outcome *outcome)
{
    (void)arg;
    assert_int_equal(outcome->status, DB_OK);
    finished++;
    if (many_left > 0) {
        many_left--;
        assert_int_equal(db_run(many_db, unit_with(&one, 1), WAIT_MS, on_one_of_many, NULL), DB_OK);
    }
}

static void test_small_queries(void **state)
{
    (void)state;
    const unsigned total = 20000;
    const unsigned window = 256;
    many_db = open_pool(1, window, 64);
    expect_number(many_db, unit_with(&one, 1), 1);
    finished = 0;
    many_left = total - window;
    int64_t start_ms = clock_monotonic_ms();
    for (unsigned i = 0; i < window; i++) {
        assert_int_equal(db_run(many_db, unit_with(&one, 1), WAIT_MS, on_one_of_many, NULL), DB_OK);
    }
    wait_for(total);
    int64_t took_ms = clock_monotonic_ms() - start_ms;
    print_message("%u small queries in %lld ms: %lld/s\n", total, (long long)took_ms,
                  (long long)total * 1000 / (took_ms + 1));
    close_pool(many_db);
}

static int start(void **state)
{
    db_fixture_start(state);
    postgres_server_execute(
        server,
        "CREATE TYPE execution AS ENUM ('pending', 'done');"
        "CREATE TABLE entries (id bigint PRIMARY KEY);"
        "CREATE TABLE children (id bigint REFERENCES entries DEFERRABLE INITIALLY DEFERRED)");
    large_text = memory_new(LARGE + 1, 1);
    memset(large_text, 'x', LARGE);
    return 0;
}

static int stop(void **state)
{
    free(large_text);
    return db_fixture_stop(state);
}

int main(void)
{
    log_open("test_db", NULL, LOG_LEVEL_INFO);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_types, db_fixture_forget),
        cmocka_unit_test_setup(test_arrays, db_fixture_forget),
        cmocka_unit_test_setup(test_empty_array, db_fixture_forget),
        cmocka_unit_test_setup(test_addresses, db_fixture_forget),
        cmocka_unit_test_setup(test_large_units, db_fixture_forget),
        cmocka_unit_test_setup(test_order, db_fixture_forget),
        cmocka_unit_test_setup(test_concurrent_connections, db_fixture_forget),
        cmocka_unit_test_setup(test_settings, db_fixture_forget),
        cmocka_unit_test_setup(test_transaction, db_fixture_forget),
        cmocka_unit_test_setup(test_error, db_fixture_forget),
        cmocka_unit_test_setup(test_statement_that_cannot_be_prepared, db_fixture_forget),
        cmocka_unit_test_setup(test_commit_that_fails, db_fixture_forget),
        cmocka_unit_test_setup(test_full_queue, db_fixture_forget),
        cmocka_unit_test_setup(test_small_queries, db_fixture_forget),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
