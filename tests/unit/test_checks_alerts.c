/* Who is told of an outage, when, and in how many messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "checks_world.h"
#include "shared/compiler.h"

#define MS (WORLD_BEGIN_S * 1000)

/* A check of account 1 that fails when it says so, and else not for a year. */
static struct check_settings quiet(void)
{
    struct check_settings settings = world_settings();
    settings.period_s = 31536000;
    settings.grace_s = 600;
    return settings;
}

static void add(int64_t id, const int64_t *parents, size_t parent_count)
{
    struct check_settings settings = quiet();
    settings.parents = parents;
    settings.parent_count = parent_count;
    world_add(id, 1, &settings);
    world_settle();
}

/* A new leader, as if the old one had just died. */
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

static size_t count(enum alert_type type, enum alert_way way)
{
    size_t found = 0;
    for (size_t i = 0; i < world.alert_count; i++)
        found += world.alerts[i].row.type == type && world.alerts[i].way == way;
    return found;
}

/* ---- channels ---- */

static void each_usable_channel_is_told(void **state)
{
    (void)state;
    world_channel(2, 1, CHANNEL_EMAIL, true);
    world_channel(3, 1, CHANNEL_SLACK, true);
    world_channel(4, 1, CHANNEL_EMAIL, false);
    world_channel(5, 2, CHANNEL_EMAIL, true);
    add(7, NULL, 0);
    happens(10, 7, PING_FAIL);
    assert_string_equal(world_alerts(7), "10:down 10:down 10:down");
    assert_int_equal(count(ALERT_DOWN, ALERT_BY_NOTICE), 2);
    assert_int_equal(count(ALERT_DOWN, ALERT_BY_MAIL), 1);
    assert_int_equal(world_state(7).alert_count, 1); /* outages that were told */
    assert_int_equal(world.next_notice, 3);
    assert_int_equal(world.next_outbox, 2);
    for (size_t i = 0; i < world.alert_count; i++)
        assert_int_equal(world.alerts[i].row.channel, i + 1);
}

static void a_check_may_name_its_channels(void **state)
{
    (void)state;
    world_channel(2, 1, CHANNEL_EMAIL, true);
    world_channel(3, 1, CHANNEL_SLACK, true);
    const int64_t channels[] = {3, 2, 40}; /* one of them is gone */
    struct check_settings settings = quiet();
    settings.channels = channels;
    settings.channel_count = 3;
    world_add(7, 1, &settings);
    settings.channel_count = 0; /* nobody */
    world_add(8, 1, &settings);
    world_settle();
    change_leader();
    happens(10, 7, PING_FAIL);
    happens(10, 8, PING_FAIL);
    assert_int_equal(world.alert_count, 2);
    assert_int_equal(world.alerts[0].row.channel, 2);
    assert_int_equal(world.alerts[1].row.channel, 3);
    assert_string_equal(world_alerts(8), "");
    assert_int_equal(world_state(8).alert_count, 0);
    happens(20, 8, PING_SUCCESS); /* nobody was told, so nobody is told of the end */
    assert_string_equal(world_flips(8), "10:new>down 20:down>up");
    assert_string_equal(world_alerts(8), "");
}

static void who_comes_later_is_told_of_the_next_failure(void **state)
{
    (void)state;
    world_channel(1, 1, CHANNEL_WEBHOOK, false);
    add(7, NULL, 0);
    happens(10, 7, PING_FAIL);
    world_channel(1, 1, CHANNEL_WEBHOOK, true);
    world_pass_to(1000);
    assert_string_equal(world_alerts(7), "");
    happens(2000, 7, PING_FAIL);
    assert_string_equal(world_alerts(7), "2000:down");
}

static void a_test_goes_to_its_channel(void **state)
{
    (void)state;
    world_channel(2, 1, CHANNEL_EMAIL, true);
    world_channel(3, 1, CHANNEL_SLACK, true);
    world_settle();
    channels_test(world.checks, 2);
    channels_test(world.checks, 3);
    world_settle();
    assert_int_equal(world.alert_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(world.alerts[i].row.check, 0);
        assert_int_equal(world.alerts[i].row.type, ALERT_TEST);
        assert_int_equal(world.alerts[i].row.channel, i + 2);
        assert_int_equal(world.alerts[i].row.account, 1);
    }
    assert_int_equal(world.alerts[0].way, ALERT_BY_MAIL);
    assert_int_equal(world.alerts[1].way, ALERT_BY_NOTICE);
    channels_test(world.checks, 3);
    world_channel_remove(3);
    world_settle();
    assert_int_equal(world.alert_count, 2);
}

static void an_outage_and_its_end_in_one_transaction_are_both_told(void **state)
{
    (void)state;
    add(7, NULL, 0);
    world_at(10);
    world_ping(7, PING_FAIL, NULL);
    world_ping(7, PING_SUCCESS, NULL);
    world_ping(7, PING_FAIL, NULL);
    world_settle();
    assert_string_equal(world_flips(7), "10:new>down 10:down>up 10:up>down");
    /* The end was not told yet when it failed again: to who was told, it goes on. */
    assert_string_equal(world_alerts(7), "10:down");
    world_ping(7, PING_SUCCESS, NULL);
    world_settle();
    assert_string_equal(world_alerts(7), "10:down 10:up");
    assert_int_equal(world.alerts[0].row.last_ping_s, WORLD_BEGIN_S + 10);
}

static void reminders_are_numbered_and_begin_again(void **state)
{
    (void)state;
    struct check_settings settings = quiet();
    settings.reminder_s = 300;
    world_add(7, 1, &settings);
    world_settle();
    happens(0, 7, PING_FAIL);
    for (int64_t second = 1; second <= 900; second++) {
        world_pass_to(second);
        if (second % 100 == 0)
            change_leader();
    }
    assert_string_equal(world_alerts(7), "0:down 300:reminder 600:reminder 900:reminder");
    for (int32_t i = 0; i < 4; i++)
        assert_int_equal(world.alerts[i].row.reminder, i);
    happens(1000, 7, PING_SUCCESS);
    happens(1010, 7, PING_FAIL);
    world_pass_to(1310);
    assert_int_equal(world.alert_count, 7);
    assert_int_equal(world.alerts[6].row.reminder, 1);
    assert_int_equal(world.alerts[6].row.created_s, WORLD_BEGIN_S + 1310);
    /* Asked for later, they begin then. */
    settings.reminder_s = 0;
    world_set(7, &settings);
    world_pass_to(2000);
    settings.reminder_s = 400;
    world_set(7, &settings);
    world_settle();
    change_leader();
    world_pass_to(2399);
    assert_int_equal(world.alert_count, 7);
    world_pass_to(2400);
    assert_int_equal(world.alert_count, 8);
}

/* ---- parents ---- */

static void below_an_outage_nobody_is_told(void **state)
{
    (void)state;
    add(7, NULL, 0);
    add(8, &(int64_t){7}, 1);
    add(9, &(int64_t){8}, 1);
    happens(10, 7, PING_FAIL);
    happens(20, 9, PING_FAIL);
    world_pass_to(5000);
    assert_string_equal(world_flips(9), "20:new>down");
    assert_string_equal(world_alerts(9), "");
    happens(6000, 9, PING_SUCCESS);
    happens(6010, 7, PING_SUCCESS);
    world_pass_to(20000);
    assert_string_equal(world_alerts(9), "");
    assert_string_equal(world_alerts(7), "10:down 6010:up");
}

static void what_is_still_down_is_told_a_grace_after_its_parent_recovered(void **state)
{
    (void)state;
    add(7, NULL, 0);
    add(8, &(int64_t){7}, 1);
    add(9, &(int64_t){8}, 1);
    happens(10, 7, PING_FAIL);
    happens(20, 9, PING_FAIL);
    happens(1000, 7, PING_SUCCESS);
    world_pass_to(1599);
    assert_string_equal(world_alerts(9), "");
    change_leader();
    world_pass_to(1600);
    assert_string_equal(world_alerts(9), "1600:down");
    happens(1700, 9, PING_SUCCESS);
    assert_string_equal(world_alerts(9), "1600:down 1700:up");
}

static void every_ancestor_has_to_recover(void **state)
{
    (void)state;
    add(6, NULL, 0);
    add(7, NULL, 0);
    add(9, (int64_t[]){6, 7, 99}, 3);
    happens(10, 6, PING_FAIL);
    happens(10, 7, PING_FAIL);
    happens(20, 9, PING_FAIL);
    happens(100, 6, PING_SUCCESS);
    world_pass_to(2000);
    assert_string_equal(world_alerts(9), "");
    happens(3000, 7, PING_SUCCESS);
    happens(3100, 7, PING_FAIL); /* and down again before the grace is over */
    world_pass_to(4000);
    assert_string_equal(world_alerts(9), "");
    happens(5000, 7, PING_SUCCESS);
    world_pass_to(5600);
    assert_string_equal(world_alerts(9), "5600:down");
}

static void an_outage_that_was_told_stays_told(void **state)
{
    (void)state;
    add(7, NULL, 0);
    add(8, &(int64_t){7}, 1);
    happens(10, 8, PING_FAIL);
    happens(20, 7, PING_FAIL);
    happens(30, 8, PING_SUCCESS); /* its end waits for the parent */
    world_pass_to(1000);
    assert_string_equal(world_alerts(8), "10:down");
    happens(2000, 7, PING_SUCCESS);
    world_pass_to(2599);
    assert_string_equal(world_alerts(8), "10:down");
    world_pass_to(2600);
    assert_string_equal(world_alerts(8), "10:down 2600:up");
}

/* The child's deadline is a little earlier; the parent has the greater id, and the greater place.
 */
static void a_parent_that_goes_down_in_the_same_evaluation_silences(void **state)
{
    (void)state;
    struct check_settings settings = world_settings();
    const int64_t parent = 8;
    settings.parents = &parent;
    settings.parent_count = 1;
    world_add(7, 1, &settings);
    settings = world_settings();
    world_add(8, 1, &settings);
    world_settle();
    happens(0, 7, PING_SUCCESS);
    happens(1, 8, PING_SUCCESS);
    world_pass_to(200);
    assert_string_equal(world_flips(7), "0:new>up 60:up>late 120:late>down");
    assert_string_equal(world_flips(8), "1:new>up 61:up>late 121:late>down");
    assert_string_equal(world_alerts(7), "");
    assert_string_equal(world_alerts(8), "200:down");
}

static void a_parent_that_is_paused_or_deleted_is_not_down(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        world_end();
        world_begin();
        add(7, NULL, 0);
        add(8, &(int64_t){7}, 1);
        happens(10, 7, PING_FAIL);
        happens(20, 8, PING_FAIL);
        world_at(100);
        struct check_settings settings = quiet();
        settings.paused = true;
        if (how == 0)
            world_set(7, &settings);
        else if (how == 1)
            world_remove(7);
        settings = quiet();
        if (how == 2)
            world_set(8, &settings); /* it has no parents any more */
        world_settle();
        change_leader();
        world_pass_to(699);
        assert_string_equal(world_alerts(8), "");
        world_pass_to(700);
        assert_string_equal(world_alerts(8), "700:down");
    }
}

static void a_circle_of_parents_is_found(void **state)
{
    (void)state;
    add(5, NULL, 0);
    add(6, &(int64_t){5}, 1);
    add(7, (int64_t[]){5, 6}, 2);
    add(8, (int64_t[]){7, 5, 6}, 3);
    assert_true(checks_parents_cycle(world.checks, 5, &(int64_t){8}, 1));
    assert_true(checks_parents_cycle(world.checks, 5, (int64_t[]){99, 6}, 2));
    assert_true(checks_parents_cycle(world.checks, 6, &(int64_t){7}, 1));
    assert_true(checks_parents_cycle(world.checks, 5, &(int64_t){5}, 1));
    assert_true(checks_parents_cycle(world.checks, 100, &(int64_t){100}, 1));
    assert_false(checks_parents_cycle(world.checks, 8, &(int64_t){5}, 1));
    assert_false(checks_parents_cycle(world.checks, 100, (int64_t[]){5, 8}, 2));
    assert_false(checks_parents_cycle(world.checks, 5, NULL, 0));
}

/* Ten layers of ten, each with all of the layer above: ten thousand million paths. */
static void many_ways_up_are_walked_once(void **state)
{
    (void)state;
    int64_t above[10];
    for (int64_t layer = 0; layer < 10; layer++) {
        for (int64_t i = 0; i < 10; i++)
            add(100 + 10 * layer + i, above, layer ? 10 : 0);
        for (int64_t i = 0; i < 10; i++)
            above[i] = 100 + 10 * layer + i;
    }
    happens(10, 100, PING_FAIL);
    happens(20, 195, PING_FAIL);
    assert_string_equal(world_alerts(195), "");
    assert_false(checks_parents_cycle(world.checks, 300, above, 10));
    happens(100, 100, PING_SUCCESS);
    world_pass_to(700);
    assert_string_equal(world_alerts(195), "700:down");
}

/* Half of a thousand, ten on each layer, are above the other half: each of those has all of the
 * former above itself, which must not be asked again for each. */
static void the_end_of_an_outage_above_many_is_told_at_once(void **state)
{
    (void)state;
    struct checks *checks = checks_create(&(struct checks_progress){1, 1, 1, 1});
    checks_load_channel(checks, &(struct channel_row){.id = 1, .account = 1, .usable = true});
    checks_loaded(checks);
    int64_t parents[10];
    struct check_settings settings = quiet();
    settings.parents = parents;
    for (int64_t id = 1; id <= 1000; id++) {
        int64_t layer = id <= 500 ? (id - 1) / 10 : 50;
        settings.parent_count = layer ? 10 : 0;
        for (int64_t i = 0; layer && i < 10; i++)
            parents[i] = (layer - 1) * 10 + i + 1;
        checks_add(checks, id, 1, &settings, MS);
    }
    struct ping ping = {.check = 1, .time_ms = MS, .kind = PING_FAIL, .exit_code = PING_NO_EXIT};
    checks_ping(checks, &ping);
    for (ping.check = 501; ping.check <= 1000; ping.check++)
        checks_ping(checks, &ping);
    clock_t begun = clock();
    ping.check = 1;
    for (int i = 0; i < 100; i++) {
        ping.time_ms = MS + 1000 + i;
        ping.kind = i % 2 ? PING_FAIL : PING_SUCCESS;
        checks_ping(checks, &ping);
    }
    assert_true(clock() - begun < 5 * CLOCKS_PER_SEC); /* far less; it was a minute and more */
    checks_free(checks);
}

/* ---- groups ---- */

static void add_many(int64_t first, int64_t count)
{
    for (int64_t id = first; id < first + count; id++)
        add(id, NULL, 0);
}

static void beyond_five_in_a_minute_alerts_leave_together(void **state)
{
    (void)state;
    world_channel(2, 1, CHANNEL_EMAIL, true);
    world_channel(3, 1, CHANNEL_SLACK, true);
    add_many(10, 20);
    for (int64_t id = 10; id < 30; id++)
        happens(id, id, PING_FAIL);
    assert_int_equal(world.alert_count, 60);
    assert_int_equal(count(ALERT_DOWN, ALERT_BY_NOTICE), 10);
    assert_int_equal(count(ALERT_DOWN, ALERT_BY_MAIL), 5);
    assert_int_equal(count(ALERT_DOWN, ALERT_WAITS), 45);
    assert_int_equal(checks_next_s(world.checks), WORLD_BEGIN_S + 60);
    world_at(59);
    assert_false(checks_has_rows(world.checks, world.now_ms));
    world_at(60);
    assert_true(checks_has_rows(world.checks, world.now_ms));
    world_settle();
    assert_int_equal(count(ALERT_DOWN, ALERT_WAITS), 0);
    assert_int_equal(world.next_notice, 1 + 5 * 2 + 2); /* one a channel */
    assert_int_equal(world.next_outbox, 1 + 5 + 1);
    for (size_t i = 0; i < world.alert_count; i++) {
        const struct world_alert *alert = &world.alerts[i];
        assert_int_equal(alert->group != 0, alert->row.check >= 15);
        if (alert->group && alert->row.channel != 2)
            assert_int_equal(alert->group, alert->row.channel == 1 ? 11 : 12);
    }
    assert_true(checks_next_s(world.checks) > WORLD_BEGIN_S + 600);
}

static void a_new_minute_begins_to_count_anew(void **state)
{
    (void)state;
    add_many(10, 8);
    for (int64_t id = 10; id < 14; id++)
        happens(59, id, PING_FAIL);
    for (int64_t id = 14; id < 18; id++)
        happens(60, id, PING_FAIL);
    assert_int_equal(count(ALERT_DOWN, ALERT_BY_NOTICE), 8);
}

static void another_account_has_its_own_five(void **state)
{
    (void)state;
    world_channel(2, 2, CHANNEL_WEBHOOK, true);
    add_many(10, 6);
    struct check_settings settings = quiet();
    world_add(20, 2, &settings);
    world_settle();
    for (int64_t id = 10; id < 16; id++)
        happens(5, id, PING_FAIL);
    happens(6, 20, PING_FAIL);
    assert_int_equal(count(ALERT_DOWN, ALERT_WAITS), 1);
    assert_int_equal(world.alerts[6].way, ALERT_BY_NOTICE);
}

static void ends_never_wait_but_for_their_outage(void **state)
{
    (void)state;
    add_many(10, 8);
    for (int64_t id = 10; id < 18; id++)
        happens(5, id, PING_FAIL);
    for (int64_t id = 10; id < 18; id++)
        happens(20, id, PING_SUCCESS);
    /* Five are told at once; three when the notice that tells of them has left. */
    assert_int_equal(count(ALERT_UP, ALERT_BY_NOTICE), 5);
    happens(30, 17, PING_FAIL);
    world_pass_to(59);
    assert_int_equal(count(ALERT_UP, ALERT_BY_NOTICE), 5);
    world_pass_to(60);
    assert_int_equal(count(ALERT_UP, ALERT_BY_NOTICE), 7);
    assert_string_equal(world_alerts(16), "5:down 60:up");
    assert_string_equal(world_alerts(17), "5:down"); /* it goes on */
    for (size_t i = 0; i < world.alert_count; i++)
        if (world.alerts[i].row.check == 16)
            assert_int_equal(world.alerts[i].row.notice != 0, world.alerts[i].row.type == ALERT_UP);
}

static void an_outage_that_is_over_is_told_before_its_end(void **state)
{
    (void)state;
    add_many(10, 6);
    for (int64_t id = 10; id < 15; id++)
        happens(5, id, PING_FAIL);
    world_at(6);
    world_ping(15, PING_FAIL, NULL);
    world_ping(15, PING_SUCCESS, NULL);
    world_settle();
    assert_string_equal(world_alerts(15), "6:down 6:up");
    assert_int_equal(count(ALERT_DOWN, ALERT_WAITS), 0);
}

static void a_channel_that_is_gone_fails_what_waits_for_it(void **state)
{
    (void)state;
    world_channel(2, 1, CHANNEL_EMAIL, true);
    world_channel(3, 1, CHANNEL_SLACK, true);
    add_many(10, 7);
    for (int64_t id = 10; id < 17; id++)
        happens(5, id, PING_FAIL);
    world_channel_remove(2);
    world_channel(3, 1, CHANNEL_SLACK, false);
    world_settle();
    change_leader();
    world_pass_to(60);
    size_t failed = 0;
    for (size_t i = 0; i < world.alert_count; i++) {
        failed += world.alerts[i].way == ALERT_FAILED;
        assert_true(world.alerts[i].way != ALERT_FAILED || world.alerts[i].row.channel != 1);
    }
    assert_int_equal(failed, 4);
}

static void what_waits_of_a_removed_check_or_account_is_forgotten(void **state)
{
    (void)state;
    add_many(10, 8);
    for (int64_t id = 10; id < 18; id++)
        happens(5, id, PING_FAIL);
    world_remove(16);
    world_settle();
    world_pass_to(60);
    assert_int_equal(count(ALERT_DOWN, ALERT_WAITS), 0);
    for (int64_t id = 20; id < 28; id++) {
        add(id, NULL, 0);
        happens(65, id, PING_FAIL);
    }
    world_remove_account(1);
    world_settle();
    change_leader();
    world_pass_to(200);
    assert_int_equal(checks_next_s(world.checks), INT64_MAX);
    assert_int_equal(checks_total(world.checks), 0);
}

/* A mass outage, with a leader that dies in the midst of everything, and a clock set back. */
static void a_thousand_at_once_are_told_in_six_messages(void **state)
{
    (void)state;
    for (int64_t id = 10; id < 500; id++) {
        struct check_settings settings = world_settings();
        world_add(id, 1, &settings);
        world_settle();
        happens(0, id, PING_SUCCESS);
    }
    world_at(120);
    checks_evaluate(world.checks, WORLD_BEGIN_S + 120);
    world_collect();
    world_die(false);
    world_lead();
    world_pass_to(121);
    change_leader();
    assert_int_equal(count(ALERT_DOWN, ALERT_WAITS), 485);
    assert_int_equal(world.next_notice, 6);
    world_at(100);
    world_settle();
    assert_int_equal(count(ALERT_DOWN, ALERT_WAITS), 0);
    assert_int_equal(world.next_notice, 7);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_usable_channel_is_told),
        TEST(a_check_may_name_its_channels),
        TEST(who_comes_later_is_told_of_the_next_failure),
        TEST(a_test_goes_to_its_channel),
        TEST(an_outage_and_its_end_in_one_transaction_are_both_told),
        TEST(reminders_are_numbered_and_begin_again),
        TEST(below_an_outage_nobody_is_told),
        TEST(what_is_still_down_is_told_a_grace_after_its_parent_recovered),
        TEST(every_ancestor_has_to_recover),
        TEST(an_outage_that_was_told_stays_told),
        TEST(a_parent_that_goes_down_in_the_same_evaluation_silences),
        TEST(a_parent_that_is_paused_or_deleted_is_not_down),
        TEST(a_circle_of_parents_is_found),
        TEST(many_ways_up_are_walked_once),
        TEST(the_end_of_an_outage_above_many_is_told_at_once),
        TEST(beyond_five_in_a_minute_alerts_leave_together),
        TEST(a_new_minute_begins_to_count_anew),
        TEST(another_account_has_its_own_five),
        TEST(ends_never_wait_but_for_their_outage),
        TEST(an_outage_that_is_over_is_told_before_its_end),
        TEST(a_channel_that_is_gone_fails_what_waits_for_it),
        TEST(what_waits_of_a_removed_check_or_account_is_forgotten),
        TEST(a_thousand_at_once_are_told_in_six_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
