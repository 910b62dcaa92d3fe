#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scheduler/core/run_log.h"

static struct run_log log_state;

static int log_set_up(void **state)
{
    (void)state;
    run_log_init(&log_state, 100);
    return 0;
}

static int log_tear_down(void **state)
{
    (void)state;
    run_log_free(&log_state);
    return 0;
}

static void numbers_are_consecutive(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 1000; number++) {
        assert_int_equal(run_log_next(&log_state), number);
        assert_int_equal(run_log_add(&log_state, 10, 1, 0), number);
    }
    assert_int_equal(run_log_waiting(&log_state), 1000);
}

static void a_minute_is_complete_when_its_last_message_is_acknowledged(void **state)
{
    (void)state;
    uint64_t first = run_log_add(&log_state, 10, 1, 0), second = run_log_add(&log_state, 10, 1, 0);
    uint64_t third = run_log_add(&log_state, 11, 1, 0);
    assert_int_equal(run_log_last_tick(&log_state, 12), 9);
    run_log_acknowledged(&log_state, first, 101);
    assert_true(run_log_has(&log_state, first));
    assert_false(run_log_has(&log_state, second));
    assert_int_equal(run_log_last_tick(&log_state, 12), 9);
    run_log_acknowledged(&log_state, second, 102);
    assert_int_equal(run_log_last_tick(&log_state, 12), 10);
    run_log_acknowledged(&log_state, third, 103);
    assert_int_equal(run_log_last_tick(&log_state, 12), 12);
    assert_int_equal(run_log_waiting(&log_state), 0);
}

static void messages_without_a_minute_do_not_hold_it_up(void **state)
{
    (void)state;
    run_log_add(&log_state, 0, 1, 0);
    assert_int_equal(run_log_last_tick(&log_state, 12), 12);
    run_log_add(&log_state, 12, 1, 0);
    assert_int_equal(run_log_last_tick(&log_state, 12), 11);
}

static void runs_seq_waits_for_every_row(void **state)
{
    (void)state;
    uint64_t first = run_log_add(&log_state, 10, 2, 0), second = run_log_add(&log_state, 10, 1, 0);
    run_log_acknowledged(&log_state, first, 101);
    run_log_acknowledged(&log_state, second, 105);
    assert_int_equal(run_log_advance(&log_state, 10), 100);
    run_log_recorded(&log_state, second);
    run_log_recorded(&log_state, first);
    assert_int_equal(run_log_advance(&log_state, 10), 100);
    run_log_recorded(&log_state, first);
    assert_int_equal(run_log_advance(&log_state, 10), 105);
    assert_int_equal(log_state.count, 0);
}

static void runs_seq_does_not_reach_behind_last_tick(void **state)
{
    (void)state;
    uint64_t number = run_log_add(&log_state, 10, 1, 0);
    run_log_acknowledged(&log_state, number, 101);
    run_log_recorded(&log_state, number);
    assert_int_equal(run_log_advance(&log_state, 9), 100);
    assert_int_equal(run_log_advance(&log_state, 10), 101);
}

/* They hold back runs_seq, as what a tick emitted does, but never the minute. */
static void held_slots_stay_in_reach_until_their_minute_is_complete(void **state)
{
    (void)state;
    uint64_t number = run_log_add(&log_state, 0, 1, 0);
    run_log_keep(&log_state, number, 10);
    assert_int_equal(run_log_last_tick(&log_state, 12), 12);
    assert_int_equal(run_log_ticks_waiting(&log_state), 0);
    run_log_acknowledged(&log_state, number, 101);
    assert_int_equal(run_log_ticks_waiting(&log_state), 0);
    run_log_recorded(&log_state, number);
    assert_int_equal(run_log_advance(&log_state, 9), 100);
    assert_int_equal(run_log_advance(&log_state, 10), 101);
}

static void messages_of_ticks_are_counted_until_they_are_acknowledged(void **state)
{
    (void)state;
    uint64_t first = run_log_add(&log_state, 10, 1, 0), second = run_log_add(&log_state, 0, 1, 0);
    assert_int_equal(run_log_ticks_waiting(&log_state), 1);
    run_log_acknowledged(&log_state, first, 101);
    assert_int_equal(run_log_ticks_waiting(&log_state), 0);
    assert_int_equal(run_log_waiting(&log_state), 1);
    run_log_acknowledged(&log_state, second, 102);
    assert_int_equal(run_log_waiting(&log_state), 0);
}

static void runs_seq_waits_for_the_acknowledgement_of_a_run_that_is_over(void **state)
{
    (void)state;
    uint64_t number = run_log_add(&log_state, 10, 1, 0);
    run_log_recorded(&log_state, number); /* its result was faster */
    assert_int_equal(run_log_advance(&log_state, 10), 100);
    run_log_acknowledged(&log_state, number, 101);
    assert_int_equal(run_log_advance(&log_state, 10), 101);
}

static void what_is_found_in_the_stream_is_acknowledged(void **state)
{
    (void)state;
    run_log_add(&log_state, 9, 1, 101);
    run_log_add(&log_state, 9, 0, 102);
    run_log_add(&log_state, 0, 0, 103); /* the marker */
    uint64_t next = run_log_add(&log_state, 10, 1, 0);
    assert_int_equal(run_log_waiting(&log_state), 1);
    assert_int_equal(run_log_advance(&log_state, 9), 100);
    run_log_recorded(&log_state, 0);
    assert_int_equal(run_log_advance(&log_state, 9), 103);
    run_log_acknowledged(&log_state, next, 104);
    run_log_recorded(&log_state, next);
    assert_int_equal(run_log_advance(&log_state, 10), 104);
}

/* The ring wraps around and grows while it is wrapped. */
static void many_messages_pass(void **state)
{
    (void)state;
    uint64_t added = 0, done = 0;
    for (uint32_t minute = 1; minute <= 400; minute++) {
        for (uint32_t i = 0; i < minute % 97 * 3; i++)
            assert_int_equal(run_log_add(&log_state, minute, 1, 0), added++);
        while (done + minute % 31 < added) {
            run_log_acknowledged(&log_state, done, 101 + done);
            run_log_recorded(&log_state, done);
            done++;
        }
        uint32_t last_tick = run_log_last_tick(&log_state, minute);
        assert_true(run_log_waiting(&log_state) ? last_tick < minute : last_tick == minute);
        assert_in_range(run_log_advance(&log_state, last_tick), 100, 100 + done);
    }
    assert_true(log_state.count < 400);
}

int main(void)
{
#define LOG_TEST(test) cmocka_unit_test_setup_teardown(test, log_set_up, log_tear_down)
    const struct CMUnitTest tests[] = {
        LOG_TEST(numbers_are_consecutive),
        LOG_TEST(a_minute_is_complete_when_its_last_message_is_acknowledged),
        LOG_TEST(messages_without_a_minute_do_not_hold_it_up),
        LOG_TEST(runs_seq_waits_for_every_row),
        LOG_TEST(runs_seq_does_not_reach_behind_last_tick),
        LOG_TEST(held_slots_stay_in_reach_until_their_minute_is_complete),
        LOG_TEST(messages_of_ticks_are_counted_until_they_are_acknowledged),
        LOG_TEST(runs_seq_waits_for_the_acknowledgement_of_a_run_that_is_over),
        LOG_TEST(what_is_found_in_the_stream_is_acknowledged),
        LOG_TEST(many_messages_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
