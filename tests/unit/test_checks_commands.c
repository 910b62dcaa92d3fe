/* What commands do to checks, and what the rules say of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checks_world.h"
#include "shared/compiler.h"

#define CHECK 7
#define MS    (WORLD_BEGIN_S * 1000)
#define MANY  40000

static void change_leader(void)
{
    world_die(true);
    world_lead();
}

static void happens(int64_t second, int64_t check, enum ping_kind kind)
{
    world_at(second);
    world_ping(check, kind, NULL);
    world_settle();
    change_leader();
}

static void add(int64_t id, const struct check_settings *settings)
{
    world_add(id, 1, settings);
    world_settle();
    change_leader();
}

/* ---- settings ---- */

static void wrong_settings_are_named(void **state)
{
    (void)state;
    char error[CHECK_ERROR_SIZE];
    struct check_settings settings = world_settings();
    assert_int_equal(checks_valid(&settings, error), 0);
    settings.maint_schedule = "sun:02:00";
    assert_int_equal(checks_valid(&settings, error), -1);
    assert_memory_equal(error, "maint_schedule: ", 16);
    settings.maint_schedule = "sun:02:00-03:00";
    settings.cron_expression = "61 * * * *";
    assert_int_equal(checks_valid(&settings, error), -1);
    assert_memory_equal(error, "cron_expression: ", 17);
    settings.cron_expression = "1 * * * *";
    assert_int_equal(checks_valid(&settings, error), 0);
    settings.timezone = "Mars/Olympus";
    assert_int_equal(checks_valid(&settings, error), -1);
    assert_memory_equal(error, "timezone: ", 10);
}

static void a_period_is_shown_of_an_expression_too(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    assert_int_equal(check_period_s(&settings, WORLD_BEGIN_S), 60);
    settings.cron_expression = "*/5 * * * *";
    assert_int_equal(check_period_s(&settings, WORLD_BEGIN_S), 300);
    settings.cron_expression = "0 2 * * *";
    assert_int_equal(check_period_s(&settings, WORLD_BEGIN_S), 86400);
    settings.cron_expression = "0 0 1 * *";
    assert_int_equal(check_period_s(&settings, WORLD_BEGIN_S), 28 * 86400);
    settings.cron_expression = "0 0 29 2 *";
    assert_int_equal(check_period_s(&settings, WORLD_BEGIN_S), (4 * 365 + 1) * 86400);
}

static void one_that_cannot_be_scheduled_is_there(void **state)
{
    (void)state;
    const struct checks_progress progress = {.next_ping = 1, .next_flip = 1, .next_alert = 1};
    struct checks *checks = checks_create(&progress);
    struct check_settings settings = world_settings();
    settings.cron_expression = "nonsense";
    assert_int_equal(checks_load(checks, CHECK, 1, &settings, NULL), -1);
    settings.cron_expression = NULL;
    settings.maint_schedule = "nonsense";
    assert_int_equal(checks_load(checks, 8, 1, &settings, NULL), -1);
    checks_loaded(checks);
    for (int64_t id = CHECK; id <= 8; id++)
        checks_ping(checks, &(struct ping){.check = id, .time_ms = MS});
    checks_evaluate(checks, WORLD_BEGIN_S + 1000000);
    assert_int_equal(checks_status(checks, CHECK), CHECK_UP);
    assert_int_equal(checks_status(checks, 8), CHECK_UP);
    assert_int_equal(checks_expected_s(checks, CHECK), 0);
    settings.maint_schedule = "";
    checks_change(checks, 8, &settings, MS + 1000000000);
    checks_evaluate(checks, WORLD_BEGIN_S + 1000060);
    assert_int_equal(checks_status(checks, 8), CHECK_DOWN);
    /* A pause asks for no schedule. */
    settings = world_settings();
    settings.cron_expression = "nonsense";
    settings.paused = true;
    checks_change(checks, CHECK, &settings, MS + 1000000000);
    assert_int_equal(checks_status(checks, CHECK), CHECK_PAUSED);
    checks_remove(checks, CHECK, MS);
    assert_int_equal(checks_total(checks), 1);
    checks_free(checks);
}

/* Not all at once when a million of them are there. */
static void deadlines_are_found_as_rows_come(void **state)
{
    (void)state;
    struct checks *checks = checks_create(&(struct checks_progress){1, 1, 1, 1});
    const struct check_settings settings = world_settings();
    const struct check_state_row row = {
        .check = CHECK, .base_s = WORLD_BEGIN_S, .status = CHECK_UP, .last_duration_ms = -1};
    assert_int_equal(checks_load(checks, CHECK, 1, &settings, &row), 0);
    assert_int_equal(checks_next_s(checks), WORLD_BEGIN_S + 60);
    checks_load_start(checks, &(struct check_start_row){
                                  .check = CHECK, .started_ms = MS, .due_s = WORLD_BEGIN_S + 50});
    assert_int_equal(checks_next_s(checks), WORLD_BEGIN_S + 50);
    checks_loaded(checks);
    checks_evaluate(checks, WORLD_BEGIN_S + 50);
    assert_int_equal(checks_status(checks, CHECK), CHECK_DOWN);
    checks_free(checks);
}

static void what_is_expected_is_told(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    add(CHECK, &settings);
    assert_int_equal(checks_expected_s(world.checks, CHECK), 0);
    happens(5, CHECK, PING_START);
    assert_int_equal(checks_expected_s(world.checks, CHECK), 0);
    happens(10, CHECK, PING_SUCCESS);
    assert_int_equal(checks_expected_s(world.checks, CHECK), WORLD_BEGIN_S + 70);
    world_pass_to(1000);
    assert_int_equal(checks_expected_s(world.checks, CHECK), WORLD_BEGIN_S + 70);
    settings.paused = true;
    world_set(CHECK, &settings);
    assert_int_equal(checks_expected_s(world.checks, CHECK), 0);
    assert_int_equal(checks_expected_s(world.checks, 99), 0);
    struct check_state_row row;
    assert_false(checks_state(world.checks, 99, &row));
}

/* ---- changes ---- */

static void a_longer_period_brings_it_up_again(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    add(CHECK, &settings);
    happens(0, CHECK, PING_SUCCESS);
    world_pass_to(70);
    settings.period_s = 3600;
    world_set(CHECK, &settings);
    world_settle();
    change_leader();
    assert_string_equal(world_flips(CHECK), "0:new>up 60:up>late 70:late>up");
    assert_int_equal(checks_expected_s(world.checks, CHECK), WORLD_BEGIN_S + 3600);
    world_pass_to(3600);
    assert_string_equal(world_flips(CHECK), "0:new>up 60:up>late 70:late>up 3600:up>late");
}

static void a_shorter_period_makes_nobody_late_before_it_was_asked_for(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    settings.period_s = 86400;
    add(CHECK, &settings);
    happens(0, CHECK, PING_SUCCESS);
    world_pass_to(1000);
    settings.period_s = 60;
    world_set(CHECK, &settings);
    world_settle();
    change_leader();
    world_pass_to(1059);
    assert_string_equal(world_flips(CHECK), "0:new>up 1000:up>late");
    world_pass_to(1060);
    assert_string_equal(world_flips(CHECK), "0:new>up 1000:up>late 1060:late>down");
}

static void nor_does_an_expression_or_a_shorter_grace(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    settings.period_s = 86400;
    add(CHECK, &settings);
    happens(0, CHECK, PING_SUCCESS);
    world_pass_to(1000);
    settings.cron_expression = "*/5 * * * *";
    settings.grace_s = 3600;
    world_set(CHECK, &settings);
    world_settle();
    change_leader();
    world_pass_to(2000);
    assert_string_equal(world_flips(CHECK), "0:new>up 1200:up>late");
    settings.grace_s = 60;
    world_set(CHECK, &settings);
    world_settle();
    change_leader();
    assert_string_equal(world_flips(CHECK), "0:new>up 1200:up>late 2000:late>up");
    world_pass_to(2160);
    assert_string_equal(world_flips(CHECK),
                        "0:new>up 1200:up>late 2000:late>up 2100:up>late 2160:late>down");
}

static void other_changes_leave_times_alone(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    settings.cron_expression = "*/5 * * * *";
    add(CHECK, &settings);
    happens(0, CHECK, PING_SUCCESS);
    world_at(1000); /* not evaluated yet */
    settings.alert_after = 2;
    settings.maint_schedule = "sun:00:00-01:00";
    world_set(CHECK, &settings);
    settings.maint_schedule = "";
    world_set(CHECK, &settings);
    world_settle();
    world_pass_to(1001);
    assert_string_equal(world_flips(CHECK), "0:new>up 300:up>late 360:late>down");
}

static void fewer_failures_may_be_enough_already(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    settings.alert_after = 5;
    settings.period_s = 86400;
    add(CHECK, &settings);
    happens(0, CHECK, PING_FAIL);
    happens(10, CHECK, PING_FAIL);
    assert_string_equal(world_alerts(CHECK), "");
    world_at(20);
    settings.alert_after = 2;
    world_set(CHECK, &settings);
    world_settle();
    assert_string_equal(world_alerts(CHECK), "20:down");
}

static void missed_times_are_counted_by_the_new_period(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    settings.alert_after = 3;
    settings.period_s = 86400;
    add(CHECK, &settings);
    happens(0, CHECK, PING_FAIL);
    world_pass_to(5000);
    settings.period_s = 600;
    world_set(CHECK, &settings);
    world_settle();
    change_leader();
    world_pass_to(6199);
    assert_string_equal(world_alerts(CHECK), "");
    world_pass_to(6200);
    assert_string_equal(world_alerts(CHECK), "6200:down");
}

static void maintenance_may_begin_and_end_by_a_change(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    add(CHECK, &settings);
    happens(0, CHECK, PING_SUCCESS);
    settings.maint_start_s = WORLD_BEGIN_S + 100;
    settings.maint_end_s = WORLD_BEGIN_S + 10000;
    world_set(CHECK, &settings);
    world_settle();
    world_pass_to(1000);
    assert_string_equal(world_alerts(CHECK), "");
    settings.maint_end_s = WORLD_BEGIN_S + 500;
    world_set(CHECK, &settings);
    world_settle();
    assert_string_equal(world_alerts(CHECK), "1000:down");
}

/* ---- pauses and limits ---- */

static void a_check_may_begin_paused(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    settings.paused = true;
    add(CHECK, &settings);
    assert_int_equal(world_status(CHECK), CHECK_PAUSED);
    assert_int_equal(world.rows[CHECK].state.status, CHECK_PAUSED);
    assert_int_equal(checks_count(world.checks, 1), 0);
    assert_int_equal(checks_stored(world.checks, 1), 1);
    happens(10, CHECK, PING_SUCCESS);
    assert_int_equal(world_status(CHECK), CHECK_PAUSED);
    assert_int_equal(world_state(CHECK).ping_count, 1);
    assert_int_equal(world_state(CHECK).last_ping_ms, MS + 10000);
    settings.paused = false;
    world_set(CHECK, &settings);
    world_settle();
    change_leader();
    assert_string_equal(world_flips(CHECK), "10:paused>new");
    assert_int_equal(checks_count(world.checks, 1), 1);
    assert_int_equal(world_state(CHECK).base_s, 0);
}

static void a_smaller_plan_pauses_the_oldest(void **state)
{
    (void)state;
    for (int64_t id = 10; id < 20; id++) {
        world_at(1000 - id); /* the greater the id, the older */
        struct check_settings settings = world_settings();
        settings.paused = id == 12;
        add(id, &settings);
    }
    world_at(1000);
    assert_int_equal(checks_count(world.checks, 1), 9);
    world_limit(1, 4);
    assert_null(checks_pause_reason(world.checks, 11));
    assert_string_equal(checks_pause_reason(world.checks, 19), "plan");
    struct check_settings settings = world_settings();
    settings.created_ms = world.rows[19].settings.created_ms;
    world_set(19, &settings); /* resumed in the same transaction */
    assert_null(checks_pause_reason(world.checks, 19));
    world_settle();
    change_leader();
    for (int64_t id = 10; id < 19; id++) {
        bool paused = id == 12 || id > 14;
        assert_int_equal(world_status(id) == CHECK_PAUSED, paused);
        assert_int_equal(world.rows[id].paused != NULL, id > 14);
    }
    assert_int_equal(world_status(19), CHECK_NEW);
    assert_int_equal(checks_count(world.checks, 1), 5);
    assert_int_equal(checks_stored(world.checks, 1), 10);
    world_limit(1, 5);
    world_limit(99, 0);
    assert_false(checks_has_rows(world.checks, world.now_ms));
    assert_int_equal(checks_count(world.checks, 1), 5);
    assert_int_equal(checks_count(world.checks, 99), 0);
    assert_int_equal(checks_stored(world.checks, 99), 0);
}

/* ---- jobs ---- */

static void executions_of_its_job_are_its_pings(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    settings.job = 55;
    settings.cron_expression = "*/5 * * * *";
    add(CHECK, &settings);
    assert_int_equal(checks_of_job(world.checks, 55), CHECK);
    assert_int_equal(checks_of_job(world.checks, 56), 0);
    assert_int_equal(checks_of_job(world.checks, 0), 0);
    world_at(3);
    checks_job_ended(world.checks, 55, true, MS + 1000, MS + 2500);
    checks_job_ended(world.checks, 56, true, MS + 1000, MS + 2500);
    world_settle();
    change_leader();
    assert_int_equal(world.ping_count, 1);
    assert_true(world.pings[0].of_job);
    assert_int_equal(world.pings[0].duration_ms, 1500);
    assert_int_equal(world.pings[0].time_ms, MS + 2500);
    assert_int_equal(world.pings[0].mark, PING_UNMARKED);
    assert_string_equal(world_flips(CHECK), "2:new>up");
    world_at(310);
    checks_job_ended(world.checks, 55, false, MS + 300000, MS + 309000);
    world_settle();
    assert_string_equal(world_flips(CHECK), "2:new>up 300:up>late 309:late>down");
    assert_string_equal(world_alerts(CHECK), "310:down");
    checks_job_paused(world.checks, 55, world.now_ms);
    checks_job_paused(world.checks, 55, world.now_ms);
    checks_job_paused(world.checks, 56, world.now_ms);
    assert_string_equal(checks_pause_reason(world.checks, CHECK), "job");
    world_settle();
    change_leader();
    assert_string_equal(world.rows[CHECK].paused, "job");
    assert_int_equal(world_status(CHECK), CHECK_PAUSED);
    world_remove(CHECK);
    world_settle();
    assert_int_equal(checks_of_job(world.checks, 55), 0);
}

/* ---- removal ---- */

static void what_is_removed_leaves_nothing(void **state)
{
    (void)state;
    const struct checks_progress progress = {.next_ping = 1, .next_flip = 1, .next_alert = 1};
    struct checks *checks = checks_create(&progress);
    struct check_settings first = world_settings();
    checks_add(checks, 1000, 9, &first, MS);
    checks_remove_account(checks, 9);
    size_t bytes = checks_bytes(checks);
    int64_t notice = 1, outbox = 1;
    struct check_writing writing = {0};
    for (int64_t id = 1; id <= 100; id++) {
        int64_t parents[] = {id - 1, id - 2};
        int64_t channels[] = {id, 1};
        struct check_settings settings = world_settings();
        settings.cron_expression = id % 2 ? "* * * * *" : NULL;
        settings.parents = parents;
        settings.parent_count = id > 2 ? 2 : 0;
        settings.channels = id % 3 ? channels : NULL;
        settings.channel_count = id % 3 ? 2 : 0;
        settings.job = id % 5 ? 0 : id;
        settings.reminder_s = id % 7 ? 0 : 300;
        settings.maint_schedule = id % 4 ? "" : "daily:02:00-03:00";
        checks_add(checks, id, 1 + id % 3, &settings, MS);
        channels_add(checks, &(struct channel_row){id, 1 + id % 3, CHANNEL_SLACK, true});
        const struct ping start = {
            .check = id, .time_ms = MS + id, .kind = PING_START, .rid = "abc", .rid_bytes = 3};
        checks_ping(checks, &start);
        if (id % 2)
            checks_ping(checks, &(struct ping){.check = id, .time_ms = MS + id, .kind = PING_FAIL});
    }
    checks_collect(checks, MS, &notice, &outbox, &writing);
    assert_true(writing.alert_count > 0);
    check_writing_clear(&writing);
    assert_int_equal(checks_total(checks), 100);
    assert_true(channels_has(checks, 5, 3));
    assert_false(channels_has(checks, 5, 2));
    assert_true(checks_has(checks, 5, 3));
    assert_false(checks_has(checks, 5, 1));
    for (int64_t id = 3; id <= 100; id += 3) {
        checks_ping(checks, &(struct ping){.check = id, .time_ms = MS + 50, .kind = PING_FAIL});
        checks_remove(checks, id, MS + 100);
    }
    assert_int_equal(checks_stored(checks, 1), 0);
    for (int64_t account = 1; account <= 4; account++)
        checks_remove_account(checks, account);
    assert_int_equal(checks_total(checks), 0);
    assert_int_equal(channels_count(checks, 2), 0);
    assert_int_equal(checks_bytes(checks), bytes);
    checks_collect(checks, MS + 60000, &notice, &outbox, &writing);
    assert_int_equal(writing.state_count + writing.start_count + writing.alert_count, 0);
    checks_evaluate(checks, WORLD_BEGIN_S + 100000);
    assert_int_equal(checks_next_s(checks), INT64_MAX);
    assert_false(checks_has_rows(checks, MS + 120000));
    check_writing_free(&writing);
    checks_free(checks);
    checks_free(NULL);
}

/* ---- many ---- */

static void many_that_are_due_at_once_are_spread_over_transactions(void **state)
{
    (void)state;
    const struct checks_progress progress = {.next_ping = 1, .next_flip = 1, .next_alert = 1};
    struct checks *checks = checks_create(&progress);
    channels_add(checks, &(struct channel_row){1, 1, CHANNEL_WEBHOOK, true});
    struct check_settings settings = world_settings();
    struct check_writing writing = {0};
    int64_t notice = 1, outbox = 1;
    /* The parent comes last: nobody may be told before it is known to be down. */
    const int64_t parent = MANY;
    for (int64_t id = 1; id <= MANY; id++) {
        settings.parents = &parent;
        settings.parent_count = id < MANY;
        checks_add(checks, id, 1, &settings, MS);
        checks_ping(checks, &(struct ping){.check = id, .time_ms = MS});
    }
    checks_collect(checks, MS, &notice, &outbox, &writing);
    assert_int_equal(writing.state_count, MANY);
    check_writing_clear(&writing);
    checks_evaluate(checks, WORLD_BEGIN_S + 1000);
    size_t down = 0, transactions = 0, alerts = 0;
    while (checks_has_rows(checks, MS + 1000000)) {
        checks_collect(checks, MS + 1000000, &notice, &outbox, &writing);
        assert_true(writing.state_count < MANY / 2);
        for (size_t i = 0; i < writing.flip_count; i++)
            down += writing.flips[i].to == CHECK_DOWN;
        alerts += writing.alert_count;
        transactions++;
        check_writing_clear(&writing);
    }
    assert_int_equal(down, MANY);
    assert_true(transactions >= 2);
    assert_int_equal(alerts, 1);
    /* It recovers; now all of them are to be told. */
    checks_ping(checks, &(struct ping){.check = MANY, .time_ms = MS + 2000000});
    checks_evaluate(checks, WORLD_BEGIN_S + 2060);
    alerts = transactions = 0;
    while (checks_has_rows(checks, MS + 2061000)) {
        checks_collect(checks, MS + 2061000, &notice, &outbox, &writing);
        alerts += writing.alert_count;
        transactions++;
        check_writing_clear(&writing);
    }
    assert_int_equal(alerts, MANY); /* and the end of the parent's */
    assert_true(transactions >= 3);
    check_writing_free(&writing);
    checks_free(checks);
}

static void a_ping_finds_its_check_as_late_as_time_has_come(void **state)
{
    (void)state;
    const struct checks_progress progress = {.next_ping = 1, .next_flip = 1, .next_alert = 1};
    struct checks *checks = checks_create(&progress);
    struct check_settings settings = world_settings();
    struct check_writing writing = {0};
    int64_t notice = 1, outbox = 1;
    for (int64_t id = 1; id <= MANY; id++) {
        checks_add(checks, id, 1, &settings, MS);
        checks_ping(checks, &(struct ping){.check = id, .time_ms = MS});
    }
    checks_evaluate(checks, WORLD_BEGIN_S + 120);
    assert_int_equal(checks_status(checks, 1), CHECK_DOWN);
    assert_int_equal(checks_status(checks, MANY), CHECK_UP); /* its turn has not come */
    checks_ping(checks, &(struct ping){.check = MANY, .time_ms = MS + 121000});
    checks_collect(checks, MS + 122000, &notice, &outbox, &writing);
    struct flip_row flips[8];
    size_t count = 0;
    for (size_t i = 0; i < writing.flip_count; i++)
        if (writing.flips[i].check == MANY)
            flips[count++] = writing.flips[i];
    assert_int_equal(count, 4);
    assert_int_equal(flips[2].to, CHECK_DOWN);
    assert_int_equal(flips[2].at_s, WORLD_BEGIN_S + 120);
    assert_int_equal(flips[3].to, CHECK_UP);
    assert_int_equal(flips[3].at_s, WORLD_BEGIN_S + 121);
    check_writing_free(&writing);
    checks_free(checks);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(wrong_settings_are_named),
        TEST(a_period_is_shown_of_an_expression_too),
        TEST(one_that_cannot_be_scheduled_is_there),
        TEST(deadlines_are_found_as_rows_come),
        TEST(what_is_expected_is_told),
        TEST(a_longer_period_brings_it_up_again),
        TEST(a_shorter_period_makes_nobody_late_before_it_was_asked_for),
        TEST(nor_does_an_expression_or_a_shorter_grace),
        TEST(other_changes_leave_times_alone),
        TEST(fewer_failures_may_be_enough_already),
        TEST(missed_times_are_counted_by_the_new_period),
        TEST(maintenance_may_begin_and_end_by_a_change),
        TEST(a_check_may_begin_paused),
        TEST(a_smaller_plan_pauses_the_oldest),
        TEST(executions_of_its_job_are_its_pings),
        TEST(what_is_removed_leaves_nothing),
        TEST(many_that_are_due_at_once_are_spread_over_transactions),
        TEST(a_ping_finds_its_check_as_late_as_time_has_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
