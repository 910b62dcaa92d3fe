/* The ordered reader against a real server: every message once and in order, whatever happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_tail.h"
#include "shared/clock.h"
#include "tests/unit/bus_fixture.h"

#define STREAM_BODY                                                                                \
    "{\"name\":\"T\",\"subjects\":[\"t.>\"],\"retention\":\"limits\",\"storage\":\"file\","        \
    "\"num_replicas\":1,\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0,"      \
    "\"max_msg_size\":-1,\"discard\":\"old\"}"
#define MESSAGES 10000

struct reader_state {
    struct bus_tail *tail;
    bool grant_again;
    size_t received;
    uint64_t last;
    size_t disorder;
};

static void on_message(void *arg, uint64_t sequence, int64_t time_ms,
                       const struct bus_message *message)
{
    struct reader_state *reader = arg;
    assert_true(time_ms > INT64_C(1600000000000));
    assert_true(message->length > 0);
    reader->disorder += sequence != reader->last + 1;
    reader->last = sequence;
    reader->received++;
    if (reader->grant_again)
        bus_tail_grant(reader->tail, 1);
}

static void open_reader(struct bus_fixture *fixture, struct reader_state *reader, uint64_t after)
{
    *reader = (struct reader_state){.last = after};
    reader->tail = bus_tail_open(fixture->bus, "T", NULL, after, on_message, reader);
}

static void make_stream(struct bus_fixture *fixture)
{
    bus_fixture_api(fixture, "$JS.API.STREAM.CREATE.T", STREAM_BODY);
}

static void test_from_a_sequence(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    bus_fixture_fill(fixture, "t.a", 1000);
    struct reader_state reader;
    open_reader(fixture, &reader, 900);
    bus_fixture_run(fixture, 100);
    assert_int_equal(reader.received, 0);
    bus_tail_grant(reader.tail, 30);
    bus_fixture_wait(fixture, &reader.received, 30);
    bus_fixture_run(fixture, 100);
    assert_int_equal(reader.received, 30);
    bus_tail_grant(reader.tail, 100);
    bus_fixture_wait(fixture, &reader.received, 100);
    assert_int_equal(reader.last, 1000);
    bus_fixture_fill(fixture, "t.b", 40);
    bus_fixture_wait(fixture, &reader.received, 130);
    bus_fixture_run(fixture, 100);
    assert_int_equal(reader.received, 130);
    assert_int_equal(reader.disorder, 0);
    bus_tail_close(reader.tail);
}

static void test_empty_stream(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    struct reader_state reader;
    open_reader(fixture, &reader, 0);
    bus_tail_grant(reader.tail, 1000);
    bus_fixture_run(fixture, 300);
    assert_int_equal(reader.received, 0);
    bus_fixture_fill(fixture, "t.a", 100);
    bus_fixture_wait(fixture, &reader.received, 100);
    assert_int_equal(reader.disorder, 0);
    bus_tail_close(reader.tail);
}

static void test_at_the_end(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    bus_fixture_fill(fixture, "t.a", 10);
    struct reader_state reader;
    open_reader(fixture, &reader, 10);
    bus_tail_grant(reader.tail, 1000);
    bus_fixture_run(fixture, 200);
    assert_int_equal(reader.received, 0);
    bus_fixture_fill(fixture, "t.a", 5);
    bus_fixture_wait(fixture, &reader.received, 5);
    assert_int_equal(reader.disorder, 0);
    bus_tail_close(reader.tail);
}

/* Also across a restart: what was read does not come again. */
static void test_from_a_time(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    bus_fixture_fill(fixture, "t.a", 20);
    bus_fixture_run(fixture, 50);
    int64_t since_ms = clock_now_ms();
    bus_fixture_run(fixture, 50);
    bus_fixture_fill(fixture, "t.b", 30);
    struct reader_state reader = {.last = 20};
    reader.tail = bus_tail_open_since(fixture->bus, "T", NULL, since_ms, on_message, &reader);
    bus_tail_grant(reader.tail, 10);
    bus_fixture_wait(fixture, &reader.received, 10);
    bus_fixture_restart_server(fixture);
    bus_tail_grant(reader.tail, 100);
    bus_fixture_wait(fixture, &reader.received, 30);
    assert_int_equal(reader.last, 50);
    assert_int_equal(reader.disorder, 0);
    bus_tail_close(reader.tail);
}

static void test_stream_that_comes_later(void **state)
{
    struct bus_fixture *fixture = *state;
    struct reader_state reader;
    open_reader(fixture, &reader, 0);
    bus_tail_grant(reader.tail, 1000);
    bus_fixture_run(fixture, 400);
    make_stream(fixture);
    bus_fixture_fill(fixture, "t.a", 10);
    bus_fixture_wait(fixture, &reader.received, 10);
    assert_int_equal(reader.disorder, 0);
    bus_tail_close(reader.tail);
}

static void on_filtered(void *arg, uint64_t sequence, int64_t time_ms,
                        const struct bus_message *message)
{
    (void)time_ms;
    (void)message;
    struct reader_state *reader = arg;
    reader->disorder += sequence <= reader->last;
    reader->last = sequence;
    reader->received++;
}

static void test_filter(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    bus_fixture_fill(fixture, "t.a", 10);
    bus_fixture_fill(fixture, "t.b", 10);
    bus_fixture_fill(fixture, "t.a", 10);
    struct reader_state reader = {0};
    reader.tail = bus_tail_open(fixture->bus, "T", "t.a", 5, on_filtered, &reader);
    bus_tail_grant(reader.tail, 1000);
    bus_fixture_wait(fixture, &reader.received, 15);
    bus_fixture_run(fixture, 100);
    assert_int_equal(reader.received, 15);
    assert_int_equal(reader.last, 30);
    assert_int_equal(reader.disorder, 0);
    bus_tail_close(reader.tail);
}

static void on_large_ack(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    size_t *acknowledged = arg;
    assert_int_equal(status, BUS_OK);
    assert_int_equal(ack->err_code, 0);
    (*acknowledged)++;
}

static void on_large(void *arg, uint64_t sequence, int64_t time_ms,
                     const struct bus_message *message)
{
    assert_true(message->length == (size_t)310 * 1024);
    on_message(arg, sequence, time_ms, message);
}

/* The largest batch of results is 302 KiB: many of them at once, as after an outage. */
static void test_large_messages(void **state)
{
    enum { COUNT = 40, BYTES = 310 * 1024 };
    static char large[BYTES];
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    memset(large, 'x', sizeof large);
    size_t acknowledged = 0;
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(bus_publish_acked(fixture->bus, "t.a", NULL, 0, large, sizeof large, 10000,
                                           on_large_ack, &acknowledged),
                         BUS_OK);
    bus_fixture_wait(fixture, &acknowledged, COUNT);
    struct reader_state reader = {0};
    reader.tail = bus_tail_open(fixture->bus, "T", NULL, 0, on_large, &reader);
    bus_tail_grant(reader.tail, COUNT);
    bus_fixture_wait(fixture, &reader.received, COUNT);
    assert_int_equal(reader.disorder, 0);
    bus_tail_close(reader.tail);
}

static void test_restarts(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    bus_fixture_fill(fixture, "t.a", MESSAGES);
    struct reader_state reader;
    open_reader(fixture, &reader, 0);
    reader.grant_again = true;
    bus_tail_grant(reader.tail, 200);
    for (size_t part = 1; part <= 3; part++) {
        bus_fixture_wait(fixture, &reader.received, part * MESSAGES / 4);
        bus_fixture_restart_server(fixture);
    }
    bus_fixture_wait(fixture, &reader.received, MESSAGES);
    bus_fixture_run(fixture, 300);
    assert_int_equal(reader.received, MESSAGES);
    assert_int_equal(reader.last, MESSAGES);
    assert_int_equal(reader.disorder, 0);

    /* The window is still 200 wide: 300 more come without a further grant of ours only by it. */
    reader.grant_again = false;
    bus_fixture_fill(fixture, "t.a", 300);
    bus_fixture_wait(fixture, &reader.received, MESSAGES + 200);
    bus_fixture_run(fixture, 300);
    assert_int_equal(reader.received, MESSAGES + 200);
    bus_tail_close(reader.tail);
}

static void test_paused_server(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    bus_fixture_fill(fixture, "t.a", MESSAGES);
    struct reader_state reader;
    open_reader(fixture, &reader, 0);
    bus_tail_grant(reader.tail, 5000);
    bus_fixture_wait(fixture, &reader.received, 100);
    nats_server_pause(&fixture->server, true);
    bus_fixture_wait(fixture, &fixture->disconnects, 1);
    nats_server_pause(&fixture->server, false);
    bus_tail_grant(reader.tail, 5000);
    bus_fixture_wait(fixture, &reader.received, MESSAGES);
    bus_fixture_run(fixture, 200);
    assert_int_equal(reader.received, MESSAGES);
    assert_int_equal(reader.disorder, 0);
    bus_tail_close(reader.tail);
}

/* Somebody deletes the consumer under it. */
struct names {
    size_t ended;
    char text[1024];
};

static void on_names(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct names *names = arg;
    assert_int_equal(status, BUS_OK);
    snprintf(names->text, sizeof(names->text), "%.*s", (int)message->length, message->data);
    names->ended++;
}

static void list_consumers(struct bus_fixture *fixture, struct names *names)
{
    *names = (struct names){0};
    assert_int_equal(bus_request(fixture->bus, "$JS.API.CONSUMER.NAMES.T", NULL, 0, NULL, 0, 5000,
                                 on_names, names),
                     BUS_OK);
    bus_fixture_wait(fixture, &names->ended, 1);
}

static void test_consumer_deleted(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    bus_fixture_fill(fixture, "t.a", 100);
    struct reader_state reader;
    open_reader(fixture, &reader, 0);
    bus_tail_grant(reader.tail, 200);
    bus_fixture_wait(fixture, &reader.received, 100);
    struct names names;
    list_consumers(fixture, &names);
    char *name = strstr(names.text, "\"consumers\":[\"");
    assert_non_null(name);
    name += strlen("\"consumers\":[\"");
    *strchr(name, '"') = '\0';
    char subject[256];
    snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.DELETE.T.%s", name);
    bus_fixture_api(fixture, subject, "");
    bus_fixture_fill(fixture, "t.a", 150);
    bus_fixture_wait(fixture, &reader.received, 200);
    bus_fixture_run(fixture, 200);
    assert_int_equal(reader.received, 200);
    assert_int_equal(reader.disorder, 0);

    bus_tail_close(reader.tail);
    bus_fixture_run(fixture, 100);
    list_consumers(fixture, &names);
    assert_non_null(strstr(names.text, "\"total\":0"));
}

static void test_stream_made_anew(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    bus_fixture_fill(fixture, "t.a", 1000);
    struct reader_state reader;
    open_reader(fixture, &reader, 500);
    bus_tail_grant(reader.tail, 10000);
    bus_fixture_wait(fixture, &reader.received, 500);
    bus_fixture_api(fixture, "$JS.API.STREAM.DELETE.T", "");
    make_stream(fixture);
    reader.last = 0;
    bus_fixture_fill(fixture, "t.a", 20);
    bus_fixture_wait(fixture, &reader.received, 520);
    assert_int_equal(reader.last, 20);
    assert_int_equal(reader.disorder, 0);
    bus_tail_close(reader.tail);

    open_reader(fixture, &reader, 21);
    reader.last = 0;
    bus_tail_grant(reader.tail, 10000);
    bus_fixture_wait(fixture, &reader.received, 20);
    assert_int_equal(reader.disorder, 0);
    bus_tail_close(reader.tail);
}

static void test_close_at_any_time(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    bus_fixture_fill(fixture, "t.a", 5000);
    for (int i = 0; i < 20; i++) {
        struct reader_state reader;
        open_reader(fixture, &reader, 0);
        bus_tail_grant(reader.tail, 5000);
        bus_fixture_run(fixture, i);
        bus_tail_close(reader.tail);
        size_t received = reader.received;
        bus_fixture_run(fixture, 2);
        assert_int_equal(reader.received, received);
    }
}

#define WITH_SERVER(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, bus_fixture_setup, bus_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_from_a_sequence),
        WITH_SERVER(test_empty_stream),
        WITH_SERVER(test_at_the_end),
        WITH_SERVER(test_from_a_time),
        WITH_SERVER(test_stream_that_comes_later),
        WITH_SERVER(test_filter),
        WITH_SERVER(test_large_messages),
        WITH_SERVER(test_restarts),
        WITH_SERVER(test_paused_server),
        WITH_SERVER(test_consumer_deleted),
        WITH_SERVER(test_stream_made_anew),
        WITH_SERVER(test_close_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
