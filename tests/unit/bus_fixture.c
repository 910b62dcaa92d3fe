#include "tests/unit/bus_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"

#define API_RETRY_MS   100
#define API_TIMEOUT_MS 2000
#define FILL_WINDOW    1000

struct call {
    size_t ended;
    enum bus_status status;
    bool error;
};

static void on_state(void *arg, bool connected)
{
    struct bus_fixture *fixture = arg;
    if (connected)
        fixture->connects++;
    else
        fixture->disconnects++;
}

static void on_other_state(void *arg, bool connected)
{
    struct bus_fixture *fixture = arg;
    fixture->other_connects += connected;
}

static int setup(void **state, bool prompt)
{
    struct bus_fixture *fixture = memory_new(1, sizeof(*fixture));
    fixture->prompt = prompt;
    nats_server_start(&fixture->server);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    fixture->bus = bus_open(&fixture->loop, &(struct bus_options){.url = fixture->server.url,
                                                                  .name = "test",
                                                                  .prompt = prompt,
                                                                  .on_state = on_state,
                                                                  .arg = fixture});
    bus_fixture_wait(fixture, &fixture->connects, 1);
    *state = fixture;
    return 0;
}

int bus_fixture_setup(void **state)
{
    return setup(state, false);
}

int bus_fixture_setup_prompt(void **state)
{
    return setup(state, true);
}

int bus_fixture_teardown(void **state)
{
    struct bus_fixture *fixture = *state;
    nats_server_pause(&fixture->server, false);
    for (size_t i = 0; i < FIXTURE_OTHERS; i++)
        if (fixture->others[i])
            bus_close(fixture->others[i]);
    if (fixture->bus)
        bus_close(fixture->bus);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    nats_server_stop(&fixture->server);
    free(fixture);
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Until *count >= wanted, or ms have passed; count may be NULL. */
static void run(struct bus_fixture *fixture, const size_t *count, size_t wanted, int64_t ms)
{
    bool late = false;
    uv_timer_t *timer = memory_new(1, sizeof(*timer));
    assert_int_equal(uv_timer_init(&fixture->loop, timer), 0);
    timer->data = &late;
    uv_update_time(&fixture->loop);
    assert_int_equal(uv_timer_start(timer, on_timer, (uint64_t)ms, 0), 0);
    while (!late && (!count || *count < wanted))
        uv_run(&fixture->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)timer, on_timer_closed);
}

void bus_fixture_wait(struct bus_fixture *fixture, const size_t *count, size_t wanted)
{
    run(fixture, count, wanted, FIXTURE_TIMEOUT_MS);
    if (*count >= wanted)
        return;
    /* cmocka shows its own message only after the teardown, which may not come to its end. */
    fprintf(stderr, "%zu of %zu after %d ms\n", *count, wanted, FIXTURE_TIMEOUT_MS);
    fail_msg("%zu of %zu after %d ms", *count, wanted, FIXTURE_TIMEOUT_MS);
}

void bus_fixture_run(struct bus_fixture *fixture, int64_t ms)
{
    run(fixture, NULL, 0, ms);
}

struct bus *bus_fixture_open_other(struct bus_fixture *fixture)
{
    size_t i = 0;
    while (i < FIXTURE_OTHERS && fixture->others[i])
        i++;
    assert_in_range(i, 0, FIXTURE_OTHERS - 1);
    fixture->others[i] = bus_open(&fixture->loop, &(struct bus_options){.url = fixture->server.url,
                                                                        .prompt = fixture->prompt,
                                                                        .on_state = on_other_state,
                                                                        .arg = fixture});
    bus_fixture_wait(fixture, &fixture->other_connects, fixture->other_connects + 1);
    return fixture->others[i];
}

void bus_fixture_close_other(struct bus_fixture *fixture, struct bus *bus)
{
    for (size_t i = 0; i < FIXTURE_OTHERS; i++)
        if (fixture->others[i] == bus)
            fixture->others[i] = NULL;
    bus_close(bus);
}

void bus_fixture_restart_server(struct bus_fixture *fixture)
{
    size_t connects = fixture->connects;
    nats_server_kill(&fixture->server);
    nats_server_restart(&fixture->server);
    bus_fixture_wait(fixture, &fixture->connects, connects + 1);
}

static void on_answer(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct call *call = arg;
    call->ended++;
    call->status = status;
    if (!message)
        return;
    char *text = memory_text(message->data, message->length);
    call->error = strstr(text, "\"error\":") != NULL;
    if (call->error)
        print_message("%s\n", text);
    free(text);
}

void bus_fixture_api(struct bus_fixture *fixture, const char *subject, const char *body)
{
    for (int tries = 0; tries < FIXTURE_TIMEOUT_MS / API_RETRY_MS; tries++) {
        struct call call = {0};
        assert_int_equal(bus_request(fixture->bus, subject, NULL, 0, body, strlen(body),
                                     API_TIMEOUT_MS, on_answer, &call),
                         BUS_OK);
        bus_fixture_wait(fixture, &call.ended, 1);
        if (call.status == BUS_OK) {
            assert_false(call.error);
            return;
        }
        bus_fixture_run(fixture, API_RETRY_MS);
    }
    fail_msg("no answer to %s", subject);
}

static void on_filled(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    struct call *call = arg;
    call->ended++;
    if (status != BUS_OK) {
        print_message("%s %s\n", bus_status_text(status), ack->description);
        call->error = true;
    }
}

void bus_fixture_fill(struct bus_fixture *fixture, const char *subject, size_t count)
{
    struct call call = {0};
    for (size_t i = 0; i < count; i++) {
        char text[24];
        int length = snprintf(text, sizeof(text), "%zu", i);
        assert_int_equal(bus_publish_acked(fixture->bus, subject, NULL, 0, text, (size_t)length,
                                           FIXTURE_TIMEOUT_MS, on_filled, &call),
                         BUS_OK);
        if (i >= FILL_WINDOW)
            bus_fixture_wait(fixture, &call.ended, i - FILL_WINDOW + 1);
    }
    bus_fixture_wait(fixture, &call.ended, count);
    assert_false(call.error);
}
