/* The streams and durable consumers against a real server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_streams.h"
#include "tests/unit/bus_fixture.h"

#define STORAGE_BYTES (64 << 20)

struct done {
    size_t ended;
    bool good;
    char error[256];
};

static void on_done(void *arg, const char *error)
{
    struct done *done = arg;
    done->ended++;
    done->good = error == NULL;
    snprintf(done->error, sizeof(done->error), "%s", error ? error : "");
}

static void ensure(struct bus_fixture *fixture, struct done *done)
{
    *done = (struct done){0};
    bus_streams_ensure(fixture->bus, STORAGE_BYTES, on_done, done);
    assert_int_equal(done->ended, 0);
    bus_fixture_wait(fixture, &done->ended, 1);
}

struct text {
    size_t ended;
    char text[4096];
};

static void on_text(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct text *text = arg;
    assert_int_equal(status, BUS_OK);
    snprintf(text->text, sizeof(text->text), "%.*s", (int)message->length, message->data);
    text->ended++;
}

static void assert_api(struct bus_fixture *fixture, const char *subject, const char *member)
{
    struct text text = {0};
    assert_int_equal(bus_request(fixture->bus, subject, NULL, 0, NULL, 0, 5000, on_text, &text),
                     BUS_OK);
    bus_fixture_wait(fixture, &text.ended, 1);
    if (!strstr(text.text, member))
        fail_msg("no %s in %s", member, text.text);
}

static void test_makes_and_checks(void **state)
{
    struct bus_fixture *fixture = *state;
    for (int i = 0; i < 2; i++) {
        struct done done;
        ensure(fixture, &done);
        assert_string_equal(done.error, "");
        assert_true(done.good);
    }
    assert_api(fixture, "$JS.API.STREAM.NAMES", "\"total\":6");
    assert_api(fixture, "$JS.API.STREAM.INFO.CMD", "\"discard\":\"new\"");
    assert_api(fixture, "$JS.API.STREAM.INFO.CMD", "\"max_age\":21600000000000");
    assert_api(fixture, "$JS.API.STREAM.INFO.CMD", "\"max_bytes\":67108864");
    assert_api(fixture, "$JS.API.STREAM.INFO.PINGS", "\"discard\":\"new\"");
    assert_api(fixture, "$JS.API.STREAM.INFO.PINGS", "\"max_age\":86400000000000");
    assert_api(fixture, "$JS.API.STREAM.INFO.PINGS", "\"duplicate_window\":120000000000");
    assert_api(fixture, "$JS.API.STREAM.INFO.PINGS", "\"max_msg_size\":524288");
    assert_api(fixture, "$JS.API.STREAM.INFO.RUNS", "\"discard\":\"old\"");
    assert_api(fixture, "$JS.API.STREAM.INFO.RUNS", "\"duplicate_window\":120000000000");
    assert_api(fixture, "$JS.API.STREAM.INFO.RUNS", "\"storage\":\"file\"");
    assert_api(fixture, "$JS.API.STREAM.INFO.RATES", "\"max_bytes\":16777216");
    assert_api(fixture, "$JS.API.STREAM.INFO.MAIL", "\"duplicate_window\":7200000000000");
    assert_api(fixture, "$JS.API.CONSUMER.NAMES.RUNS", "\"total\":8");
    assert_api(fixture, "$JS.API.CONSUMER.INFO.RUNS.dispatcher-7", "\"filter_subject\":\"run.7\"");
    assert_api(fixture, "$JS.API.CONSUMER.INFO.RUNS.dispatcher-7", "\"ack_wait\":15000000000");
    assert_api(fixture, "$JS.API.CONSUMER.INFO.MAIL.mailer", "\"max_ack_pending\":100000");
}

static void test_race(void **state)
{
    struct bus_fixture *fixture = *state;
    struct bus *others[3];
    struct done done[ARRAY_LENGTH(others)] = {0};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        others[i] = bus_open(&fixture->loop, &(struct bus_options){.url = fixture->server.url});
        /* Of another size each: one wins. */
        bus_streams_ensure(others[i], STORAGE_BYTES + (int64_t)i, on_done, &done[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        bus_fixture_wait(fixture, &done[i].ended, 1);
        bus_close(others[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_string_equal(done[i].error, "");
}

static void test_difference(void **state)
{
    struct bus_fixture *fixture = *state;
    struct done done;
    bus_fixture_api(fixture, "$JS.API.STREAM.CREATE.RUNS",
                    "{\"name\":\"RUNS\",\"subjects\":[\"runs.>\"],\"retention\":\"limits\","
                    "\"storage\":\"file\",\"num_replicas\":1}");
    ensure(fixture, &done);
    assert_string_equal(done.error, "stream RUNS exists with other subjects");
    bus_fixture_api(fixture, "$JS.API.STREAM.DELETE.RUNS", "");
    bus_fixture_api(fixture, "$JS.API.STREAM.CREATE.RUNS",
                    "{\"name\":\"RUNS\",\"subjects\":[\"run.>\"],\"retention\":\"workqueue\","
                    "\"storage\":\"file\",\"num_replicas\":1}");
    ensure(fixture, &done);
    assert_string_equal(done.error, "stream RUNS exists with other retention");
    bus_fixture_api(fixture, "$JS.API.STREAM.DELETE.RUNS", "");
    ensure(fixture, &done);
    assert_true(done.good);
    bus_fixture_api(fixture, "$JS.API.CONSUMER.DELETE.RUNS.dispatcher-3", "");
    bus_fixture_api(fixture, "$JS.API.CONSUMER.DURABLE.CREATE.RUNS.dispatcher-3",
                    "{\"stream_name\":\"RUNS\",\"config\":{\"durable_name\":\"dispatcher-3\","
                    "\"deliver_policy\":\"all\",\"ack_policy\":\"explicit\","
                    "\"filter_subject\":\"run.4\",\"replay_policy\":\"instant\"}}");
    ensure(fixture, &done);
    assert_string_equal(done.error, "consumer dispatcher-3 exists with other filter_subject");
}

static void test_no_room(void **state)
{
    struct bus_fixture *fixture = *state;
    struct done done = {0};
    bus_streams_ensure(fixture->bus, INT64_C(1) << 60, on_done, &done);
    bus_fixture_wait(fixture, &done.ended, 1);
    assert_false(done.good);
    print_message("%s\n", done.error);
}

static void test_through_restarts(void **state)
{
    struct bus_fixture *fixture = *state;
    struct done done = {0};
    bus_streams_ensure(fixture->bus, STORAGE_BYTES, on_done, &done);
    bus_fixture_run(fixture, 5);
    bus_fixture_restart_server(fixture);
    bus_fixture_wait(fixture, &done.ended, 1);
    assert_true(done.good);

    nats_server_kill(&fixture->server);
    bus_fixture_wait(fixture, &fixture->disconnects, 2);
    done = (struct done){0};
    bus_streams_ensure(fixture->bus, STORAGE_BYTES, on_done, &done);
    bus_fixture_run(fixture, 300);
    assert_int_equal(done.ended, 0);
    nats_server_restart(&fixture->server);
    bus_fixture_wait(fixture, &done.ended, 1);
    assert_true(done.good);
}

static void test_close_meanwhile(void **state)
{
    struct bus_fixture *fixture = *state;
    struct done done = {0};
    bus_streams_ensure(fixture->bus, STORAGE_BYTES, on_done, &done);
    bus_fixture_run(fixture, 2);
    bus_close(fixture->bus);
    fixture->bus = NULL;
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(done.ended, 0);
}

struct range {
    size_t ended;
    enum bus_status status;
    uint64_t first;
    uint64_t last;
};

static void on_range(void *arg, enum bus_status status, uint64_t first, uint64_t last)
{
    *(struct range *)arg = (struct range){1, status, first, last};
}

static void test_range(void **state)
{
    struct bus_fixture *fixture = *state;
    struct done done;
    ensure(fixture, &done);
    struct range range = {0};
    assert_int_equal(bus_stream_range(fixture->bus, "RUNS", 5000, on_range, &range), BUS_OK);
    bus_fixture_wait(fixture, &range.ended, 1);
    assert_int_equal(range.status, BUS_OK);
    assert_int_equal(range.last, 0);

    bus_fixture_fill(fixture, "run.1", 20);
    bus_fixture_api(fixture, "$JS.API.STREAM.PURGE.RUNS", "{\"seq\":11}");
    range = (struct range){0};
    assert_int_equal(bus_stream_range(fixture->bus, "RUNS", 5000, on_range, &range), BUS_OK);
    bus_fixture_wait(fixture, &range.ended, 1);
    assert_int_equal(range.first, 11);
    assert_int_equal(range.last, 20);

    range = (struct range){0};
    assert_int_equal(bus_stream_range(fixture->bus, "NONE", 5000, on_range, &range), BUS_OK);
    bus_fixture_wait(fixture, &range.ended, 1);
    assert_int_equal(range.status, BUS_REFUSED);

    range = (struct range){0};
    assert_int_equal(bus_stream_range(fixture->bus, "RUNS", 5000, on_range, &range), BUS_OK);
    bus_forget(fixture->bus, &range);
    bus_fixture_run(fixture, 100);
    assert_int_equal(range.ended, 0);
}

static void test_event_ids(void **state)
{
    (void)state;
    assert_true(bus_event_id("event.account.1", "account") == 1);
    assert_true(bus_event_id("event.check.9223372036854775807", "check") == INT64_MAX);
    static const char *const others[] = {
        "",
        "event.account.",
        "event.account",
        "event.account.0",
        "event.account.-1",
        "event.account.+1",
        "event.account. 1",
        "event.account.1x",
        "event.account.1.2",
        "event.account.9223372036854775808",
        "event.accounts.1",
        "event.check.1",
        "vent.account.1",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_true(bus_event_id(others[i], "account") == 0);
}

#define WITH_SERVER(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, bus_fixture_setup, bus_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_ids),
        WITH_SERVER(test_makes_and_checks),
        WITH_SERVER(test_race),
        WITH_SERVER(test_difference),
        WITH_SERVER(test_no_room),
        WITH_SERVER(test_through_restarts),
        WITH_SERVER(test_close_meanwhile),
        WITH_SERVER(test_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
