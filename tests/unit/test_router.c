#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/router.h"

static const struct route table[] = {
    {"GET", "/jobs", NULL, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"POST", "/jobs", NULL, ROUTE_ACCOUNT, ROUTE_WITH_BODY},
    {"PATCH", "/jobs/{id}", NULL, ROUTE_ACCOUNT, ROUTE_WITH_BODY},
    {"DELETE", "/jobs/{id}", NULL, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"GET", "/jobs/{id}/executions", NULL, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"PUT", "/jobs/external/{external_id}", NULL, ROUTE_ACCOUNT, ROUTE_WITH_BODY},
    {"GET", "/jobs/{id}/executions/{execution}", NULL, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"GET", "/checks/export", NULL, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"GET", "/checks/{check}", NULL, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"GET", "/channels/{channel}", NULL, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
};

static enum router_verdict match(const char *method, const char *path, struct router_match *result)
{
    return router_match(table, ARRAY_LENGTH(table), method, strlen(method), path, strlen(path),
                        result);
}

static void paths_find_their_routes(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *path;
        size_t route;
        int64_t id;
        const char *text;
    } cases[] = {
        {"GET", "/jobs", 0, 0, NULL},
        {"HEAD", "/jobs", 0, 0, NULL},
        {"POST", "/jobs", 1, 0, NULL},
        {"PATCH", "/jobs/1", 2, 1, NULL},
        {"DELETE", "/jobs/9223372036854775807", 3, INT64_MAX, NULL},
        {"GET", "/jobs/42/executions", 4, 42, NULL},
        {"HEAD", "/jobs/42/executions", 4, 42, NULL},
        {"PUT", "/jobs/external/a", 5, 0, "a"},
        {"PUT", "/jobs/external/a%2Fb", 5, 0, "a%2Fb"},
        {"PUT", "/jobs/external/executions", 5, 0, "executions"},
        {"GET", "/jobs/7/executions/msg_7_60", 6, 7, "msg_7_60"},
        {"GET", "/checks/export", 7, 0, NULL},
        {"GET", "/checks/0123456789AZazBb", 8, 0, "0123456789AZazBb"},
        {"GET", "/channels/ch_001", 9, 1, NULL},
        {"GET", "/channels/ch_999", 9, 999, NULL},
        {"GET", "/channels/ch_1000", 9, 1000, NULL},
        {"GET", "/channels/ch_999999999999999", 9, 999999999999999, NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct router_match result;
        assert_int_equal(match(cases[i].method, cases[i].path, &result), ROUTER_FOUND);
        assert_ptr_equal(result.route, &table[cases[i].route]);
        assert_int_equal(result.id, cases[i].id);
        assert_int_equal(result.text_length, cases[i].text != NULL ? strlen(cases[i].text) : 0);
        if (cases[i].text != NULL)
            assert_memory_equal(result.text, cases[i].text, result.text_length);
    }
}

static void other_paths_are_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = {"",
                                        "/",
                                        "*",
                                        "/job",
                                        "/jobs/",
                                        "//jobs",
                                        "/jobs/0",
                                        "/jobs/01",
                                        "/jobs/-1",
                                        "/jobs/+1",
                                        "/jobs/1/",
                                        "/jobs/x",
                                        "/jobs/1x",
                                        "/jobs/{id}",
                                        "/jobs/9223372036854775808",
                                        "/jobs/99999999999999999999",
                                        "/jobs//executions",
                                        "/jobs/1/executions/",
                                        "/JOBS",
                                        "/jobs/%31",
                                        "/jobs/1/2/executions",
                                        "/jobs/external",
                                        "/jobs/external/",
                                        "/jobs/external/a/b",
                                        "/jobs/external/a/",
                                        "/jobs/7/executions//",
                                        "/jobs/x/executions/y",
                                        "/checks/0123456789AZazB",
                                        "/checks/0123456789AZazBbc",
                                        "/checks/0123456789AZaz_b",
                                        "/checks/import",
                                        "/channels/ch_000",
                                        "/channels/ch_01",
                                        "/channels/ch_0001",
                                        "/channels/ch_-01",
                                        "/channels/ch_",
                                        "/channels/CH_001",
                                        "/channels/1",
                                        "/channels/ch_9999999999999999",
                                        "/executions"};
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct router_match result;
        assert_int_equal(match("GET", paths[i], &result), ROUTER_NO_PATH);
        assert_int_equal(match("OPTIONS", paths[i], &result), ROUTER_NO_PATH);
    }
}

static void other_methods_are_told_which_there_are(void **state)
{
    (void)state;
    struct router_match result;
    assert_int_equal(match("PUT", "/jobs", &result), ROUTER_NO_METHOD);
    assert_string_equal(result.allow, "GET, HEAD, POST, OPTIONS");
    assert_int_equal(match("HEAD", "/jobs/1", &result), ROUTER_NO_METHOD);
    assert_string_equal(result.allow, "PATCH, DELETE, OPTIONS");
    assert_int_equal(match("get", "/jobs", &result), ROUTER_NO_METHOD);
    assert_int_equal(match("OPTIONS", "/jobs/1/executions", &result), ROUTER_OPTIONS);
    assert_string_equal(result.allow, "GET, HEAD, OPTIONS");
    assert_int_equal(match("GET", "/jobs/external/a", &result), ROUTER_NO_METHOD);
    assert_string_equal(result.allow, "PUT, OPTIONS");
    assert_int_equal(match("OPTIONS", "/jobs/external/a", &result), ROUTER_OPTIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_routes),
        cmocka_unit_test(other_paths_are_not_found),
        cmocka_unit_test(other_methods_are_told_which_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
