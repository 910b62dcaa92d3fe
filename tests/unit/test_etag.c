#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/etag.h"
#include "shared/compiler.h"

static void a_tag_follows_from_the_bytes(void **state)
{
    (void)state;
    char one[ETAG_SIZE];
    char same[ETAG_SIZE];
    char other[ETAG_SIZE];
    assert_int_equal(strlen(etag_make("abc", 3, one)), 34);
    assert_string_equal(one, "\"ba7816bf8f01cfea414140de5dae2223\"");
    assert_string_equal(etag_make("abcd", 3, same), one);
    assert_string_not_equal(etag_make("abcd", 4, other), one);
}

static void a_list_names_it_or_not(void **state)
{
    (void)state;
    static const char tag[] = "\"ba7816bf8f01cfea414140de5dae2223\"";
    static const struct {
        const char *list;
        bool named;
    } samples[] = {
        {"\"ba7816bf8f01cfea414140de5dae2223\"", true},
        {"W/\"ba7816bf8f01cfea414140de5dae2223\"", true},
        {"\"other\",  \"ba7816bf8f01cfea414140de5dae2223\"", true},
        {"*", true},
        {"**", false},
        {"", false},
        {"ba7816bf8f01cfea414140de5dae2223", false},
        {"\"ba7816bf8f01cfea414140de5dae222\"", false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++)
        assert_int_equal(etag_named(samples[i].list, strlen(samples[i].list), tag),
                         samples[i].named);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_follows_from_the_bytes),
        cmocka_unit_test(a_list_names_it_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
