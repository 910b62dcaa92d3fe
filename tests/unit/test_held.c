/* Runs that wait: for their row, their time, their account's concurrency. */
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

static int held_set_up(void **state)
{
    world_set_up(state);
    world.plans[world.plan_count++] =
        (struct plan){"small", 100, 100, 60, 30, 1000000, 2, 1000, 0, 0, 0};
    world_add_account(1, "small");
    world_add_account(2, "small");
    world_add_account(9, "big");
    return 0;
}

static size_t times(int64_t job, uint32_t minute)
{
    return world_published(job, (int64_t)minute * 60, 0, 1);
}

static void a_run_leaves_only_behind_its_row(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 3; id++)
        world_add(id, 1, "* * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_store(world.outgoing_count);
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    assert_int_equal(core_release(world.core, world.now_ms), 0);
    world_collect();
    assert_int_equal(core_release(world.core, world.now_ms), 0);
    world_commit();
    const struct world_row *row = world_slot(3, HOUR + 1);
    assert_non_null(row);
    if (row) {
        assert_int_equal(row->row.attempts, 0);
        assert_int_equal(row->row.next_attempt_ms, (HOUR + 1) * WORLD_MINUTE_MS);
    }
    assert_true(core_next_release_ms(world.core, world.now_ms) <= world.now_ms);
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    assert_int_equal(times(3, HOUR + 1), 1);
    assert_int_equal(core_next_release_ms(world.core, world.now_ms), INT64_MAX);
}

static void concurrency_is_first_come_first_served(void **state)
{
    (void)state;
    static const char *const crons[] = {"1 * * * *", "2 * * * *", "3 * * * *", "4 * * * *",
                                        "5 * * * *"};
    for (int64_t id = 1; id <= 5; id++)
        world_add(id, 1, crons[id - 1]);
    world_lead();
    for (uint32_t i = 1; i <= 5; i++) {
        world_tick_to(HOUR + i);
        world_settle();
        core_release(world.core, world.now_ms);
    }
    assert_int_equal(world_runs(), 2);
    for (int64_t id = 1; id <= 3; id++) {
        assert_true(world_ends(id, HOUR + (uint32_t)id, 1, 200));
        assert_int_equal(core_release(world.core, world.now_ms), 1);
        assert_int_equal(times(id + 2, HOUR + (uint32_t)id + 2), 1);
        world_settle();
    }
}

/* What became free between two commits is not taken by who comes later. */
static void a_new_slot_does_not_pass_those_that_are_ready(void **state)
{
    (void)state;
    static const char *const crons[] = {"1 * * * *", "1 * * * *", "1 * * * *", "2 * * * *"};
    for (int64_t id = 1; id <= 4; id++)
        world_add(id, 1, crons[id - 1]);
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
    assert_int_equal(core_release(world.core, world.now_ms), 0);
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    world_tick_to(HOUR + 2);
    assert_int_equal(times(4, HOUR + 2), 0);
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    assert_int_equal(times(3, HOUR + 1), 1);
}

static void accounts_take_turns_and_nobody_is_held_up_by_another(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 40; id++)
        world_add(id, id <= 30 ? 1 : 2, "* * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
    core_release(world.core, world.now_ms);
    assert_int_equal(world_runs(), 4);
    world_store(world.outgoing_count);
    for (int64_t id = 1; id <= 2; id++) {
        assert_true(world_ends(id, HOUR + 1, 1, 200));
        assert_true(world_ends(id + 30, HOUR + 1, 1, 200));
    }
    assert_int_equal(core_release(world.core, world.now_ms), 4);
    uint32_t first = place_table_find(&world.core->accounts, 1);
    assert_int_equal(account_at(&world.core->accounts, first)->under_way, 2);
    assert_int_equal(account_at(&world.core->accounts, first)->ready.count, 26);
    world_apply(&(struct change){.kind = CHANGE_PLAN, .id = 1, .plan = "big"});
    world_settle();
    assert_int_equal(core_release(world.core, world.now_ms), 26);
}

static void the_next_slot_takes_the_place_of_one_that_waits(void **state)
{
    (void)state;
    struct job_settings all = world_settings("* * * * *");
    all.catch_up = CATCH_UP_ALL;
    world_add(1, 1, "1 * * * *");
    world_add(2, 1, "1 * * * *");
    world_add(3, 1, "* * * * *");
    world_add_job(4, 1, &all);
    world_lead();
    for (uint32_t i = 1; i <= 3; i++) {
        world_tick_to(HOUR + i);
        if (i > 1) /* the first is written before the next comes, the second is not */
            world_settle();
    }
    for (uint32_t i = 1; i <= 2; i++) {
        assert_string_equal(world_slot(3, HOUR + i)->error,
                            "concurrency limit: the next run came first");
        assert_int_equal(world_slot(4, HOUR + i)->row.status, EXECUTION_PENDING);
    }
    assert_int_equal(world_slot(3, HOUR + 3)->row.status, EXECUTION_PENDING);
    assert_int_equal(world.core->open.count, 2 + 1 + 3);
}

static void jitter_is_the_same_for_every_leader(void **state)
{
    (void)state;
    struct job_settings settings = world_settings("*/2 * * * *");
    settings.jitter_s = 100;
    for (int64_t id = 1; id <= 200; id++)
        world_add_job(id, 9, &settings);
    world_lead();
    world_tick_to(HOUR + 2);
    world_settle();
    world_die(0, false);
    world_lead();
    const struct policy policy = {.jitter_s = 100};
    for (uint32_t second = 0; second <= 101; second++) {
        core_release(world.core, world.now_ms + second * INT64_C(1000));
        for (int64_t id = 1; id <= 200; id++)
            assert_int_equal(times(id, HOUR + 2),
                             policy_jitter_s(&policy, id, (HOUR + 2) * INT64_C(60)) <= second);
    }
    assert_int_equal(world_runs(), 200);
}

static void a_slot_that_is_late_already_does_not_wait_for_its_jitter(void **state)
{
    (void)state;
    struct job_settings settings = world_settings("1 * * * *");
    settings.jitter_s = 30;
    world_add_job(1, 1, &settings);
    world.now_ms += 10 * WORLD_MINUTE_MS;
    world_lead();
    world_tick_to(HOUR + 10);
    assert_int_equal(times(1, HOUR + 1), 1);
}

static void what_is_paused_while_it_waits_is_skipped(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 4; id++)
        world_add(id, 1, "1 * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
    struct job_settings settings = world_settings("* * * * *");
    settings.enabled = false;
    world_set(3, &settings);
    world_apply(&(struct change){.kind = CHANGE_JOB_REMOVE, .id = 4});
    world_settle();
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    assert_int_equal(core_release(world.core, world.now_ms), 0);
    world_settle();
    assert_string_equal(world_slot(3, HOUR + 1)->error, "paused");
    assert_null(world_slot(4, HOUR + 1));
    assert_int_equal(world.core->open.count, 1);
    assert_int_equal(world.core->held_slots.count, 0);
}

static void the_month_may_end_while_a_run_waits(void **state)
{
    (void)state;
    world.plans[world.plan_count++] = (struct plan){"tiny", 100, 100, 60, 30, 3, 2, 1000, 0, 0, 0};
    world_add_account(3, "tiny");
    for (int64_t id = 1; id <= 5; id++)
        world_add(id, 3, "1 * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    assert_true(world_ends(2, HOUR + 1, 1, 200));
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    world_settle();
    for (int64_t id = 4; id <= 5; id++)
        assert_string_equal(world_slot(id, HOUR + 1)->error, "monthly limit reached");
    assert_int_equal(world_account(3)->usage.executions, 2);
}

/* Of a minute with many held slots some are run before all have their rows. */
static void a_minute_that_is_half_written_is_not_run_twice(void **state)
{
    (void)state;
    struct job_settings settings = world_settings("1 * * * *");
    settings.jitter_s = 5;
    for (int64_t id = 1; id <= 100; id++)
        world_add_job(id, 9, &settings);
    world_lead();
    world_tick_to(HOUR + 1);
    world.collect.held = 40;
    world_collect();
    world_commit();
    assert_int_equal(world.progress.last_tick, HOUR);
    world.now_ms += 6000;
    size_t left = core_release(world.core, world.now_ms);
    assert_in_range(left, 30, 40);
    world_store(world.outgoing_count);
    for (int64_t id = 1; id <= 100; id++)
        if (times(id, HOUR + 1))
            assert_true(world_ends(id, HOUR + 1, 1, 200));
    world.collect.held = 0; /* it dies before it comes to the others */
    world_collect();
    world_commit();
    world_die(0, false);
    world_lead();
    world_tick_to(HOUR + 1);
    world.collect.held = 1000;
    world_settle();
    core_release(world.core, world.now_ms);
    for (int64_t id = 1; id <= 100; id++)
        assert_int_equal(times(id, HOUR + 1), 1);
}

static void held_runs_are_released_in_the_order_of_their_time(void **state)
{
    (void)state;
    world_lead();
    world_add(1, 9, "0 0 1 1 *");
    world_settle();
    enum { COUNT = 2000 };
    uint64_t random = 9;
    for (unsigned i = 0; i < COUNT; i++) {
        struct run run;
        assert_int_equal(core_replay(world.core, world_place(1), 60, world.now_ms, &run),
                         RUN_ACCEPTED);
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        uint32_t place = open_runs_find(&world.core->open, 1, 60, run.replay);
        world.core->open.runs[place].due_ms += (int64_t)(random >> 40) % 100000;
    }
    world_settle();
    int64_t before = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        int64_t due = core_next_release_ms(world.core, world.now_ms);
        if (due == INT64_MAX)
            break;
        assert_true(due >= before && due >= world.now_ms);
        assert_true(core_release(world.core, due) > 0);
        before = due;
        world_store(world.outgoing_count);
    }
    assert_int_equal(world_runs(), COUNT);
}

int main(void)
{
#define HELD_TEST(test) cmocka_unit_test_setup_teardown(test, held_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        HELD_TEST(a_run_leaves_only_behind_its_row),
        HELD_TEST(concurrency_is_first_come_first_served),
        HELD_TEST(a_new_slot_does_not_pass_those_that_are_ready),
        HELD_TEST(accounts_take_turns_and_nobody_is_held_up_by_another),
        HELD_TEST(the_next_slot_takes_the_place_of_one_that_waits),
        HELD_TEST(jitter_is_the_same_for_every_leader),
        HELD_TEST(a_slot_that_is_late_already_does_not_wait_for_its_jitter),
        HELD_TEST(what_is_paused_while_it_waits_is_skipped),
        HELD_TEST(the_month_may_end_while_a_run_waits),
        HELD_TEST(a_minute_that_is_half_written_is_not_run_twice),
        HELD_TEST(held_runs_are_released_in_the_order_of_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
