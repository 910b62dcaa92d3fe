/* Which slots are due, and what becomes of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core_world.h"
#include "shared/compiler.h"

#define HOUR WORLD_HOUR

static int tick_set_up(void **state)
{
    world_set_up(state);
    world.plans[world.plan_count++] = (struct plan){"small", 100, 100, 60, 30, 10, 2, 4, 0, 0, 0};
    world_add_account(1, "big");
    world_add_account(2, "small");
    return 0;
}

static size_t times(int64_t job, uint32_t minute)
{
    return world_published(job, (int64_t)minute * 60, 0, 1);
}

static void assert_skipped(int64_t job, uint32_t minute, const char *reason)
{
    const struct world_row *row = world_slot(job, minute);
    assert_non_null(row);
    if (!row)
        return;
    assert_int_equal(row->row.status, EXECUTION_SKIPPED);
    assert_string_equal(row->error, reason);
    assert_int_equal(row->row.attempts, 0);
    assert_int_equal(row->row.triggered_ms, minute * WORLD_MINUTE_MS);
}

static void a_slot_is_run_once_in_its_minute(void **state)
{
    (void)state;
    world_add(1, 1, "*/5 * * * *");
    world_lead();
    world_tick_to(HOUR + 4);
    assert_int_equal(world_runs(), 0);
    world_tick_to(HOUR + 5);
    assert_int_equal(times(1, HOUR + 5), 1);
    const struct run *run = &world.outgoing[0].batch.runs[0];
    assert_int_equal(run->timeout_s, 60);
    assert_int_equal(run->attempt, 1);
    assert_int_equal(run->version, 1);
    world_tick_to(HOUR + 9);
    assert_int_equal(world_runs(), 1);
    assert_true(core_is_open(world.core, 1, (HOUR + 5) * INT64_C(60), 0, 1));
    assert_false(core_is_open(world.core, 1, (HOUR + 5) * INT64_C(60), 0, 2));
}

static void slots_up_to_due_after_and_of_paused_jobs_are_not_due(void **state)
{
    (void)state;
    struct job_settings late = world_settings("* * * * *"), paused = late;
    late.due_after_ms += 90000;
    paused.enabled = false;
    world_add_job(1, 1, &late);
    world_add_job(2, 1, &paused);
    world_lead();
    world_tick_to(HOUR + 3);
    assert_int_equal(times(1, HOUR + 1), 0);
    assert_int_equal(times(1, HOUR + 3), 1);
    assert_int_equal(times(2, HOUR + 3), 0);
}

/* Accounts 1, 9 and 17 share a lane: none has to wait until another's jobs have all left. */
static void accounts_take_turns(void **state)
{
    (void)state;
    world_add_account(9, "big");
    world_add_account(17, "big");
    for (int64_t id = 1; id <= 96; id++)
        world_add(id, id <= 90 ? 1 : id <= 95 ? 9 : 17, "* * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    static const int64_t first[] = {1, 91, 96, 2, 92, 3, 93, 4, 94, 5, 95, 6, 7};
    for (size_t i = 0; i < ARRAY_LENGTH(first); i++)
        assert_int_equal(world.outgoing[0].batch.runs[i].job, first[i]);
    assert_int_equal(world.outgoing_count, 2);
    assert_int_equal(world.outgoing[0].lane, 1 % LANES);
}

static void a_clock_that_is_set_back_does_not_hurt(void **state)
{
    (void)state;
    world_add(1, 1, "* * * * *");
    world_lead();
    assert_int_equal(core_tick(world.core, HOUR * WORLD_MINUTE_MS + 59999), 1);
    assert_int_equal(core_tick(world.core, HOUR * WORLD_MINUTE_MS - 59999), 1);
    assert_int_equal(times(1, HOUR + 2), 1);
}

/* ---- the minute ahead ---- */

static void what_changes_after_the_scan_counts(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 3; id++)
        world_add(id, 1, "* * * * *");
    world_add(4, 1, "0 0 * * *");
    world_lead();
    core_prepare(world.core, HOUR + 1);
    struct job_settings settings = world_settings("* * * * *");
    world_set(4, &settings);
    world_set(4, &settings);
    world_set(3, &settings);
    settings.enabled = false;
    world_set(1, &settings);
    world_apply(&(struct change){.kind = CHANGE_JOB_REMOVE, .id = 2});
    settings = world_settings("30 * * * *"); /* in the place of job 2 */
    world_add_job(5, 1, &settings);
    world_tick_to(HOUR + 1);
    assert_int_equal(world_runs(), 2);
    assert_int_equal(times(3, HOUR + 1), 1);
    assert_int_equal(times(4, HOUR + 1), 1);
}

/* ---- time zones ---- */

/* 2027-03-28T01:00Z: 02:00 in Berlin becomes 03:00. 2027-10-31T01:00Z: 03:00 becomes 02:00. */
#define SPRING UINT32_C(30103260)
#define AUTUMN UINT32_C(30415740)

static void fire_across(uint32_t minute, const char *cron, const int *offsets, size_t count)
{
    world_end();
    world_begin();
    world.now_ms = (minute - 180) * WORLD_MINUTE_MS;
    world.progress.last_tick = minute - 180;
    world_add_account(1, "big");
    struct job_settings settings = world_settings(cron);
    settings.timezone = "Europe/Berlin";
    world_add_job(1, 1, &settings);
    world_lead();
    for (uint32_t at = minute - 179; at <= minute + 180; at++) {
        world_tick_to(at);
        bool expected = false;
        for (size_t i = 0; i < count; i++)
            expected |= (int64_t)at == (int64_t)minute + offsets[i];
        if (times(1, at) != expected)
            fail_msg("%s: fires %zu times %d minutes from the change", cron, times(1, at),
                     (int)((int64_t)at - (int64_t)minute));
        world_settle();
    }
}

static void clocks_that_change_lose_and_double_nothing(void **state)
{
    (void)state;
    fire_across(SPRING, "30 2 * * *", (const int[]){0}, 1);
    fire_across(SPRING, "30 1,3 * * *", (const int[]){-30, 30}, 2);
    fire_across(SPRING, "0 * * * *", (const int[]){-120, -60, 0, 60, 120, 180}, 6);
    fire_across(AUTUMN, "30 2 * * *", (const int[]){-30}, 1);
    fire_across(AUTUMN, "15 3 * * *", (const int[]){75}, 1);
    fire_across(AUTUMN, "30 * * * *", (const int[]){-150, -90, -30, 30, 90, 150}, 6);
}

/* ---- catching up ---- */

static void missed_by(enum catch_up catch_up, int32_t window_s, uint32_t missed)
{
    world_end();
    world_begin();
    world_add_account(1, "big");
    struct job_settings settings = world_settings("*/10 * * * *");
    settings.catch_up = catch_up;
    settings.catch_up_window_s = window_s;
    world_add_job(1, 1, &settings);
    world.now_ms += 59 * WORLD_MINUTE_MS + 30000;
    world_lead();
    world_tick_to(HOUR + 59);
    world_settle();
    for (uint32_t i = 1; i <= 5; i++) {
        if (i <= missed)
            assert_skipped(1, HOUR + 10 * i, "missed");
        assert_int_equal(times(1, HOUR + 10 * i), i > missed);
    }
    assert_int_equal(world.progress.last_tick, HOUR + 59);
}

static void what_becomes_of_missed_slots_is_the_jobs_choice(void **state)
{
    (void)state;
    missed_by(CATCH_UP_LATEST, CATCH_UP_WINDOW_NONE, 4);
    missed_by(CATCH_UP_ALL, CATCH_UP_WINDOW_NONE, 0);
    missed_by(CATCH_UP_NONE, CATCH_UP_WINDOW_NONE, 5);
    missed_by(CATCH_UP_LATEST, 540, 4); /* the newest is 9 minutes late */
    missed_by(CATCH_UP_LATEST, 539, 5);
    missed_by(CATCH_UP_ALL, 29 * 60, 2);
    missed_by(CATCH_UP_ALL, 0, 5);
}

static void the_slot_of_the_present_minute_is_never_missed(void **state)
{
    (void)state;
    struct job_settings settings = world_settings("* * * * *");
    settings.catch_up = CATCH_UP_NONE;
    world_add_job(1, 1, &settings);
    world.now_ms += 3 * WORLD_MINUTE_MS + 59999;
    world_lead();
    world_tick_to(HOUR + 3);
    assert_int_equal(world_runs(), 1);
    assert_int_equal(times(1, HOUR + 3), 1);
}

static void what_lies_behind_the_window_is_left_alone(void **state)
{
    (void)state;
    world_add(1, 1, "0 * * * *");
    world.now_ms += INT64_C(3) * 86400000;
    world_lead();
    assert_int_equal(core_next_minute(world.core), HOUR + 2 * 1440 + 1);
    world_tick_to((uint32_t)(world.now_ms / WORLD_MINUTE_MS));
    world_settle();
    assert_int_equal(world.row_count, 23);
    assert_int_equal(world_runs(), 1);
}

static void skipped_rows_hold_last_tick_until_all_are_taken(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 10; id++)
        world_add(id, 1, "* * * * *");
    world.now_ms += 5 * WORLD_MINUTE_MS;
    world_lead();
    world_tick_to(HOUR + 5);
    world_store(world.outgoing_count);
    world.collect.skipped = 15;
    static const uint32_t last_ticks[] = {HOUR + 1, HOUR + 3, HOUR + 5};
    for (size_t i = 0; i < ARRAY_LENGTH(last_ticks); i++) {
        assert_false(core_settled(world.core, world.now_ms));
        world_collect();
        world_commit();
        assert_int_equal(world.progress.last_tick, last_ticks[i]);
    }
    assert_true(core_settled(world.core, world.now_ms));
    assert_false(core_settled(world.core, world.now_ms + WORLD_MINUTE_MS));
}

/* ---- bounds ---- */

static void a_one_shot_job_runs_once_and_is_finished(void **state)
{
    (void)state;
    struct job_settings settings = world_settings(NULL);
    settings.run_at_s = (HOUR + 2) * INT64_C(60);
    world_add_job(1, 1, &settings);
    world_lead();
    world_tick_to(HOUR + 1);
    assert_true(core_job_enabled(world.core, world_place(1)));
    world_tick_to(HOUR + 2);
    assert_int_equal(times(1, HOUR + 2), 1);
    assert_int_equal(core_pause_reason(world.core, 1), PAUSE_FINISHED);
    world_collect(); /* its run is not in RUNS yet, so it must not be paused in PostgreSQL */
    world_commit();
    assert_null(world.jobs[1].paused);
    world_settle();
    assert_string_equal(world.jobs[1].paused, "finished");
    assert_int_equal(core_pause_reason(world.core, 1), -1);
    assert_true(world_ends(1, HOUR + 2, 1, 200));
    world_settle();
    assert_int_equal(world_slot(1, HOUR + 2)->row.status, EXECUTION_SUCCESS);
}

static void slots_count_from_start_to_end(void **state)
{
    (void)state;
    struct job_settings settings = world_settings("* * * * *");
    settings.start_at_s = (HOUR + 2) * INT64_C(60) + 1; /* behind that slot */
    settings.end_at_s = (HOUR + 5) * INT64_C(60) + 59;
    world_add_job(1, 1, &settings);
    settings.start_at_s = settings.end_at_s = (HOUR + 4) * INT64_C(60);
    world_add_job(2, 1, &settings);
    world_lead();
    for (uint32_t minute = HOUR + 1; minute <= HOUR + 8; minute++) {
        world_tick_to(minute);
        assert_int_equal(times(1, minute), minute >= HOUR + 3 && minute <= HOUR + 5);
        assert_int_equal(times(2, minute), minute == HOUR + 4);
    }
    world_settle();
    assert_string_equal(world.jobs[1].paused, "finished");
    assert_string_equal(world.jobs[2].paused, "finished");
    assert_int_equal(account_at(&world.core->accounts, 0)->active_jobs, 0);
}

static void a_job_whose_end_comes_without_a_slot_is_finished_too(void **state)
{
    (void)state;
    world_add(1, 1, "0 0 * * *");
    world_lead();
    struct job_settings settings = world_settings("0 0 * * *");
    settings.end_at_s = (HOUR + 3) * INT64_C(60);
    world_set(1, &settings);
    world_tick_to(HOUR + 3);
    assert_true(core_job_enabled(world.core, world_place(1)));
    world_tick_to(HOUR + 4);
    assert_false(core_job_enabled(world.core, world_place(1)));
    world_settle();
    assert_string_equal(world.jobs[1].paused, "finished");
}

/* ---- limits ---- */

static void runs_over_the_capacity_are_skipped(void **state)
{
    (void)state;
    world.limits.open_runs = 100;
    struct job_settings settings = world_settings("* * * * *");
    settings.jitter_s = 50;
    for (int64_t id = 1; id <= 130; id++)
        if (id % 2)
            world_add(id, 1, "* * * * *");
        else
            world_add_job(id, 1, &settings); /* held ones count */
    world_lead();
    world_tick_to(HOUR + 1);
    assert_int_equal(world.core->open.count, 100);
    world_settle();
    size_t skipped = 0;
    for (int64_t id = 1; id <= 130; id++)
        skipped +=
            world_slot(id, HOUR + 1) && strcmp(world_slot(id, HOUR + 1)->error, "capacity") == 0;
    assert_int_equal(skipped, 30);
}

static void starts_over_the_minutes_limit_are_skipped(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 7; id++)
        world_add(id, 2, "* * * * *"); /* 4 a minute, 2 at once */
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
    assert_int_equal(world_runs(), 2);
    for (int64_t id = 5; id <= 7; id++)
        assert_skipped(id, HOUR + 1, "burst limit reached");
    assert_int_equal(world_slot(3, HOUR + 1)->row.status, EXECUTION_PENDING);
    world_tick_to(HOUR + 2); /* anew, but the two under way keep their places */
    world_settle();
    assert_skipped(5, HOUR + 2, "burst limit reached");
    assert_skipped(3, HOUR + 1, "concurrency limit: the next run came first");
}

static void attempts_over_the_months_limit_are_skipped(void **state)
{
    (void)state;
    world_add(1, 2, "* * * * *");
    world_lead();
    for (uint32_t minute = HOUR + 1; minute <= HOUR + 12; minute++) {
        world_tick_to(minute);
        world_store(world.outgoing_count);
        assert_int_equal(world_ends(1, minute, 1, 200), minute <= HOUR + 10);
        world_settle();
    }
    assert_skipped(1, HOUR + 11, "monthly limit reached");
    assert_int_equal(world_account(2)->usage.executions, 10);
    uint32_t march = HOUR + 35000; /* 24 days on */
    world.now_ms = (march - 1) * WORLD_MINUTE_MS;
    world_die(0, false);
    world.progress.last_tick = march - 1;
    world_lead();
    world_tick_to(march);
    assert_int_equal(times(1, march), 1);
    assert_true(world_ends(1, march, 1, 200));
    world_settle();
    assert_int_equal(world_account(2)->usage.executions, 1);
}

/* ---- overlap ---- */

static void a_slot_beside_an_open_one_is_skipped_if_the_job_says_so(void **state)
{
    (void)state;
    struct job_settings settings = world_settings("* * * * *");
    settings.allow_overlap = false;
    world_add_job(1, 1, &settings);
    world_lead();
    world_tick_to(HOUR + 1);
    world_tick_to(HOUR + 2);
    world_settle();
    assert_skipped(1, HOUR + 2, "overlap");
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    world_tick_to(HOUR + 3); /* its result counts, though no row tells of it yet */
    assert_int_equal(times(1, HOUR + 3), 1);
    struct run run;
    assert_true(world_ends(1, HOUR + 3, 1, 200));
    world_settle();
    assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &run), RUN_ACCEPTED);
    world_tick_to(HOUR + 4);
    world_settle();
    assert_skipped(1, HOUR + 4, "overlap");
}

static void overlap_counts_what_is_open_when_the_job_changes_its_mind(void **state)
{
    (void)state;
    world_add(1, 1, "* * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_tick_to(HOUR + 2);
    world_store(2);
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    struct job_settings settings = world_settings("* * * * *");
    settings.allow_overlap = false;
    world_set(1, &settings);
    world_tick_to(HOUR + 3);
    world_settle();
    assert_skipped(1, HOUR + 3, "overlap");
    assert_true(world_ends(1, HOUR + 2, 1, 200));
    world_tick_to(HOUR + 4);
    assert_int_equal(times(1, HOUR + 4), 1);
}

int main(void)
{
#define TICK_TEST(test) cmocka_unit_test_setup_teardown(test, tick_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TICK_TEST(a_slot_is_run_once_in_its_minute),
        TICK_TEST(slots_up_to_due_after_and_of_paused_jobs_are_not_due),
        TICK_TEST(accounts_take_turns),
        TICK_TEST(a_clock_that_is_set_back_does_not_hurt),
        TICK_TEST(what_changes_after_the_scan_counts),
        TICK_TEST(clocks_that_change_lose_and_double_nothing),
        TICK_TEST(what_becomes_of_missed_slots_is_the_jobs_choice),
        TICK_TEST(the_slot_of_the_present_minute_is_never_missed),
        TICK_TEST(what_lies_behind_the_window_is_left_alone),
        TICK_TEST(skipped_rows_hold_last_tick_until_all_are_taken),
        TICK_TEST(a_one_shot_job_runs_once_and_is_finished),
        TICK_TEST(slots_count_from_start_to_end),
        TICK_TEST(a_job_whose_end_comes_without_a_slot_is_finished_too),
        TICK_TEST(runs_over_the_capacity_are_skipped),
        TICK_TEST(starts_over_the_minutes_limit_are_skipped),
        TICK_TEST(attempts_over_the_months_limit_are_skipped),
        TICK_TEST(a_slot_beside_an_open_one_is_skipped_if_the_job_says_so),
        TICK_TEST(overlap_counts_what_is_open_when_the_job_changes_its_mind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
