#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "shared/guard.h"
#include "tests/unit/sample.h"

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    if (strchr(text, ':')) {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&storage, &v6, sizeof v6);
    } else {
        assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
        memcpy(&storage, &v4, sizeof v4);
    }
    return storage;
}

static bool allows(const struct guard *guard, const char *text)
{
    struct sockaddr_storage storage = address_of(text);
    return guard_allows(guard, (const struct sockaddr *)&storage);
}

static struct guard *guard_with(const char *allow)
{
    struct guard *guard = NULL;
    char error[GUARD_ERROR_SIZE] = "";
    if (guard_create(allow, &guard, error))
        fail_msg("\"%s\": %s", allow, error);
    return guard;
}

/* The first and last address of each blocked range, its neighbours, and what attackers try. */
static const struct {
    const char *address;
    bool allowed;
} addresses[] = {
    {"0.0.0.0", false}, /* 0.0.0.0/8 */
    {"0.255.255.255", false},
    {"1.0.0.0", true},
    {"10.0.0.0", false}, /* 10.0.0.0/8 */
    {"10.255.255.255", false},
    {"9.255.255.255", true},
    {"11.0.0.0", true},
    {"100.64.0.0", false}, /* 100.64.0.0/10 */
    {"100.127.255.255", false},
    {"100.63.255.255", true},
    {"100.128.0.0", true},
    {"127.0.0.0", false}, /* 127.0.0.0/8 */
    {"127.255.255.255", false},
    {"126.255.255.255", true},
    {"128.0.0.0", true},
    {"168.63.129.16", false}, /* 168.63.129.16/32 */
    {"168.63.129.15", true},
    {"168.63.129.17", true},
    {"169.254.0.0", false}, /* 169.254.0.0/16 */
    {"169.254.255.255", false},
    {"169.253.255.255", true},
    {"169.255.0.0", true},
    {"172.16.0.0", false}, /* 172.16.0.0/12 */
    {"172.31.255.255", false},
    {"172.15.255.255", true},
    {"172.32.0.0", true},
    {"192.0.0.0", false}, /* 192.0.0.0/24 */
    {"192.0.0.255", false},
    {"191.255.255.255", true},
    {"192.0.1.0", true},
    {"192.0.2.0", false}, /* 192.0.2.0/24 */
    {"192.0.2.255", false},
    {"192.0.1.255", true},
    {"192.0.3.0", true},
    {"192.31.196.0", false}, /* 192.31.196.0/24 */
    {"192.31.196.255", false},
    {"192.31.195.255", true},
    {"192.31.197.0", true},
    {"192.52.193.0", false}, /* 192.52.193.0/24 */
    {"192.52.193.255", false},
    {"192.52.192.255", true},
    {"192.52.194.0", true},
    {"192.88.99.0", false}, /* 192.88.99.0/24 */
    {"192.88.99.255", false},
    {"192.88.98.255", true},
    {"192.88.100.0", true},
    {"192.168.0.0", false}, /* 192.168.0.0/16 */
    {"192.168.255.255", false},
    {"192.167.255.255", true},
    {"192.169.0.0", true},
    {"192.175.48.0", false}, /* 192.175.48.0/24 */
    {"192.175.48.255", false},
    {"192.175.47.255", true},
    {"192.175.49.0", true},
    {"198.18.0.0", false}, /* 198.18.0.0/15 */
    {"198.19.255.255", false},
    {"198.17.255.255", true},
    {"198.20.0.0", true},
    {"198.51.100.0", false}, /* 198.51.100.0/24 */
    {"198.51.100.255", false},
    {"198.51.99.255", true},
    {"198.51.101.0", true},
    {"203.0.113.0", false}, /* 203.0.113.0/24 */
    {"203.0.113.255", false},
    {"203.0.112.255", true},
    {"203.0.114.0", true},
    {"224.0.0.0", false}, /* 224.0.0.0/4 */
    {"239.255.255.255", false},
    {"223.255.255.255", true},
    {"240.0.0.0", false},
    {"255.255.255.255", false},
    {"1.1.1.1", true},
    {"8.8.8.8", true},
    {"93.184.216.34", true},
    {"151.101.1.69", true},
    {"193.0.0.1", true},
    {"169.254.169.254", false}, /* the metadata of AWS, Azure, GCP */
    {"100.100.100.200", false}, /* the metadata of Alibaba */
    {"192.0.0.192", false},     /* the metadata of Oracle */
    {"169.254.170.2", false},   /* credentials of ECS */
    {"::", false},              /* ::/3 */
    {"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"2000::", true},
    {"2001::", false}, /* 2001::/23 */
    {"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"2001:200::", true},
    {"2001:db8::", false}, /* 2001:db8::/32 */
    {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"2001:db9::", true},
    {"2002::", false}, /* 2002::/16 */
    {"2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"2003::", true},
    {"2620:4f:8000::", false}, /* 2620:4f:8000::/48 */
    {"2620:4f:8000:ffff:ffff:ffff:ffff:ffff", false},
    {"2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", true},
    {"2620:4f:8001::", true},
    {"3fff::", false}, /* 3fff::/20 */
    {"3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"3fff:1000::", true},
    {"4000::", false}, /* 4000::/2 */
    {"7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"8000::", false},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"::1", false},
    {"64:ff9b::808:808", false},
    {"64:ff9b::7f00:1", false},
    {"64:ff9b:1::1", false},
    {"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", false},
    {"100::", false},
    {"100::ffff:ffff:ffff:ffff", false},
    {"100:0:0:1::1", false},
    {"2001::1", false},
    {"2001:0:4136:e378:8000:63bf:3fff:fdd2", false},
    {"2001:1::1", false},
    {"2001:2::1", false},
    {"2001:3::1", false},
    {"2001:4:112::1", false},
    {"2001:10::1", false},
    {"2001:20::1", false},
    {"2001:30::1", false},
    {"2002:7f00:1::", false},
    {"2002:808:808::1", false},
    {"2002:a00:1::1", false},
    {"5f00::1", false},
    {"fc00::", false},
    {"fc00::1", false},
    {"fd00:ec2::254", false},
    {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"fe80::1", false},
    {"fe80::a9fe:a9fe", false},
    {"febf:ffff::1", false},
    {"fec0::1", false},
    {"feff::1", false},
    {"ff00::", false},
    {"ff02::1", false},
    {"ff0e::1", false},
    {"::127.0.0.1", false},
    {"::8.8.8.8", false},
    {"::ffff:0:7f00:1", false},
    {"::ffff:0:808:808", false},
    {"::fffe:7f00:1", false},
    {"0:0:0:0:0:fffe:808:808", false},
    {"2001:200::1", true},
    {"2001:4860:4860::8888", true},
    {"2606:4700:4700::1111", true},
    {"2a00:1450:4001:80b::200e", true},
    {"2003::1", true},
    {"2620:4f:7fff:ffff::1", true},
    {"2620:4f:8001::1", true},
    {"2c0f:fb50::1", true},
    {"2001:db7:ffff::1", true},
    {"2001:db9::1", true},
    {"3ffe::1", true},
    {"3fff:1000::1", true},
    {"2400:cb00::1", true},
    {"::ffff:127.0.0.1", false},
    {"::ffff:10.0.0.1", false},
    {"::ffff:169.254.169.254", false},
    {"::ffff:192.168.1.1", false},
    {"::ffff:0.0.0.0", false},
    {"::ffff:224.0.0.1", false},
    {"::ffff:172.31.255.255", false},
    {"::ffff:100.64.0.1", false},
    {"::ffff:198.19.255.255", false},
    {"::ffff:8.8.8.8", true},
    {"::ffff:1.1.1.1", true},
    {"::ffff:172.32.0.0", true},
    {"::ffff:11.0.0.0", true},
    {"::ffff:198.20.0.0", true},
};

static void test_addresses(void **state)
{
    (void)state;
    struct guard *guard = guard_with("");
    for (size_t i = 0; i < ARRAY_LENGTH(addresses); i++) {
        if (allows(guard, addresses[i].address) != addresses[i].allowed)
            fail_msg("%s should be %s", addresses[i].address,
                     addresses[i].allowed ? "allowed" : "blocked");
    }
    guard_free(guard);
}

/* Every IPv4 address means the same as itself and mapped into IPv6; wrapped, it is blocked. */
static void test_wrapped(void **state)
{
    (void)state;
    struct guard *guard = guard_with("");
    struct sample sample = sample_begin("wrapped addresses");
    for (int i = 0; i < 200000; i++) {
        uint32_t v4 = (uint32_t)sample_next(&sample);
        struct sockaddr_in plain = {.sin_family = AF_INET, .sin_addr = {htonl(v4)}};
        struct sockaddr_in6 wrapped = {.sin6_family = AF_INET6};
        uint8_t *bytes = wrapped.sin6_addr.s6_addr;
        bytes[10] = bytes[11] = 0xff;
        memcpy(bytes + 12, &plain.sin_addr, 4);
        assert_int_equal(guard_allows(guard, (const struct sockaddr *)&plain),
                         guard_allows(guard, (const struct sockaddr *)&wrapped));
        bytes[10] = bytes[11] = 0;
        assert_false(guard_allows(guard, (const struct sockaddr *)&wrapped));
        memcpy(bytes, (uint8_t[]){0, 0x64, 0xff, 0x9b}, 4);
        assert_false(guard_allows(guard, (const struct sockaddr *)&wrapped));
    }
    guard_free(guard);
}

static const struct {
    const char *allow;
    const char *address;
    bool allowed;
} exceptions[] = {
    {"127.0.0.0/8", "127.0.0.1", true},
    {"127.0.0.0/8", "127.255.255.255", true},
    {"127.0.0.0/8", "::ffff:127.0.0.1", true},
    {"127.0.0.0/8", "10.0.0.1", false},
    {"127.0.0.0/8", "128.0.0.0", true},
    {"127.0.0.0/8", "::1", false},
    {"127.0.0.0/8", "::127.0.0.1", false},
    {"127.0.0.0/8", "64:ff9b::127.0.0.1", false},
    {"127.0.0.0/8", "2002:7f00:1::", false},
    {"127.0.0.1/32", "127.0.0.1", true},
    {"127.0.0.1/32", "127.0.0.2", false},
    {"127.0.0.1", "127.0.0.1", true},
    {"127.0.0.1", "127.0.0.0", false},
    {"::1/128", "::1", true},
    {"::1", "::1", true},
    {"::1/128", "::", false},
    {"::1/128", "::2", false},
    {"::1/128", "127.0.0.1", false},
    {"127.0.0.0/8, ::1/128", "127.0.0.1", true},
    {"127.0.0.0/8, ::1/128", "::1", true},
    {"127.0.0.0/8,::1/128", "::1", true},
    {" 127.0.0.0/8\t, ::1/128 ,", "::1", true},
    {"10.1.0.0/16", "10.1.255.255", true},
    {"10.1.0.0/16", "10.2.0.0", false},
    {"10.0.0.0/9", "10.127.255.255", true},
    {"10.0.0.0/9", "10.128.0.0", false},
    {"0.0.0.0/0", "10.0.0.1", true},
    {"0.0.0.0/0", "255.255.255.255", true},
    {"0.0.0.0/0", "::ffff:10.0.0.1", true},
    {"0.0.0.0/0", "::1", false},
    {"::ffff:10.0.0.0/104", "10.9.9.9", true},
    {"::ffff:10.0.0.0/104", "::ffff:10.9.9.9", true},
    {"::ffff:10.0.0.0/104", "11.0.0.0", true},
    {"::ffff:10.0.0.0/104", "192.168.0.1", false},
    {"::ffff:0:0/96", "192.168.0.1", true},
    {"fd00::/8", "fd12:3456::1", true},
    {"fd00::/8", "fc00::1", false},
    {"fd12::/15", "fd13:ffff::1", true},
    {"fd12::/15", "fd14::1", false},
    /* A tunnel that is allowed: what it leads to is judged all the same. */
    {"64:ff9b::/96", "64:ff9b::8.8.8.8", true},
    {"64:ff9b::/96", "64:ff9b::127.0.0.1", false},
    {"64:ff9b::/96", "64:ff9b::10.0.0.1", false},
    {"64:ff9b::/96", "64:ff9b::169.254.169.254", false},
    {"64:ff9b::/96, 10.0.0.0/8", "64:ff9b::10.0.0.1", true},
    {"::/0", "64:ff9b::127.0.0.1", false},
    {"::/0", "::127.0.0.1", false},
    {"::/0", "::8.8.8.8", true},
    {"::/0", "::1", true},
    {"::/0", "::", true},
    {"::/0", "fe80::1", true},
    {"::/0", "127.0.0.1", false},
    {"::/0", "::ffff:127.0.0.1", false},
    {"::/0", "2002:808:808::1", true},
    {"::/0", "2002:a00:1::1", false},
    {"::/0", "2001:0:808:808::f7f7:f7f7", true},  /* Teredo: server and client 8.8.8.8 */
    {"::/0", "2001:0:7f00:1::f7f7:f7f7", false},  /* server 127.0.0.1 */
    {"::/0", "2001:0:808:808::80ff:fffe", false}, /* client 127.0.0.1 */
    {"2002::/16", "2002:c0a8:101::1", false},
    {"2002::/16, 192.168.0.0/16", "2002:c0a8:101::1", true},
};

static void test_exceptions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(exceptions); i++) {
        struct guard *guard = guard_with(exceptions[i].allow);
        if (allows(guard, exceptions[i].address) != exceptions[i].allowed)
            fail_msg("%s with \"%s\"", exceptions[i].address, exceptions[i].allow);
        guard_free(guard);
    }
}

static void test_other_families(void **state)
{
    (void)state;
    struct guard *guard = guard_with("0.0.0.0/0, ::/0");
    struct sockaddr_storage storage = {.ss_family = AF_UNIX};
    assert_false(guard_allows(guard, (const struct sockaddr *)&storage));
    storage.ss_family = AF_UNSPEC;
    assert_false(guard_allows(guard, (const struct sockaddr *)&storage));
    guard_free(guard);
    guard_free(NULL);
}

static const char *const malformed[] = {
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/8x",
    "10.0.0.0/+8",
    "10.0.0.0/ 8",
    "10.0.0/8",
    "10/8",
    "10.0.0.256/32",
    "010.0.0.0/8",
    "0x0a.0.0.0/8",
    "localhost",
    "::1/129",
    "::1/",
    ":::/1",
    "fe80::1%lo",
    "1::2::3",
    "a,b",
    "10.0.0.0/8,,::1",
    ",",
    ",10.0.0.0/8",
    "10.0.0.0/8;::1",
    "10.0.0.0/8 ::1",
    "10.0.0.1/8",
    "::1/64",
    "::ffff:10.0.0.1/104",
    "/8",
    "10.0.0.0/8/8",
    "10.0.0.0/4294967304",
};

static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(malformed); i++) {
        struct guard *guard = NULL;
        struct cidr_set *set = NULL;
        char error[GUARD_ERROR_SIZE] = "";
        if (!guard_create(malformed[i], &guard, error) || !*error)
            fail_msg("taken: \"%s\"", malformed[i]);
        assert_null(guard);
        assert_int_equal(cidr_set_parse(malformed[i], &set, error), -1);
        assert_null(set);
    }
    struct guard *guard;
    char error[GUARD_ERROR_SIZE];
    char longest[1000] = "";
    memset(longest, 'a', sizeof longest - 1);
    assert_int_equal(guard_create(longest, &guard, error), -1);
    assert_true(strlen(error) < 120);
    assert_int_equal(guard_create("127.0.0.0/8, 10.0.0.0/40", &guard, error), -1);
    assert_string_equal(error, "'10.0.0.0/40' is not an address range such as 10.0.0.0/8");
    assert_int_equal(guard_create("10.0.0.1/8", &guard, error), -1);
    assert_string_equal(error, "'10.0.0.1/8' has bits behind its prefix of 8");
}

static void test_too_many(void **state)
{
    (void)state;
    char text[3 * 1100] = "";
    struct cidr_set *set;
    char error[GUARD_ERROR_SIZE];
    for (size_t i = 0; i < 1023; i++)
        memcpy(text + 3 * i, "::,", 4);
    assert_int_equal(cidr_set_parse(text, &set, error), 0);
    cidr_set_free(set);
    memcpy(text + (size_t)3 * 1023, "::,", 4);
    assert_int_equal(cidr_set_parse(text, &set, error), -1);
    assert_string_equal(error, "must have at most 1024 address ranges");
}

static const struct {
    const char *set;
    const char *address;
    bool contained;
} members[] = {
    {"", "10.0.0.1", false},
    {" ", "10.0.0.1", false},
    {"10.0.0.0/8", "10.0.0.1", true},
    {"10.0.0.0/8", "::ffff:10.0.0.1", true},
    {"10.0.0.0/8", "8.8.8.8", false},
    {"8.8.8.0/24", "8.8.8.8", true},
    {"::1, 192.168.0.0/16", "192.168.200.1", true},
    {"::1, 192.168.0.0/16", "::1", true},
    {"::1, 192.168.0.0/16", "64:ff9b::192.168.0.1", false},
    {"2001:db8::/33", "2001:db8:7fff::", true},
    {"2001:db8::/33", "2001:db8:8000::", false},
    {"0.0.0.0/1", "127.255.255.255", true},
    {"0.0.0.0/1", "128.0.0.0", false},
    {"128.0.0.0/1", "128.0.0.0", true},
    {"1.2.3.4/31", "1.2.3.5", true},
    {"1.2.3.4/31", "1.2.3.6", false},
};

static void test_sets(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
        struct cidr_set *set;
        char error[GUARD_ERROR_SIZE];
        struct sockaddr_storage storage = address_of(members[i].address);
        assert_int_equal(cidr_set_parse(members[i].set, &set, error), 0);
        if (cidr_set_contains(set, (const struct sockaddr *)&storage) != members[i].contained)
            fail_msg("%s in \"%s\"", members[i].address, members[i].set);
        cidr_set_free(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),  cmocka_unit_test(test_wrapped),
        cmocka_unit_test(test_exceptions), cmocka_unit_test(test_other_families),
        cmocka_unit_test(test_malformed),  cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
