/* Which run is started next: the bounds, the turns of the lanes, busy hosts, abandoned messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "dispatcher/job_details.h"
#include "dispatcher/launch.h"
#include "shared/compiler.h"

#define STARTED_MAX 4096

struct fixture {
    struct messages *messages;
    struct launch *launch;
    struct held_run *started[STARTED_MAX]; /* and not yet ended */
    size_t count;
    size_t lane_started[LANES];
    uint64_t sequence;
};

static void on_start(void *arg, struct held_run *run)
{
    struct fixture *fixture = arg;
    INVARIANT(fixture->count < STARTED_MAX);
    fixture->started[fixture->count++] = run;
    fixture->lane_started[run->message->lane]++;
}

static void open_fixture(struct fixture *fixture, unsigned concurrency, unsigned per_host)
{
    *fixture = (struct fixture){0};
    fixture->messages = messages_create(NULL); /* acknowledges nothing: no message is finished */
    struct launch_options options = {
        .concurrency = concurrency, .per_host = per_host, .start = on_start, .arg = fixture};
    fixture->launch = launch_create(&options);
}

static void close_fixture(struct fixture *fixture)
{
    launch_free(fixture->launch);
    messages_free(fixture->messages);
}

/* A message of so many runs to one host; and one run more, which keeps it open. */
static struct message *add(struct fixture *fixture, unsigned lane, size_t count, const char *host)
{
    struct run_batch batch = {.count = count + 1};
    struct message *message =
        messages_hold(fixture->messages, lane, ++fixture->sequence, 1, "", &batch);
    char url[64];
    snprintf(url, sizeof(url), "http://%s/", host);
    struct job_row row = {.job = 1, .version = 1, .url = url};
    for (size_t i = 0; i < count; i++) {
        message->runs[i].details = job_details_create(&row);
        launch_add(fixture->launch, &message->runs[i]);
    }
    return message;
}

static void connect_all(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++)
        launch_connected(fixture->launch, fixture->started[i]);
}

static void end_all(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++) {
        launch_ended(fixture->launch, fixture->started[i]);
        held_run_done(fixture->started[i]);
    }
    fixture->count = 0;
}

static size_t turn(struct fixture *fixture)
{
    size_t before = fixture->count;
    launch_turn(fixture->launch);
    return fixture->count - before;
}

static void test_half_for_a_lane(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, 100, 1000);
    add(&fixture, 3, 60, "a.example");
    add(&fixture, 3, 60, "b.example");
    assert_int_equal(turn(&fixture), 50);
    add(&fixture, 4, 60, "c.example");
    assert_int_equal(turn(&fixture), 50);
    assert_int_equal(fixture.lane_started[4], 50);
    assert_int_equal(turn(&fixture), 0);
    assert_int_equal(launch_under_way(fixture.launch), 100);
    assert_int_equal(launch_waiting(fixture.launch), 80);
    end_all(&fixture);
    assert_int_equal(turn(&fixture), 60);
    close_fixture(&fixture);
}

static void test_lanes_take_turns(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, 80, 1000);
    for (unsigned lane = 0; lane < LANES; lane++)
        add(&fixture, lane, 60, "a.example");
    assert_int_equal(turn(&fixture), 80);
    for (unsigned lane = 0; lane < LANES; lane++)
        assert_int_equal(fixture.lane_started[lane], 80 / LANES);
    close_fixture(&fixture);
}

static void test_busy_host_lets_others_pass(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, 100, 2);
    add(&fixture, 0, 5, "busy.example");
    add(&fixture, 0, 2, "free.example");
    assert_int_equal(turn(&fixture), 4);
    assert_int_equal(launch_waiting(fixture.launch), 3);
    end_all(&fixture);
    assert_int_equal(turn(&fixture), 2);
    end_all(&fixture);
    assert_int_equal(turn(&fixture), 1);
    end_all(&fixture);
    assert_int_equal(launch_waiting(fixture.launch), 0);
    close_fixture(&fixture);
}

static void test_connecting_is_bounded(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, 4000, 4000);
    for (unsigned lane = 0; lane < LANES; lane++)
        for (unsigned i = 0; i < 10; i++)
            add(&fixture, lane, 60, "a.example");
    size_t first = turn(&fixture);
    assert_true(first > 0 && first < 1000);
    assert_int_equal(turn(&fixture), 0);
    connect_all(&fixture);
    assert_int_equal(turn(&fixture), first);
    /* One that ends without a connection makes room, too. */
    end_all(&fixture);
    assert_int_equal(turn(&fixture), first);
    close_fixture(&fixture);
}

/* The runs dropped are those that were to make way for the rest of their host. */
static void test_abandoned_are_dropped(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, 100, 1);
    struct message *first = add(&fixture, 0, 1, "busy.example");
    struct message *abandoned = add(&fixture, 1, 5, "busy.example");
    struct message *kept = add(&fixture, 2, 3, "busy.example");
    assert_int_equal(turn(&fixture), 1);
    assert_ptr_equal(fixture.started[0]->message, first);
    end_all(&fixture);
    message_yield(abandoned);
    launch_drop_abandoned(fixture.launch);
    assert_int_equal(abandoned->open, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(turn(&fixture), 1);
        assert_ptr_equal(fixture.started[0]->message, kept);
        end_all(&fixture);
    }
    assert_int_equal(turn(&fixture), 0);
    assert_int_equal(launch_waiting(fixture.launch), 0);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_for_a_lane),
        cmocka_unit_test(test_lanes_take_turns),
        cmocka_unit_test(test_busy_host_lets_others_pass),
        cmocka_unit_test(test_connecting_is_bounded),
        cmocka_unit_test(test_abandoned_are_dropped),
    };
    return cmocka_run_group_tests_name("launch", tests, NULL, NULL);
}
