#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatcher/account_keys.h"
#include "dispatcher/delivery.h"
#include "dispatcher/job_details.h"
#include "http_server.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/memory.h"

#define GIVE_UP_MS   10000
#define RESPONSE_CAP 65536

/* Whole deliveries over real sockets: what the guard lets through, and what comes back. */
struct fixture {
    uv_loop_t loop;
    struct http_server server;
    struct guard *guard;
    struct deliveries *deliveries;
    struct account_keys keys; /* of all deliveries */
    struct held_run run;
    uint8_t attempt;
    unsigned ended;
    unsigned connected;
};

static void on_connected(void *arg, struct held_run *run)
{
    (void)run;
    ((struct fixture *)arg)->connected++;
}

static void on_done(void *arg, struct held_run *run)
{
    (void)run;
    ((struct fixture *)arg)->ended++;
}

static void open_fixture(struct fixture *fixture, const char *address, const char *allow)
{
    memset(fixture, 0, sizeof(*fixture));
    char error[GUARD_ERROR_SIZE];
    assert_int_equal(guard_create(allow, &fixture->guard, error), 0);
    uv_loop_init(&fixture->loop);
    http_server_open(&fixture->server, &fixture->loop, address);
    struct delivery_options options = {.connections = 8,
                                       .response_cap_bytes = RESPONSE_CAP,
                                       .guard = fixture->guard,
                                       .on_connected = on_connected,
                                       .on_done = on_done,
                                       .arg = fixture};
    fixture->deliveries = deliveries_open(&fixture->loop, &options);
    fixture->keys.references = 1;
    fixture->attempt = 2;
}

static void close_fixture(struct fixture *fixture)
{
    free(fixture->run.body);
    deliveries_close(fixture->deliveries);
    http_server_close(&fixture->server);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    guard_free(fixture->guard);
}

static const struct result *deliver_row(struct fixture *fixture, const struct job_row *row,
                                        uint16_t timeout_s)
{
    struct held_run *run = &fixture->run;
    free(run->body);
    memset(run, 0, sizeof(*run));
    run->keys = &fixture->keys;
    run->run = (struct run){.job = 7,
                            .slot_s = 1800000000,
                            .replay = row->alert ? RUN_NOTICE : 0,
                            .attempt = fixture->attempt,
                            .timeout_s = timeout_s};
    run->details = job_details_create(row);
    assert_string_equal(run->details->problem, "");
    unsigned before = fixture->ended;
    int64_t deadline_ms = clock_monotonic_ms() + GIVE_UP_MS;
    delivery_start(fixture->deliveries, run);
    /* Not UV_RUN_ONCE: the end may come before it waits, and then nothing wakes it. */
    while (fixture->ended == before && clock_monotonic_ms() < deadline_ms)
        if (uv_run(&fixture->loop, UV_RUN_NOWAIT) && fixture->ended == before)
            uv_sleep(1);
    assert_int_equal(fixture->ended, before + 1);
    job_details_release(run->details);
    run->details = NULL;
    return &run->result;
}

static const struct result *deliver(struct fixture *fixture, const char *host, const char *path,
                                    uint16_t timeout_s)
{
    char url[256];
    snprintf(url, sizeof(url), "http://%s:%d%s", host, fixture->server.port, path);
    struct job_row row = {.job = 7, .version = 1, .url = url, .payload = "{\"a\":1}"};
    return deliver_row(fixture, &row, timeout_s);
}

static void assert_result(const struct result *result, enum result_outcome outcome, unsigned code,
                          const char *error)
{
    assert_string_equal(result->error, error);
    assert_int_equal(result->outcome, outcome);
    assert_int_equal(result->code, code);
}

static void assert_blocked(struct fixture *fixture, const char *host)
{
    assert_result(deliver(fixture, host, "/status/200", 5), RESULT_BLOCKED, 0,
                  "destination address is not allowed");
    assert_int_equal(fixture->server.connections, 0);
    assert_int_equal(fixture->connected, 0);
}

static void test_loopback_is_blocked(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "127.0.0.1", "127.1",     "2130706433", "0x7f.1",          "0177.0.0.1",
        "127.0.0.2", "localhost", "LOCALHOST",  "0.0.0.0",         "[::ffff:7f00:1]",
        "[::1]",     "[::]",      "10.0.0.1",   "169.254.169.254",
    };
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "");
    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++)
        assert_blocked(&fixture, hosts[i]);
    close_fixture(&fixture);
}

static void test_allowed_by_cidr(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "127.1", "[::ffff:127.0.0.1]"};
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++)
        assert_result(deliver(&fixture, hosts[i], "/status/200", 5), RESULT_SUCCESS, 200, "");
    close_fixture(&fixture);
}

static void test_allowed_v6(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, "::1", "::1/128");
    assert_result(deliver(&fixture, "[::1]", "/status/200", 5), RESULT_SUCCESS, 200, "");
    assert_result(deliver(&fixture, "127.0.0.1", "/status/200", 5), RESULT_BLOCKED, 0,
                  "destination address is not allowed");
    close_fixture(&fixture);
}

static void test_outcomes(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum result_outcome outcome;
        unsigned code;
        const char *error;
    } cases[] = {
        {"/status/200", RESULT_SUCCESS, 200, ""},
        {"/status/302", RESULT_SUCCESS, 302, ""},
        {"/status/404", RESULT_HTTP_ERROR, 404, "HTTP 404"},
        {"/status/503", RESULT_HTTP_ERROR, 503, "HTTP 503"},
        {"/hang-up", RESULT_CONNECT, 0, "connection closed without an answer"},
        {"/garbage", RESULT_CONNECT, 0, "the answer is not HTTP"},
        {"/silent", RESULT_TIMEOUT, 0, "timed out after 1 s"},
        {"/stream", RESULT_SUCCESS, 200, ""},
    };
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_result(deliver(&fixture, "127.0.0.1", cases[i].path, 1), cases[i].outcome,
                      cases[i].code, cases[i].error);
    assert_int_equal(fixture.connected, ARRAY_LENGTH(cases));
    close_fixture(&fixture);
}

static void test_no_listener(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    struct job_row row = {.job = 7, .version = 1, .url = "http://127.0.0.1:1/"};
    assert_result(deliver_row(&fixture, &row, 5), RESULT_CONNECT, 0, "connection refused");
    row.url = "http://does-not-exist.invalid/";
    assert_int_equal(deliver_row(&fixture, &row, 5)->outcome, RESULT_DNS);
    close_fixture(&fixture);
}

static void test_tls_without_tls(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    char url[64];
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/", fixture.server.port);
    struct job_row row = {.job = 7, .version = 1, .url = url};
    const struct result *result = deliver_row(&fixture, &row, 1);
    assert_true(result->outcome == RESULT_TLS || result->outcome == RESULT_TIMEOUT);
    close_fixture(&fixture);
}

/* A kept connection that breaks after the request may have had its effect: it is not sent again. */
static void test_a_request_leaves_once(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    assert_result(deliver(&fixture, "127.0.0.1", "/status/200", 5), RESULT_SUCCESS, 200, "");
    assert_result(deliver(&fixture, "127.0.0.1", "/hang-up", 5), RESULT_CONNECT, 0,
                  "connection closed without an answer");
    assert_int_equal(fixture.server.requests, 2);
    close_fixture(&fixture);
}

static void assert_line(const struct fixture *fixture, const char *line)
{
    if (!strstr(fixture->server.last_request, line))
        print_error("no %s in %s\n", line, fixture->server.last_request);
    assert_non_null(strstr(fixture->server.last_request, line));
}

static void test_request_on_the_wire(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/status/200", fixture.server.port);
    struct job_row row = {.job = 7,
                          .version = 1,
                          .url = url,
                          .headers = "{\"X-Empty\":\"\",\"X-Text\":\"caf\\u00e9\"}",
                          .payload = "{\"a\" : 1.50,  \"b\":\"\\u00e9\"}"};
    deliver_row(&fixture, &row, 5);
    assert_memory_equal(fixture.server.last_request, "POST /status/200 HTTP/1.1\r\n", 27);
    assert_line(&fixture, "\r\nX-Empty:\r\n");
    assert_line(&fixture, "\r\nX-Text: caf\xc3\xa9\r\n");
    assert_line(&fixture, "\r\nContent-Type: application/json\r\n");
    assert_line(&fixture, "\r\nUser-Agent: CronCoco/" CRONCOCO_VERSION "\r\n");
    assert_line(&fixture, "\r\nwebhook-id: msg_7_1800000000\r\n");
    assert_line(&fixture, "\r\nwebhook-timestamp: 1");
    assert_line(&fixture, "\r\nX-CronCoco-Scheduled-At: 2027-01-15T08:00:00+00:00\r\n");
    assert_line(&fixture, "\r\nX-CronCoco-Attempt: 2\r\n");
    assert_null(strcasestr(fixture.server.last_request, "\r\nwebhook-signature"));
    assert_line(&fixture, "\r\n\r\n{\"a\" : 1.50,  \"b\":\"\\u00e9\"}");
    assert_null(strcasestr(fixture.server.last_request, "\r\nAccept-Encoding"));
    assert_null(strcasestr(fixture.server.last_request, "\r\nExpect"));

    row.headers = NULL;
    row.payload = NULL;
    deliver_row(&fixture, &row, 5);
    assert_line(&fixture, "\r\nContent-Length: 0\r\n");
    assert_null(strcasestr(fixture.server.last_request, "\r\nContent-Type"));
    close_fixture(&fixture);
}

static void assert_signed_alert(const struct fixture *fixture, const char *payload)
{
    char expected[ALERT_SIGNATURE_HEADER_SIZE], line[ALERT_SIGNATURE_HEADER_SIZE + 4];
    struct signed_message message = {.payload = payload, .payload_bytes = strlen(payload)};
    alert_signature_write(expected, fixture->keys.keys, 1, 0, &message);
    snprintf(line, sizeof(line), "\r\n%s\r\n", expected);
    assert_line(fixture, line);
    const char *body = strstr(fixture->server.last_request, "\r\n\r\n");
    assert_non_null(body);
    assert_string_equal(body + 4, payload);
}

static void test_alerts(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    fixture.keys.count = 1;
    fixture.keys.keys[0] = (struct signing_key){.key = {1}, .expires_ms = INT64_MAX};
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/status/200", fixture.server.port);
    struct job_row row = {
        .job = 7, .url = url, .payload = "{\"event\":\"test\",\"n\":{}}", .alert = true};
    fixture.attempt = 1;
    deliver_row(&fixture, &row, 5);
    assert_signed_alert(&fixture, row.payload);
    assert_line(&fixture, "\r\nContent-Type: application/json\r\n");
    assert_line(&fixture, "\r\nwebhook-id: msg_notice_7\r\n");
    assert_line(&fixture, "\r\nwebhook-timestamp: 1");
    assert_line(&fixture, "\r\nwebhook-signature: v1,");
    assert_null(strcasestr(fixture.server.last_request, "\r\nX-CronCoco-"));

    /* Each retry says which one it is, and what is signed is what is sent. */
    fixture.attempt = 4;
    deliver_row(&fixture, &row, 5);
    assert_signed_alert(&fixture, "{\"event\":\"test\",\"n\":{},\"retry\":3}");
    fixture.attempt = 2;
    deliver_row(&fixture, &row, 5);
    assert_signed_alert(&fixture, "{\"event\":\"test\",\"n\":{},\"retry\":1}");

    fixture.keys.count = 0;
    deliver_row(&fixture, &row, 5);
    assert_null(strcasestr(fixture.server.last_request, "signature"));
    close_fixture(&fixture);
}

static void test_alerts_are_objects(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{}", "[1]", "{\"a\":1} ", "{\"a\":1", "7"};
    struct job_row row = {.job = 7, .url = "http://127.0.0.1:1/", .alert = true};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        row.payload = bad[i];
        struct job_details *details = job_details_create(&row);
        assert_string_equal(details->problem, "the alert is not an object");
        job_details_release(details);
    }
}

static void test_signatures(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    fixture.keys.count = 2;
    fixture.keys.keys[0] = (struct signing_key){.key = {1}, .expires_ms = INT64_MAX};
    fixture.keys.keys[1] = (struct signing_key){.key = {2}, .expires_ms = clock_now_ms() + 60000};
    const struct result *result = deliver(&fixture, "127.0.0.1", "/status/200", 5);
    char expected[SIGNATURE_HEADER_SIZE], line[SIGNATURE_HEADER_SIZE + 4];
    struct signed_message message = {.id = "msg_7_1800000000",
                                     .timestamp_s = result->started_ms / 1000,
                                     .payload = "{\"a\":1}",
                                     .payload_bytes = 7};
    signature_write(expected, fixture.keys.keys, 2, result->started_ms, &message);
    snprintf(line, sizeof(line), "\r\n%s\r\n", expected);
    assert_line(&fixture, line);

    fixture.keys.keys[1].expires_ms = clock_now_ms();
    result = deliver(&fixture, "127.0.0.1", "/status/200", 5);
    message.timestamp_s = result->started_ms / 1000;
    signature_write(expected, fixture.keys.keys, 1, result->started_ms, &message);
    snprintf(line, sizeof(line), "\r\n%s\r\n", expected);
    assert_line(&fixture, line);

    fixture.keys.count = 0;
    deliver(&fixture, "127.0.0.1", "/status/200", 5);
    assert_null(strcasestr(fixture.server.last_request, "\r\nwebhook-signature"));
    close_fixture(&fixture);
}

static void test_beginning_of_the_answer(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 1023, 1024, 1025, 5000};
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        char path[32];
        snprintf(path, sizeof(path), "/letters/%zu", lengths[i]);
        const struct result *result = deliver(&fixture, "127.0.0.1", path, 5);
        assert_int_equal(result->body_bytes, lengths[i] < 1024 ? lengths[i] : 1024);
        for (size_t at = 0; at < result->body_bytes; at++)
            assert_int_equal(result->body[at], 'a' + at % 26);
    }
    assert_int_equal(deliver(&fixture, "127.0.0.1", "/stream", 5)->body_bytes, RESULT_BODY_MAX);
    assert_int_equal(deliver(&fixture, "127.0.0.1", "/hang-up", 5)->body_bytes, 0);
    close_fixture(&fixture);
}

static void test_times(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    const struct result *result = deliver(&fixture, "localhost", "/slow", 5);
    assert_int_equal(result->outcome, RESULT_SUCCESS);
    assert_true(result->dns_ms < 1000 && result->connect_ms < 1000);
    assert_int_equal(result->tls_ms, RESULT_NO_TIME);
    assert_in_range(result->first_byte_ms, 50, 1000);
    /* Two clocks, each in whole milliseconds. */
    assert_true(result->duration_ms + 1 >= result->first_byte_ms);

    /* On the connection that was kept there is only the answer's time. */
    result = deliver(&fixture, "localhost", "/slow", 5);
    assert_int_equal(fixture.server.connections, 1);
    assert_int_equal(result->dns_ms, RESULT_NO_TIME);
    assert_int_equal(result->connect_ms, RESULT_NO_TIME);
    assert_int_equal(result->tls_ms, RESULT_NO_TIME);
    assert_in_range(result->first_byte_ms, 50, 1000);

    assert_int_equal(deliver(&fixture, "127.0.0.1", "/silent", 1)->first_byte_ms, RESULT_NO_TIME);
    result = deliver(&fixture, "127.0.0.1", "/hang-up", 5);
    assert_int_equal(result->first_byte_ms, RESULT_NO_TIME);
    result = deliver(&fixture, "no-such-name.invalid", "/", 5);
    assert_int_equal(result->outcome, RESULT_DNS);
    assert_int_equal(result->connect_ms, RESULT_NO_TIME);
    assert_int_equal(result->first_byte_ms, RESULT_NO_TIME);
    close_fixture(&fixture);
}

static void test_retry_after(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        unsigned seconds;
    } rows[] = {
        {"/later/503/17", 17}, {"/later/429/99999", RETRY_AFTER_MAX_S},
        {"/later/408/3", 3},   {"/later/500/5", 5},
        {"/later/200/17", 0},  {"/later/302/17", 0},
        {"/later/404/17", 0},  {"/later/503/soon", 0},
        {"/status/503", 0},
    };
    struct fixture fixture;
    open_fixture(&fixture, "127.0.0.1", "127.0.0.0/8");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_int_equal(deliver(&fixture, "127.0.0.1", rows[i].path, 5)->retry_after_s,
                         rows[i].seconds);
    close_fixture(&fixture);
}

/* What is refused without a POST says nothing of one. */
static void test_refused(void **state)
{
    (void)state;
    struct held_run run = {.run = {.job = 7, .slot_s = 60, .replay = 2, .attempt = 3}};
    run.result.body_bytes = 9;
    delivery_refuse(&run, RESULT_GONE, "the job is no longer there");
    assert_result(&run.result, RESULT_GONE, 0, "the job is no longer there");
    assert_int_equal(run.result.job, 7);
    assert_int_equal(run.result.attempt, 3);
    assert_int_equal(run.result.body_bytes, 0);
    assert_int_equal(run.result.dns_ms, RESULT_NO_TIME);
    assert_int_equal(run.result.first_byte_ms, RESULT_NO_TIME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback_is_blocked),
        cmocka_unit_test(test_allowed_by_cidr),
        cmocka_unit_test(test_allowed_v6),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_no_listener),
        cmocka_unit_test(test_tls_without_tls),
        cmocka_unit_test(test_a_request_leaves_once),
        cmocka_unit_test(test_request_on_the_wire),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_alerts_are_objects),
        cmocka_unit_test(test_beginning_of_the_answer),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("destination", tests, NULL, NULL);
}
