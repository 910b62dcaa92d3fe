#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "gateway/ping_target.h"
#include "shared/ping.h"
#include "tests/unit/sample.h"

#define CHECK_ID INT64_C(1234567890123456789)
#define CHECK    "6tYMNMn2HLfKzgZx"
#define KEY      "pk_6tYMNMn2HLgJdSac"
#define SLUG_100                                                                                   \
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"   \
    "0123456789"

/* Of a copy that ends where the memory ends. */
static enum ping_target_verdict parse(const char *path, struct ping_target *target, char *slug)
{
    char *copy = sample_exact(path, strlen(path));
    enum ping_target_verdict verdict = ping_target_parse(copy, strlen(path), target);
    if (verdict == PING_TARGET_OK && target->slug != NULL) {
        memcpy(slug, target->slug, target->slug_length);
        slug[target->slug_length] = '\0';
        target->slug = slug;
    }
    free(copy);
    return verdict;
}

static void every_form_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *slug;
        enum ping_kind kind;
        int exit_code;
    } cases[] = {
        {CHECK, NULL, PING_SUCCESS, PING_NO_EXIT},
        {CHECK "/start", NULL, PING_START, PING_NO_EXIT},
        {CHECK "/fail", NULL, PING_FAIL, PING_NO_EXIT},
        {CHECK "/log", NULL, PING_LOG, PING_NO_EXIT},
        {CHECK "/0", NULL, PING_SUCCESS, 0},
        {CHECK "/1", NULL, PING_FAIL, 1},
        {CHECK "/10", NULL, PING_FAIL, 10},
        {CHECK "/255", NULL, PING_FAIL, 255},
        {KEY "/nightly", "nightly", PING_SUCCESS, PING_NO_EXIT},
        {KEY "/a/start", "a", PING_START, PING_NO_EXIT},
        {KEY "/0/fail", "0", PING_FAIL, PING_NO_EXIT},
        {KEY "/db_back-up/log", "db_back-up", PING_LOG, PING_NO_EXIT},
        {KEY "/start/start", "start", PING_START, PING_NO_EXIT},
        {KEY "/start", "start", PING_SUCCESS, PING_NO_EXIT},
        {KEY "/7/7", "7", PING_FAIL, 7},
        {KEY "/" SLUG_100, SLUG_100, PING_SUCCESS, PING_NO_EXIT},
    };
    char slug[128];
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct ping_target target;
        assert_int_equal(parse(cases[i].path, &target, slug), PING_TARGET_OK);
        assert_true(target.name.id == CHECK_ID);
        assert_int_equal(target.kind, cases[i].kind);
        assert_int_equal(target.exit_code, cases[i].exit_code);
        if (cases[i].slug == NULL)
            assert_null(target.slug);
        else
            assert_string_equal(target.slug, cases[i].slug);
    }
}

static void other_names_are_of_no_check(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "/",
        "abc123",
        "/start",
        "6tYMNMn2HLfKzgZxx",
        "6tYMNMn2HLfKzgZ",
        "6tYMNMn2HLfKzg%5A",
        "zzzzzzzzzzzzzzzz",
        "zzzzzzzzzzzzzzzz/start",
        "pk_/a",
        "pk_6tYMNMn2HLgJdSa/a",
    };
    char slug[128];
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct ping_target target;
        assert_int_equal(parse(paths[i], &target, slug), PING_TARGET_NO_CHECK);
    }
}

static void other_slugs_are_none(void **state)
{
    (void)state;
    static const char *const paths[] = {
        KEY,        KEY "/",      KEY "/Nightly", KEY "/a b",
        KEY "/a.b", KEY "/a%20b", KEY "//start",  KEY "/" SLUG_100 "x",
    };
    char slug[128];
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct ping_target target;
        assert_int_equal(parse(paths[i], &target, slug), PING_TARGET_NO_SLUG);
    }
}

static void other_signals_are_none(void **state)
{
    (void)state;
    static const char *const paths[] = {
        CHECK "/",        CHECK "/Start",    CHECK "/stop",        CHECK "/start/",
        CHECK "/start/1", CHECK "/256",      CHECK "/999",         CHECK "/1000",
        CHECK "/-1",      CHECK "/+1",       CHECK "/00",          CHECK "/01",
        CHECK "/1x",      CHECK "/fai",      CHECK "/faill",       CHECK "/4294967296",
        KEY "/a/",        KEY "/a/stop",     KEY "/a/start/start", KEY "/a/256",
        CHECK "/nightly", CHECK "/0/nightly"};
    char slug[128];
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct ping_target target;
        assert_int_equal(parse(paths[i], &target, slug), PING_TARGET_NO_SIGNAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_understood),
        cmocka_unit_test(other_names_are_of_no_check),
        cmocka_unit_test(other_slugs_are_none),
        cmocka_unit_test(other_signals_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
