#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "http_server.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/transfer.h"

#define GIVE_UP_MS 10000

struct fixture {
    uv_loop_t loop;
    struct http_server server;
    struct transfers *transfers;
    unsigned ended;
    unsigned wanted; /* further transfers to start from inside on_done */
    CURLcode last_code;
};

static size_t drop_body(char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * count;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    uv_loop_init(&fixture.loop);
    http_server_open(&fixture.server, &fixture.loop, "127.0.0.1");
    fixture.transfers = transfers_open(&fixture.loop, 16, 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    transfers_close(fixture->transfers);
    http_server_close(&fixture->server);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    /* Nothing of the transfers is left on the loop. */
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    return 0;
}

static CURL *easy_new(const struct fixture *fixture, const char *path, long timeout_ms)
{
    CURL *easy = curl_easy_init();
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", fixture->server.port, path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_body);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    return easy;
}

static void on_done(void *arg, CURL *easy, CURLcode code)
{
    struct fixture *fixture = arg;
    fixture->ended++;
    fixture->last_code = code;
    if (fixture->wanted > 0) {
        fixture->wanted--;
        transfers_start(fixture->transfers, easy, on_done, fixture);
    }
}

static void run_until(struct fixture *fixture, unsigned ended)
{
    int64_t deadline_ms = clock_monotonic_ms() + GIVE_UP_MS;
    /* Not UV_RUN_ONCE: the end may come before it waits, and then nothing wakes it. */
    while (fixture->ended < ended && clock_monotonic_ms() < deadline_ms)
        if (uv_run(&fixture->loop, UV_RUN_NOWAIT) && fixture->ended < ended)
            uv_sleep(1);
    assert_int_equal(fixture->ended, ended);
}

static void run_for(struct fixture *fixture, int64_t duration_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + duration_ms;
    while (clock_monotonic_ms() < deadline_ms)
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static void test_answer(void **state)
{
    struct fixture *fixture = *state;
    CURL *easy = easy_new(fixture, "/status/204", 5000);
    transfers_start(fixture->transfers, easy, on_done, fixture);
    assert_int_equal(fixture->ended, 0);
    run_until(fixture, 1);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    assert_int_equal(fixture->last_code, CURLE_OK);
    assert_int_equal(status, 204);
    curl_easy_cleanup(easy);
}

static void test_connection_is_kept(void **state)
{
    struct fixture *fixture = *state;
    CURL *easy = easy_new(fixture, "/status/200", 5000);
    fixture->wanted = 99;
    transfers_start(fixture->transfers, easy, on_done, fixture);
    run_until(fixture, 100);
    assert_int_equal(fixture->server.requests, 100);
    assert_int_equal(fixture->server.connections, 1);
    curl_easy_cleanup(easy);
}

static void test_many_at_once(void **state)
{
    struct fixture *fixture = *state;
    CURL *easy[100];
    fixture->wanted = 400;
    for (size_t i = 0; i < ARRAY_LENGTH(easy); i++) {
        easy[i] = easy_new(fixture, "/status/200", 5000);
        transfers_start(fixture->transfers, easy[i], on_done, fixture);
    }
    run_until(fixture, 500);
    assert_int_equal(fixture->server.requests, 500);
    for (size_t i = 0; i < ARRAY_LENGTH(easy); i++)
        curl_easy_cleanup(easy[i]);
}

static void test_timeout(void **state)
{
    struct fixture *fixture = *state;
    CURL *easy = easy_new(fixture, "/silent", 200);
    int64_t started_ms = clock_monotonic_ms();
    transfers_start(fixture->transfers, easy, on_done, fixture);
    run_until(fixture, 1);
    int64_t took_ms = clock_monotonic_ms() - started_ms;
    assert_int_equal(fixture->last_code, CURLE_OPERATION_TIMEDOUT);
    assert_true(took_ms >= 190 && took_ms < 2000);
    curl_easy_cleanup(easy);
}

static void test_hang_up(void **state)
{
    struct fixture *fixture = *state;
    CURL *easy = easy_new(fixture, "/hang-up", 5000);
    transfers_start(fixture->transfers, easy, on_done, fixture);
    run_until(fixture, 1);
    assert_int_equal(fixture->last_code, CURLE_GOT_NOTHING);
    curl_easy_cleanup(easy);
}

static void test_cancel(void **state)
{
    struct fixture *fixture = *state;
    CURL *easy = easy_new(fixture, "/silent", 300);
    transfers_start(fixture->transfers, easy, on_done, fixture);
    run_for(fixture, 100);
    assert_int_equal(fixture->server.requests, 1);
    transfers_cancel(fixture->transfers, easy);
    run_for(fixture, 400);
    assert_int_equal(fixture->ended, 0);
    /* The handle is as good as new. */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 100L);
    transfers_start(fixture->transfers, easy, on_done, fixture);
    run_until(fixture, 1);
    curl_easy_cleanup(easy);
}

static void test_close_under_way(void **state)
{
    struct fixture *fixture = *state;
    CURL *easy = easy_new(fixture, "/silent", 5000);
    CURL *unresolved = easy_new(fixture, "/silent", 5000);
    curl_easy_setopt(unresolved, CURLOPT_URL, "http://localhost:1/");
    curl_easy_setopt(unresolved, CURLOPT_QUICK_EXIT, 1L);
    transfers_start(fixture->transfers, easy, on_done, fixture);
    run_for(fixture, 100);
    transfers_start(fixture->transfers, unresolved, on_done, fixture);
    transfers_close(fixture->transfers);
    assert_int_equal(fixture->ended, 0);
    curl_easy_cleanup(easy);
    curl_easy_cleanup(unresolved);
    fixture->transfers = transfers_open(&fixture->loop, 16, 0); /* for the teardown */
}

static void test_per_host(void **state)
{
    struct fixture *fixture = *state;
    transfers_close(fixture->transfers);
    fixture->transfers = transfers_open(&fixture->loop, 16, 2);
    CURL *easy[10];
    for (size_t i = 0; i < ARRAY_LENGTH(easy); i++) {
        easy[i] = easy_new(fixture, "/status/200", 5000);
        transfers_start(fixture->transfers, easy[i], on_done, fixture);
    }
    run_until(fixture, 10);
    assert_true(fixture->server.connections <= 2);
    for (size_t i = 0; i < ARRAY_LENGTH(easy); i++)
        curl_easy_cleanup(easy[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connection_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hang_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_per_host, setup, teardown),
    };
    return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
