#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "gateway/client_address.h"

#define HEADERS_MAX 3

static const char *peer; /* of the connection below */

static socklen_t get_peername(h2o_conn_t *connection, struct sockaddr *address)
{
    (void)connection;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, peer, &v4.sin_addr) == 1) {
        memcpy(address, &v4, sizeof v4);
        return sizeof v4;
    }
    assert_int_equal(inet_pton(AF_INET6, peer, &v6.sin6_addr), 1);
    memcpy(address, &v6, sizeof v6);
    return sizeof v6;
}

static struct client_address find(const char *from, const char *trusted,
                                  const char *const headers[HEADERS_MAX])
{
    static const h2o_conn_callbacks_t callbacks = {.get_peername = get_peername};
    h2o_conn_t connection = {.callbacks = &callbacks};
    static h2o_req_t request; /* large */
    memset(&request, 0, sizeof request);
    request.conn = &connection;
    h2o_iovec_t name = h2o_iovec_init(H2O_STRLIT("x-forwarded-for"));
    h2o_header_t entries[HEADERS_MAX];
    memset(entries, 0, sizeof entries);
    while (request.headers.size < HEADERS_MAX && headers[request.headers.size] != NULL) {
        const char *value = headers[request.headers.size];
        entries[request.headers.size].name = &name;
        entries[request.headers.size++].value = h2o_iovec_init(value, strlen(value));
    }
    request.headers.entries = entries;

    char error[GUARD_ERROR_SIZE];
    struct cidr_set *set;
    assert_int_equal(cidr_set_parse(trusted, &set, error), 0);
    struct client_address address;
    peer = from;
    client_address_find(&address, &request, set);
    cidr_set_free(set);
    return address;
}

static void the_client_is_seen_through_trusted_proxies_only(void **state)
{
    (void)state;
    static const struct {
        const char *peer;
        const char *trusted;
        const char *headers[HEADERS_MAX];
        const char *expected;
    } cases[] = {
        {"192.0.2.1", "", {NULL}, "192.0.2.1"},
        {"::ffff:192.0.2.1", "", {NULL}, "192.0.2.1"},
        {"2001:db8::1", "", {NULL}, "2001:db8::1"},
        {"192.0.2.1", "", {"203.0.113.9"}, "192.0.2.1"},
        {"192.0.2.1", "10.0.0.0/8", {"203.0.113.9"}, "192.0.2.1"},
        {"10.0.0.1", "10.0.0.0/8", {NULL}, "10.0.0.1"},
        {"10.0.0.1", "10.0.0.0/8", {"203.0.113.9"}, "203.0.113.9"},
        {"::ffff:10.0.0.1", "10.0.0.0/8", {"203.0.113.9"}, "203.0.113.9"},
        /* what a client puts in front is not believed */
        {"10.0.0.1", "10.0.0.0/8", {"1.2.3.4, 203.0.113.9"}, "203.0.113.9"},
        {"10.0.0.1", "10.0.0.0/8", {"1.2.3.4", "203.0.113.9"}, "203.0.113.9"},
        {"10.0.0.1", "10.0.0.0/8", {"203.0.113.9,10.0.0.2 ,\t10.0.0.3"}, "203.0.113.9"},
        {"10.0.0.1", "10.0.0.0/8", {"203.0.113.9", "10.0.0.2, 10.0.0.3"}, "203.0.113.9"},
        {"10.0.0.1", "10.0.0.0/8", {"10.0.0.7"}, "10.0.0.7"},
        {"10.0.0.1", "10.0.0.0/8", {"203.0.113.9:4711"}, "203.0.113.9"},
        {"10.0.0.1", "10.0.0.0/8", {"[2001:db8::7]:80"}, "2001:db8::7"},
        {"10.0.0.1", "10.0.0.0/8", {"2001:db8::7"}, "2001:db8::7"},
        {"::1", "::1/128", {"203.0.113.9"}, "203.0.113.9"},
        /* what cannot be read ends the walk */
        {"10.0.0.1", "10.0.0.0/8", {"203.0.113.9, unknown"}, "10.0.0.1"},
        {"10.0.0.1", "10.0.0.0/8", {"203.0.113.9, "}, "10.0.0.1"},
        {"10.0.0.1", "10.0.0.0/8", {""}, "10.0.0.1"},
        {"10.0.0.1", "10.0.0.0/8", {"[2001:db8::7"}, "10.0.0.1"},
        {"10.0.0.1", "10.0.0.0/8", {"203.0.113.999"}, "10.0.0.1"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct client_address address = find(cases[i].peer, cases[i].trusted, cases[i].headers);
        char text[INET6_ADDRSTRLEN];
        assert_string_equal(client_address_text(&address, text), cases[i].expected);
    }
}

/* As it goes into a ping: all of the address, though a client is known by half of it. */
static void the_whole_address_is_kept(void **state)
{
    (void)state;
    static const char *const none[HEADERS_MAX] = {NULL};
    static const uint8_t v4[] = {192, 0, 2, 1};
    static const uint8_t v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0xab, 0xcd, 0, 9};
    struct client_address address = find("::ffff:192.0.2.1", "", none);
    assert_int_equal(address.bytes, sizeof v4);
    assert_memory_equal(address.address, v4, sizeof v4);
    address = find("2001:db8:0:1::abcd:9", "", none);
    assert_int_equal(address.bytes, sizeof v6);
    assert_memory_equal(address.address, v6, sizeof v6);
}

static void assert_share(const char *one, const char *other, bool share)
{
    static const char *const none[HEADERS_MAX] = {NULL};
    struct client_address first = find(one, "", none);
    struct client_address second = find(other, "", none);
    assert_int_equal(memcmp(first.key, second.key, CLIENT_KEY_SIZE) == 0, share);
}

static void a_network_of_64_bits_is_one_client(void **state)
{
    (void)state;
    assert_share("192.0.2.1", "::ffff:192.0.2.1", true);
    assert_share("192.0.2.1", "192.0.2.2", false);
    assert_share("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true);
    assert_share("2001:db8:0:1::1", "2001:db8:0:2::1", false);
    assert_share("::1", "192.0.2.1", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_seen_through_trusted_proxies_only),
        cmocka_unit_test(the_whole_address_is_kept),
        cmocka_unit_test(a_network_of_64_bits_is_one_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
