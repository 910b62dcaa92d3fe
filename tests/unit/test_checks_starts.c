/* Runs of checks: how long they took, in whatever order their pings are read; marks of pings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checks_world.h"
#include "shared/compiler.h"

#define CHECK 7
#define MS    (WORLD_BEGIN_S * 1000)

static int set_up(void **state)
{
    world_set_up(state);
    struct check_settings settings = world_settings();
    settings.period_s = 3600;
    settings.grace_s = 600;
    world_add(CHECK, 1, &settings);
    world_settle();
    return 0;
}

/* So many ms after the beginning; a new leader comes between. */
static void arrives(enum ping_kind kind, int64_t ms, const char *rid)
{
    world.now_ms = MS + ms;
    world_ping(CHECK, kind, rid);
    world_settle();
    world_die(true);
    world_lead();
}

static const struct ping_row *last_ping(void)
{
    assert_true(world.ping_count > 0);
    return &world.pings[world.ping_count - 1];
}

static void expect(int64_t duration_ms, enum ping_mark mark)
{
    assert_int_equal(last_ping()->duration_ms, duration_ms);
    assert_int_equal(last_ping()->mark, mark);
}

static size_t stored(const char *rid)
{
    size_t count = 0;
    for (size_t i = 0; i < world.start_count; i++)
        count += !rid || strcmp(world.starts[i].rid, rid) == 0;
    return count;
}

static void a_run_takes_the_time_between_its_pings(void **state)
{
    (void)state;
    arrives(PING_START, 100, NULL);
    expect(-1, PING_UNMARKED);
    assert_int_equal(stored(""), 1);
    arrives(PING_SUCCESS, 1234, NULL);
    expect(1134, PING_UNMARKED);
    assert_int_equal(stored(NULL), 0);
    assert_int_equal(world_state(CHECK).last_duration_ms, 1134);
    arrives(PING_SUCCESS, 60000, NULL);
    expect(-1, PING_EARLY);
    assert_int_equal(world_state(CHECK).last_duration_ms, -1);
}

static void runs_with_rids_go_side_by_side(void **state)
{
    (void)state;
    arrives(PING_START, 0, "a");
    arrives(PING_START, 1000, "b");
    arrives(PING_START, 2000, NULL);
    assert_int_equal(stored(NULL), 3);
    arrives(PING_FAIL, 5000, "a");
    expect(5000, PING_UNMARKED);
    arrives(PING_SUCCESS, 6000, NULL);
    expect(4000, PING_UNMARKED);
    arrives(PING_SUCCESS, 9000, "b");
    expect(8000, PING_EARLY);
}

static void a_run_that_begins_again_is_measured_from_then(void **state)
{
    (void)state;
    arrives(PING_START, 0, NULL);
    arrives(PING_START, 7000, NULL);
    arrives(PING_SUCCESS, 8000, NULL);
    expect(1000, PING_UNMARKED);
}

static void the_end_of_another_run_is_none(void **state)
{
    (void)state;
    arrives(PING_START, 0, "a");
    arrives(PING_SUCCESS, 1000, "ab");
    expect(-1, PING_UNMARKED);
    arrives(PING_SUCCESS, 7000, NULL);
    expect(-1, PING_EARLY);
    assert_int_equal(stored("a"), 1);
}

static void a_log_ends_nothing(void **state)
{
    (void)state;
    arrives(PING_START, 0, NULL);
    arrives(PING_LOG, 1000, NULL);
    expect(-1, PING_UNMARKED);
    arrives(PING_SUCCESS, 2000, NULL);
    expect(2000, PING_UNMARKED);
    assert_int_equal(world_state(CHECK).ping_count, 3);
}

/* ---- marks ---- */

static void the_same_within_seconds_is_a_duplicate(void **state)
{
    (void)state;
    arrives(PING_SUCCESS, 0, NULL);
    expect(-1, PING_UNMARKED);
    arrives(PING_SUCCESS, 5000, NULL);
    expect(-1, PING_DUPLICATE);
    arrives(PING_SUCCESS, 10001, NULL);
    expect(-1, PING_EARLY);
    arrives(PING_FAIL, 10002, NULL);
    expect(-1, PING_UNMARKED);
    arrives(PING_FAIL, 10003, NULL);
    expect(-1, PING_DUPLICATE);
    arrives(PING_START, 10004, NULL);
    expect(-1, PING_UNMARKED);
    arrives(PING_START, 10005, NULL);
    expect(-1, PING_DUPLICATE);
    arrives(PING_LOG, 10006, NULL);
    expect(-1, PING_UNMARKED);
    arrives(PING_LOG, 10007, NULL);
    expect(-1, PING_UNMARKED);
}

static void a_second_end_of_a_run_is_a_duplicate(void **state)
{
    (void)state;
    arrives(PING_START, 0, "a");
    arrives(PING_SUCCESS, 1000, "a");
    expect(1000, PING_UNMARKED);
    arrives(PING_SUCCESS, 100000, "a");
    expect(-1, PING_DUPLICATE);
    arrives(PING_FAIL, 200000, "a");
    expect(-1, PING_DUPLICATE);
    arrives(PING_SUCCESS, 300000, "b"); /* no start was seen */
    expect(-1, PING_UNMARKED);
    arrives(PING_SUCCESS, 300001, "b");
    expect(-1, PING_DUPLICATE);
    assert_int_equal(stored(NULL), 1); /* the one that ended last */
    arrives(PING_START, 400000, "b");  /* the name is used again */
    arrives(PING_SUCCESS, 400010, "b");
    expect(10, PING_EARLY);
}

static void a_success_long_before_its_time_is_early(void **state)
{
    (void)state;
    arrives(PING_SUCCESS, 0, NULL);
    arrives(PING_SUCCESS, 2999999, NULL);
    expect(-1, PING_EARLY);
    arrives(PING_SUCCESS, 2999999 + 3001000, NULL); /* 3600 - 600 after the second of the last */
    expect(-1, PING_UNMARKED);
    arrives(PING_FAIL, 6100000, NULL);
    expect(-1, PING_UNMARKED);
    arrives(PING_SUCCESS, 6200000, NULL); /* a recovery */
    expect(-1, PING_UNMARKED);
}

static void by_a_cron_expression_too(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    settings.cron_expression = "0 * * * *";
    settings.grace_s = 600;
    world_set(CHECK, &settings);
    world_settle();
    arrives(PING_SUCCESS, 20000, NULL);
    arrives(PING_SUCCESS, 2999000, NULL);
    expect(-1, PING_EARLY);
    arrives(PING_SUCCESS, 3010000, NULL);
    expect(-1, PING_UNMARKED);
}

/* ---- read in another order than they came in ---- */

static void a_start_that_is_read_behind_its_end_opens_nothing(void **state)
{
    (void)state;
    world_send(CHECK, PING_SUCCESS, MS + 1000, NULL);
    world_send(CHECK, PING_START, MS + 999, NULL);
    world_send(CHECK, PING_SUCCESS, MS + 2000, "a");
    world_send(CHECK, PING_START, MS + 1500, "a");
    world_read(SIZE_MAX);
    world_settle();
    world_die(true);
    world_lead();
    world_pass_to(3599);
    assert_string_equal(world_flips(CHECK), "1:new>up");
    assert_int_equal(world_state(CHECK).last_ping_ms, MS + 2000);
    assert_int_equal(world_state(CHECK).base_s, WORLD_BEGIN_S + 2);
}

static void an_older_start_is_not_the_run_under_way(void **state)
{
    (void)state;
    world_send(CHECK, PING_START, MS + 2000, NULL);
    world_send(CHECK, PING_START, MS + 1000, NULL);
    world_send(CHECK, PING_SUCCESS, MS + 1500, NULL); /* of the older one */
    world_send(CHECK, PING_SUCCESS, MS + 3000, NULL);
    world_read(SIZE_MAX);
    world_settle();
    int64_t durations[2] = {0};
    for (size_t i = 0; i < world.ping_count; i++) {
        if (world.pings[i].time_ms == MS + 1500)
            durations[0] = world.pings[i].duration_ms;
        if (world.pings[i].time_ms == MS + 3000)
            durations[1] = world.pings[i].duration_ms;
    }
    assert_int_equal(durations[0], -1);
    assert_int_equal(durations[1], 1000);
}

static void what_was_overtaken_does_not_take_back_time(void **state)
{
    (void)state;
    world_send(CHECK, PING_SUCCESS, MS + 5500, NULL);
    world_send(CHECK, PING_SUCCESS, MS + 4000, NULL);
    world_read(SIZE_MAX);
    assert_int_equal(world_state(CHECK).base_s, WORLD_BEGIN_S + 5);
    assert_int_equal(world_state(CHECK).last_ping_ms, MS + 5500);
    /* A fail that was overtaken tells all the same, and is over. */
    world_send(CHECK, PING_FAIL, MS + 3000, NULL);
    world_read(SIZE_MAX);
    world_settle();
    assert_string_equal(world_flips(CHECK), "5:new>up 5:up>down 5:down>up");
    assert_string_equal(world_alerts(CHECK), "0:down 0:up");
}

/* The execution of a job may be reported long after the next one. */
static void what_was_overtaken_by_far_does_not_either(void **state)
{
    (void)state;
    arrives(PING_SUCCESS, 3700000, NULL);
    arrives(PING_FAIL, 7200000, NULL);
    arrives(PING_SUCCESS, 10000, NULL);
    assert_int_equal(world_state(CHECK).base_s, WORLD_BEGIN_S + 7200);
    assert_int_equal(world_state(CHECK).last_ping_ms, MS + 7200000);
    assert_int_equal(world_state(CHECK).ping_count, 3);
    world_pass_to(7300);
    assert_string_equal(world_flips(CHECK), "3700:new>up 7200:up>down");
}

/* ---- bounds, rows ---- */

static void of_many_runs_the_oldest_make_way(void **state)
{
    (void)state;
    char rid[16];
    for (int i = 0; i < 40; i++) {
        snprintf(rid, sizeof(rid), "run-%02d", i);
        arrives(PING_START, INT64_C(1000) * i, rid);
    }
    assert_int_equal(stored(NULL), 32);
    assert_int_equal(stored("run-07"), 0);
    assert_int_equal(stored("run-08"), 1);
    arrives(PING_SUCCESS, 100000, "run-08");
    expect(92000, PING_UNMARKED);
    arrives(PING_SUCCESS, 101000, "run-00");
    expect(-1, PING_EARLY);
}

static void runs_that_were_missed_make_way_first(void **state)
{
    (void)state;
    char rid[16];
    struct check_settings settings = world_settings();
    settings.period_s = 86400;
    settings.grace_s = 60;
    world_set(CHECK, &settings);
    world_settle();
    settings.grace_s = 600; /* that of a run is the one at its start */
    arrives(PING_START, 10000, "missed");
    world_set(CHECK, &settings);
    world_settle();
    arrives(PING_START, 0, "oldest");
    world_pass_to(70);
    assert_string_equal(world_flips(CHECK), "70:new>down");
    for (int i = 0; i < 31; i++) {
        snprintf(rid, sizeof(rid), "run-%02d", i);
        arrives(PING_START, 100000 + INT64_C(1000) * i, rid);
    }
    assert_int_equal(stored(NULL), 32);
    assert_int_equal(stored("missed"), 0);
    assert_int_equal(stored("oldest"), 1);
}

static void a_run_that_was_missed_still_has_an_end(void **state)
{
    (void)state;
    arrives(PING_START, 0, NULL);
    world_pass_to(700);
    assert_string_equal(world_flips(CHECK), "600:new>down");
    arrives(PING_SUCCESS, 700000, NULL);
    expect(700000, PING_UNMARKED);
    assert_string_equal(world_flips(CHECK), "600:new>down 700:down>up");
}

static void what_begins_and_ends_in_one_transaction_has_no_row(void **state)
{
    (void)state;
    world_ping(CHECK, PING_START, NULL);
    world.now_ms += 50;
    world_ping(CHECK, PING_SUCCESS, NULL);
    world_collect();
    assert_int_equal(world.writing.start_count, 0);
    assert_int_equal(world.writing.ping_count, 2);
    assert_int_equal(world.writing.state_count, 1);
    world_commit();
    world_ping(CHECK, PING_START, NULL);
    world_settle();
    world.now_ms += 50;
    world_ping(CHECK, PING_SUCCESS, NULL);
    world.now_ms += 50;
    world_ping(CHECK, PING_START, NULL); /* the same key: one row */
    world_collect();
    assert_int_equal(world.writing.start_count, 1);
    assert_false(world.writing.starts[0].gone);
    assert_int_equal(world.writing.starts[0].started_ms, world.now_ms);
    world_commit();
}

static void a_resumed_check_has_no_runs(void **state)
{
    (void)state;
    arrives(PING_START, 0, NULL);
    arrives(PING_START, 0, "a");
    struct check_settings settings = world_settings();
    settings.paused = true;
    world_set(CHECK, &settings);
    world_settle();
    assert_int_equal(stored(NULL), 2);
    arrives(PING_SUCCESS, 10, "a"); /* pings are recorded */
    expect(10, PING_UNMARKED);
    settings.paused = false;
    world_set(CHECK, &settings);
    world_settle();
    assert_int_equal(stored(NULL), 0);
}

static void a_row_of_a_ping_says_all_of_it(void **state)
{
    (void)state;
    const struct ping ping = {.check = CHECK,
                              .time_ms = MS + 77,
                              .kind = PING_FAIL,
                              .method = PING_HEAD,
                              .exit_code = 3,
                              .source_bytes = 16,
                              .source = {0x20, 1, 0xd, 0xb8},
                              .rid_bytes = 3,
                              .rid = "ridx",
                              .body_bytes = 4,
                              .body = "bodyx"};
    checks_ping(world.checks, &ping);
    const struct ping nobody = {.check = 99, .time_ms = MS};
    checks_ping(world.checks, &nobody);
    world_collect();
    assert_int_equal(world.writing.ping_count, 1);
    const struct ping_row *row = &world.writing.pings[0];
    assert_int_equal(row->check, CHECK);
    assert_int_equal(row->time_ms, MS + 77);
    assert_int_equal(row->kind, PING_FAIL);
    assert_int_equal(row->method, PING_HEAD);
    assert_int_equal(row->exit_code, 3);
    assert_int_equal(row->source_bytes, 16);
    assert_memory_equal(row->source, ping.source, 16);
    assert_int_equal(row->rid_bytes, 3);
    assert_memory_equal(row->rid, "rid", 3);
    assert_int_equal(row->body_bytes, 4);
    assert_memory_equal(row->body, "body", 4);
    assert_false(row->of_job);
    world_commit();
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_run_takes_the_time_between_its_pings),
        TEST(runs_with_rids_go_side_by_side),
        TEST(a_run_that_begins_again_is_measured_from_then),
        TEST(the_end_of_another_run_is_none),
        TEST(a_log_ends_nothing),
        TEST(the_same_within_seconds_is_a_duplicate),
        TEST(a_second_end_of_a_run_is_a_duplicate),
        TEST(a_success_long_before_its_time_is_early),
        TEST(by_a_cron_expression_too),
        TEST(a_start_that_is_read_behind_its_end_opens_nothing),
        TEST(an_older_start_is_not_the_run_under_way),
        TEST(what_was_overtaken_does_not_take_back_time),
        TEST(what_was_overtaken_by_far_does_not_either),
        TEST(of_many_runs_the_oldest_make_way),
        TEST(runs_that_were_missed_make_way_first),
        TEST(a_run_that_was_missed_still_has_an_end),
        TEST(what_begins_and_ends_in_one_transaction_has_no_row),
        TEST(a_resumed_check_has_no_runs),
        TEST(a_row_of_a_ping_says_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
