#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/known_checks.h"

#define SETS    INT64_C(131072) /* ids that differ by this lie in one set */
#define WAYS    8
#define ACCOUNT 7

static const struct public_id name = {.id = 77, .mac = 5};

static int set_up(void **state)
{
    *state = known_checks_new();
    return 0;
}

static int tear_down(void **state)
{
    known_checks_free(*state);
    return 0;
}

static void what_was_not_put_is_not_known(void **state)
{
    struct known_checks *known = *state;
    assert_int_equal(known_checks_find(known, &name, 1000), CHECK_NOT_KNOWN);
    known_checks_put(known, &name, ACCOUNT, 1000);
    struct public_id other = {.id = 78, .mac = 5};
    assert_int_equal(known_checks_find(known, &other, 1000), CHECK_NOT_KNOWN);
}

/* A check has one name: whoever knows its number does not know it. */
static void another_mac_is_another_name(void **state)
{
    struct known_checks *known = *state;
    known_checks_put(known, &name, ACCOUNT, 1000);
    struct public_id other = {.id = name.id, .mac = name.mac + 1};
    assert_int_equal(known_checks_find(known, &other, 1000), CHECK_NOT_KNOWN);
    assert_int_equal(known_checks_find(known, &name, 1000), CHECK_EXISTS);
}

static void what_exists_is_doubtful_after_a_while(void **state)
{
    struct known_checks *known = *state;
    known_checks_put(known, &name, ACCOUNT, 1000);
    assert_int_equal(known_checks_find(known, &name, 1000 + KNOWN_CHECK_FRESH_MS - 1),
                     CHECK_EXISTS);
    assert_int_equal(known_checks_find(known, &name, 1000 + KNOWN_CHECK_FRESH_MS), CHECK_DOUBTFUL);
    known_checks_put(known, &name, ACCOUNT, 1000 + KNOWN_CHECK_FRESH_MS);
    assert_int_equal(known_checks_find(known, &name, 1000 + KNOWN_CHECK_FRESH_MS), CHECK_EXISTS);
}

static void what_is_gone_is_looked_up_again_after_a_while(void **state)
{
    struct known_checks *known = *state;
    known_checks_put(known, &name, 0, 1000);
    assert_int_equal(known_checks_find(known, &name, 1000 + KNOWN_CHECK_GONE_MS - 1), CHECK_GONE);
    assert_int_equal(known_checks_find(known, &name, 1000 + KNOWN_CHECK_GONE_MS), CHECK_NOT_KNOWN);
}

static void a_deleted_check_is_gone_at_once(void **state)
{
    struct known_checks *known = *state;
    known_checks_delete(known, name.id, 1000); /* nobody asked for it yet */
    assert_int_equal(known_checks_find(known, &name, 1000), CHECK_NOT_KNOWN);
    known_checks_put(known, &name, ACCOUNT, 1000);
    known_checks_delete(known, name.id, 1001);
    assert_int_equal(known_checks_find(known, &name, 1001), CHECK_GONE);
}

static void doubt_is_for_what_was_there_before(void **state)
{
    struct known_checks *known = *state;
    struct public_id gone = {.id = 78, .mac = 5};
    struct public_id later = {.id = 79, .mac = 5};
    known_checks_put(known, &name, ACCOUNT, 1000);
    known_checks_put(known, &gone, 0, 1000);
    known_checks_doubt(known, 1000);
    known_checks_put(known, &later, ACCOUNT, 1001);
    assert_int_equal(known_checks_find(known, &name, 1001), CHECK_DOUBTFUL);
    assert_int_equal(known_checks_find(known, &gone, 1001), CHECK_GONE); /* ids do not come again */
    assert_int_equal(known_checks_find(known, &later, 1001), CHECK_EXISTS);
}

static void a_change_of_an_account_is_doubt_about_its_checks(void **state)
{
    struct known_checks *known = *state;
    struct public_id other = {.id = 78, .mac = 5};
    known_checks_put(known, &name, ACCOUNT, 1000);
    known_checks_put(known, &other, ACCOUNT + 1, 1000);
    known_checks_doubt_account(known, ACCOUNT, 1000);
    assert_int_equal(known_checks_find(known, &name, 1001), CHECK_DOUBTFUL);
    assert_int_equal(known_checks_find(known, &other, 1001), CHECK_EXISTS);
    known_checks_put(known, &name, ACCOUNT, 1001);
    assert_int_equal(known_checks_find(known, &name, 1001), CHECK_EXISTS);
}

static void the_one_found_longest_ago_makes_way(void **state)
{
    struct known_checks *known = *state;
    for (int64_t i = 1; i <= WAYS + 1; i++) {
        struct public_id each = {.id = i * SETS, .mac = 1};
        known_checks_put(known, &each, ACCOUNT, 1000 + i);
    }
    for (int64_t i = 1; i <= WAYS + 1; i++) {
        struct public_id each = {.id = i * SETS, .mac = 1};
        assert_int_equal(known_checks_find(known, &each, 2000),
                         i == 1 ? CHECK_NOT_KNOWN : CHECK_EXISTS);
    }
    /* One that is there already takes its own place. */
    struct public_id second = {.id = 2 * SETS, .mac = 1};
    known_checks_put(known, &second, 0, 3000);
    for (int64_t i = 3; i <= WAYS + 1; i++) {
        struct public_id each = {.id = i * SETS, .mac = 1};
        assert_int_equal(known_checks_find(known, &each, 3000), CHECK_EXISTS);
    }
    assert_int_equal(known_checks_find(known, &second, 3000), CHECK_GONE);
}

static void a_million_are_known_at_once(void **state)
{
    struct known_checks *known = *state;
    uint64_t number = 1;
    for (int pass = 0; pass < 2; pass++) {
        unsigned found = 0;
        number = 1;
        for (int i = 0; i < 500000; i++) {
            number = number * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            struct public_id each = {.id = (int64_t)(number >> 1), .mac = (uint32_t)i};
            if (pass == 0)
                known_checks_put(known, &each, ACCOUNT, 1000);
            else
                found += known_checks_find(known, &each, 1000) == CHECK_EXISTS;
        }
        if (pass == 1)
            assert_true(found > 480000);
    }
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLE(what_was_not_put_is_not_known),
        WITH_TABLE(another_mac_is_another_name),
        WITH_TABLE(what_exists_is_doubtful_after_a_while),
        WITH_TABLE(what_is_gone_is_looked_up_again_after_a_while),
        WITH_TABLE(a_deleted_check_is_gone_at_once),
        WITH_TABLE(doubt_is_for_what_was_there_before),
        WITH_TABLE(a_change_of_an_account_is_doubt_about_its_checks),
        WITH_TABLE(the_one_found_longest_ago_makes_way),
        WITH_TABLE(a_million_are_known_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
