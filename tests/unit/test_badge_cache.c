#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/badge_cache.h"

#define SETS (BADGE_CACHE_ENTRIES / 8)

static const struct badge_state up = {.exists = true, .status = CHECK_UP};
static const struct badge_state gone = {.exists = false};

static int set_up(void **state)
{
    *state = badge_cache_new();
    return 0;
}

static int tear_down(void **state)
{
    badge_cache_free(*state);
    return 0;
}

static void what_was_looked_up_counts_for_a_moment(void **state)
{
    struct badge_cache *cache = *state;
    const struct badge_key key = {7, 1, BADGE_STATUS};
    struct badge_state found;
    assert_false(badge_cache_find(cache, &key, 1000, &found));
    badge_cache_put(cache, &key, &up, 1000);
    assert_true(badge_cache_find(cache, &key, 1000 + BADGE_CACHE_TTL_MS - 1, &found));
    assert_true(found.exists);
    assert_int_equal(found.status, CHECK_UP);
    assert_false(badge_cache_find(cache, &key, 1000 + BADGE_CACHE_TTL_MS, &found));
    badge_cache_put(cache, &key, &gone, 3000);
    assert_true(badge_cache_find(cache, &key, 3000, &found));
    assert_false(found.exists);
}

static void badges_are_told_apart(void **state)
{
    struct badge_cache *cache = *state;
    struct badge_state found;
    badge_cache_put(cache, &(struct badge_key){7, 1, BADGE_STATUS}, &up, 1000);
    assert_false(badge_cache_find(cache, &(struct badge_key){7, 2, BADGE_STATUS}, 1000, &found));
    assert_false(badge_cache_find(cache, &(struct badge_key){8, 1, BADGE_STATUS}, 1000, &found));
    assert_false(badge_cache_find(cache, &(struct badge_key){7, 1, BADGE_UPTIME_7D}, 1000, &found));
    badge_cache_put(cache, &(struct badge_key){7, 1, BADGE_UPTIME_7D},
                    &(struct badge_state){.exists = true, .parts = 5}, 1000);
    assert_true(badge_cache_find(cache, &(struct badge_key){7, 1, BADGE_UPTIME_7D}, 1000, &found));
    assert_int_equal(found.parts, 5);
    assert_true(badge_cache_find(cache, &(struct badge_key){7, 1, BADGE_STATUS}, 1000, &found));
    assert_int_equal(found.status, CHECK_UP);
}

static void the_oldest_of_a_set_makes_way(void **state)
{
    struct badge_cache *cache = *state;
    struct badge_state found;
    for (int64_t i = 0; i < 9; i++)
        badge_cache_put(cache, &(struct badge_key){5 + i * SETS, 1, BADGE_STATUS}, &up, 1000 + i);
    assert_false(badge_cache_find(cache, &(struct badge_key){5, 1, BADGE_STATUS}, 1010, &found));
    for (int64_t i = 1; i < 9; i++)
        assert_true(badge_cache_find(cache, &(struct badge_key){5 + i * SETS, 1, BADGE_STATUS},
                                     1010, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_looked_up_counts_for_a_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(badges_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_of_a_set_makes_way, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
