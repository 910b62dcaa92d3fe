#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/minute_counts.h"

#define MINUTE INT64_C(29640000)

static int set_up(void **state)
{
    *state = minute_counts_new(64);
    return 0;
}

static int tear_down(void **state)
{
    minute_counts_free(*state);
    return 0;
}

static void each_account_is_counted_from_one_in_each_minute(void **state)
{
    struct minute_counts *counts = *state;
    for (int64_t used = 1; used <= 100; used++) {
        assert_int_equal(minute_counts_add(counts, 7, MINUTE), used);
        assert_int_equal(minute_counts_add(counts, 15, MINUTE), used); /* of the same set */
    }
    assert_int_equal(minute_counts_add(counts, 7, MINUTE + 1), 1);
    assert_int_equal(minute_counts_add(counts, 7, MINUTE + 1), 2);
    assert_int_equal(minute_counts_add(counts, 15, MINUTE), 101);
    assert_int_equal(minute_counts_add(counts, 7, MINUTE + 5), 1);
}

static void a_request_of_the_minute_before_is_counted_there(void **state)
{
    struct minute_counts *counts = *state;
    assert_int_equal(minute_counts_add(counts, 7, MINUTE), 1);
    assert_int_equal(minute_counts_add(counts, 7, MINUTE + 1), 1);
    assert_int_equal(minute_counts_add(counts, 7, MINUTE), 2);
    assert_int_equal(minute_counts_add(counts, 7, MINUTE + 1), 2);
    /* A minute that nobody counted in lies between. */
    assert_int_equal(minute_counts_add(counts, 7, MINUTE + 3), 1);
    assert_int_equal(minute_counts_add(counts, 7, MINUTE + 2), 1);
}

static void an_older_minute_is_no_way_around(void **state)
{
    struct minute_counts *counts = *state;
    assert_int_equal(minute_counts_add(counts, 7, MINUTE), 1);
    assert_int_equal(minute_counts_add(counts, 7, MINUTE - 2), 2);
    assert_int_equal(minute_counts_add(counts, 7, 1), 3);
    assert_int_equal(minute_counts_add(counts, 7, MINUTE), 4);
}

static void the_account_that_was_seen_longest_ago_makes_way(void **state)
{
    struct minute_counts *counts = *state;
    for (int64_t i = 0; i < 8; i++)
        assert_int_equal(minute_counts_add(counts, 8 + 8 * i, MINUTE + i), 1);
    assert_int_equal(minute_counts_add(counts, 800, MINUTE + 8), 1);
    for (int64_t i = 1; i < 8; i++)
        assert_int_equal(minute_counts_add(counts, 8 + 8 * i, MINUTE + i), 2);
    assert_int_equal(minute_counts_add(counts, 8, MINUTE + 8), 1);
    assert_int_equal(minute_counts_add(counts, 800, MINUTE + 8), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_account_is_counted_from_one_in_each_minute, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_of_the_minute_before_is_counted_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_older_minute_is_no_way_around, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_account_that_was_seen_longest_ago_makes_way, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
