#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "shared/url.h"
#include "tests/unit/sample.h"

#define PRIVATE_V4  "must be publicly reachable, and 127.0.0.1 is not"
#define CREDENTIALS "must not contain a user name or password"
#define SPACES      "must not contain spaces or control characters"
#define SCHEME      "must start with https:// or http://"
#define NO_HOST     "must have a host"
#define PORT        "must have a port within 1-65535"
#define BAD_ADDRESS "has a host that is not a valid address"
#define BAD_HOST    "has a host that is not a valid name or address"
#define BAD_URL     "is not a valid URL"
#define PERCENT     "must not contain percent signs in its host"
#define ASCII                                                                                      \
    "must be ASCII: write other characters percent-encoded, and a host name in its xn-- form"

static const char *const good[] = {
    "http://example.com",
    "https://example.com",
    "HTTPS://EXAMPLE.COM/",
    "https://example.com.",
    "https://example.com:443",
    "https://example.com:1/",
    "https://example.com:65535/x",
    "https://example.com:/",
    "https://example.com/a/b?c=d&e=%20#f",
    "https://example.com?x",
    "https://example.com#x",
    "https://example.com/@a",
    "https://example.com/?u=a@b",
    "https://example.com/a:b",
    "https://example.com//x",
    "https://example.com/http://localhost",
    "https://a-b.example.com",
    "https://a_b.example.com",
    "https://1.example.com",
    "https://xn--caf-dma.example",
    "https://1password.com",
    "https://0x.example",
    "https://single",
    "https://notlocalhost",
    "https://localhost.example.com",
    "https://local.example",
    "https://mylocal",
    "https://myinternal",
    "https://home.arpa.example",
    "https://arpa",
    "http://8.8.8.8",
    "http://8.8.8.8:8080/",
    "http://134744072",
    "http://0x08080808",
    "http://010.010.010.010",
    "http://8.8",
    "http://[2606:4700:4700::1111]",
    "http://[2606:4700:4700::1111]:8443/x",
    "http://[::ffff:8.8.8.8]/",
    "http://11.0.0.0",
    "https://example.com/%00%0d%0a",
    "https://example.com/'\"<>{}|^`",
};

static const struct {
    const char *url;
    const char *error;
} bad[] = {
    {"", "must not be empty"},
    {" ", SPACES},
    {" https://example.com", SPACES},
    {"https://example.com ", SPACES},
    {"https://exa mple.com", SPACES},
    {"https://example.com/a b", SPACES},
    {"https://example.com/\t", SPACES},
    {"https://example.com\r\nX: y", SPACES},
    {"https://example.com/\x7f", SPACES},
    {"https://example.com/\x01", SPACES},
    {"https:\\\\example.com", "must not contain backslashes"},
    {"https://example.com\\@localhost/", "must not contain backslashes"},
    {"https://caf\xc3\xa9.example", ASCII},
    {"https://example.com/\xc3\xa9", ASCII},
    {"https://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1", ASCII},
    {"https://example.com/\xff", ASCII},
    {"example.com", SCHEME},
    {"//example.com", SCHEME},
    {"/x", SCHEME},
    {"example.com:80", SCHEME},
    {"ftp://example.com", SCHEME},
    {"file:///etc/passwd", SCHEME},
    {"gopher://example.com", SCHEME},
    {"javascript:alert(1)", SCHEME},
    {"data:,x", SCHEME},
    {"ws://example.com", SCHEME},
    {"dict://example.com", SCHEME},
    {"ldap://example.com", SCHEME},
    {"httpx://example.com", SCHEME},
    {"http:example.com", SCHEME},
    {"http:/example.com", SCHEME},
    {"://example.com", SCHEME},
    {"http", SCHEME},
    {"http:", SCHEME},
    {"http:/", SCHEME},
    {"h", SCHEME},
    {"unix:/x", SCHEME},
    {"http://", NO_HOST},
    {"http:///", NO_HOST},
    {"http:///example.com", NO_HOST},
    {"http:////example.com", NO_HOST},
    {"http://?", NO_HOST},
    {"http://#", NO_HOST},
    {"http://:80", NO_HOST},
    {"http://:80/x", NO_HOST},
    {"http://user@example.com", CREDENTIALS},
    {"http://user:pass@example.com", CREDENTIALS},
    {"http://:pass@example.com", CREDENTIALS},
    {"http://@example.com", CREDENTIALS},
    {"http://:@example.com", CREDENTIALS},
    {"http://example.com@localhost", CREDENTIALS},
    {"http://a@b@example.com", CREDENTIALS},
    {"http://user%40x@example.com/", CREDENTIALS},
    {"http://example.com:80@localhost/", CREDENTIALS},
    {"http://127.0.0.1@example.com", CREDENTIALS},
    {"http://example.com:0", PORT},
    {"http://example.com:00000", PORT},
    {"http://example.com:65536", PORT},
    {"http://example.com:99999999999999", PORT},
    {"http://example.com:-1", PORT},
    {"http://example.com:+80", PORT},
    {"http://example.com:8a", PORT},
    {"http://example.com:80:80", PORT},
    {"http://example.com:x", PORT},
    {"http://example.com:0x50", PORT},
    {"http://[2606:4700::1]:0", PORT},
    {"http://[2606:4700::1]x", PORT},
    /* Loopback, in every spelling. */
    {"http://127.0.0.1", PRIVATE_V4},
    {"http://127.0.0.1:8080/x", PRIVATE_V4},
    {"http://127.1", PRIVATE_V4},
    {"http://127.0.1", PRIVATE_V4},
    {"http://2130706433", PRIVATE_V4},
    {"http://0x7f000001", PRIVATE_V4},
    {"http://0x7f.1", PRIVATE_V4},
    {"http://0X7F.0X1", PRIVATE_V4},
    {"http://0177.0.0.1", PRIVATE_V4},
    {"http://017700000001", PRIVATE_V4},
    {"http://0x7f.0x0.0x0.0x1", PRIVATE_V4},
    {"http://0177.0.0.0x1", PRIVATE_V4},
    {"http://00000177.1", PRIVATE_V4},
    {"http://127.0.0.1.", PRIVATE_V4},
    {"http://127.1.", "must be publicly reachable, and 127.1 is not"},
    {"http://[::1]", "must be publicly reachable, and [::1] is not"},
    {"http://[::]", "must be publicly reachable, and [::] is not"},
    {"http://[::ffff:127.0.0.1]", "must be publicly reachable, and [::ffff:127.0.0.1] is not"},
    {"http://[::ffff:7f00:1]", "must be publicly reachable, and [::ffff:7f00:1] is not"},
    {"http://[64:ff9b::8.8.8.8]", "must be publicly reachable, and [64:ff9b::8.8.8.8] is not"},
    {"http://[2002:7f00:1::]", "must be publicly reachable, and [2002:7f00:1::] is not"},
    {"http://[fe80::1]", "must be publicly reachable, and [fe80::1] is not"},
    {"http://[fd00:ec2::254]/", "must be publicly reachable, and [fd00:ec2::254] is not"},
    {"http://0", "must be publicly reachable, and 0.0.0.0 is not"},
    {"http://0x0", "must be publicly reachable, and 0.0.0.0 is not"},
    {"http://10.0.0.1", "must be publicly reachable, and 10.0.0.1 is not"},
    {"http://10.1", "must be publicly reachable, and 10.0.0.1 is not"},
    {"http://172.16.0.1", "must be publicly reachable, and 172.16.0.1 is not"},
    {"http://192.168.0.1", "must be publicly reachable, and 192.168.0.1 is not"},
    {"http://192.168.257", "must be publicly reachable, and 192.168.1.1 is not"},
    {"http://169.254.169.254/latest/meta-data/",
     "must be publicly reachable, and 169.254.169.254 is not"},
    {"http://0xa9fea9fe", "must be publicly reachable, and 169.254.169.254 is not"},
    {"http://2852039166", "must be publicly reachable, and 169.254.169.254 is not"},
    {"http://224.0.0.1", "must be publicly reachable, and 224.0.0.1 is not"},
    {"http://255.255.255.255", "must be publicly reachable, and 255.255.255.255 is not"},
    {"http://4294967295", "must be publicly reachable, and 255.255.255.255 is not"},
    {"http://localhost", "must be publicly reachable, and localhost is not"},
    {"http://LocalHost:80/x", "must be publicly reachable, and LocalHost is not"},
    {"http://localhost.", "must be publicly reachable, and localhost is not"},
    {"http://a.localhost", "must be publicly reachable, and a.localhost is not"},
    {"http://a.b.localhost.", "must be publicly reachable, and a.b.localhost is not"},
    {"http://printer.local", "must be publicly reachable, and printer.local is not"},
    {"http://local", "must be publicly reachable, and local is not"},
    {"http://x.LOCAL.", "must be publicly reachable, and x.LOCAL is not"},
    {"http://db.svc.cluster.local:5432",
     "must be publicly reachable, and db.svc.cluster.local is not"},
    {"http://metadata.google.internal",
     "must be publicly reachable, and metadata.google.internal is not"},
    {"http://internal", "must be publicly reachable, and internal is not"},
    {"http://nas.home.arpa", "must be publicly reachable, and nas.home.arpa is not"},
    {"http://home.arpa", "must be publicly reachable, and home.arpa is not"},
    {"http://127.0.0.256", BAD_ADDRESS},
    {"http://256.1.1.1", BAD_ADDRESS},
    {"http://4294967296", BAD_ADDRESS},
    {"http://1.2.3.4.5", BAD_ADDRESS},
    {"http://0x", BAD_ADDRESS},
    {"http://0x1ffffffff", BAD_ADDRESS},
    {"http://08", BAD_ADDRESS},
    {"http://1.2.3.09", BAD_ADDRESS},
    {"http://a.1", BAD_ADDRESS},
    {"http://a.0x1", BAD_ADDRESS},
    {"http://.", BAD_HOST},
    {"http://..", BAD_HOST},
    {"http://a..b", BAD_HOST},
    {"http://.a", BAD_HOST},
    {"http://a..", BAD_HOST},
    {"http://a,b", BAD_URL},
    {"http://a;b", BAD_URL},
    {"http://a'b", BAD_URL},
    {"http://a~b", BAD_HOST},
    {"http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com", BAD_HOST},
    {"http://%31%32%37.0.0.1", PERCENT},
    {"http://localhos%74", PERCENT},
    {"http://a%00b", PERCENT},
    {"http://[fe80::1%25eth0]", PERCENT},
    {"http://[::1%lo]", PERCENT},
    {"http://[::1", BAD_URL},
    {"http://[]", BAD_URL},
    {"http://[x]", BAD_URL},
    {"http://[127.0.0.1]", BAD_URL},
    {"http://a[b", BAD_URL},
    {"http://[1::2::3]", BAD_URL},
    {"http://exa$mple.com", BAD_URL},
    {"http://a{b}", BAD_URL},
    {"http://<script>", BAD_URL},
};

static struct guard *guard_with(const char *allow)
{
    struct guard *guard = NULL;
    char error[GUARD_ERROR_SIZE];
    assert_int_equal(guard_create(allow, &guard, error), 0);
    return guard;
}

static void test_good(void **state)
{
    (void)state;
    struct guard *guard = guard_with("");
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        char error[URL_ERROR_SIZE] = "";
        size_t length = strlen(good[i]);
        char *text = sample_exact(good[i], length);
        if (url_check(text, length, guard, error))
            fail_msg("%s: %s", good[i], error);
        free(text);
    }
    guard_free(guard);
}

static void test_bad(void **state)
{
    (void)state;
    struct guard *guard = guard_with("");
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        char error[URL_ERROR_SIZE] = "";
        size_t length = strlen(bad[i].url);
        char *text = sample_exact(bad[i].url, length);
        int status = url_check(text, length, guard, error);
        if (status != -1 || strcmp(error, bad[i].error) != 0) {
            print_error("%s: %d \"%s\"\n", bad[i].url, status, error);
            wrong++;
        }
        free(text);
    }
    assert_int_equal(wrong, 0);
    guard_free(guard);
}

/* What a development environment allows. */
static void test_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *allow;
        const char *url;
        int status;
    } rows[] = {
        {"127.0.0.0/8", "http://127.0.0.1:9000/x", 0},
        {"127.0.0.0/8", "http://2130706433", 0},
        {"127.0.0.0/8", "http://[::ffff:127.0.0.1]", 0},
        {"127.0.0.0/8", "http://[::1]", -1},
        {"127.0.0.0/8", "http://localhost:9000", 0},
        {"127.0.0.0/8", "http://localhost.", 0},
        {"127.0.0.0/8", "http://a.localhost", 0},
        {"127.0.0.0/8", "http://a.local", -1},
        {"127.0.0.0/8", "http://a.internal", -1},
        {"127.0.0.0/8", "http://10.0.0.1", -1},
        {"127.0.0.0/8", "http://user@127.0.0.1", -1},
        {"127.0.0.2/32", "http://localhost", -1},
        {"::1/128", "http://localhost", 0},
        {"::1/128", "http://[::1]:9000", 0},
        {"::1/128", "http://127.0.0.1", -1},
        {"10.0.0.0/8", "http://10.1.2.3", 0},
        {"10.0.0.0/8", "http://localhost", -1},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct guard *guard = guard_with(rows[i].allow);
        char error[URL_ERROR_SIZE];
        if (url_check(rows[i].url, strlen(rows[i].url), guard, error) != rows[i].status)
            fail_msg("%s with %s", rows[i].url, rows[i].allow);
        guard_free(guard);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    struct guard *guard = guard_with("");
    char error[URL_ERROR_SIZE];
    char url[URL_MAX + 2];
    memset(url, 'x', sizeof url);
    memcpy(url, "https://example.com/xx", 21);
    assert_int_equal(url_check(url, URL_MAX, guard, error), 0);
    assert_int_equal(url_check(url, URL_MAX + 1, guard, error), -1);
    assert_string_equal(error, "must be at most 2048 bytes");
    assert_int_equal(url_check("https://example.com/\0x", 22, guard, error), -1);
    assert_string_equal(error, SPACES);
    /* A host of 253 bytes, and of 254. */
    size_t length = 8;
    memcpy(url, "https://aa", 9);
    for (size_t i = 0; i < 253; i++)
        url[length++] = i % 50 == 49 ? '.' : 'a';
    assert_int_equal(url_check(url, length, guard, error), 0);
    url[length++] = 'a';
    assert_int_equal(url_check(url, length, guard, error), -1);
    assert_string_equal(error, BAD_HOST);
    guard_free(guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
