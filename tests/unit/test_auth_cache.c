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
    assert_int_equal(auth_cache_find(cache, key, 1000).account, 0);
    auth_cache_put(cache, key, (struct auth_holder){7, false}, 1000);
    assert_int_equal(auth_cache_find(cache, key, 1000).account, 7);
    assert_int_equal(auth_cache_find(cache, key, 1000 + AUTH_CACHE_TTL_MS - 1).account, 7);
    assert_int_equal(auth_cache_find(cache, key, 1000 + AUTH_CACHE_TTL_MS).account, 0);
    assert_int_equal(auth_cache_find(cache, other, 1000).account, 0);
}

static void what_the_plan_has_is_kept(void **state)
{
    struct auth_cache *cache = *state;
    auth_cache_put(cache, key, (struct auth_holder){7, true}, 1000);
    auth_cache_put(cache, other, (struct auth_holder){8, false}, 1000);
    assert_true(auth_cache_find(cache, key, 1000).checks_api);
    assert_false(auth_cache_find(cache, other, 1000).checks_api);
    auth_cache_put(cache, key, (struct auth_holder){7, false}, 1001);
    assert_false(auth_cache_find(cache, key, 1001).checks_api);
}

static void an_invalidation_voids_what_was_looked_up_before_it(void **state)
{
    struct auth_cache *cache = *state;
    auth_cache_put(cache, key, (struct auth_holder){7, false}, 1000);
    auth_cache_put(cache, other, (struct auth_holder){8, false}, 1000);
    auth_cache_invalidate(cache, 7, 1005);
    assert_int_equal(auth_cache_find(cache, key, 1006).account, 0);
    assert_int_equal(auth_cache_find(cache, other, 1006).account, 8);
    /* its look-up was under way at the time */
    auth_cache_put(cache, key, (struct auth_holder){7, false}, 1004);
    assert_int_equal(auth_cache_find(cache, key, 1006).account, 0);
    auth_cache_put(cache, key, (struct auth_holder){7, false}, 1006);
    assert_int_equal(auth_cache_find(cache, key, 1006).account, 7);
}

static void a_flush_voids_everything(void **state)
{
    struct auth_cache *cache = *state;
    auth_cache_put(cache, key, (struct auth_holder){7, false}, 1000);
    auth_cache_put(cache, other, (struct auth_holder){8, false}, 1001);
    auth_cache_flush(cache, 1001);
    assert_int_equal(auth_cache_find(cache, key, 1001).account, 0);
    assert_int_equal(auth_cache_find(cache, other, 1001).account, 0);
    auth_cache_put(cache, other, (struct auth_holder){8, false}, 1002);
    assert_int_equal(auth_cache_find(cache, other, 1002).account, 8);
}

static void the_oldest_of_a_set_makes_way(void **state)
{
    struct auth_cache *cache = *state;
    uint8_t keys[9][HASH_SIZE] = {{0}};
    for (uint8_t i = 0; i < 9; i++) {
        keys[i][HASH_SIZE - 1] = i;
        auth_cache_put(cache, keys[i], (struct auth_holder){i + 1, false}, 1000 + i);
    }
    assert_int_equal(auth_cache_find(cache, keys[0], 1010).account, 0);
    for (uint8_t i = 1; i < 9; i++)
        assert_int_equal(auth_cache_find(cache, keys[i], 1010).account, i + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_entry_is_found_until_it_is_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_plan_has_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_invalidation_voids_what_was_looked_up_before_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_flush_voids_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_of_a_set_makes_way, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
