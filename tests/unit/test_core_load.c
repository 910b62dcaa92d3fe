/* Taking over from a leader that died: nothing is emitted twice, nothing is lost. */
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

static int load_set_up(void **state)
{
    world_set_up(state);
    world_add_account(1, "big");
    return 0;
}

static void two_jobs(void)
{
    world_add(1, 1, "* * * * *");
    world_add(2, 1, "* * * * *");
}

static size_t times(int64_t job, uint32_t minute)
{
    return world_published(job, (int64_t)minute * 60, 0, 1);
}

static void without_a_last_tick_the_next_minute_is_the_first(void **state)
{
    (void)state;
    two_jobs();
    world.progress = (struct core_progress){.next_replay = 1};
    world.now_ms += 5000;
    world_lead();
    assert_int_equal(core_next_minute(world.core), HOUR + 1);
    assert_true(world.core->progress.has_last_tick);
    assert_int_equal(world.core->progress.last_tick, HOUR);
}

static void what_is_in_the_stream_is_open_and_not_emitted_again(void **state)
{
    (void)state;
    two_jobs();
    world_lead();
    world_tick_to(HOUR + 1);
    world_die(1, false);
    world_lead();
    assert_int_equal(core_next_minute(world.core), HOUR + 1);
    world_tick_to(HOUR + 1);
    assert_int_equal(world_runs(), 2);
    assert_int_equal(world.core->open.count, 2);
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    assert_true(world_ends(2, HOUR + 1, 1, 200));
    world_settle();
    assert_int_equal(world.progress.last_tick, HOUR + 1);
    assert_int_equal(world.progress.runs_seq, world.message_count);
}

static void a_minute_that_is_half_emitted_is_completed(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 100; id++)
        world_add(id, 1, "* * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    assert_int_equal(world.outgoing_count, 2);
    world_die(1, false);
    world_lead();
    world_tick_to(HOUR + 1);
    for (int64_t id = 1; id <= 100; id++)
        assert_int_equal(times(id, HOUR + 1), 1);
    assert_int_equal(world.core->open.count, 100);
    uint32_t place = place_table_find(&world.core->accounts, 1);
    assert_int_equal(account_at(&world.core->accounts, place)->starts, 100);
    assert_int_equal(account_at(&world.core->accounts, place)->used, 100);
}

/* It emitted the newest missed slot, and died before the rows of the older ones were written. */
static void older_slots_that_were_skipped_in_vain_are_skipped_again(void **state)
{
    (void)state;
    two_jobs();
    world.now_ms += 4 * WORLD_MINUTE_MS;
    world_lead();
    world_tick_to(HOUR + 4);
    world_die(1, false);
    world_lead();
    world_tick_to(HOUR + 4);
    world_settle();
    for (uint32_t i = 1; i <= 3; i++)
        for (int64_t id = 1; id <= 2; id++)
            assert_string_equal(world_slot(id, HOUR + i)->error, "missed");
    assert_int_equal(world_runs(), 2);
}

static void final_rows_and_pending_rows_are_not_opened_twice(void **state)
{
    (void)state;
    two_jobs();
    world_add(3, 1, "* * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_store(1);
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    world.collect.pending = 1;
    world.now_ms += 1000;
    world_collect();
    world_commit(); /* job 1 is final, job 2 pending, of job 3 nothing is written */
    assert_non_null(world_slot(2, HOUR + 1));
    assert_null(world_slot(3, HOUR + 1));
    world_die(0, false);
    world_lead();
    assert_int_equal(world.core->open.count, 2);
    assert_int_equal(account_at(&world.core->accounts, 0)->used, 3);
    assert_int_equal(account_at(&world.core->accounts, 0)->recorded, 2);
    assert_false(world_ends(1, HOUR + 1, 1, 200));
    assert_true(world_ends(2, HOUR + 1, 1, 200));
    assert_true(world_ends(3, HOUR + 1, 1, 200));
    world_settle();
    assert_int_equal(world_account(1)->usage.executions, 3);
    assert_int_equal(world.progress.runs_seq, world.message_count);
}

/* RUNS was made anew: the run is emitted under the row that it has. */
static void a_pending_run_that_the_stream_has_lost_is_emitted_again(void **state)
{
    (void)state;
    two_jobs();
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
    world.now_ms += 1000;
    world_settle();
    assert_int_equal(world_slot(1, HOUR + 1)->row.status, EXECUTION_PENDING);
    world_die(0, false);
    world.progress.last_tick = HOUR;
    world.progress.runs_seq = 0;
    world.message_count = 0;
    world_lead();
    assert_int_equal(world.core->open.count, 0);
    assert_int_equal(account_at(&world.core->accounts, 0)->under_way, 0);
    world_tick_to(HOUR + 1);
    assert_int_equal(world_runs(), 2);
    world_store(1);
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    assert_true(world_ends(2, HOUR + 1, 1, 200));
    world_settle();
    assert_int_equal(world_slot(1, HOUR + 1)->row.status, EXECUTION_SUCCESS);
    assert_int_equal(world.core->open.count, 0);
}

static void jobs_that_cannot_be_scheduled_are_there_and_never_due(void **state)
{
    (void)state;
    world_lead();
    struct job_settings settings = world_settings("* * * *");
    assert_int_equal(core_load_job(world.core, 1, 99, &settings), -1);
    assert_int_equal(core_load_job(world.core, 2, 1, &settings), -1);
    settings = world_settings("* * * * *");
    settings.timezone = "Europe/Nowhere";
    assert_int_equal(core_load_job(world.core, 3, 1, &settings), -1);
    const struct account_row unknown = {.id = 30, .plan = "gold"};
    assert_int_equal(core_load_account(world.core, &unknown, world.now_ms), -1);
    assert_int_equal(world_place(1), PLACE_NONE);
    assert_int_not_equal(world_place(2), PLACE_NONE);
    assert_int_equal(account_at(&world.core->accounts, 0)->active_jobs, 2);
    world_tick_to(HOUR + 120);
    assert_int_equal(world_runs(), 0);
    core_remove_job(world.core, world_place(2));
    assert_int_equal(account_at(&world.core->accounts, 0)->stored_jobs, 1);
}

/* Where the one-shot job's only slot is, when its leader dies. */
enum one_shot_at { LOST, IN_RUNS, HELD, WRITTEN, ENDED, ONE_SHOTS };

static void one_shot_dies(enum one_shot_at at, bool jitters)
{
    world_end();
    world_begin();
    world_add_account(1, "big");
    struct job_settings settings = world_settings(NULL);
    settings.run_at_s = (HOUR + 1) * INT64_C(60);
    settings.jitter_s = jitters ? 3600 : 0;
    world_add_job(1, 1, &settings);
    world_lead();
    world_tick_to(HOUR + 1);
    if (at >= HELD) {
        world_store(world.outgoing_count);
        world_collect();
        world_commit();
    }
    if (at >= WRITTEN) {
        world.now_ms += jitters ? 3600000 : 1000;
        core_release(world.core, world.now_ms);
        world_settle();
    }
    if (at == ENDED) {
        assert_true(world_ends(1, HOUR + 1, 1, 200));
        world_settle();
    }
    world_die(at == LOST ? 0 : world.outgoing_count, false);
    world_lead();
    world_tick_to((uint32_t)(world.now_ms / WORLD_MINUTE_MS));
    world_settle();
    world.now_ms += 3600000;
    core_release(world.core, world.now_ms);
    world_store(world.outgoing_count);
    assert_int_equal(times(1, HOUR + 1), 1);
    assert_int_equal(world_ends(1, HOUR + 1, 1, 200), at != ENDED);
    world_settle();
    assert_int_equal(world_slot(1, HOUR + 1)->row.status, EXECUTION_SUCCESS);
    assert_string_equal(world.jobs[1].paused, "finished");
    assert_int_equal(world.core->open.count, 0);
}

static void a_one_shot_job_runs_once_whoever_leads(void **state)
{
    (void)state;
    for (int at = LOST; at < ONE_SHOTS; at++) {
        one_shot_dies((enum one_shot_at)at, false);
        one_shot_dies((enum one_shot_at)at, true);
    }
}

/* Its last slot waits; its job is paused already, and ends only later in the day. */
static void the_last_slot_of_a_job_that_is_finished_is_not_taken_for_paused(void **state)
{
    (void)state;
    struct job_settings settings = world_settings("1 12 * * *");
    settings.end_at_s = (HOUR + 300) * INT64_C(60);
    settings.jitter_s = 3600;
    world_add_job(1, 1, &settings);
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
    assert_string_equal(world.jobs[1].paused, "finished");
    world_die(0, false);
    world_lead();
    world.now_ms += 3600000;
    assert_int_equal(core_release(world.core, world.now_ms), 1);
}

static void the_months_use_is_known_to_the_next_leader(void **state)
{
    (void)state;
    world.plans[world.plan_count++] =
        (struct plan){"tiny", 100, 100, 60, 30, 10, 100, 100, 0, 0, 0};
    world_add_account(2, "tiny");
    for (int64_t id = 1; id <= 3; id++)
        world_add(id, 2, "* * * * *");
    world_lead();
    for (uint32_t i = 1; i <= 5; i++) {
        world_tick_to(HOUR + i);
        size_t stored = world.outgoing_count;
        if (i == 2)
            for (int64_t id = 1; id <= 3; id++)
                (void)world_ends(id, HOUR + 1, 1, 200);
        world_collect();
        world_die(stored, i % 2);
        world_lead();
        world_tick_to(HOUR + i);
    }
    world_settle();
    size_t skipped = 0, emitted = 0;
    for (int64_t id = 1; id <= 3; id++)
        for (uint32_t i = 1; i <= 5; i++) {
            emitted += times(id, HOUR + i);
            const struct world_row *row = world_slot(id, HOUR + i);
            skipped += row && strcmp(row->error, "monthly limit reached") == 0;
        }
    assert_int_equal(emitted, 10);
    assert_int_equal(skipped, 5);
}

int main(void)
{
#define LOAD_TEST(test) cmocka_unit_test_setup_teardown(test, load_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        LOAD_TEST(without_a_last_tick_the_next_minute_is_the_first),
        LOAD_TEST(what_is_in_the_stream_is_open_and_not_emitted_again),
        LOAD_TEST(a_minute_that_is_half_emitted_is_completed),
        LOAD_TEST(older_slots_that_were_skipped_in_vain_are_skipped_again),
        LOAD_TEST(final_rows_and_pending_rows_are_not_opened_twice),
        LOAD_TEST(a_pending_run_that_the_stream_has_lost_is_emitted_again),
        LOAD_TEST(jobs_that_cannot_be_scheduled_are_there_and_never_due),
        LOAD_TEST(a_one_shot_job_runs_once_whoever_leads),
        LOAD_TEST(the_last_slot_of_a_job_that_is_finished_is_not_taken_for_paused),
        LOAD_TEST(the_months_use_is_known_to_the_next_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
