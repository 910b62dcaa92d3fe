/* What commands do to jobs and accounts: plans, pauses, runs on demand, removal. */
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

static int jobs_set_up(void **state)
{
    world_set_up(state);
    world.plans[world.plan_count++] = (struct plan){"small", 3, 100, 300, 30, 20, 2, 4, 0, 0, 0};
    world_add_account(1, "big");
    return 0;
}

static const struct account *account(int64_t id)
{
    return account_at(&world.core->accounts, place_table_find(&world.core->accounts, id));
}

static void a_lower_plan_pauses_the_oldest_and_those_that_run_too_often(void **state)
{
    (void)state;
    static const char *const crons[] = {"0 0 * * *", "*/4 * * * *", "0,5 * * * *",
                                        "0 1 * * *", "0 2 * * *",   "0 3 * * *"};
    struct job_settings paused = world_settings("0 5 * * *");
    paused.enabled = false;
    for (int64_t id = 1; id <= 6; id++)
        world_add(id, 1, crons[id - 1]);
    world_add_job(7, 1, &paused);
    world_add_account(2, "big");
    world_add(8, 2, "* * * * *");
    struct job_settings broken = world_settings("* * * *"); /* as no gateway lets it in */
    world_add_job(9, 1, &broken);
    world_lead();
    assert_int_equal(account(1)->active_jobs, 7);
    world_apply(&(struct change){.kind = CHANGE_PLAN, .id = 1, .plan = "small"});
    assert_int_equal(core_pause_reason(world.core, 2), PAUSE_PLAN);
    assert_int_equal(core_pause_reason(world.core, 9), -1);
    world_settle();
    static const bool kept[] = {false, false, false, false, true, true, false, true, true};
    for (int64_t id = 1; id <= 9; id++) {
        assert_int_equal(core_job_enabled(world.core, world_place(id)), kept[id - 1]);
        assert_int_equal(world.jobs[id].settings.enabled, kept[id - 1]);
        assert_int_equal(world.jobs[id].paused != NULL, id <= 4);
    }
    assert_string_equal(world.jobs[1].paused, "plan");
    assert_int_equal(account(1)->active_jobs, 3);
    assert_int_equal(account(1)->stored_jobs, 8);
    world_apply(&(struct change){.kind = CHANGE_PLAN, .id = 1, .plan = "big"});
    assert_int_equal(account(1)->active_jobs, 3); /* nothing starts by itself */
}

static void what_is_resumed_in_the_same_turn_is_not_paused(void **state)
{
    (void)state;
    world_add(1, 1, "* * * * *");
    world_lead();
    world_apply(&(struct change){.kind = CHANGE_PLAN, .id = 1, .plan = "small"});
    assert_int_equal(core_pause_reason(world.core, 1), PAUSE_PLAN);
    struct job_settings settings = world_settings("*/5 * * * *");
    world_set(1, &settings);
    assert_int_equal(core_pause_reason(world.core, 1), -1);
    world_settle();
    assert_true(world.jobs[1].settings.enabled);
    assert_int_equal(account(1)->active_jobs, 1);
}

static void jobs_are_counted(void **state)
{
    (void)state;
    world_lead();
    struct job_settings settings = world_settings("* * * * *"), paused = settings;
    paused.enabled = false;
    world_add_job(1, 1, &settings);
    world_add_job(2, 1, &paused);
    world_set(1, &paused);
    world_set(1, &paused);
    world_set(2, &settings);
    assert_int_equal(account(1)->active_jobs, 1);
    assert_int_equal(account(1)->stored_jobs, 2);
    world_apply(&(struct change){.kind = CHANGE_JOB_REMOVE, .id = 2});
    world_apply(&(struct change){.kind = CHANGE_JOB_REMOVE, .id = 1});
    assert_int_equal(account(1)->active_jobs, 0);
    assert_int_equal(account(1)->stored_jobs, 0);
    world_settle();
    world_tick_to(HOUR + 2);
    assert_int_equal(world_runs(), 0);
}

static void a_job_forgets_its_policy_and_gets_another(void **state)
{
    (void)state;
    world_lead();
    struct job_settings plain = world_settings("* * * * *"), special = plain;
    special.max_retries = 0;
    special.allow_overlap = false;
    world_add_job(1, 1, &special);
    assert_int_equal(world.core->policies.count, 1);
    world_tick_to(HOUR + 1);
    world_set(1, &plain);
    assert_int_equal(world.core->policies.count, 0);
    world_set(1, &special); /* with one open already */
    world_settle();
    world_tick_to(HOUR + 2);
    world_settle();
    assert_string_equal(world_slot(1, HOUR + 2)->error, "overlap");
    world_apply(&(struct change){.kind = CHANGE_JOB_REMOVE, .id = 1});
    assert_int_equal(world.core->policies.count, 0);
    world_settle();
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    world_settle();
    assert_int_equal(world.core->open.count, 0);
}

/* ---- on demand ---- */

static void a_run_now_is_of_its_own_and_counts(void **state)
{
    (void)state;
    struct job_settings paused = world_settings("0 0 1 1 *");
    paused.enabled = false;
    world_add_account(2, "small");
    world_add_job(1, 2, &paused);
    world_lead();
    world.now_ms += 1500;
    struct run runs[5];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &runs[i]),
                         RUN_ACCEPTED);
        assert_int_equal(runs[i].slot_s, HOUR * INT64_C(60) + 1);
        assert_int_equal(runs[i].replay, i + 1);
    }
    assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &runs[4]),
                     RUN_OVER_BURST);
    assert_int_equal(core_replay(world.core, world_place(1), 60, world.now_ms, &runs[4]),
                     RUN_ACCEPTED); /* replays may */
    world_settle();
    world_die(0, false); /* the next leader knows of what started in this minute */
    world_lead();
    struct run sixth;
    assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &sixth),
                     RUN_OVER_BURST);
    core_release(world.core, world.now_ms);
    assert_int_equal(world_runs(), 2); /* at once */
    world_store(world.outgoing_count);
    for (size_t i = 0; world.core->open.count; i = (i + 1) % 5) {
        (void)world_result(1, runs[i].slot_s, runs[i].replay, 1, RESULT_SUCCESS, 200);
        core_release(world.core, world.now_ms);
        world_settle();
    }
    assert_int_equal(world_row(1, runs[0].slot_s, 1)->row.trigger, TRIGGER_RUN);
    assert_int_equal(world_row(1, 60, runs[4].replay)->row.trigger, TRIGGER_REPLAY);
    assert_int_equal(world_account(2)->usage.executions, 5);
    for (unsigned i = 5; i < 20; i++) {
        world.now_ms += 60000;
        assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &sixth),
                         RUN_ACCEPTED);
        world_settle();
        core_release(world.core, world.now_ms);
        world_store(world.outgoing_count);
        assert_true(world_result(1, sixth.slot_s, sixth.replay, 1, RESULT_SUCCESS, 200));
        world_settle();
    }
    world.now_ms += 60000;
    assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &sixth),
                     RUN_OVER_MONTH);
    assert_int_equal(world.progress.next_replay, 21);
}

/* The slots of a minute were acknowledged, and none of them has a row yet. */
static void starts_that_no_row_tells_of_are_found_in_the_stream(void **state)
{
    (void)state;
    world_add_account(2, "small");
    world.plans[1].concurrency = 100;
    for (int64_t id = 1; id <= 3; id++)
        world_add(id, 2, "* * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_store(world.outgoing_count);
    world_collect();
    world_commit();
    assert_int_equal(world.progress.last_tick, HOUR + 1);
    assert_int_equal(world_account(2)->usage.account, 0);
    world_die(0, false);
    world_lead();
    struct run run;
    assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &run), RUN_ACCEPTED);
    assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &run), RUN_OVER_BURST);
    world_settle();
    world_die(0, false); /* now the row does, and the stream still has them */
    world_lead();
    assert_int_equal(account(2)->starts, 4);
}

static void nothing_is_run_on_demand_over_the_capacity(void **state)
{
    (void)state;
    world.limits.open_runs = 2;
    world_add(1, 1, "0 0 1 1 *");
    world_lead();
    struct run run;
    assert_int_equal(core_replay(world.core, world_place(1), 60, world.now_ms, &run), RUN_ACCEPTED);
    assert_int_equal(core_replay(world.core, world_place(1), 60, world.now_ms, &run), RUN_ACCEPTED);
    assert_int_equal(core_replay(world.core, world_place(1), 60, world.now_ms, &run),
                     RUN_OVER_CAPACITY);
    assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &run),
                     RUN_OVER_CAPACITY);
}

/* ---- removal ---- */

static void runs_of_deleted_jobs_leave_no_row_and_no_trace(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 3; id++)
        world_add(id, 1, "* * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_store(world.outgoing_count);
    assert_true(world_ends(1, HOUR + 1, 1, 500));
    for (int64_t id = 1; id <= 2; id++)
        world_apply(&(struct change){.kind = CHANGE_JOB_REMOVE, .id = id});
    world.now_ms += 1000;
    world_settle();
    assert_null(world_slot(1, HOUR + 1));
    assert_null(world_slot(2, HOUR + 1));
    assert_int_equal(world_slot(3, HOUR + 1)->row.status, EXECUTION_PENDING);
    assert_true(world_ends(2, HOUR + 1, 1, 500));
    world_settle();
    assert_int_equal(world.core->open.count, 1);
    assert_int_equal(account(1)->under_way, 1);
    assert_int_equal(world.progress.runs_seq, world.message_count);
}

static void an_account_goes_with_everything_that_is_in_flight(void **state)
{
    (void)state;
    world.plans[world.plan_count++] =
        (struct plan){"many", 100, 100, 60, 30, 1000, 6, 100, 0, 0, 0};
    world_add_account(2, "many");
    struct job_settings settings = world_settings("* * * * *");
    settings.has_failure_webhook = true;
    settings.allow_overlap = false;
    for (int64_t id = 1; id <= 20; id++)
        world_add_job(id, 2, &settings);
    world_add(21, 1, "* * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
    core_release(world.core, world.now_ms);
    assert_int_equal(account(2)->ready.count, 14);
    assert_true(world_ends(1, HOUR + 1, 1, 404)); /* FINISHED, then a notice */
    assert_true(world_ends(2, HOUR + 1, 1, 503)); /* a retry that waits */
    world_settle();
    world.now_ms += 1000;
    world_settle(); /* RECORDED */
    core_release(world.core, world.now_ms);
    assert_true(world.notices[1].there);
    assert_int_equal(world_published(1, world.notices[1].created_s, RUN_NOTICE, 1), 1);
    assert_true(world_ends(3, HOUR + 1, 1, 404)); /* FINISHED, not collected */
    assert_true(world_ends(4, HOUR + 1, 1, 503)); /* a retry without a row */
    core_release(world.core, world.now_ms);       /* EMITTED, not acknowledged */
    world_apply(&(struct change){.kind = CHANGE_ACCOUNT_REMOVE, .id = 2});
    assert_int_equal(world.core->open.count, 1);
    assert_int_equal(world.core->jobs.count, 1);
    assert_int_equal(world.core->policies.count, 0);
    assert_int_equal(world.core->failing.count, 0);
    assert_int_equal(world.core->held_slots.count, 0);
    assert_int_equal(world.core->waiting_count, 0);
    world_add_account(3, "small"); /* in its place */
    struct job_settings other = world_settings("* * * * *");
    world_add_job(30, 3, &other);
    world_settle();
    assert_false(world_ends(5, HOUR + 1, 1, 200));
    assert_int_equal(core_release(world.core, world.now_ms), 0);
    world_tick_to(HOUR + 2);
    world_settle();
    assert_true(world_ends(21, HOUR + 1, 1, 200));
    assert_true(world_ends(21, HOUR + 2, 1, 200));
    assert_true(world_ends(30, HOUR + 2, 1, 200));
    world_settle();
    assert_int_equal(world.core->open.count, 0);
    assert_int_equal(account(3)->under_way, 0);
    assert_int_equal(account(3)->used, 1);
    assert_int_equal(world.progress.runs_seq, world.message_count);
    world_die(0, false);
    world_lead();
    assert_int_equal(world.core->open.count, 0);
}

int main(void)
{
#define JOBS_TEST(test) cmocka_unit_test_setup_teardown(test, jobs_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        JOBS_TEST(a_lower_plan_pauses_the_oldest_and_those_that_run_too_often),
        JOBS_TEST(what_is_resumed_in_the_same_turn_is_not_paused),
        JOBS_TEST(jobs_are_counted),
        JOBS_TEST(a_job_forgets_its_policy_and_gets_another),
        JOBS_TEST(a_run_now_is_of_its_own_and_counts),
        JOBS_TEST(starts_that_no_row_tells_of_are_found_in_the_stream),
        JOBS_TEST(nothing_is_run_on_demand_over_the_capacity),
        JOBS_TEST(runs_of_deleted_jobs_leave_no_row_and_no_trace),
        JOBS_TEST(an_account_goes_with_everything_that_is_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
