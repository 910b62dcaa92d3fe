#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/known_slugs.h"

static const struct public_id key = {.id = 1, .mac = 2};
static const struct slug_owner owner = {.account = 7, .check = 70};
static const struct slug_owner other = {.account = 8, .check = 80};

static int set_up(void **state)
{
    *state = known_slugs_new();
    return 0;
}

static int tear_down(void **state)
{
    known_slugs_free(*state);
    return 0;
}

static struct slug_digest digest(const char *slug)
{
    return slug_digest(&key, slug, strlen(slug));
}

enum found { NOT_FOUND, FOUND, FOUND_DOUBTFUL };

static enum found find(struct known_slugs *known, const char *slug, int64_t now_ms,
                       const struct slug_owner *expected)
{
    struct slug_digest wanted = digest(slug);
    struct slug_owner result;
    bool doubtful;
    if (!known_slugs_find(known, &wanted, now_ms, &result, &doubtful))
        return NOT_FOUND;
    assert_int_equal(result.account, expected->account);
    assert_int_equal(result.check, expected->check);
    return doubtful ? FOUND_DOUBTFUL : FOUND;
}

static void put(struct known_slugs *known, const char *slug, const struct slug_owner *of,
                int64_t asked_ms)
{
    struct slug_digest made = digest(slug);
    known_slugs_put(known, &made, of, asked_ms);
}

static void digests_differ(void **state)
{
    (void)state;
    const struct {
        struct public_id key;
        const char *slug;
    } names[] = {
        {{1, 2}, "a"}, {{1, 2}, "b"}, {{1, 2}, "aa"}, {{2, 1}, "a"}, {{1, 3}, "a"}, {{3, 2}, "a"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        for (size_t j = 0; j < ARRAY_LENGTH(names); j++) {
            struct slug_digest a = slug_digest(&names[i].key, names[i].slug, strlen(names[i].slug));
            struct slug_digest b = slug_digest(&names[j].key, names[j].slug, strlen(names[j].slug));
            assert_int_equal(memcmp(&a, &b, sizeof a) == 0, i == j);
        }
    }
}

static void a_slug_is_doubtful_after_a_while(void **state)
{
    struct known_slugs *known = *state;
    assert_int_equal(find(known, "a", 1000, &owner), NOT_FOUND);
    put(known, "a", &owner, 1000);
    assert_int_equal(find(known, "a", 1000 + KNOWN_SLUG_FRESH_MS - 1, &owner), FOUND);
    assert_int_equal(find(known, "a", 1000 + KNOWN_SLUG_FRESH_MS, &owner), FOUND_DOUBTFUL);
    assert_int_equal(find(known, "b", 1000, &owner), NOT_FOUND);
    put(known, "a", &other, 2000); /* it moved */
    assert_int_equal(find(known, "a", 2000, &other), FOUND);
}

static void doubt_is_for_what_was_asked_before(void **state)
{
    struct known_slugs *known = *state;
    put(known, "a", &owner, 1000);
    put(known, "b", &other, 1000);
    known_slugs_doubt_account(known, owner.account, 1005);
    assert_int_equal(find(known, "a", 1006, &owner), FOUND_DOUBTFUL);
    assert_int_equal(find(known, "b", 1006, &other), FOUND);
    put(known, "a", &owner, 1004); /* its look-up was under way at the time */
    assert_int_equal(find(known, "a", 1006, &owner), FOUND_DOUBTFUL);
    put(known, "a", &owner, 1006);
    assert_int_equal(find(known, "a", 1006, &owner), FOUND);

    known_slugs_doubt_check(known, other.check, 1010);
    assert_int_equal(find(known, "a", 1010, &owner), FOUND);
    assert_int_equal(find(known, "b", 1010, &other), FOUND_DOUBTFUL);

    known_slugs_doubt(known, 1020);
    assert_int_equal(find(known, "a", 1020, &owner), FOUND_DOUBTFUL);
    put(known, "a", &owner, 1021);
    assert_int_equal(find(known, "a", 1021, &owner), FOUND);
}

static void what_is_removed_is_not_known(void **state)
{
    struct known_slugs *known = *state;
    struct slug_digest gone = digest("a");
    known_slugs_remove(known, &gone);
    put(known, "a", &owner, 1000);
    put(known, "b", &other, 1000);
    known_slugs_remove(known, &gone);
    assert_int_equal(find(known, "a", 1000, &owner), NOT_FOUND);
    assert_int_equal(find(known, "b", 1000, &other), FOUND);
}

static void many_make_way_for_the_newest(void **state)
{
    struct known_slugs *known = *state;
    char slug[16];
    for (int i = 0; i < 3 * KNOWN_SLUGS; i++) {
        snprintf(slug, sizeof slug, "s%d", i);
        put(known, slug, &owner, i);
        assert_int_equal(find(known, slug, i, &owner), FOUND);
    }
    assert_int_equal(find(known, "s0", INT64_C(3) * KNOWN_SLUGS, &owner), NOT_FOUND);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_differ),
        WITH_TABLE(a_slug_is_doubtful_after_a_while),
        WITH_TABLE(doubt_is_for_what_was_asked_before),
        WITH_TABLE(what_is_removed_is_not_known),
        WITH_TABLE(many_make_way_for_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
