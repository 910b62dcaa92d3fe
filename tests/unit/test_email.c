#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/email.h"

#define TEN   "aaaaaaaaaa"
#define FIFTY TEN TEN TEN TEN TEN

static void addresses_are_taken_in_lower_case(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"you@example.com", "you@example.com"},
        {"You.Too+Tag@Mail.Example.COM", "you.too+tag@mail.example.com"},
        {"o'brien_{x}@1-2.co", "o'brien_{x}@1-2.co"},
        {FIFTY TEN "aaaa@x.co", FIFTY TEN "aaaa@x.co"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char email[MAIL_EMAIL_SIZE];
        assert_int_equal(email_normalize(cases[i][0], email), 0);
        assert_string_equal(email, cases[i][1]);
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "@",
                                        "you",
                                        "you@",
                                        "@example.com",
                                        "you@localhost",
                                        "you@example.",
                                        "you@.com",
                                        "you@a..b",
                                        "you@-a.com",
                                        "you@a-.com",
                                        "a@b@c.com",
                                        ".a@b.co",
                                        "a.@b.co",
                                        "a..b@c.de",
                                        "a b@c.de",
                                        "a@b c.de",
                                        "\"a\"@b.co",
                                        "a@b.co\n",
                                        "a@b.co\r\nBcc: x@y.z",
                                        "a,b@c.de",
                                        "<a@b.co>",
                                        "a@[127.0.0.1]",
                                        "j\xc3\xbcrgen@x.de",
                                        "a@\xc3\xbc.de",
                                        FIFTY TEN "aaaaa@x.co",    /* 65 before the @ */
                                        "a@" FIFTY TEN "aaaa.com", /* a label of 64 */
                                        "a@" FIFTY "." FIFTY "." FIFTY "." FIFTY "." FIFTY
                                        ".com" /* 260 bytes */};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        char email[MAIL_EMAIL_SIZE] = "untouched";
        assert_int_equal(email_normalize(texts[i], email), -1);
        assert_string_equal(email, "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_in_lower_case),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
