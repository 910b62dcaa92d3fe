/*
 * Names whose addresses change, or are many. The resolver is ours: libcurl's look-ups end in the
 * getaddrinfo below, which the linker takes instead of the C library's. All else is real: libcurl
 * with its resolver threads, the guard, the sockets. 127.0.0.2 and 127.0.0.3 are allowed here and
 * so stand for public addresses; the server on 127.0.0.1 is what must not be reached.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatcher/account_keys.h"
#include "dispatcher/delivery.h"
#include "dispatcher/job_details.h"
#include "http_server.h"
#include "shared/clock.h"
#include "shared/compiler.h"

#define GIVE_UP_MS    10000
#define NAME          "rebind.example.com"
#define ADDRESSES_MAX 4

/* What the name answers: the addresses of look-up 0, 1 ...; the last one for ever. */
struct answer {
    const char *addresses[ADDRESSES_MAX];
};
static const struct answer *script;
static size_t script_length;
static atomic_uint lookups;

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): those of the C library
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!node || strcmp(node, NAME) != 0)
        return real(node, service, hints, result);
    unsigned lookup = atomic_fetch_add(&lookups, 1);
    const struct answer *answer = &script[lookup < script_length ? lookup : script_length - 1];
    struct addrinfo **end = result;
    *result = NULL;
    for (size_t i = 0; i < ADDRESSES_MAX && answer->addresses[i]; i++) {
        struct addrinfo wanted = *hints;
        wanted.ai_family = AF_UNSPEC;
        wanted.ai_flags = AI_NUMERICHOST;
        int error = real(answer->addresses[i], service, &wanted, end);
        if (error)
            return error;
        while (*end)
            end = &(*end)->ai_next;
    }
    return *result ? 0 : EAI_NONAME;
}

/* A dispatcher's deliveries, with a cache of names and of connections of their own. */
struct fixture {
    uv_loop_t loop;
    struct http_server private, public;
    struct guard *guard;
    struct deliveries *deliveries;
    struct account_keys keys;
    struct held_run run;
    bool ended;
};

static void on_connected(void *arg, struct held_run *run)
{
    (void)arg;
    (void)run;
}

static void on_done(void *arg, struct held_run *run)
{
    (void)run;
    ((struct fixture *)arg)->ended = true;
}

static void open_fixture(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    char error[GUARD_ERROR_SIZE];
    assert_int_equal(guard_create("127.0.0.2/32,127.0.0.3/32", &fixture->guard, error), 0);
    uv_loop_init(&fixture->loop);
    http_server_open(&fixture->private, &fixture->loop, "127.0.0.1");
    http_server_open_port(&fixture->public, &fixture->loop, "127.0.0.2", fixture->private.port);
    struct delivery_options options = {.connections = 8,
                                       .response_cap_bytes = 65536,
                                       .guard = fixture->guard,
                                       .on_connected = on_connected,
                                       .on_done = on_done,
                                       .arg = fixture};
    fixture->deliveries = deliveries_open(&fixture->loop, &options);
}

static void close_fixture(struct fixture *fixture)
{
    deliveries_close(fixture->deliveries);
    http_server_close(&fixture->private);
    http_server_close(&fixture->public);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    guard_free(fixture->guard);
    free(fixture->run.body);
}

static void play(const struct answer *answers, size_t length)
{
    script = answers;
    script_length = length;
    atomic_store(&lookups, 0);
}

static const struct result *deliver(struct fixture *fixture, const char *path)
{
    char url[128];
    snprintf(url, sizeof(url), "http://" NAME ":%d%s", fixture->private.port, path);
    struct job_row row = {.job = 7, .version = 1, .url = url};
    struct held_run *run = &fixture->run;
    free(run->body);
    memset(run, 0, sizeof(*run));
    run->run = (struct run){.job = 7, .slot_s = 60, .attempt = 1, .timeout_s = 5};
    run->details = job_details_create(&row);
    run->keys = &fixture->keys;
    fixture->ended = false;
    int64_t deadline_ms = clock_monotonic_ms() + GIVE_UP_MS;
    delivery_start(fixture->deliveries, run);
    while (!fixture->ended && clock_monotonic_ms() < deadline_ms)
        if (uv_run(&fixture->loop, UV_RUN_NOWAIT) && !fixture->ended)
            uv_sleep(1);
    assert_true(fixture->ended);
    job_details_release(run->details);
    return &run->result;
}

static void test_public_first_private_next(void **state)
{
    (void)state;
    static const struct answer answers[] = {{{"127.0.0.2"}}, {{"127.0.0.1"}}};
    play(answers, 2);
    struct fixture fixture;
    open_fixture(&fixture);
    assert_int_equal(deliver(&fixture, "/status/200")->outcome, RESULT_SUCCESS);
    /* The connection is gone; whether the name is looked up again or not, it stays outside. */
    assert_int_equal(deliver(&fixture, "/hang-up")->outcome, RESULT_CONNECT);
    deliver(&fixture, "/status/200");
    assert_int_equal(fixture.private.connections, 0);
    close_fixture(&fixture);

    /* Nothing is remembered here, so this is the second look-up. */
    open_fixture(&fixture);
    assert_int_equal(atomic_load(&lookups), 1);
    const struct result *result = deliver(&fixture, "/status/200");
    assert_int_equal(atomic_load(&lookups), 2);
    assert_int_equal(result->outcome, RESULT_BLOCKED);
    assert_string_equal(result->error, "destination address is not allowed");
    assert_int_equal(fixture.private.connections, 0);
    assert_int_equal(fixture.public.connections, 0);
    close_fixture(&fixture);
}

/* One answer with several addresses: each is judged, whatever came before it. */
static void test_several_addresses(void **state)
{
    (void)state;
    static const struct {
        struct answer answer;
        enum result_outcome outcome;
    } rows[] = {
        {{{"127.0.0.3", "127.0.0.1"}}, RESULT_CONNECT}, /* refused, then private */
        {{{"127.0.0.1", "127.0.0.2"}}, RESULT_SUCCESS},
        {{{"127.0.0.3", "127.0.0.2"}}, RESULT_SUCCESS},
        {{{"127.0.0.1", "10.0.0.1", "169.254.169.254"}}, RESULT_BLOCKED},
        {{{"::ffff:127.0.0.1", "127.0.0.1"}}, RESULT_BLOCKED},
        {{{"::1", "127.0.0.3"}}, RESULT_CONNECT},
        {{{"64:ff9b::7f00:1"}}, RESULT_BLOCKED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        play(&rows[i].answer, 1);
        struct fixture fixture;
        open_fixture(&fixture);
        const struct result *result = deliver(&fixture, "/status/200");
        if (result->outcome != rows[i].outcome)
            fail_msg("row %zu: outcome %u, %s", i, result->outcome, result->error);
        assert_int_equal(fixture.private.connections, 0);
        close_fixture(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_first_private_next),
        cmocka_unit_test(test_several_addresses),
    };
    return cmocka_run_group_tests_name("rebinding", tests, NULL, NULL);
}
