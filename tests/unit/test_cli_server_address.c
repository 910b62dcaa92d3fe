#include "cli/server_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void addresses_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *base;
        bool encrypted, loopback;
    } rows[] = {
        {SERVER_ADDRESS_DEFAULT, "https://cron-pulse.com", true, false},
        {"https://my-cronpulse.example.com/", "https://my-cronpulse.example.com", true, false},
        {"HTTPS://Example.com:8443//", "HTTPS://Example.com:8443", true, false},
        {"http://10.0.0.7:80/base/path/", "http://10.0.0.7:80/base/path", false, false},
        {"http://localhost:8080", "http://localhost:8080", false, true},
        {"http://api.LOCALHOST", "http://api.LOCALHOST", false, true},
        {"http://127.1.2.3:65535", "http://127.1.2.3:65535", false, true},
        {"https://[::1]:1/", "https://[::1]:1", true, true},
        {"http://[2001:db8::1]", "http://[2001:db8::1]", false, false},
        {"http://127.example.com", "http://127.example.com", false, false},
        {"http://127.0.0.1.example.com", "http://127.0.0.1.example.com", false, false},
        {"http://notlocalhost", "http://notlocalhost", false, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct server_address address;
        char error[SERVER_ADDRESS_ERROR_SIZE] = "";
        if (server_address_parse(rows[i].text, &address, error))
            fail_msg("%s %s", rows[i].text, error);
        assert_string_equal(address.base, rows[i].base);
        assert_int_equal(address.encrypted, rows[i].encrypted);
        assert_int_equal(address.loopback, rows[i].loopback);
    }
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "must start with"},
        {"example.com", "must start with"},
        {"ftp://example.com", "must start with"},
        {"https:example.com", "must start with"},
        {"https://", "must have a host"},
        {"https:///path", "must have a host"},
        {"https://[::1", "must have a host"},
        {"https://[::g]", "must have a host"},
        {"https://[]", "must have a host"},
        {"https://user@example.com", "must be no more than"},
        {"https://user:secret@example.com", "must have a port"},
        {"https://example.com:", "must have a port"},
        {"https://example.com:0", "must have a port"},
        {"https://example.com:65536", "must have a port"},
        {"https://example.com:123456789012", "must have a port"},
        {"https://example.com/?a=b", "must be no more than"},
        {"https://example.com/#a", "must be no more than"},
        {"https://example.com/a b", "must be no more than"},
        {"https://example.com\r\nX: y", "must be no more than"},
        {"https://example.com\\@evil", "must be no more than"},
        {"https://ex%61mple.com", "must be no more than"},
        {"https://example.com/api/v1", "must not end with /api/v1"},
        {"https://example.com/api/v1/", "must not end with /api/v1"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct server_address address = {.base = "untouched"};
        char error[SERVER_ADDRESS_ERROR_SIZE] = "";
        assert_int_equal(server_address_parse(rows[i][0], &address, error), -1);
        if (!strstr(error, rows[i][1]))
            fail_msg("%s %s", rows[i][0], error);
        assert_string_equal(address.base, "untouched");
    }
}

static void lengths_are_bounded(void **state)
{
    (void)state;
    char text[SERVER_ADDRESS_MAX + 2];
    char error[SERVER_ADDRESS_ERROR_SIZE];
    struct server_address address;
    memset(text, 'a', sizeof text);
    memcpy(text, "http://h/", 9);
    text[SERVER_ADDRESS_MAX + 1] = '\0';
    assert_int_equal(server_address_parse(text, &address, error), -1);
    text[SERVER_ADDRESS_MAX] = '\0';
    assert_int_equal(server_address_parse(text, &address, error), 0);
    assert_string_equal(address.base, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(lengths_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
