/* Streams that are kept from filling up, against a real server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/trim.h"
#include "shared/bus_streams.h"
#include "shared/bus_work.h"
#include "tests/unit/bus_fixture.h"

#define STREAM_BYTES  100000
#define MESSAGE_BYTES 1000

static void make_stream(struct bus_fixture *fixture)
{
    char body[512];
    snprintf(body, sizeof(body),
             "{\"name\":\"T\",\"subjects\":[\"t.>\"],\"retention\":\"limits\",\"storage\":\"file\","
             "\"num_replicas\":1,\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":%d,"
             "\"max_age\":0,\"max_msg_size\":-1,\"discard\":\"new\"}",
             STREAM_BYTES);
    bus_fixture_api(fixture, "$JS.API.STREAM.CREATE.T", body);
    bus_fixture_api(fixture, "$JS.API.CONSUMER.DURABLE.CREATE.T.d",
                    "{\"stream_name\":\"T\",\"config\":{\"durable_name\":\"d\","
                    "\"deliver_policy\":\"all\",\"ack_policy\":\"explicit\",\"max_deliver\":-1,"
                    "\"ack_wait\":60000000000,\"replay_policy\":\"instant\"}}");
}

struct acks {
    size_t ended;
};

static void on_ack(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    struct acks *acks = arg;
    (void)ack;
    assert_int_equal(status, BUS_OK);
    acks->ended++;
}

static void fill(struct bus_fixture *fixture, size_t count)
{
    static const char message[MESSAGE_BYTES] = {'x'};
    struct acks acks = {0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(bus_publish_acked(fixture->bus, "t.1", NULL, 0, message, sizeof(message),
                                           5000, on_ack, &acks),
                         BUS_OK);
    bus_fixture_wait(fixture, &acks.ended, count);
}

struct range {
    size_t ended;
    uint64_t first;
};

static void on_range(void *arg, enum bus_status status, uint64_t first, uint64_t last)
{
    struct range *range = arg;
    (void)last;
    assert_int_equal(status, BUS_OK);
    range->first = first;
    range->ended++;
}

/* The stream's first message, after whatever was begun had its time. */
static uint64_t first_message(struct bus_fixture *fixture)
{
    struct range range = {0};
    bus_fixture_run(fixture, 200);
    assert_int_equal(bus_stream_range(fixture->bus, "T", 5000, on_range, &range), BUS_OK);
    bus_fixture_wait(fixture, &range.ended, 1);
    return range.first;
}

static void test_applied(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    struct trim *trim = trim_open(fixture->bus, "T");
    fill(fixture, 40);
    trim_look(trim, 30);
    assert_int_equal(first_message(fixture), 1); /* less than half full */
    fill(fixture, 20);
    trim_look(trim, 0);
    assert_int_equal(first_message(fixture), 1);
    trim_look(trim, 30);
    assert_int_equal(first_message(fixture), 31);
    trim_close(trim);
}

struct reader_of {
    struct bus *bus;
    size_t received;
    uint64_t held; /* sequence that is not acknowledged */
};

static void on_message(void *arg, const struct bus_message *message,
                       const struct bus_delivery *delivery)
{
    struct reader_of *reader = arg;
    reader->received++;
    if (delivery->stream_sequence != reader->held)
        bus_work_ack(reader->bus, message->reply);
}

static void test_acknowledged(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    struct trim *trim = trim_open(fixture->bus, "T");
    fill(fixture, 60);
    trim_look_acknowledged(trim, "d");
    assert_int_equal(first_message(fixture), 1); /* nothing is read */
    struct reader_of reader = {.bus = fixture->bus, .held = 45};
    struct bus_work *work = bus_work_open(fixture->bus, "T", "d", on_message, &reader);
    bus_work_grant(work, 40);
    bus_fixture_wait(fixture, &reader.received, 40);
    bus_fixture_run(fixture, 200);
    trim_look_acknowledged(trim, "d");
    assert_int_equal(first_message(fixture), 41);
    fill(fixture, 60); /* which had no room before */
    bus_work_grant(work, 20);
    bus_fixture_wait(fixture, &reader.received, 60);
    bus_fixture_run(fixture, 200);
    trim_look_acknowledged(trim, "d");
    assert_int_equal(first_message(fixture), 45); /* and all behind it */
    trim_look_acknowledged(trim, "other");
    assert_int_equal(first_message(fixture), 45);
    bus_work_close(work);
    trim_close(trim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_applied, bus_fixture_setup, bus_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_acknowledged, bus_fixture_setup, bus_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
