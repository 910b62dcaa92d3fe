#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gateway/stripe_signature.h"
#include "tests/unit/sample.h"

/* printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_x */
#define SECRET "whsec_x"
#define TIME_S 1700000000
#define MAC    "be8cb8325f2202445260a855532f967e30ad2a9394ce28da66ee02880ddcb661"
#define OTHER  "0000000000000000000000000000000000000000000000000000000000000000"

static enum stripe_signature check(const char *header, const char *body, int64_t now_s)
{
    size_t header_length = strlen(header);
    size_t length = strlen(body);
    /* Copies without a byte behind them: the sanitizers see whoever reads further. */
    char *exact_header = sample_exact(header, header_length);
    char *exact_body = sample_exact(body, length);
    enum stripe_signature verdict =
        stripe_signature_check(exact_header, header_length, SECRET, exact_body, length, now_s);
    free(exact_header);
    free(exact_body);
    return verdict;
}

static void test_headers(void **state)
{
    static const struct {
        const char *header;
        enum stripe_signature verdict;
    } rows[] = {
        {"t=1700000000,v1=" MAC, STRIPE_SIGNATURE_OK},
        {"v1=" MAC ",t=1700000000", STRIPE_SIGNATURE_OK},
        {"t=1700000000,v1=" OTHER ",v1=" MAC, STRIPE_SIGNATURE_OK},
        {"t=1700000000,v1=" MAC ",v1=" OTHER ",v0=x,", STRIPE_SIGNATURE_OK},
        {"t=1700000000,v1=short,v1=" MAC, STRIPE_SIGNATURE_OK},
        {"t=1700000000,v1=" OTHER, STRIPE_SIGNATURE_WRONG},
        {"t=1700000001,v1=" MAC, STRIPE_SIGNATURE_WRONG},
        {"t=01700000000,v1=" MAC, STRIPE_SIGNATURE_WRONG},
        {"", STRIPE_SIGNATURE_MALFORMED},
        {",", STRIPE_SIGNATURE_MALFORMED},
        {"t", STRIPE_SIGNATURE_MALFORMED},
        {"t=", STRIPE_SIGNATURE_MALFORMED},
        {"t=1700000000", STRIPE_SIGNATURE_MALFORMED},
        {"v1=" MAC, STRIPE_SIGNATURE_MALFORMED},
        {"t=1700000000,v0=" MAC, STRIPE_SIGNATURE_MALFORMED},
        {"t=1700000000, v1=" MAC, STRIPE_SIGNATURE_MALFORMED},
        {"t=1700000000,v1=" MAC "0", STRIPE_SIGNATURE_MALFORMED},
        {"t=-1700000000,v1=" MAC, STRIPE_SIGNATURE_MALFORMED},
        {"t=17000000000,v1=" MAC, STRIPE_SIGNATURE_MALFORMED},
        {"t=99999999999999999999,v1=" MAC, STRIPE_SIGNATURE_MALFORMED},
        {"t=x,t=1700000000,v1=" MAC, STRIPE_SIGNATURE_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (check(rows[i].header, "{}", TIME_S) != rows[i].verdict)
            fail_msg("%s", rows[i].header);
    assert_int_equal(stripe_signature_check(NULL, 0, SECRET, "{}", 2, TIME_S),
                     STRIPE_SIGNATURE_MALFORMED);
}

static void test_tolerance(void **state)
{
    (void)state;
    const char *header = "t=1700000000,v1=" MAC;
    assert_int_equal(check(header, "{}", TIME_S + STRIPE_TOLERANCE_S), STRIPE_SIGNATURE_OK);
    assert_int_equal(check(header, "{}", TIME_S - STRIPE_TOLERANCE_S), STRIPE_SIGNATURE_OK);
    assert_int_equal(check(header, "{}", TIME_S + STRIPE_TOLERANCE_S + 1), STRIPE_SIGNATURE_STALE);
    assert_int_equal(check(header, "{}", TIME_S - STRIPE_TOLERANCE_S - 1), STRIPE_SIGNATURE_STALE);
    assert_int_equal(check("t=1700000000,v1=" OTHER, "{}", 0), STRIPE_SIGNATURE_WRONG);
}

static void test_every_bit_counts(void **state)
{
    (void)state;
    char header[] = "t=1700000000,v1=" MAC;
    for (size_t i = strlen("t=1700000000,v1="); i < strlen(header); i++) {
        char right = header[i];
        header[i] = right == '0' ? '1' : '0';
        assert_int_equal(check(header, "{}", TIME_S), STRIPE_SIGNATURE_WRONG);
        header[i] = right;
    }
    assert_int_equal(check(header, "{ }", TIME_S), STRIPE_SIGNATURE_WRONG);
    assert_int_equal(check(header, "", TIME_S), STRIPE_SIGNATURE_WRONG);
}

static void test_length(void **state)
{
    (void)state;
    static char header[5000];
    int length = snprintf(header, sizeof header, "t=1700000000,v1=%s", MAC);
    memset(header + length, ',', sizeof header - 1 - (size_t)length);
    header[4096] = '\0';
    assert_int_equal(check(header, "{}", TIME_S), STRIPE_SIGNATURE_OK);
    header[4096] = ',';
    header[4097] = '\0';
    assert_int_equal(check(header, "{}", TIME_S), STRIPE_SIGNATURE_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
