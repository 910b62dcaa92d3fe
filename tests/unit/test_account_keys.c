#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dispatcher/account_keys.h"

#define MINUTE_MS INT64_C(60000)

static void put(struct account_key_cache *cache, int64_t account, uint8_t first, int64_t now_ms)
{
    struct signing_key key = {.key = {first}, .expires_ms = INT64_MAX};
    account_key_cache_put(cache, account, &key, first ? 1 : 0, account_key_cache_mark(cache),
                          now_ms);
}

static void assert_key(struct account_key_cache *cache, int64_t account, uint8_t first,
                       int64_t now_ms)
{
    const struct account_keys *keys = account_key_cache_find(cache, account, now_ms);
    assert_non_null(keys);
    assert_int_equal(keys->count, first ? 1 : 0);
    if (first)
        assert_int_equal(keys->keys[0].key[0], first);
}

static void test_none_is_an_answer(void **state)
{
    (void)state;
    struct account_key_cache *cache = account_key_cache_create(100);
    assert_null(account_key_cache_find(cache, 7, 0));
    put(cache, 7, 0, 0);
    assert_key(cache, 7, 0, 1000);
    put(cache, 7, 5, 2000);
    assert_key(cache, 7, 5, 3000);
    assert_null(account_key_cache_find(cache, 8, 0));
    account_key_cache_free(cache);
}

/* A job of every minute: always served, and each minute one look. */
static void test_read_again_each_minute(void **state)
{
    (void)state;
    struct account_key_cache *cache = account_key_cache_create(100);
    int64_t accounts[4];
    put(cache, 7, 1, 20);
    for (int64_t minute = 1; minute <= 10; minute++) {
        int64_t now_ms = minute * MINUTE_MS;
        for (int i = 0; i < 5; i++)
            assert_key(cache, 7, (uint8_t)minute, now_ms + i);
        assert_int_equal(account_key_cache_due(cache), 1);
        assert_int_equal(account_key_cache_take_due(cache, accounts, 4), 1);
        assert_int_equal(accounts[0], 7);
        /* While it is read nobody else reads it. */
        assert_key(cache, 7, (uint8_t)minute, now_ms + 10);
        assert_int_equal(account_key_cache_due(cache), 0);
        put(cache, 7, (uint8_t)(minute + 1), now_ms + 20);
        assert_key(cache, 7, (uint8_t)(minute + 1), now_ms + 30);
        assert_int_equal(account_key_cache_due(cache), 0);
    }
    account_key_cache_free(cache);
}

static void test_too_old(void **state)
{
    (void)state;
    struct account_key_cache *cache = account_key_cache_create(100);
    int64_t accounts[4];
    put(cache, 7, 1, 0);
    assert_key(cache, 7, 1, MINUTE_MS);
    assert_int_equal(account_key_cache_take_due(cache, accounts, 4), 1);
    /* The look-up failed, and is asked for again. */
    assert_key(cache, 7, 1, MINUTE_MS + 20000);
    assert_int_equal(account_key_cache_due(cache), 1);
    assert_null(account_key_cache_find(cache, 7, 2 * MINUTE_MS));
    put(cache, 7, 2, 2 * MINUTE_MS);
    assert_int_equal(account_key_cache_due(cache), 0);
    assert_key(cache, 7, 2, 2 * MINUTE_MS);
    account_key_cache_free(cache);
}

static void test_changes(void **state)
{
    (void)state;
    struct account_key_cache *cache = account_key_cache_create(100);
    put(cache, 7, 1, 0);
    put(cache, 8, 1, 0);
    account_key_cache_changed(cache, 7);
    assert_null(account_key_cache_find(cache, 7, 1));
    assert_key(cache, 8, 1, 1);
    put(cache, 7, 2, 2);
    assert_key(cache, 7, 2, 3);

    /* A change overtakes what is being read, of known and unknown accounts, and only of those. */
    uint64_t mark = account_key_cache_mark(cache);
    account_key_cache_changed(cache, 7);
    account_key_cache_changed(cache, 9);
    struct signing_key old = {.key = {1}, .expires_ms = INT64_MAX};
    for (int64_t account = 7; account <= 10; account++)
        account_key_cache_put(cache, account, &old, 1, mark, 4);
    assert_null(account_key_cache_find(cache, 7, 5));
    assert_key(cache, 8, 1, 5);
    assert_null(account_key_cache_find(cache, 9, 5));
    assert_key(cache, 10, 1, 5);

    mark = account_key_cache_mark(cache);
    assert_key(cache, 8, 1, MINUTE_MS); /* due */
    account_key_cache_changed_all(cache);
    assert_int_equal(account_key_cache_due(cache), 0);
    for (int64_t account = 7; account <= 11; account++) {
        account_key_cache_put(cache, account, &old, 1, mark, 6);
        assert_null(account_key_cache_find(cache, account, 7));
    }
    put(cache, 8, 3, 8);
    assert_key(cache, 8, 3, 9);
    account_key_cache_free(cache);
}

static void test_bounded(void **state)
{
    (void)state;
    struct account_key_cache *cache = account_key_cache_create(1000);
    put(cache, 1, 1, 0);
    assert_key(cache, 1, 1, MINUTE_MS);
    assert_int_equal(account_key_cache_due(cache), 1);
    for (int64_t account = 2; account <= 5000; account++) {
        put(cache, account, 1, account);
        account_key_cache_changed(cache, account + 10000);
    }
    assert_null(account_key_cache_find(cache, 1, MINUTE_MS));
    assert_int_equal(account_key_cache_due(cache), 0);
    for (int64_t account = 4501; account <= 5000; account++)
        assert_key(cache, account, 1, 5001);
    assert_null(account_key_cache_find(cache, 4499, 5001));
    account_key_cache_free(cache);
}

static void test_keys_outlive_the_cache(void **state)
{
    (void)state;
    struct account_key_cache *cache = account_key_cache_create(10);
    put(cache, 1, 9, 0);
    struct account_keys *held = account_keys_retain(account_key_cache_find(cache, 1, 0));
    account_key_cache_changed(cache, 1);
    account_key_cache_free(cache);
    assert_int_equal(held->keys[0].key[0], 9);
    account_keys_release(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_is_an_answer), cmocka_unit_test(test_read_again_each_minute),
        cmocka_unit_test(test_too_old),           cmocka_unit_test(test_changes),
        cmocka_unit_test(test_bounded),           cmocka_unit_test(test_keys_outlive_the_cache),
    };
    return cmocka_run_group_tests_name("account_keys", tests, NULL, NULL);
}
