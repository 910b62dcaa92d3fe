/* Two dispatchers and a message that both have been given, over a real server. */
#include <stdio.h>
#include <string.h>

#include "dispatcher/claim.h"
#include "shared/compiler.h"
#include "tests/unit/bus_fixture.h"

#define LANE     3
#define SEQUENCE 42
#define RUNS     5
#define HEARD_MS 1000 /* longer than anybody waits for an answer of another dispatcher */

struct dispatcher {
    struct bus *bus;
    struct messages *messages;
    struct claims *claims;
    size_t won;
    bool closed[RUNS];
};

struct test {
    struct bus_fixture *fixture;
    struct dispatcher first, second;
    /* The leader. */
    size_t questions;
    const char *answer; /* RUNS bytes; NULL: none */
};

static void on_won(void *arg, struct message *message, const bool *closed)
{
    struct dispatcher *dispatcher = arg;
    assert_int_equal(message->state, MESSAGE_RUNNING);
    memcpy(dispatcher->closed, closed, sizeof(dispatcher->closed));
    dispatcher->won++;
}

static void on_result_message(void *arg, const struct bus_message *message)
{
    struct test *test = arg;
    static struct result_batch batch;
    assert_int_equal(result_batch_decode(message->data, message->length, &batch), 0);
    assert_int_equal(batch.kind, RESULT_BATCH_QUESTION);
    assert_int_equal(batch.count, RUNS);
    assert_int_equal(batch.results[4].job, 104);
    test->questions++;
    if (test->answer)
        assert_int_equal(
            bus_publish(test->first.bus, batch.reply, NULL, test->answer, strlen(test->answer)),
            BUS_OK);
}

static void dispatcher_open(struct test *test, struct dispatcher *dispatcher, struct bus *bus)
{
    *dispatcher = (struct dispatcher){.bus = bus};
    dispatcher->messages = messages_create(bus);
    dispatcher->claims =
        claims_open(&test->fixture->loop, bus, dispatcher->messages, on_won, dispatcher);
}

static void dispatcher_close(struct dispatcher *dispatcher)
{
    claims_close(dispatcher->claims);
    messages_free(dispatcher->messages);
}

static void test_open(struct test *test, void **state)
{
    *test = (struct test){.fixture = *state};
    bus_fixture_api(test->fixture, "$JS.API.STREAM.CREATE.RESULTS",
                    "{\"name\":\"RESULTS\",\"subjects\":[\"result.>\"],\"storage\":\"memory\"}");
    dispatcher_open(test, &test->first, test->fixture->bus);
    dispatcher_open(test, &test->second, bus_fixture_open_other(test->fixture));
    bus_subscribe(test->first.bus, "result.>", NULL, on_result_message, test);
    bus_fixture_run(test->fixture, 200); /* everybody has subscribed */
}

static void test_close(struct test *test)
{
    dispatcher_close(&test->first);
    dispatcher_close(&test->second);
    bus_fixture_run(test->fixture, 50);
}

/* As it comes from JetStream for the so-manieth time. */
static struct message *give(struct dispatcher *dispatcher, unsigned delivered)
{
    struct run_batch batch = {.count = RUNS};
    for (size_t i = 0; i < RUNS; i++)
        batch.runs[i] = (struct run){.job = 100 + (int64_t)i, .slot_s = 1800000000, .attempt = 1};
    char ack_subject[BUS_ACK_SUBJECT_SIZE];
    snprintf(ack_subject, sizeof(ack_subject), "$JS.ACK.RUNS.dispatcher-3.%u.%d.%u.1.0", delivered,
             SEQUENCE, delivered);
    return messages_hold(dispatcher->messages, LANE, SEQUENCE, delivered, ack_subject, &batch);
}

static void test_holder_keeps_it(void **state)
{
    struct test test;
    test_open(&test, state);
    struct message *held = give(&test.first, 1);
    claims_begin(test.second.claims, give(&test.second, 2));
    bus_fixture_run(test.fixture, HEARD_MS);
    assert_int_equal(messages_count(test.second.messages), 0);
    assert_int_equal(messages_open_runs(test.second.messages, LANE), 0);
    assert_int_equal(held->delivered, 2);
    assert_string_equal(held->ack_subject, "$JS.ACK.RUNS.dispatcher-3.2.42.2.1.0");
    assert_int_equal(test.questions, 0);
    test_close(&test);
}

/* A server that was killed has forgotten that it delivered the message before. */
static void test_holder_keeps_it_without_a_count(void **state)
{
    struct test test;
    test_open(&test, state);
    struct message *held = give(&test.first, 1);
    claims_begin(test.second.claims, give(&test.second, 1));
    bus_fixture_run(test.fixture, HEARD_MS);
    assert_int_equal(messages_count(test.second.messages), 0);
    assert_int_equal(held->state, MESSAGE_RUNNING);
    test_close(&test);
}

static void test_nobody_holds_it(void **state)
{
    struct test test;
    test_open(&test, state);
    test.answer = "\1\0\1\1\1"; /* strlen is 1: an answer that does not fit is none */
    struct message *message = give(&test.second, 2);
    claims_begin(test.second.claims, message);
    bus_fixture_wait(test.fixture, &test.questions, 1);
    bus_fixture_run(test.fixture, 200);
    assert_int_equal(test.second.won, 0);
    test.answer = "\1\2\1\1\1"; /* only 1 is open */
    bus_fixture_wait(test.fixture, &test.questions, 2);
    bus_fixture_wait(test.fixture, &test.second.won, 1);
    static const bool closed[RUNS] = {false, true, false, false, false};
    assert_memory_equal(test.second.closed, closed, sizeof(closed));
    bus_fixture_run(test.fixture, HEARD_MS);
    assert_int_equal(test.second.won, 1);
    assert_int_equal(message->state, MESSAGE_RUNNING);
    test_close(&test);
}

static void test_of_two_that_claim_one_gets_it(void **state)
{
    struct test test;
    test_open(&test, state);
    test.answer = "\1\1\1\1\1";
    claims_begin(test.second.claims, give(&test.second, 2));
    claims_begin(test.first.claims, give(&test.first, 3));
    bus_fixture_wait(test.fixture, &test.second.won, 1);
    bus_fixture_run(test.fixture, HEARD_MS);
    assert_int_equal(test.first.won, 0);
    assert_int_equal(messages_count(test.first.messages), 0);
    test_close(&test);
}

static void test_doubt_with_nobody_else(void **state)
{
    struct test test;
    test_open(&test, state);
    struct message *held = give(&test.first, 1);
    claims_doubt_all(test.first.claims);
    assert_true(claims_doubting(test.first.claims));
    bus_fixture_run(test.fixture, HEARD_MS);
    assert_false(claims_doubting(test.first.claims));
    assert_int_equal(held->state, MESSAGE_RUNNING);
    test_close(&test);
}

static void test_doubt_of_what_was_taken_over(void **state)
{
    struct test test;
    test_open(&test, state);
    struct message *held = give(&test.first, 1);
    struct message *taken = give(&test.second, 2);
    claims_doubt_all(test.first.claims);
    bus_fixture_run(test.fixture, HEARD_MS);
    assert_int_equal(held->state, MESSAGE_ABANDONED);
    assert_int_equal(taken->state, MESSAGE_RUNNING);
    assert_int_equal(taken->delivered, 2);
    test_close(&test);
}

/* After an outage both ask at once: the holder keeps it, whatever the counts say. */
static void test_doubt_and_claim_cross(void **state)
{
    struct test test;
    test_open(&test, state);
    struct message *held = give(&test.first, 2);
    claims_begin(test.second.claims, give(&test.second, 1));
    claims_doubt_all(test.first.claims);
    bus_fixture_run(test.fixture, HEARD_MS);
    assert_int_equal(held->state, MESSAGE_RUNNING);
    assert_int_equal(messages_count(test.second.messages), 0);
    test_close(&test);
}

static void test_done_while_doubted(void **state)
{
    struct test test;
    test_open(&test, state);
    struct message *held = give(&test.first, 1);
    give(&test.second, 2);
    claims_doubt_all(test.first.claims);
    for (size_t i = 0; i < RUNS; i++)
        held_run_done(&held->runs[i]);
    bus_fixture_run(test.fixture, HEARD_MS);
    assert_false(claims_doubting(test.first.claims));
    assert_int_equal(messages_count(test.first.messages), 0);
    test_close(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_holder_keeps_it, bus_fixture_setup,
                                        bus_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_holder_keeps_it_without_a_count, bus_fixture_setup,
                                        bus_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nobody_holds_it, bus_fixture_setup,
                                        bus_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_of_two_that_claim_one_gets_it, bus_fixture_setup,
                                        bus_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_doubt_with_nobody_else, bus_fixture_setup,
                                        bus_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_doubt_of_what_was_taken_over, bus_fixture_setup,
                                        bus_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_doubt_and_claim_cross, bus_fixture_setup,
                                        bus_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_done_while_doubted, bus_fixture_setup,
                                        bus_fixture_teardown),
    };
    return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
