#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "dispatcher/outcome.h"
#include "shared/compiler.h"

static void test_outcomes(void **state)
{
    (void)state;
    static const struct {
        struct post_end end;
        enum result_outcome outcome;
        unsigned code;
        const char *error;
    } rows[] = {
        {{.code = CURLE_OK, .status = 200}, RESULT_SUCCESS, 200, ""},
        {{.code = CURLE_OK, .status = 399}, RESULT_SUCCESS, 399, ""},
        {{.code = CURLE_OK, .status = 400}, RESULT_HTTP_ERROR, 400, "HTTP 400"},
        {{.code = CURLE_OK, .status = 599}, RESULT_HTTP_ERROR, 599, "HTTP 599"},
        {{.code = CURLE_WRITE_ERROR, .status = 200, .capped = true}, RESULT_SUCCESS, 200, ""},
        {{.code = CURLE_PARTIAL_FILE, .status = 500}, RESULT_HTTP_ERROR, 500, "HTTP 500"},
        {{.code = CURLE_COULDNT_CONNECT, .os_error = ECONNREFUSED},
         RESULT_CONNECT,
         0,
         "connection refused"},
        {{.code = CURLE_COULDNT_CONNECT, .os_error = EHOSTUNREACH},
         RESULT_CONNECT,
         0,
         "connection failed: host unreachable"},
        {{.code = CURLE_COULDNT_CONNECT, .blocked = true},
         RESULT_BLOCKED,
         0,
         "destination address is not allowed"},
        {{.code = CURLE_COULDNT_RESOLVE_HOST}, RESULT_DNS, 0, "could not resolve host"},
        {{.code = CURLE_GOT_NOTHING, .connected = true},
         RESULT_CONNECT,
         0,
         "connection closed without an answer"},
        {{.code = CURLE_OPERATION_TIMEDOUT, .duration_ms = 10001, .timeout_s = 10},
         RESULT_TIMEOUT,
         0,
         "timed out after 10 s"},
        {{.code = CURLE_OPERATION_TIMEDOUT, .duration_ms = 10001, .timeout_s = 60},
         RESULT_TIMEOUT,
         0,
         "no connection within 10 s"},
        {{.code = CURLE_PEER_FAILED_VERIFICATION,
          .detail = "SSL certificate problem: certificate has \n expired"},
         RESULT_TLS,
         0,
         "TLS: certificate has   expired"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct post_end end = rows[i].end;
        if (!end.detail)
            end.detail = "";
        struct result result = {.job = 1};
        outcome_of(&end, &result);
        assert_string_equal(result.error, rows[i].error);
        assert_int_equal(result.outcome, rows[i].outcome);
        assert_int_equal(result.code, rows[i].code);
    }
}

static void test_what_may_pass(void **state)
{
    (void)state;
    static const unsigned passing[] = {408, 425, 429, 500, 502, 503, 504, 599};
    for (unsigned code = 100; code <= 599; code++) {
        struct result result = {.outcome = code < 400 ? RESULT_SUCCESS : RESULT_HTTP_ERROR,
                                .code = (uint16_t)code};
        bool expected = code >= 500;
        for (size_t i = 0; i < ARRAY_LENGTH(passing); i++)
            expected |= passing[i] == code;
        assert_int_equal(outcome_may_pass(&result), expected);
        result.outcome = RESULT_TIMEOUT; /* the answer was not all of it */
        assert_false(outcome_may_pass(&result));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_what_may_pass),
    };
    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
