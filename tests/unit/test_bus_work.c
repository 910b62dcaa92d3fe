/* Work queues against a real server: who gets what, how often, and how much at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_work.h"
#include "tests/unit/bus_fixture.h"

#define STREAM_BODY                                                                                \
    "{\"name\":\"T\",\"subjects\":[\"t.>\"],\"retention\":\"limits\",\"storage\":\"file\","        \
    "\"num_replicas\":1,\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0,"      \
    "\"max_msg_size\":-1,\"discard\":\"old\"}"
#define MESSAGES_MAX     10000
#define ACK_WAIT_MS      1000
#define LONG_ACK_WAIT_MS 2000

enum reaction { ACK, HOLD };

struct worker {
    struct bus *bus;
    struct bus_work *work;
    enum reaction reaction;
    bool grant_again; /* one for each message */
    size_t received;
    size_t redelivered;
    size_t distinct;
    unsigned char seen[MESSAGES_MAX];
    char ack_subject[BUS_ACK_SUBJECT_SIZE]; /* of the last one */
    uint64_t delivered;
    int64_t received_ms;
};

static int64_t now_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

static void on_message(void *arg, const struct bus_message *message,
                       const struct bus_delivery *delivery)
{
    struct worker *worker = arg;
    char text[24];
    snprintf(text, sizeof(text), "%.*s", (int)message->length, message->data);
    size_t number = strtoul(text, NULL, 10);
    assert_in_range(number, 0, MESSAGES_MAX - 1);
    assert_int_equal(delivery->stream_sequence, number + 1);
    assert_true(delivery->time_ms > INT64_C(1600000000000));
    worker->received++;
    worker->redelivered += delivery->delivered > 1;
    worker->distinct += !worker->seen[number];
    worker->seen[number] = 1;
    worker->delivered = delivery->delivered;
    worker->received_ms = now_ms();
    snprintf(worker->ack_subject, sizeof(worker->ack_subject), "%s", message->reply);
    if (worker->reaction == ACK)
        bus_work_ack(worker->bus, message->reply);
    if (worker->grant_again)
        bus_work_grant(worker->work, 1);
}

static void make_stream(struct bus_fixture *fixture)
{
    bus_fixture_api(fixture, "$JS.API.STREAM.CREATE.T", STREAM_BODY);
}

static void make_consumer(struct bus_fixture *fixture, int64_t ack_wait_ms)
{
    char body[512];
    snprintf(body, sizeof(body),
             "{\"stream_name\":\"T\",\"config\":{\"durable_name\":\"d\",\"deliver_policy\":\"all\","
             "\"ack_policy\":\"explicit\",\"ack_wait\":%lld,\"max_deliver\":-1,"
             "\"replay_policy\":\"instant\",\"max_ack_pending\":100000}}",
             (long long)ack_wait_ms * 1000000);
    bus_fixture_api(fixture, "$JS.API.CONSUMER.DURABLE.CREATE.T.d", body);
}

static struct worker *open_worker(struct bus *bus, enum reaction reaction)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    worker->bus = bus;
    worker->reaction = reaction;
    worker->work = bus_work_open(bus, "T", "d", on_message, worker);
    return worker;
}

static void close_worker(struct worker *worker)
{
    bus_work_close(worker->work);
    free(worker);
}

struct info {
    size_t ended;
    char text[2048];
};

static void on_info(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct info *info = arg;
    info->ended++;
    assert_int_equal(status, BUS_OK);
    snprintf(info->text, sizeof(info->text), "%.*s", (int)message->length, message->data);
}

static void assert_consumer(struct bus_fixture *fixture, const char *member)
{
    struct info info = {0};
    assert_int_equal(bus_request(fixture->bus, "$JS.API.CONSUMER.INFO.T.d", NULL, 0, NULL, 0, 5000,
                                 on_info, &info),
                     BUS_OK);
    bus_fixture_wait(fixture, &info.ended, 1);
    if (!strstr(info.text, member))
        fail_msg("no %s in %s", member, info.text);
}

static void test_ack_subject(void **state)
{
    (void)state;
    struct bus_delivery delivery;
    assert_int_equal(
        bus_delivery_parse("$JS.ACK.RUNS.dispatcher-1.3.17.29.1790000000123456789.5", &delivery),
        0);
    assert_int_equal(delivery.delivered, 3);
    assert_int_equal(delivery.stream_sequence, 17);
    assert_int_equal(delivery.time_ms, 1790000000123);
    assert_int_equal(
        bus_delivery_parse("$JS.ACK.hub.acc.RUNS.d.1.18446744073709551615.4.5000000.6.xyz",
                           &delivery),
        0);
    assert_int_equal(delivery.stream_sequence, UINT64_MAX);
    assert_int_equal(delivery.time_ms, 5);
    const char *bad[] = {"",
                         "$JS.ACK.",
                         "$JS.ACK.a.b.1.2.3.4",
                         "$JS.ACK.a.b.1.2.3.4.5.6",
                         "$JS.ACK.a.b.x.2.3.4.5",
                         "$JS.ACK.a.b.1.-2.3.4.5",
                         "$JS.ACK.a.b.1.2..4.5",
                         "$JS.API.a.b.1.2.3.4.5",
                         "_INBOX.a.b.c"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_int_equal(bus_delivery_parse(bad[i], &delivery), -1);
}

static void test_shared_by_two(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    make_consumer(fixture, 30000);
    bus_fixture_fill(fixture, "t.a", MESSAGES_MAX);
    struct bus *other = bus_fixture_open_other(fixture);
    struct worker *a = open_worker(fixture->bus, ACK);
    struct worker *b = open_worker(other, ACK);
    a->grant_again = true;
    b->grant_again = true;
    bus_work_grant(a->work, 100);
    for (int i = 0; i < 100; i++)
        bus_work_grant(b->work, 1);
    while (a->received + b->received < MESSAGES_MAX)
        bus_fixture_run(fixture, 20);
    bus_fixture_run(fixture, 100);
    assert_int_equal(a->received + b->received, MESSAGES_MAX);
    assert_int_equal(a->redelivered + b->redelivered, 0);
    assert_true(a->received > 0 && b->received > 0);
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        assert_int_equal(a->seen[i] + b->seen[i], 1);
    assert_consumer(fixture, "\"num_ack_pending\":0");
    close_worker(a);
    close_worker(b);
    bus_fixture_close_other(fixture, other);
}

static void test_no_more_than_granted(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    make_consumer(fixture, 30000);
    bus_fixture_fill(fixture, "t.a", 100);
    struct worker *worker = open_worker(fixture->bus, ACK);
    bus_fixture_run(fixture, 50);
    assert_int_equal(worker->received, 0);
    bus_work_grant(worker->work, 4);
    bus_work_grant(worker->work, 6);
    bus_fixture_wait(fixture, &worker->received, 10);
    bus_fixture_run(fixture, 100);
    assert_int_equal(worker->received, 10);
    bus_fixture_restart_server(fixture);
    bus_fixture_run(fixture, 500);
    assert_int_equal(worker->received, 10);
    bus_work_grant(worker->work, 100);
    bus_fixture_wait(fixture, &worker->distinct, 100);
    /*
     * A server that is killed forgets some deliveries and acknowledgements, and delivers those
     * messages again: as many as there is credit for.
     */
    bus_fixture_restart_server(fixture);
    bus_fixture_run(fixture, 500);
    assert_in_range(worker->received, 100, 110);
    close_worker(worker);
}

/* A request that expires, or whose connection broke, gives its credit back once. */
static void test_credit_outlives_requests(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    make_consumer(fixture, 30000);
    struct worker *worker = open_worker(fixture->bus, ACK);
    bus_work_grant(worker->work, 7);
    for (int i = 0; i < 3; i++) {
        bus_fixture_restart_server(fixture);
        bus_fixture_run(fixture, 400);
    }
    bus_fixture_run(fixture, 21000);
    bus_fixture_fill(fixture, "t.a", 50);
    bus_fixture_wait(fixture, &worker->received, 7);
    bus_fixture_run(fixture, 500);
    assert_int_equal(worker->received, 7);
    assert_consumer(fixture, "\"num_ack_pending\":0");
    close_worker(worker);
}

/* The server stands still so long that the connection is given up, and comes back as it was. */
static void test_paused_server(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    make_consumer(fixture, 30000);
    struct worker *worker = open_worker(fixture->bus, ACK);
    bus_work_grant(worker->work, 10);
    bus_fixture_run(fixture, 200);
    nats_server_pause(&fixture->server, true);
    bus_fixture_wait(fixture, &fixture->disconnects, 1);
    nats_server_pause(&fixture->server, false);
    bus_fixture_wait(fixture, &fixture->connects, 2);
    bus_fixture_fill(fixture, "t.a", 100);
    bus_fixture_wait(fixture, &worker->received, 10);
    bus_fixture_run(fixture, 500);
    assert_int_equal(worker->received, 10);
    bus_work_grant(worker->work, 90);
    bus_fixture_wait(fixture, &worker->distinct, 100);
    bus_fixture_run(fixture, 100);
    assert_int_equal(worker->received, 100);
    assert_consumer(fixture, "\"num_ack_pending\":0");
    close_worker(worker);
}

static void test_redelivery_after_close(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    make_consumer(fixture, ACK_WAIT_MS);
    bus_fixture_fill(fixture, "t.a", 100);
    struct worker *a = open_worker(fixture->bus, HOLD);
    bus_work_grant(a->work, 50);
    bus_fixture_wait(fixture, &a->received, 50);
    close_worker(a);
    struct worker *b = open_worker(fixture->bus, ACK);
    bus_work_grant(b->work, 1000);
    bus_fixture_wait(fixture, &b->distinct, 100);
    bus_fixture_run(fixture, 200);
    assert_int_equal(b->received, 100);
    assert_int_equal(b->redelivered, 50);
    assert_consumer(fixture, "\"num_ack_pending\":0");
    close_worker(b);
}

static void test_nak_progress_and_term(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    make_consumer(fixture, LONG_ACK_WAIT_MS);
    bus_fixture_fill(fixture, "t.a", 1);
    struct worker *worker = open_worker(fixture->bus, HOLD);
    bus_work_grant(worker->work, 10);
    bus_fixture_wait(fixture, &worker->received, 1);

    int64_t start_ms = worker->received_ms;
    bus_work_nak(fixture->bus, worker->ack_subject, 400);
    bus_fixture_wait(fixture, &worker->received, 2);
    assert_int_equal(worker->delivered, 2);
    assert_in_range(worker->received_ms - start_ms, 390, LONG_ACK_WAIT_MS - 100);

    start_ms = worker->received_ms;
    bus_work_nak(fixture->bus, worker->ack_subject, 0);
    bus_fixture_wait(fixture, &worker->received, 3);
    assert_in_range(worker->received_ms - start_ms, 0, LONG_ACK_WAIT_MS - 100);

    for (int i = 0; i < 6; i++) {
        bus_fixture_run(fixture, LONG_ACK_WAIT_MS / 4);
        bus_work_progress(fixture->bus, worker->ack_subject);
    }
    assert_int_equal(worker->received, 3);
    bus_fixture_wait(fixture, &worker->received, 4);
    assert_int_equal(worker->delivered, 4);

    bus_work_term(fixture->bus, worker->ack_subject);
    bus_fixture_run(fixture, LONG_ACK_WAIT_MS + 500);
    assert_int_equal(worker->received, 4);
    assert_consumer(fixture, "\"num_ack_pending\":0");
    close_worker(worker);
}

struct confirmation {
    size_t ended;
    enum bus_status status;
};

static void on_confirmed(void *arg, enum bus_status status, const struct bus_message *message)
{
    (void)message;
    struct confirmation *confirmation = arg;
    confirmation->ended++;
    confirmation->status = status;
}

static void test_ack_sync(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    make_consumer(fixture, 30000);
    bus_fixture_fill(fixture, "t.a", 1);
    struct worker *worker = open_worker(fixture->bus, HOLD);
    bus_work_grant(worker->work, 1);
    bus_fixture_wait(fixture, &worker->received, 1);
    struct confirmation confirmation = {0};
    assert_int_equal(
        bus_work_ack_sync(fixture->bus, worker->ack_subject, 5000, on_confirmed, &confirmation),
        BUS_OK);
    bus_fixture_wait(fixture, &confirmation.ended, 1);
    assert_int_equal(confirmation.status, BUS_OK);
    assert_consumer(fixture, "\"num_ack_pending\":0");
    close_worker(worker);
}

static void test_restart_in_the_middle(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    make_consumer(fixture, ACK_WAIT_MS);
    bus_fixture_fill(fixture, "t.a", MESSAGES_MAX);
    struct worker *worker = open_worker(fixture->bus, ACK);
    worker->grant_again = true;
    bus_work_grant(worker->work, 200);
    for (size_t part = 1; part <= 3; part++) {
        bus_fixture_wait(fixture, &worker->distinct, part * MESSAGES_MAX / 4);
        bus_fixture_restart_server(fixture);
    }
    bus_fixture_wait(fixture, &worker->distinct, MESSAGES_MAX);
    /* What was delivered and whose acknowledgement was lost comes again, nothing else. */
    bus_fixture_run(fixture, INT64_C(3) * ACK_WAIT_MS);
    print_message("%zu deliveries of %d messages\n", worker->received, MESSAGES_MAX);
    assert_consumer(fixture, "\"num_ack_pending\":0");
    assert_consumer(fixture, "\"num_pending\":0");
    close_worker(worker);
}

static void test_consumer_that_comes_later(void **state)
{
    struct bus_fixture *fixture = *state;
    struct worker *worker = open_worker(fixture->bus, ACK);
    bus_work_grant(worker->work, 10);
    bus_fixture_run(fixture, 600);
    make_stream(fixture);
    make_consumer(fixture, 30000);
    bus_fixture_fill(fixture, "t.a", 10);
    bus_fixture_wait(fixture, &worker->received, 10);
    bus_fixture_api(fixture, "$JS.API.CONSUMER.DELETE.T.d", "");
    bus_work_grant(worker->work, 10);
    bus_fixture_run(fixture, 100);
    make_consumer(fixture, 30000);
    bus_fixture_wait(fixture, &worker->received, 20);
    bus_fixture_run(fixture, 100);
    assert_int_equal(worker->received, 20);
    close_worker(worker);
}

static void test_close_while_messages_come(void **state)
{
    struct bus_fixture *fixture = *state;
    make_stream(fixture);
    make_consumer(fixture, ACK_WAIT_MS);
    bus_fixture_fill(fixture, "t.a", MESSAGES_MAX);
    for (int i = 0; i < 10; i++) {
        struct bus *other = bus_fixture_open_other(fixture);
        struct worker *worker = open_worker(other, ACK);
        bus_work_grant(worker->work, 5000);
        bus_fixture_wait(fixture, &worker->received, 10);
        close_worker(worker);
        if (i % 2)
            bus_fixture_run(fixture, 2);
        bus_fixture_close_other(fixture, other);
    }
}

#define WITH_SERVER(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, bus_fixture_setup, bus_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ack_subject),
        WITH_SERVER(test_shared_by_two),
        WITH_SERVER(test_no_more_than_granted),
        WITH_SERVER(test_credit_outlives_requests),
        WITH_SERVER(test_paused_server),
        WITH_SERVER(test_redelivery_after_close),
        WITH_SERVER(test_nak_progress_and_term),
        WITH_SERVER(test_ack_sync),
        WITH_SERVER(test_restart_in_the_middle),
        WITH_SERVER(test_consumer_that_comes_later),
        WITH_SERVER(test_close_while_messages_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
