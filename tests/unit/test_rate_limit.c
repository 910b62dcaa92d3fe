#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/rate_limit.h"

static const uint8_t alice[RATE_KEY_SIZE] = {1};
static const uint8_t bob[RATE_KEY_SIZE] = {2};

static void a_bucket_gives_what_it_holds_and_refills(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new(30, 64);
    int retry_after_s = 0;
    for (int i = 0; i < 30; i++)
        assert_true(rate_limit_take(limit, alice, 1000, &retry_after_s));
    assert_false(rate_limit_take(limit, alice, 1000, &retry_after_s));
    assert_int_equal(retry_after_s, 2);
    assert_false(rate_limit_has(limit, alice, 2999, &retry_after_s));
    assert_int_equal(retry_after_s, 1);
    assert_true(rate_limit_has(limit, alice, 3000, &retry_after_s));
    assert_true(rate_limit_take(limit, alice, 3000, &retry_after_s));
    assert_false(rate_limit_take(limit, alice, 3000, &retry_after_s));
    rate_limit_free(limit);
}

static void what_was_promised_is_kept(void **state)
{
    (void)state;
    for (int64_t per_minute = 1; per_minute < 200; per_minute += 7) {
        struct rate_limit *limit = rate_limit_new(per_minute, 8);
        int64_t now_ms = 123456789;
        int retry_after_s = 0;
        for (int64_t i = 0; i < per_minute; i++)
            assert_true(rate_limit_take(limit, alice, now_ms, &retry_after_s));
        assert_false(rate_limit_take(limit, alice, now_ms, &retry_after_s));
        assert_true(
            rate_limit_take(limit, alice, now_ms + INT64_C(1000) * retry_after_s, &retry_after_s));
        rate_limit_free(limit);
    }
}

static void clients_have_buckets_of_their_own(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new(1, 64);
    int retry_after_s;
    assert_true(rate_limit_take(limit, alice, 0, &retry_after_s));
    assert_false(rate_limit_take(limit, alice, 0, &retry_after_s));
    assert_true(rate_limit_take(limit, bob, 0, &retry_after_s));
    rate_limit_free(limit);
}

static void a_bucket_never_holds_more_than_a_minute(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new(5, 8);
    int retry_after_s;
    assert_true(rate_limit_take(limit, alice, 0, &retry_after_s));
    int64_t later_ms = INT64_C(1000) * 365 * 86400 * 1000;
    int taken = 0;
    while (rate_limit_take(limit, alice, later_ms, &retry_after_s))
        taken++;
    assert_int_equal(taken, 5);
    rate_limit_free(limit);
}

static void what_is_given_back_can_be_taken_again(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new(2, 8);
    int retry_after_s;
    assert_true(rate_limit_take(limit, alice, 0, &retry_after_s));
    assert_true(rate_limit_take(limit, alice, 0, &retry_after_s));
    assert_false(rate_limit_take(limit, alice, 0, &retry_after_s));
    rate_limit_give(limit, alice, 0);
    assert_true(rate_limit_take(limit, alice, 0, &retry_after_s));
    assert_false(rate_limit_take(limit, alice, 0, &retry_after_s));
    for (int i = 0; i < 5; i++)
        rate_limit_give(limit, alice, 0);
    assert_true(rate_limit_take(limit, alice, 0, &retry_after_s));
    assert_true(rate_limit_take(limit, alice, 0, &retry_after_s));
    assert_false(rate_limit_take(limit, alice, 0, &retry_after_s));
    rate_limit_free(limit);
}

static void a_flood_of_clients_takes_no_memory(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new(1, 8);
    int retry_after_s;
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t key[RATE_KEY_SIZE] = {0};
        memcpy(key, &i, sizeof i);
        assert_true(rate_limit_take(limit, key, i, &retry_after_s));
    }
    rate_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_gives_what_it_holds_and_refills),
        cmocka_unit_test(what_was_promised_is_kept),
        cmocka_unit_test(clients_have_buckets_of_their_own),
        cmocka_unit_test(a_bucket_never_holds_more_than_a_minute),
        cmocka_unit_test(what_is_given_back_can_be_taken_again),
        cmocka_unit_test(a_flood_of_clients_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
