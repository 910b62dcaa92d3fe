#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dispatcher/retry_after.h"
#include "shared/compiler.h"
#include "shared/result.h"

#define NOW_S 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT, as in RFC 9110 */

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        unsigned seconds;
    } rows[] = {
        {"120", 120},
        {"0", 0},
        {"1", 1},
        {" \t7 ", 7},
        {"3599", 3599},
        {"3600", 3600},
        {"3601", RETRY_AFTER_MAX_S},
        {"99999999999999999999999999", RETRY_AFTER_MAX_S},
        {"20261122", RETRY_AFTER_MAX_S},
        {"", 0},
        {" ", 0},
        {"-5", 0},
        {"+5", 0},
        {"1.5", 0},
        {"12 s", 0},
        {"12, 13", 0},
        {"soon", 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:36 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:38 GMT", 1},
        {"Sun, 06 Nov 1994 08:51:37 GMT", 120},
        {"Sunday, 06-Nov-94 08:51:37 GMT", 120},
        {"Sun Nov  6 08:51:37 1994", 120},
        {"Sun, 06 Nov 1994 09:49:37 GMT", 3600},
        {"Mon, 07 Nov 1994 08:49:37 GMT", RETRY_AFTER_MAX_S},
        {"Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_MAX_S},
        {"Sun, 99 Nov 1994 08:51:37 GMT", 0},
        {"Sun, 06 Nov", 0},
        {"\xff\xfe", 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (retry_after_s(rows[i].value, NOW_S) != rows[i].seconds)
            fail_msg("\"%s\": %u, not %u", rows[i].value, retry_after_s(rows[i].value, NOW_S),
                     rows[i].seconds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values)};
    return cmocka_run_group_tests_name("retry_after", tests, NULL, NULL);
}
