#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/auth_cache.h"

static const uint8_t key[HASH_SIZE] = {1, 2, 3, 4, 5};
static const uint8_t other[HASH_SIZE] = {1, 2, 3, 4, 6}; /* lies in the same set */

static int set_up(void **state)
{
    *state = auth_cache_new();
    return 0;
}

static int tear_down(void **state)
{
    auth_cache_free(*state);
    return 0;
}

static void an_entry_is_found_until_it_is_old(void **state)
{
    struct auth_cache *cache = *state;
    assert_int_equal(auth_cache_find(cache, key, 1000), 0);
    auth_cache_put(cache, key, 7, 1000);
    assert_int_equal(auth_cache_find(cache, key, 1000), 7);
    assert_int_equal(auth_cache_find(cache, key, 1000 + AUTH_CACHE_TTL_MS - 1), 7);
    assert_int_equal(auth_cache_find(cache, key, 1000 + AUTH_CACHE_TTL_MS), 0);
    assert_int_equal(auth_cache_find(cache, other, 1000), 0);
}

static void an_invalidation_voids_what_was_looked_up_before_it(void **state)
{
    struct auth_cache *cache = *state;
    auth_cache_put(cache, key, 7, 1000);
    auth_cache_put(cache, other, 8, 1000);
    auth_cache_invalidate(cache, 7, 1005);
    assert_int_equal(auth_cache_find(cache, key, 1006), 0);
    assert_int_equal(auth_cache_find(cache, other, 1006), 8);
    auth_cache_put(cache, key, 7, 1004); /* its look-up was under way at the time */
    assert_int_equal(auth_cache_find(cache, key, 1006), 0);
    auth_cache_put(cache, key, 7, 1006);
    assert_int_equal(auth_cache_find(cache, key, 1006), 7);
}

static void a_flush_voids_everything(void **state)
{
    struct auth_cache *cache = *state;
    auth_cache_put(cache, key, 7, 1000);
    auth_cache_put(cache, other, 8, 1001);
    auth_cache_flush(cache, 1001);
    assert_int_equal(auth_cache_find(cache, key, 1001), 0);
    assert_int_equal(auth_cache_find(cache, other, 1001), 0);
    auth_cache_put(cache, other, 8, 1002);
    assert_int_equal(auth_cache_find(cache, other, 1002), 8);
}

static void the_oldest_of_a_set_makes_way(void **state)
{
    struct auth_cache *cache = *state;
    uint8_t keys[9][HASH_SIZE] = {{0}};
    for (uint8_t i = 0; i < 9; i++) {
        keys[i][HASH_SIZE - 1] = i;
        auth_cache_put(cache, keys[i], i + 1, 1000 + i);
    }
    assert_int_equal(auth_cache_find(cache, keys[0], 1010), 0);
    for (uint8_t i = 1; i < 9; i++)
        assert_int_equal(auth_cache_find(cache, keys[i], 1010), i + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_entry_is_found_until_it_is_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_invalidation_voids_what_was_looked_up_before_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_flush_voids_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_of_a_set_makes_way, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
