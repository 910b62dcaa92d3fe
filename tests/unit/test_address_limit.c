#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scheduler/core/address_limit.h"

#define NOW_MS  INT64_C(1800000000000)
#define HOUR_MS INT64_C(3600000)

static void an_address_may_ask_so_often_and_then_as_fast_as_the_bucket_fills(void **state)
{
    (void)state;
    struct address_limit *limit = address_limit_create(5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS), 0);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS), 720);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS + 719001), 1);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS + 720000), 0);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS + 720000), 720);
    for (int i = 0; i < 5; i++)
        assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS + 3 * HOUR_MS), 0);
    assert_int_not_equal(address_limit_take(limit, "a@example.com", NOW_MS + 3 * HOUR_MS), 0);
    address_limit_free(limit);
}

static void addresses_have_a_bucket_each(void **state)
{
    (void)state;
    struct address_limit *limit = address_limit_create(1);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS), 0);
    assert_int_not_equal(address_limit_take(limit, "a@example.com", NOW_MS), 0);
    assert_int_equal(address_limit_take(limit, "b@example.com", NOW_MS), 0);
    assert_int_equal(address_limit_take(limit, "", NOW_MS), 0);
    address_limit_free(limit);
}

static void what_is_refused_takes_nothing(void **state)
{
    (void)state;
    struct address_limit *limit = address_limit_create(2);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS), 0);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS), 1800);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS + 1800000), 0);
    address_limit_free(limit);
}

static void a_clock_that_is_set_back_gives_nothing_away(void **state)
{
    (void)state;
    struct address_limit *limit = address_limit_create(1);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS), 0);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS - HOUR_MS), 7200);
    address_limit_free(limit);
}

/* The newest stay: whoever floods the table does not free those that just asked. */
static void a_full_table_forgets_the_fullest_buckets(void **state)
{
    (void)state;
    struct address_limit *limit = address_limit_create(2);
    char email[40];
    for (int i = 0; i < 300000; i++) {
        snprintf(email, sizeof(email), "flood%d@example.com", i);
        assert_int_equal(address_limit_take(limit, email, NOW_MS), 0);
    }
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS), 0);
    assert_int_equal(address_limit_take(limit, "a@example.com", NOW_MS), 0);
    for (int i = 0; i < 50000; i++) {
        snprintf(email, sizeof(email), "more%d@example.com", i);
        (void)address_limit_take(limit, email, NOW_MS);
    }
    assert_int_not_equal(address_limit_take(limit, "a@example.com", NOW_MS), 0);
    address_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_may_ask_so_often_and_then_as_fast_as_the_bucket_fills),
        cmocka_unit_test(addresses_have_a_bucket_each),
        cmocka_unit_test(what_is_refused_takes_nothing),
        cmocka_unit_test(a_clock_that_is_set_back_gives_nothing_away),
        cmocka_unit_test(a_full_table_forgets_the_fullest_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
