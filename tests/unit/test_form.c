#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/form.h"

static void assert_form(struct buffer *form, const char *expected)
{
    assert_string_equal(form->data, expected);
    buffer_free(form);
}

static void test_fields(void **state)
{
    (void)state;
    struct buffer form = BUFFER_EMPTY;
    form_text(&form, "mode", "subscription");
    form_text(&form, "items[0][price]", "price_1");
    form_integer(&form, "items[0][quantity]", 1);
    form_integer(&form, "least", INT64_MIN);
    form_text(&form, "empty", "");
    assert_form(&form, "mode=subscription&items%5B0%5D%5Bprice%5D=price_1"
                       "&items%5B0%5D%5Bquantity%5D=1&least=-9223372036854775808&empty=");
}

static void test_first_integer(void **state)
{
    (void)state;
    struct buffer form = BUFFER_EMPTY;
    form_integer(&form, "n", 7);
    assert_form(&form, "n=7");
}

static void test_escapes(void **state)
{
    static const struct {
        const char *text;
        const char *escaped;
    } rows[] = {
        {"", ""},
        {"AZaz09-._~", "AZaz09-._~"},
        {" +&=%?#/", "%20%2B%26%3D%25%3F%23%2F"},
        {"you+me@example.com", "you%2Bme%40example.com"},
        {"\r\n\t\x7f", "%0D%0A%09%7F"},
        {"\xc3\xa9", "%C3%A9"},
        {"\xff", "%FF"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer form = BUFFER_EMPTY;
        form_text(&form, "", rows[i].text);
        assert_string_equal(form.data + 1, rows[i].escaped);
        buffer_free(&form);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_first_integer),
        cmocka_unit_test(test_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
