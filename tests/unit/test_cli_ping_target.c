#include "cli/ping_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void each_kind_has_its_url(void **state)
{
    (void)state;
    static const struct {
        struct ping_target target;
        const char *url;
    } rows[] = {
        {{"abc123", PING_SUCCESS, PING_NO_EXIT, NULL, false}, "https://x.io/base/ping/abc123"},
        {{"abc123", PING_START, PING_NO_EXIT, NULL, false}, "https://x.io/base/ping/abc123/start"},
        {{"abc123", PING_FAIL, PING_NO_EXIT, NULL, false}, "https://x.io/base/ping/abc123/fail"},
        {{"abc123", PING_LOG, PING_NO_EXIT, NULL, false}, "https://x.io/base/ping/abc123/log"},
        {{"abc123", PING_SUCCESS, 0, NULL, false}, "https://x.io/base/ping/abc123/0"},
        {{"abc123", PING_FAIL, 255, NULL, false}, "https://x.io/base/ping/abc123/255"},
        {{"a", PING_START, PING_NO_EXIT, "7f-._~A", false},
         "https://x.io/base/ping/a/start?rid=7f-._~A"},
        {{"a", PING_SUCCESS, PING_NO_EXIT, "a&b=c/%", false},
         "https://x.io/base/ping/a?rid=a%26b%3Dc%2F%25"},
        {{"pk_1/slug", PING_FAIL, PING_NO_EXIT, NULL, true},
         "https://x.io/base/ping/pk_1/slug/fail?create=1"},
        {{"pk_1/slug", PING_SUCCESS, PING_NO_EXIT, "r", true},
         "https://x.io/base/ping/pk_1/slug?rid=r&create=1"},
    };
    struct server_address server;
    char error[SERVER_ADDRESS_ERROR_SIZE];
    assert_int_equal(server_address_parse("https://x.io/base/", &server, error), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer url = BUFFER_EMPTY;
        ping_target_url(&url, &server, &rows[i].target);
        assert_string_equal(url.data, rows[i].url);
        buffer_free(&url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind_has_its_url)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
