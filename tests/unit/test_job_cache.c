#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dispatcher/job_cache.h"
#include "shared/compiler.h"

static struct job_details *job(int64_t id, uint32_t version)
{
    struct job_row row = {.job = id, .version = version, .url = "https://example.com/hook"};
    return job_details_create(&row);
}

static struct job_details *with(const char *url, const char *headers, const char *payload)
{
    struct job_row row = {
        .job = 1, .version = 1, .url = url, .headers = headers, .payload = payload};
    return job_details_create(&row);
}

static size_t header_count(const struct job_details *details, const char *line)
{
    size_t count = 0;
    for (const struct curl_slist *header = details->headers; header; header = header->next)
        count += strcmp(header->data, line) == 0;
    return count;
}

static void test_versions(void **state)
{
    (void)state;
    struct job_cache *cache = job_cache_create(1 << 20);
    assert_null(job_cache_find(cache, 7, 0));
    job_cache_put(cache, job(7, 3));
    assert_non_null(job_cache_find(cache, 7, 1));
    assert_non_null(job_cache_find(cache, 7, 3));
    assert_null(job_cache_find(cache, 7, 4));
    job_cache_put(cache, job(7, 5));
    assert_int_equal(job_cache_find(cache, 7, 4)->version, 5);
    job_cache_put(cache, job(7, 4)); /* an answer that was overtaken */
    assert_int_equal(job_cache_find(cache, 7, 1)->version, 5);
    assert_int_equal(job_cache_count(cache), 1);
    job_cache_free(cache);
}

static void test_least_recently_used_goes(void **state)
{
    (void)state;
    struct job_details *first = job(1, 1);
    size_t capacity = 10 * (first->memory_bytes + 64);
    struct job_cache *cache = job_cache_create(capacity);
    job_cache_put(cache, first);
    for (int64_t id = 2; id <= 1000; id++) {
        job_cache_put(cache, job(id, 1));
        assert_non_null(job_cache_find(cache, 1, 1)); /* used all the time: stays */
        assert_non_null(job_cache_find(cache, id, 1));
        assert_true(job_cache_bytes(cache) <= capacity);
    }
    assert_true(job_cache_count(cache) >= 9 && job_cache_count(cache) <= 11);
    assert_null(job_cache_find(cache, 2, 1));
    job_cache_free(cache);
}

static void test_growth(void **state)
{
    (void)state;
    struct job_cache *cache = job_cache_create(1 << 30);
    for (int64_t id = 1; id <= 10000; id++)
        job_cache_put(cache, job(id * 7, 1));
    for (int64_t id = 1; id <= 10000; id++)
        assert_int_equal(job_cache_find(cache, id * 7, 1)->job, id * 7);
    assert_int_equal(job_cache_count(cache), 10000);
    job_cache_free(cache);
}

static void test_details_outlive_the_cache(void **state)
{
    (void)state;
    struct job_cache *cache = job_cache_create(1);
    job_cache_put(cache, job(1, 1));
    struct job_details *held = job_details_retain(job_cache_find(cache, 1, 1));
    job_cache_put(cache, job(2, 1));
    assert_null(job_cache_find(cache, 1, 1));
    job_cache_free(cache);
    assert_string_equal(held->url, "https://example.com/hook");
    job_details_release(held);
}

static void test_default_headers(void **state)
{
    (void)state;
    struct job_details *details = with("http://example.com/a", NULL, "{\"a\": 1}");
    assert_string_equal(details->problem, "");
    assert_string_equal(details->host, "example.com:80");
    assert_string_equal(details->payload, "{\"a\": 1}");
    assert_int_equal(details->payload_bytes, 8);
    assert_int_equal(header_count(details, "Content-Type: application/json"), 1);
    assert_int_equal(header_count(details, "User-Agent: CronCoco/" CRONCOCO_VERSION), 1);
    assert_int_equal(header_count(details, "Expect:"), 1);
    job_details_release(details);

    details = with("https://EXAMPLE.com:8443/a", NULL, NULL);
    assert_string_equal(details->host, "example.com:8443");
    assert_int_equal(details->payload_bytes, 0);
    assert_int_equal(header_count(details, "Content-Type:"), 1);
    job_details_release(details);
}

static void test_user_headers(void **state)
{
    (void)state;
    struct job_details *details =
        with("https://example.com/",
             "{\"content-type\": \"text/plain\", \"User-Agent\": \"mine\", \"X-Empty\": \"\","
             " \"X-Blank\": \"  \", \"X-Secret\": \"a: b; c\", \"Transfer-Encoding\": \"chunked\","
             " \"content-length\": \"3\", \"Webhook-Id\": \"forged\", \"Host\": \"inside\","
             " \"WEBHOOK-Signature\": \"v1,forged\", \"webhook-anything\": \"x\","
             " \"X-CronCoco-Attempt\": \"1\", \"x-croncoco-scheduled-at\": \"x\","
             " \"X-CronCocoa\": \"other\"}",
             "{}");
    assert_string_equal(details->problem, "");
    assert_int_equal(header_count(details, "content-type: text/plain"), 1);
    assert_int_equal(header_count(details, "User-Agent: mine"), 1);
    assert_int_equal(header_count(details, "X-Empty;"), 1);
    assert_int_equal(header_count(details, "X-Blank;"), 1);
    assert_int_equal(header_count(details, "X-Secret: a: b; c"), 1);
    assert_int_equal(header_count(details, "X-CronCocoa: other"), 1);
    size_t total = 0;
    for (const struct curl_slist *header = details->headers; header; header = header->next)
        total++;
    assert_int_equal(total, 7); /* these six and "Expect:" */
    job_details_release(details);
}

static void test_bad_rows(void **state)
{
    (void)state;
    static const struct {
        const char *url, *headers;
    } rows[] = {
        {"https://example.com/", "{\"X-A\": \"b\\r\\nX-Smuggled: c\"}"},
        {"https://example.com/", "{\"X-A\\r\\nX-Smuggled\": \"c\"}"},
        {"https://example.com/", "{\"X A\": \"c\"}"},
        {"https://example.com/", "{\"\": \"c\"}"},
        {"https://example.com/", "{\"X-A\": 1}"},
        {"https://example.com/", "[]"},
        {"https://example.com/", "not JSON"},
        {"https://user:password@example.com/", NULL},
        {"https://user@example.com/", NULL},
        {"ftp://example.com/", NULL},
        {"file:///etc/passwd", NULL},
        {"https://example.com/a b", NULL},
        {"https://example.com/\r\nX-Smuggled: c", NULL},
        {"https://", NULL},
        {"example.com", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct job_details *details = with(rows[i].url, rows[i].headers, "{}");
        if (!*details->problem)
            print_error("row %zu passed: %s\n", i, rows[i].url);
        assert_string_not_equal(details->problem, "");
        job_details_release(details);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),        cmocka_unit_test(test_least_recently_used_goes),
        cmocka_unit_test(test_growth),          cmocka_unit_test(test_details_outlive_the_cache),
        cmocka_unit_test(test_default_headers), cmocka_unit_test(test_user_headers),
        cmocka_unit_test(test_bad_rows),
    };
    return cmocka_run_group_tests_name("job_cache", tests, NULL, NULL);
}
