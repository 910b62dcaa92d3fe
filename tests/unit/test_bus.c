/* The bus against a real server: requests, acknowledgements, and what a broken connection does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/bus_fixture.h"

#define STREAM_BODY                                                                                \
    "{\"name\":\"T\",\"subjects\":[\"t.>\"],\"retention\":\"limits\",\"storage\":\"file\","        \
    "\"num_replicas\":1,\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0,"      \
    "\"max_msg_size\":-1,\"discard\":\"old\"}"

struct outcome {
    size_t ended;
    size_t by_status[BUS_REFUSED + 1];
    struct bus_ack ack;
    char description[256];
    char text[256];
};

static void on_answer(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct outcome *outcome = arg;
    outcome->ended++;
    outcome->by_status[status]++;
    assert_true((message != NULL) == (status == BUS_OK));
    if (message)
        snprintf(outcome->text, sizeof(outcome->text), "%.*s", (int)message->length, message->data);
}

static void on_ack(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    struct outcome *outcome = arg;
    outcome->ended++;
    outcome->by_status[status]++;
    outcome->ack = *ack;
    snprintf(outcome->description, sizeof(outcome->description), "%s", ack->description);
}

static void make_request(struct bus_fixture *fixture, const char *subject, int64_t timeout_ms,
                         struct outcome *outcome)
{
    assert_int_equal(
        bus_request(fixture->bus, subject, NULL, 0, "question", 8, timeout_ms, on_answer, outcome),
        BUS_OK);
    assert_int_equal(outcome->ended, 0);
}

struct echo {
    struct bus *bus;
    size_t count;
    char header[64];
};

static void on_echo(void *arg, const struct bus_message *message)
{
    struct echo *echo = arg;
    echo->count++;
    const char *header = bus_message_header(message, "X-Test");
    snprintf(echo->header, sizeof(echo->header), "%s", header ? header : "");
    if (message->reply)
        assert_int_equal(
            bus_publish(echo->bus, message->reply, NULL, message->data, message->length), BUS_OK);
}

static void test_request_and_answer(void **state)
{
    struct bus_fixture *fixture = *state;
    struct echo echo = {.bus = fixture->bus};
    struct bus_subscription *subscription =
        bus_subscribe(fixture->bus, "echo", NULL, on_echo, &echo);
    struct outcome outcome = {0};
    const struct bus_header header = {"X-Test", "value"};
    assert_int_equal(
        bus_request(fixture->bus, "echo", &header, 1, "question", 8, 5000, on_answer, &outcome),
        BUS_OK);
    bus_fixture_wait(fixture, &outcome.ended, 1);
    assert_int_equal(outcome.by_status[BUS_OK], 1);
    assert_string_equal(outcome.text, "question");
    assert_string_equal(echo.header, "value");

    /* An answer of no bytes is an answer too. */
    struct outcome empty = {0};
    assert_int_equal(bus_request(fixture->bus, "echo", NULL, 0, NULL, 0, 5000, on_answer, &empty),
                     BUS_OK);
    bus_fixture_wait(fixture, &empty.ended, 1);
    assert_int_equal(empty.by_status[BUS_OK], 1);
    bus_unsubscribe(subscription);

    struct outcome nobody = {0};
    make_request(fixture, "echo", 5000, &nobody);
    bus_fixture_wait(fixture, &nobody.ended, 1);
    assert_int_equal(nobody.by_status[BUS_NO_RESPONDERS], 1);
    assert_int_equal(echo.count, 2);
}

static void on_nothing(void *arg, const struct bus_message *message)
{
    (void)message;
    (*(size_t *)arg)++;
}

static void test_timeout(void **state)
{
    struct bus_fixture *fixture = *state;
    size_t heard = 0;
    struct bus_subscription *subscription =
        bus_subscribe(fixture->bus, "silent", NULL, on_nothing, &heard);
    struct outcome outcomes[3] = {0};
    int64_t start_ms = (int64_t)(uv_hrtime() / 1000000);
    make_request(fixture, "silent", 300, &outcomes[2]);
    make_request(fixture, "silent", 100, &outcomes[0]);
    make_request(fixture, "silent", 200, &outcomes[1]);
    for (size_t i = 0; i < 3; i++) {
        bus_fixture_wait(fixture, &outcomes[i].ended, 1);
        int64_t took_ms = (int64_t)(uv_hrtime() / 1000000) - start_ms;
        assert_in_range(took_ms, 100 * (i + 1) - 2, 100 * (i + 1) + 1000);
        assert_int_equal(outcomes[i].by_status[BUS_TIMEOUT], 1);
    }
    assert_int_equal(heard, 3);
    bus_unsubscribe(subscription);
}

/* What waits behind a stuck connection is not sent once its caller was told of the time-out. */
static void test_nothing_is_sent_late(void **state)
{
    struct bus_fixture *fixture = *state;
    size_t heard = 0;
    struct bus *other = bus_fixture_open_other(fixture);
    struct bus_subscription *subscription =
        bus_subscribe(other, "late.*", NULL, on_nothing, &heard);
    assert_int_equal(bus_publish(other, "late.first", NULL, "x", 1), BUS_OK);
    bus_fixture_wait(fixture, &heard, 1);

    nats_server_pause(&fixture->server, true);
    /* The first goes into the socket; the thread then waits for the server. */
    struct outcome sent = {0};
    make_request(fixture, "late.sent", 300, &sent);
    bus_fixture_run(fixture, 50);
    struct outcome kept = {0};
    for (int i = 0; i < 100; i++)
        assert_int_equal(
            bus_request(fixture->bus, "late.kept", NULL, 0, "x", 1, 300, on_answer, &kept), BUS_OK);
    bus_fixture_wait(fixture, &kept.ended, 100);
    assert_int_equal(kept.by_status[BUS_TIMEOUT], 100);
    assert_int_equal(sent.by_status[BUS_TIMEOUT], 1);
    nats_server_pause(&fixture->server, false);
    bus_fixture_wait(fixture, &heard, 2);
    bus_fixture_run(fixture, 300);
    assert_int_equal(heard, 2);
    assert_int_equal(fixture->disconnects, 0);
    bus_unsubscribe(subscription);
    bus_fixture_close_other(fixture, other);
}

static void test_bad_subject(void **state)
{
    struct bus_fixture *fixture = *state;
    struct outcome outcome = {0};
    make_request(fixture, "two words", 1000, &outcome);
    bus_fixture_wait(fixture, &outcome.ended, 1);
    assert_int_equal(outcome.by_status[BUS_NO_RESPONDERS], 1);
    assert_int_equal(bus_publish(fixture->bus, "line\r\nbreak", NULL, "x", 1), BUS_NO_RESPONDERS);
    assert_int_equal(bus_publish(fixture->bus, "", NULL, "x", 1), BUS_NO_RESPONDERS);
    char longest[8192];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(bus_publish(fixture->bus, "x", longest, "x", 1), BUS_NO_RESPONDERS);
    bus_fixture_run(fixture, 100);
    assert_int_equal(fixture->disconnects, 0);
}

static void test_too_large(void **state)
{
    struct bus_fixture *fixture = *state;
    size_t size = 2 << 20;
    char *bytes = calloc(1, size);
    struct outcome outcome = {0};
    assert_int_equal(
        bus_request(fixture->bus, "large", NULL, 0, bytes, size, 5000, on_answer, &outcome),
        BUS_OK);
    bus_fixture_wait(fixture, &outcome.ended, 1);
    assert_int_equal(outcome.by_status[BUS_REFUSED], 1);
    assert_int_equal(fixture->disconnects, 0);
    free(bytes);
}

static void test_forget(void **state)
{
    struct bus_fixture *fixture = *state;
    struct echo echo = {.bus = fixture->bus};
    struct bus_subscription *subscription =
        bus_subscribe(fixture->bus, "echo", NULL, on_echo, &echo);
    struct outcome forgotten = {0};
    struct outcome kept = {0};
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(bus_request(fixture->bus, "echo", NULL, 0, "a", 1, 5000, on_answer,
                                     i % 2 ? &forgotten : &kept),
                         BUS_OK);
    }
    bus_forget(fixture->bus, &forgotten);
    bus_fixture_wait(fixture, &kept.ended, 500);
    bus_fixture_wait(fixture, &echo.count, 1000);
    bus_fixture_run(fixture, 50);
    assert_int_equal(forgotten.ended, 0);
    assert_int_equal(kept.by_status[BUS_OK], 500);
    bus_unsubscribe(subscription);
}

/* Publishes until the queue is full, and stays so: the server takes nothing. */
static void queue_fill(struct bus_fixture *fixture)
{
    static const char bytes[256];
    do {
        enum bus_status status = BUS_OK;
        while (status == BUS_OK)
            status = bus_publish(fixture->bus, "full", NULL, bytes, sizeof(bytes));
        assert_int_equal(status, BUS_FULL);
        bus_fixture_run(fixture, 50);
    } while (bus_queued(fixture->bus) < 65536);
}

static void test_queue_full(void **state)
{
    struct bus_fixture *fixture = *state;
    nats_server_pause(&fixture->server, true);
    queue_fill(fixture);
    assert_int_equal(bus_queued(fixture->bus), 65536);
    struct outcome outcome = {0};
    assert_int_equal(bus_request(fixture->bus, "full", NULL, 0, "x", 1, 1000, on_answer, &outcome),
                     BUS_FULL);
    nats_server_pause(&fixture->server, false);
    while (bus_queued(fixture->bus) > 0)
        bus_fixture_run(fixture, 5);
    assert_int_equal(bus_publish(fixture->bus, "full", NULL, "x", 1), BUS_OK);
    assert_int_equal(outcome.ended, 0);
}

static void publish_acked(struct bus_fixture *fixture, const struct bus_header *headers,
                          size_t count, struct outcome *outcome)
{
    *outcome = (struct outcome){0};
    assert_int_equal(
        bus_publish_acked(fixture->bus, "t.a", headers, count, "data", 4, 5000, on_ack, outcome),
        BUS_OK);
    bus_fixture_wait(fixture, &outcome->ended, 1);
}

static void test_acknowledgements(void **state)
{
    struct bus_fixture *fixture = *state;
    bus_fixture_api(fixture, "$JS.API.STREAM.CREATE.T", STREAM_BODY);
    struct outcome outcome;

    publish_acked(fixture, NULL, 0, &outcome);
    assert_int_equal(outcome.by_status[BUS_OK], 1);
    assert_int_equal(outcome.ack.sequence, 1);
    assert_false(outcome.ack.duplicate);
    assert_string_equal(outcome.description, "");

    struct bus_header id = {"Nats-Msg-Id", "1:1"};
    publish_acked(fixture, &id, 1, &outcome);
    assert_int_equal(outcome.ack.sequence, 2);
    assert_false(outcome.ack.duplicate);
    publish_acked(fixture, &id, 1, &outcome);
    assert_int_equal(outcome.by_status[BUS_OK], 1);
    assert_int_equal(outcome.ack.sequence, 2);
    assert_true(outcome.ack.duplicate);

    struct bus_header sequence = {"Nats-Expected-Last-Sequence", "1"};
    publish_acked(fixture, &sequence, 1, &outcome);
    assert_int_equal(outcome.by_status[BUS_REFUSED], 1);
    assert_int_equal(outcome.ack.err_code, 10071);
    assert_non_null(strstr(outcome.description, "wrong last sequence"));

    struct bus_header chain[] = {{"Nats-Msg-Id", "1:2"}, {"Nats-Expected-Last-Msg-Id", "1:0"}};
    publish_acked(fixture, chain, 2, &outcome);
    assert_int_equal(outcome.by_status[BUS_REFUSED], 1);
    assert_int_equal(outcome.ack.err_code, 10070);
    chain[1].value = "1:1";
    publish_acked(fixture, chain, 2, &outcome);
    assert_int_equal(outcome.by_status[BUS_OK], 1);
    assert_int_equal(outcome.ack.sequence, 3);

    outcome = (struct outcome){0};
    assert_int_equal(
        bus_publish_acked(fixture->bus, "u.a", NULL, 0, "x", 1, 5000, on_ack, &outcome), BUS_OK);
    bus_fixture_wait(fixture, &outcome.ended, 1);
    assert_int_equal(outcome.by_status[BUS_NO_RESPONDERS], 1);
}

static void test_not_an_acknowledgement(void **state)
{
    struct bus_fixture *fixture = *state;
    struct echo echo = {.bus = fixture->bus};
    struct bus_subscription *subscription =
        bus_subscribe(fixture->bus, "echo", NULL, on_echo, &echo);
    const char *bodies[] = {"", "nonsense", "{}", "[1]", "{\"seq\":\"1\"}", "{\"error\":3}"};
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        struct outcome outcome = {0};
        assert_int_equal(bus_publish_acked(fixture->bus, "echo", NULL, 0, bodies[i],
                                           strlen(bodies[i]), 5000, on_ack, &outcome),
                         BUS_OK);
        bus_fixture_wait(fixture, &outcome.ended, 1);
        assert_int_equal(outcome.by_status[BUS_REFUSED], 1);
        assert_int_equal(outcome.ack.err_code, 0);
    }
    bus_unsubscribe(subscription);
}

static void test_disconnect_ends_requests(void **state)
{
    struct bus_fixture *fixture = *state;
    size_t heard = 0;
    struct bus_subscription *subscription =
        bus_subscribe(fixture->bus, "silent", NULL, on_nothing, &heard);
    struct outcome outcome = {0};
    for (size_t i = 0; i < 5000; i++)
        assert_int_equal(
            bus_request(fixture->bus, "silent", NULL, 0, "x", 1, 60000, on_answer, &outcome),
            BUS_OK);
    bus_fixture_wait(fixture, &heard, 5000);
    nats_server_kill(&fixture->server);
    bus_fixture_wait(fixture, &outcome.ended, 5000);
    assert_int_equal(outcome.by_status[BUS_DISCONNECTED], 5000);
    assert_int_equal(fixture->disconnects, 1);
    assert_false(bus_connected(fixture->bus));

    /* Nothing is kept for later. */
    struct outcome refused = {0};
    make_request(fixture, "silent", 10000, &refused);
    assert_int_equal(bus_publish(fixture->bus, "silent", NULL, "x", 1), BUS_DISCONNECTED);
    bus_fixture_wait(fixture, &refused.ended, 1);
    assert_int_equal(refused.by_status[BUS_DISCONNECTED], 1);

    nats_server_restart(&fixture->server);
    bus_fixture_wait(fixture, &fixture->connects, 2);
    assert_true(bus_connected(fixture->bus));
    bus_fixture_run(fixture, 100);
    assert_int_equal(heard, 5000);
    /* The subscription is there again. */
    assert_int_equal(bus_publish(fixture->bus, "silent", NULL, "x", 1), BUS_OK);
    bus_fixture_wait(fixture, &heard, 5001);
    bus_unsubscribe(subscription);
}

static void test_silent_server_is_noticed(void **state)
{
    struct bus_fixture *fixture = *state;
    struct outcome outcome = {0};
    nats_server_pause(&fixture->server, true);
    make_request(fixture, "any", 60000, &outcome);
    bus_fixture_wait(fixture, &outcome.ended, 1);
    assert_int_equal(outcome.by_status[BUS_DISCONNECTED], 1);
    nats_server_pause(&fixture->server, false);
    bus_fixture_wait(fixture, &fixture->connects, 2);
}

/* Requests without a pause while the server dies again and again: each ends exactly once. */
struct storm {
    struct bus *bus;
    size_t wanted;
    size_t started;
    size_t ended;
    size_t answered;
};

static void storm_next(struct storm *storm);

static void on_storm_answer(void *arg, enum bus_status status, const struct bus_message *message)
{
    (void)message;
    struct storm *storm = arg;
    storm->ended++;
    storm->answered += status == BUS_OK;
    storm_next(storm);
}

static void storm_next(struct storm *storm)
{
    if (storm->started >= storm->wanted)
        return;
    storm->started++;
    assert_int_equal(bus_request(storm->bus, "echo", NULL, 0, "x", 1, 3000, on_storm_answer, storm),
                     BUS_OK);
}

static void test_storm_of_reconnects(void **state)
{
    struct bus_fixture *fixture = *state;
    struct echo echo = {.bus = fixture->bus};
    struct bus_subscription *subscription =
        bus_subscribe(fixture->bus, "echo", NULL, on_nothing, &echo.count);
    bus_unsubscribe(subscription);
    struct storm storm = {.bus = fixture->bus, .wanted = SIZE_MAX};
    for (size_t i = 0; i < 500; i++)
        storm_next(&storm);
    for (int round = 0; round < 4; round++) {
        bus_fixture_run(fixture, 150);
        bus_fixture_restart_server(fixture);
    }
    bus_fixture_run(fixture, 100);
    storm.wanted = storm.started;
    bus_fixture_wait(fixture, &storm.ended, storm.started);
    bus_fixture_run(fixture, 50);
    assert_int_equal(storm.ended, storm.started);
    assert_int_equal(storm.answered, 0);
    assert_int_equal(fixture->connects, 5);
    assert_int_equal(fixture->disconnects, 4);
}

static void test_inbox(void **state)
{
    struct bus_fixture *fixture = *state;
    char one[BUS_INBOX_SIZE];
    char two[BUS_INBOX_SIZE];
    assert_ptr_equal(bus_new_inbox(fixture->bus, one), one);
    bus_new_inbox(fixture->bus, two);
    assert_string_not_equal(one, two);
    size_t first = 0;
    size_t second = 0;
    struct bus_subscription *a = bus_subscribe(fixture->bus, one, NULL, on_nothing, &first);
    struct bus_subscription *b = bus_subscribe(fixture->bus, two, NULL, on_nothing, &second);
    assert_int_equal(bus_publish(fixture->bus, one, NULL, "x", 1), BUS_OK);
    assert_int_equal(bus_publish(fixture->bus, two, NULL, "x", 1), BUS_OK);
    bus_fixture_wait(fixture, &second, 1);
    assert_int_equal(first, 1);
    bus_unsubscribe(a);
    assert_int_equal(bus_publish(fixture->bus, one, NULL, "x", 1), BUS_OK);
    assert_int_equal(bus_publish(fixture->bus, two, NULL, "x", 1), BUS_OK);
    bus_fixture_wait(fixture, &second, 2);
    assert_int_equal(first, 1);
    bus_unsubscribe(b);
}

static void test_queue_group(void **state)
{
    struct bus_fixture *fixture = *state;
    size_t heard = 0;
    struct bus_subscription *a = bus_subscribe(fixture->bus, "shared", "g", on_nothing, &heard);
    struct bus_subscription *b = bus_subscribe(fixture->bus, "shared", "g", on_nothing, &heard);
    for (int i = 0; i < 100; i++)
        assert_int_equal(bus_publish(fixture->bus, "shared", NULL, "x", 1), BUS_OK);
    bus_fixture_wait(fixture, &heard, 100);
    bus_fixture_run(fixture, 50);
    assert_int_equal(heard, 100);
    bus_unsubscribe(a);
    bus_unsubscribe(b);
}

/* Subscriptions that come and go, and a close, while another connection publishes without pause. */
static void test_close_while_messages_come(void **state)
{
    struct bus_fixture *fixture = *state;
    for (int round = 0; round < 20; round++) {
        struct bus *other = bus_fixture_open_other(fixture);
        size_t heard[4] = {0};
        struct bus_subscription *subscriptions[4];
        for (size_t i = 0; i < 4; i++)
            subscriptions[i] = bus_subscribe(other, "flood", NULL, on_nothing, &heard[i]);
        /* Behind the subscriptions, so they are made when it comes back. */
        assert_int_equal(bus_publish(other, "flood", NULL, "first", 5), BUS_OK);
        bus_fixture_wait(fixture, &heard[0], 1);
        for (int i = 0; i < 5000; i++)
            assert_int_equal(bus_publish(fixture->bus, "flood", NULL, "message", 7), BUS_OK);
        bus_fixture_wait(fixture, &heard[0], 100);
        for (size_t i = 0; i < 3; i++)
            bus_unsubscribe(subscriptions[i]);
        size_t before = heard[0];
        if (round % 2)
            bus_fixture_wait(fixture, &heard[3], 2000);
        bus_fixture_close_other(fixture, other);
        bus_fixture_run(fixture, 5);
        assert_int_equal(heard[0], before);
    }
}

static void on_close_bus(void *arg, const struct bus_message *message)
{
    (void)message;
    struct bus_fixture *fixture = arg;
    bus_close(fixture->bus);
    fixture->bus = NULL;
}

static void test_close_inside_a_callback(void **state)
{
    struct bus_fixture *fixture = *state;
    size_t heard = 0;
    (void)bus_subscribe(fixture->bus, "end", NULL, on_close_bus, fixture);
    (void)bus_subscribe(fixture->bus, "other", NULL, on_nothing, &heard);
    struct outcome outcome = {0};
    make_request(fixture, "end", 5000, &outcome);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(bus_publish(fixture->bus, "end", NULL, "x", 1), BUS_OK);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_null(fixture->bus);
    assert_int_equal(outcome.ended, 0);
}

/* What was queued is sent before the bus closes. */
static void test_close_sends_what_is_queued(void **state)
{
    struct bus_fixture *fixture = *state;
    size_t heard = 0;
    struct bus_subscription *subscription =
        bus_subscribe(fixture->bus, "last", NULL, on_nothing, &heard);
    struct bus *other = bus_fixture_open_other(fixture);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(bus_publish(other, "last", NULL, "x", 1), BUS_OK);
    bus_fixture_close_other(fixture, other);
    bus_fixture_wait(fixture, &heard, 10000);
    bus_unsubscribe(subscription);
}

static void test_close_with_a_stuck_server(void **state)
{
    struct bus_fixture *fixture = *state;
    struct outcome outcome = {0};
    nats_server_pause(&fixture->server, true);
    make_request(fixture, "any", 60000, &outcome);
    bus_fixture_run(fixture, 50);
    for (int i = 0; i < 60000; i++)
        assert_int_equal(bus_publish(fixture->bus, "any", NULL, "some bytes of data", 18), BUS_OK);
    int64_t start_ms = (int64_t)(uv_hrtime() / 1000000);
    bus_close(fixture->bus);
    fixture->bus = NULL;
    int64_t took_ms = (int64_t)(uv_hrtime() / 1000000) - start_ms;
    nats_server_pause(&fixture->server, false);
    print_message("closed in %lld ms\n", (long long)took_ms);
    assert_in_range(took_ms, 0, 8000);
    assert_int_equal(outcome.ended, 0);
}

static void test_subscribe_while_disconnected(void **state)
{
    struct bus_fixture *fixture = *state;
    size_t gone = 0;
    size_t heard = 0;
    struct bus_subscription *before = bus_subscribe(fixture->bus, "topic", NULL, on_nothing, &gone);
    nats_server_kill(&fixture->server);
    bus_fixture_wait(fixture, &fixture->disconnects, 1);
    struct bus_subscription *subscription =
        bus_subscribe(fixture->bus, "topic", NULL, on_nothing, &heard);
    bus_unsubscribe(before);
    nats_server_restart(&fixture->server);
    bus_fixture_wait(fixture, &fixture->connects, 2);
    assert_int_equal(bus_publish(fixture->bus, "topic", NULL, "x", 1), BUS_OK);
    bus_fixture_wait(fixture, &heard, 1);
    assert_int_equal(gone, 0);
    bus_unsubscribe(subscription);
}

static void test_close_without_a_server(void **state)
{
    struct bus_fixture *fixture = *state;
    struct bus *other =
        bus_open(&fixture->loop, &(struct bus_options){.url = "nats://127.0.0.1:1"});
    bus_fixture_run(fixture, 300);
    assert_false(bus_connected(other));
    bus_close(other);
    other = bus_open(&fixture->loop, &(struct bus_options){.url = fixture->server.url});
    bus_close(other);
}

#define WITH_SERVER(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, bus_fixture_setup, bus_fixture_teardown)

#define WITH_BOTH(test)                                                                            \
    WITH_SERVER(test),                                                                             \
    {                                                                                              \
#test " at once", test, bus_fixture_setup_prompt, bus_fixture_teardown, NULL               \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BOTH(test_request_and_answer),
        WITH_BOTH(test_timeout),
        WITH_SERVER(test_nothing_is_sent_late),
        WITH_SERVER(test_bad_subject),
        WITH_BOTH(test_too_large),
        WITH_SERVER(test_forget),
        WITH_SERVER(test_queue_full),
        WITH_BOTH(test_acknowledgements),
        WITH_SERVER(test_not_an_acknowledgement),
        WITH_BOTH(test_disconnect_ends_requests),
        WITH_BOTH(test_silent_server_is_noticed),
        WITH_BOTH(test_storm_of_reconnects),
        WITH_SERVER(test_inbox),
        WITH_SERVER(test_queue_group),
        WITH_SERVER(test_close_while_messages_come),
        WITH_SERVER(test_close_inside_a_callback),
        WITH_BOTH(test_close_sends_what_is_queued),
        WITH_BOTH(test_close_with_a_stuck_server),
        WITH_BOTH(test_subscribe_while_disconnected),
        WITH_SERVER(test_close_without_a_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
