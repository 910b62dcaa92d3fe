/* What becomes of results: success, another attempt, or failure and whom to tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core_world.h"
#include "shared/compiler.h"

#define HOUR    WORLD_HOUR
#define SLOT_S  ((HOUR + 1) * INT64_C(60))
#define HOUR_MS INT64_C(3600000)
#define DAY_MS  INT64_C(86400000)

static int ending_set_up(void **state)
{
    world_set_up(state);
    world_add_account(1, "big");
    return 0;
}

/* A job whose slot at HOUR + 1 is in RUNS. */
static void one_runs(const struct job_settings *settings)
{
    world_add_job(1, 1, settings);
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
}

static const struct world_row *row_of_slot(void)
{
    const struct world_row *row = world_slot(1, HOUR + 1);
    if (!row)
        fail_msg("no row");
    return row;
}

static void which_failures_are_tried_again(void **state)
{
    (void)state;
    static const struct {
        enum result_outcome outcome;
        uint16_t code;
        bool again;
    } cases[] = {
        {RESULT_SUCCESS, 200, false},    {RESULT_SUCCESS, 301, false},
        {RESULT_TIMEOUT, 0, true},       {RESULT_CONNECT, 0, true},
        {RESULT_DNS, 0, true},           {RESULT_TLS, 0, false},
        {RESULT_BLOCKED, 0, false},      {RESULT_GONE, 0, false},
        {RESULT_HTTP_ERROR, 400, false}, {RESULT_HTTP_ERROR, 401, false},
        {RESULT_HTTP_ERROR, 404, false}, {RESULT_HTTP_ERROR, 408, true},
        {RESULT_HTTP_ERROR, 410, false}, {RESULT_HTTP_ERROR, 425, true},
        {RESULT_HTTP_ERROR, 429, true},  {RESULT_HTTP_ERROR, 499, false},
        {RESULT_HTTP_ERROR, 500, true},  {RESULT_HTTP_ERROR, 503, true},
        {RESULT_HTTP_ERROR, 599, true},
    };
    const struct job_settings settings = world_settings("1 * * * *");
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        world_end();
        world_begin();
        world_add_account(1, "big");
        one_runs(&settings);
        assert_true(world_result(1, SLOT_S, 0, 1, cases[i].outcome, cases[i].code));
        world_settle();
        uint8_t expected = cases[i].again                       ? EXECUTION_PENDING
                           : cases[i].outcome == RESULT_SUCCESS ? EXECUTION_SUCCESS
                                                                : EXECUTION_FAILURE;
        if (row_of_slot()->row.status != expected)
            fail_msg("outcome %d, code %u", cases[i].outcome, cases[i].code);
        assert_int_equal(row_of_slot()->row.next_attempt_ms != 0, cases[i].again);
    }
}

/* Fails until there is no more, and returns the number of attempts. */
static uint8_t fail_on(uint16_t code, uint16_t retry_after_s, int64_t waits_ms[static 8])
{
    for (uint8_t attempt = 1; attempt < 8; attempt++) {
        assert_int_equal(world_published(1, SLOT_S, 0, attempt), 1);
        world_store(world.outgoing_count);
        const struct run run = {.job = 1, .slot_s = SLOT_S, .attempt = attempt};
        world_result_add(&run, RESULT_HTTP_ERROR, code, retry_after_s);
        world_results_apply(1);
        assert_false(core_is_open(world.core, 1, SLOT_S, 0, attempt));
        world_settle();
        if (row_of_slot()->row.status != EXECUTION_PENDING)
            return attempt;
        assert_int_equal(row_of_slot()->row.attempts, attempt);
        assert_int_equal(row_of_slot()->row.triggered_ms, world.now_ms - 20);
        int64_t due_ms = row_of_slot()->row.next_attempt_ms;
        waits_ms[attempt] = due_ms - world.now_ms;
        assert_int_equal(core_next_release_ms(world.core, world.now_ms), due_ms);
        assert_int_equal(core_release(world.core, due_ms - 1), 0);
        world.now_ms = due_ms;
        assert_int_equal(core_release(world.core, due_ms), 1);
    }
    return 0;
}

static void attempts_are_as_many_as_the_job_says_and_further_apart(void **state)
{
    (void)state;
    static const int64_t expected_ms[] = {0, 30000, 120000, 480000, 480000, 480000};
    for (uint8_t retries = 0; retries <= 5; retries++) {
        world_end();
        world_begin();
        world_add_account(1, "big");
        struct job_settings settings = world_settings("1 0 * * *");
        settings.due_after_ms = 0;
        settings.max_retries = retries;
        settings.cron_expression = "1 12 * * *";
        one_runs(&settings);
        int64_t waits_ms[8];
        assert_int_equal(fail_on(503, 0, waits_ms), retries + 1);
        for (uint8_t i = 1; i <= retries; i++)
            assert_in_range(waits_ms[i], expected_ms[i] * 8 / 10, expected_ms[i] * 12 / 10);
        assert_int_equal(row_of_slot()->row.status, EXECUTION_FAILURE);
        assert_int_equal(row_of_slot()->row.attempts, retries + 1);
        assert_string_equal(row_of_slot()->error, "HTTP 503");
        assert_int_equal(row_of_slot()->attempt_rows, (1u << (retries + 1)) - 2);
        assert_int_equal(world_account(1)->usage.executions, retries + 1);
        assert_int_equal(world_letters(1, MAIL_FAILURE), 1);
    }
}

static void retry_after_is_honoured_where_it_is_later(void **state)
{
    (void)state;
    const struct job_settings settings = world_settings("1 12 * * *");
    one_runs(&settings);
    int64_t waits_ms[8] = {0};
    assert_int_equal(fail_on(429, 200, waits_ms), 4);
    assert_int_equal(waits_ms[1], 200000);
    assert_int_equal(waits_ms[2], 200000);
    assert_in_range(waits_ms[3], 384000, 576000);
}

static void no_retry_comes_at_or_behind_the_next_slot(void **state)
{
    (void)state;
    const struct job_settings settings = world_settings("*/1 * * * *");
    one_runs(&settings);
    world.now_ms += 40000; /* 24 s at least, of 20 that are left */
    assert_true(world_ends(1, HOUR + 1, 1, 503));
    world_settle();
    assert_int_equal(row_of_slot()->row.status, EXECUTION_FAILURE);
}

/* It was in time, but its account had no room until the next slot had come. */
static void a_retry_that_waited_too_long_is_given_up(void **state)
{
    (void)state;
    world.plans[world.plan_count++] = (struct plan){"one", 10, 10, 60, 30, 100000, 1, 100, 0, 0, 0};
    world_add_account(2, "one");
    world_add(1, 2, "1,3,5 * * * *");
    world_add(2, 2, "2 * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
    assert_true(world_ends(1, HOUR + 1, 1, 503));
    world_settle();
    int64_t due_ms = row_of_slot()->row.next_attempt_ms;
    struct run run;
    assert_int_equal(core_run_now(world.core, world_place(2), world.now_ms, &run), RUN_ACCEPTED);
    world_settle();
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    world.now_ms = due_ms;
    assert_int_equal(core_release(world.core, world.now_ms), 0);
    world_tick_to(HOUR + 3);
    world_settle();
    assert_true(world_result(2, run.slot_s, run.replay, 1, RESULT_SUCCESS, 200));
    core_release(world.core, world.now_ms);
    world_settle();
    assert_int_equal(world_published(1, SLOT_S, 0, 2), 0);
    assert_int_equal(row_of_slot()->row.status, EXECUTION_FAILURE);
    assert_int_equal(row_of_slot()->row.attempts, 1);
    assert_string_equal(row_of_slot()->error, "not tried again: the next run came first");
}

static void a_retry_survives_its_leader(void **state)
{
    (void)state;
    const struct job_settings settings = world_settings("1 12 * * *");
    one_runs(&settings);
    assert_true(world_ends(1, HOUR + 1, 1, 500));
    world_collect();
    world_die(0, false); /* nobody wrote it: the result is read again */
    world_lead();
    world_results_apply(10);
    world_settle();
    world_die(0, false);
    world_lead();
    assert_false(world_ends(1, HOUR + 1, 1, 500)); /* again */
    world.now_ms = row_of_slot()->row.next_attempt_ms;
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    world_die(1, false); /* it is in RUNS */
    world_lead();
    world_results_apply(10);
    assert_int_equal(core_release(world.core, world.now_ms), 0);
    assert_true(core_is_open(world.core, 1, SLOT_S, 0, 2));
    assert_int_equal(account_at(&world.core->accounts, 0)->used, 2);
    assert_true(world_ends(1, HOUR + 1, 2, 204));
    world_settle();
    assert_int_equal(row_of_slot()->row.status, EXECUTION_SUCCESS);
    assert_int_equal(row_of_slot()->row.attempts, 2);
    assert_int_equal(row_of_slot()->attempt_rows, 2);
    assert_int_equal(world_account(1)->usage.executions, 2);
}

static void retry_given_up(bool another_leader)
{
    const struct job_settings settings = world_settings("1 12 * * *");
    one_runs(&settings);
    assert_true(world_ends(1, HOUR + 1, 1, 500));
    world_settle();
    if (another_leader) {
        world_die(0, false);
        world_lead();
    }
    struct job_settings paused = settings;
    paused.enabled = false;
    world_set(1, &paused);
    world_settle();
    world.now_ms += 60000;
    assert_int_equal(core_release(world.core, world.now_ms), 0);
    world_settle();
    assert_int_equal(row_of_slot()->row.status, EXECUTION_FAILURE);
    assert_string_equal(row_of_slot()->error, "not tried again: paused");
    assert_true(row_of_slot()->row.given_up);
    assert_int_equal(row_of_slot()->row.completed_ms, world.now_ms);
}

static void a_retry_is_given_up(void **state)
{
    (void)state;
    retry_given_up(false);
}

static void a_retry_is_given_up_in_the_hands_of_another_leader(void **state)
{
    (void)state;
    retry_given_up(true);
}

static void results_nobody_waits_for_are_ignored(void **state)
{
    (void)state;
    const struct job_settings settings = world_settings("1 12 * * *");
    one_runs(&settings);
    assert_false(world_ends(2, HOUR + 1, 1, 200));
    assert_false(world_ends(1, HOUR + 2, 1, 200));
    assert_false(world_ends(1, HOUR + 1, 2, 200));
    assert_false(world_result(1, SLOT_S, 7, 1, RESULT_SUCCESS, 200));
    assert_false(world_result(1, SLOT_S, RUN_NOTICE, 1, RESULT_SUCCESS, 200));
    assert_true(world_ends(1, HOUR + 1, 1, 200));
    assert_false(world_ends(1, HOUR + 1, 1, 200));
    world_settle();
    assert_false(world_ends(1, HOUR + 1, 1, 200));
    assert_false(core_has_rows(world.core));
}

static void lost_runs_end_as_failures(void **state)
{
    (void)state;
    world_add(1, 1, "* * * * *");
    world_add(2, 1, "* * * * *");
    world_lead();
    world_tick_to(HOUR + 1);
    world_settle();
    world.now_ms += 1000;
    world_settle(); /* both have rows */
    world_die(0, false);
    world_lead();
    world_tick_to(HOUR + 2);
    world_settle();
    assert_true(world_ends(2, HOUR + 1, 1, 200));
    uint64_t before = run_log_next(&world.core->log);
    world_tick_to(HOUR + 3);
    assert_int_equal(core_close_lost(world.core, before), 3);
    assert_int_equal(core_close_lost(world.core, before), 0);
    world_settle();
    assert_int_equal(row_of_slot()->row.status, EXECUTION_FAILURE);
    assert_string_equal(row_of_slot()->error, "the run was lost before its result was known");
    assert_int_equal(world_slot(2, HOUR + 1)->row.status, EXECUTION_SUCCESS);
    assert_int_equal(world.core->open.count, 2);
}

/* ---- whom to tell ---- */

/* Runs the job once more, with that code. */
static void once_more(uint16_t code)
{
    struct run run;
    assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &run), RUN_ACCEPTED);
    world_settle();
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    world_store(world.outgoing_count);
    assert_true(world_result(1, run.slot_s, run.replay, 1,
                             code < 400 ? RESULT_SUCCESS : RESULT_HTTP_ERROR, code));
    world_settle();
}

static void lead_with(const struct job_settings *settings)
{
    world_add_job(1, 1, settings);
    world_lead();
}

static void mails_are_one_an_hour_and_say_how_many_failures_they_stand_for(void **state)
{
    (void)state;
    const struct job_settings settings = world_settings("0 0 1 1 *");
    lead_with(&settings);
    once_more(404);
    assert_int_equal(world.letter_count, 1);
    assert_int_equal(world.letters[0].count, 1);
    assert_int_equal(world.letters[0].code, 404);
    for (unsigned i = 0; i < 59; i++) {
        world.now_ms += 60000;
        once_more(i % 7 == 3 ? 200 : 404); /* a success now and then opens no flood */
        if (i == 30) {
            world_die(0, false);
            world_lead();
        }
    }
    assert_int_equal(world.letter_count, 1);
    world.now_ms += 60000;
    once_more(404);
    assert_int_equal(world.letter_count, 2);
    assert_int_equal(world.letters[1].count, 59 - 8 + 1);
    once_more(200);
    world.now_ms += HOUR_MS;
    once_more(200);
    assert_int_equal(world.core->failing.count, 0);
    assert_int_equal(world.jobs[1].failing.since_ms, 0);
    once_more(404);
    assert_int_equal(world.letter_count, 3);
}

static void executions_that_end_together_are_one_row_of_failures(void **state)
{
    (void)state;
    world_add(1, 1, "0 0 1 1 *");
    world_lead();
    struct run runs[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(core_run_now(world.core, world_place(1), world.now_ms, &runs[i]),
                         RUN_ACCEPTED);
    world_settle();
    assert_int_equal(core_release(world.core, world.now_ms), 4);
    world_store(world.outgoing_count);
    static const uint16_t codes[] = {404, 200, 404, 404};
    for (size_t i = 0; i < 4; i++)
        assert_true(world_result(1, runs[i].slot_s, runs[i].replay, 1,
                                 codes[i] < 400 ? RESULT_SUCCESS : RESULT_HTTP_ERROR, codes[i]));
    world_collect();
    assert_int_equal(world.writing.failing_count, 1);
    assert_int_equal(world.writing.failing[0].unmailed, 2);
    assert_true(world.writing.failing[0].since_ms > 0);
    world_commit();
    assert_int_equal(world.letter_count, 1);
}

static void who_wants_no_mail_gets_none(void **state)
{
    (void)state;
    world_account(1)->mails = false;
    const struct job_settings settings = world_settings("0 0 1 1 *");
    lead_with(&settings);
    once_more(404);
    assert_int_equal(world.letter_count, 0);
    assert_true(world.jobs[1].failing.since_ms > 0);
}

static void an_answer_of_410_pauses_the_job(void **state)
{
    (void)state;
    const struct job_settings settings = world_settings("0 0 1 1 *");
    lead_with(&settings);
    once_more(410);
    assert_string_equal(world.jobs[1].paused, "gone");
    assert_false(core_job_enabled(world.core, world_place(1)));
    assert_int_equal(account_at(&world.core->accounts, 0)->active_jobs, 0);
    assert_int_equal(world_letters(1, MAIL_GONE), 1);
    once_more(410); /* on demand it still runs, and is not paused twice */
    assert_int_equal(world_letters(1, MAIL_GONE), 1);
}

static void fail_for(int64_t after_ms, int64_t warned_ms)
{
    world_end();
    world_begin();
    world.limits.auto_pause_after_ms = after_ms;
    world_add_account(1, "big");
    const struct job_settings settings = world_settings("0 0 1 1 *");
    lead_with(&settings);
    int64_t begin_ms = world.now_ms;
    for (int64_t at_ms = 0; at_ms < after_ms; at_ms += after_ms / 56) {
        world.now_ms = begin_ms + at_ms;
        once_more(404);
        assert_int_equal(world_letters(1, MAIL_PAUSE_WARNING), at_ms >= warned_ms);
        assert_true(core_job_enabled(world.core, world_place(1)));
    }
    for (size_t i = 0; i < world.letter_count; i++)
        if (world.letters[i].kind == MAIL_PAUSE_WARNING)
            assert_in_range(world.letters[i].pause_ms, begin_ms + after_ms - 60000,
                            begin_ms + after_ms + 60000);
    world_die(0, false);
    world_lead();
    world.now_ms = begin_ms + after_ms + 1000;
    once_more(404);
    assert_int_equal(world_letters(1, MAIL_PAUSE_WARNING), 1);
    assert_int_equal(world_letters(1, MAIL_PAUSED), 1);
    assert_string_equal(world.jobs[1].paused, "failing");
}

static void who_fails_for_long_is_warned_and_then_paused(void **state)
{
    (void)state;
    fail_for(7 * DAY_MS, 6 * DAY_MS);
    fail_for(DAY_MS, DAY_MS / 2);
}

static void who_is_resumed_has_the_whole_time_again(void **state)
{
    (void)state;
    fail_for(DAY_MS, DAY_MS / 2);
    world.now_ms += DAY_MS;
    const struct job_settings resumed = world_settings("0 0 1 1 *");
    world_set(1, &resumed);
    world_settle();
    once_more(404);
    assert_null(world.jobs[1].paused);
    assert_int_equal(world_letters(1, MAIL_PAUSE_WARNING), 1);
    world.now_ms += DAY_MS / 2 + 60000;
    once_more(404);
    assert_int_equal(world_letters(1, MAIL_PAUSE_WARNING), 2);
    world.now_ms += DAY_MS / 2;
    once_more(404);
    assert_int_equal(world_letters(1, MAIL_PAUSED), 2);
    assert_string_equal(world.jobs[1].paused, "failing");
}

static void who_is_seen_late_is_warned_first_all_the_same(void **state)
{
    (void)state;
    const struct job_settings settings = world_settings("0 0 1 1 *");
    lead_with(&settings);
    once_more(404);
    world.now_ms += 20 * DAY_MS;
    once_more(404);
    assert_int_equal(world_letters(1, MAIL_PAUSE_WARNING), 1);
    assert_null(world.jobs[1].paused);
    once_more(200);
    once_more(404);
    assert_int_equal(world_letters(1, MAIL_PAUSED), 0);
}

static void a_job_may_forbid_to_be_paused_for_its_failures(void **state)
{
    (void)state;
    struct job_settings settings = world_settings("0 0 1 1 *");
    settings.auto_pause = false;
    lead_with(&settings);
    for (unsigned day = 0; day < 20; day++) {
        once_more(404);
        world.now_ms += DAY_MS;
    }
    assert_int_equal(world_letters(1, MAIL_PAUSE_WARNING), 0);
    assert_true(core_job_enabled(world.core, world_place(1)));
}

/* ---- notices ---- */

static void notice_fails(const struct world_notice *notice, uint8_t attempt)
{
    assert_int_equal(core_release(world.core, notice->next_attempt_ms - 1), 0);
    world.now_ms = notice->next_attempt_ms;
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    assert_int_equal(world_published(notice->id, notice->created_s, RUN_NOTICE, attempt), 1);
    world_die(1, false); /* leaders come and go */
    world_lead();
    assert_true(
        world_result(notice->id, notice->created_s, RUN_NOTICE, attempt, RESULT_CONNECT, 0));
    world_settle();
    assert_int_equal(notice->attempts, attempt);
}

static void a_notice_is_delivered_like_anything_and_given_up_after_four_attempts(void **state)
{
    (void)state;
    struct job_settings settings = world_settings("0 0 1 1 *");
    settings.has_failure_webhook = true;
    lead_with(&settings);
    once_more(200);
    assert_false(world.notices[1].there);
    once_more(404);
    const struct world_notice *notice = &world.notices[1];
    assert_true(notice->there);
    assert_int_equal(notice->job, 1);
    assert_int_equal(notice->timeout_s, 60);
    uint32_t used = world_account(1)->usage.executions;
    for (uint8_t attempt = 1; attempt <= 4; attempt++) {
        assert_int_equal(notice->status, EXECUTION_PENDING);
        notice_fails(notice, attempt);
    }
    assert_int_equal(notice->status, EXECUTION_FAILURE);
    assert_int_equal(world.core->open.count, 0);
    assert_int_equal(account_at(&world.core->accounts, 0)->under_way, 0);
    assert_int_equal(world_account(1)->usage.executions, used); /* they do not count */
    assert_false(world.notices[2].there);                       /* and cause no others */
    once_more(404);
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    world_store(world.outgoing_count);
    assert_true(world_result(2, world.notices[2].created_s, RUN_NOTICE, 1, RESULT_SUCCESS, 200));
    world_settle();
    assert_int_equal(world.notices[2].status, EXECUTION_SUCCESS);
}

/* ---- alerts of checks ---- */

/* One alert of account 1, whose row is committed. */
static const struct world_notice *alert_begins(void)
{
    world_collect();
    int64_t id = world_add_alert(1);
    assert_int_equal(core_release(world.core, world.now_ms), 0); /* not before the commit */
    world_commit();
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    world_store(world.outgoing_count);
    return &world.notices[id];
}

static bool alert_ends(const struct world_notice *alert, uint8_t attempt,
                       enum result_outcome outcome, uint16_t code)
{
    bool known = world_result(alert->id, alert->created_s, RUN_NOTICE, attempt, outcome, code);
    world_settle();
    return known;
}

static void an_alert_arrives_with_2xx_and_is_tried_again_whatever_fails(void **state)
{
    (void)state;
    static const struct {
        enum result_outcome outcome;
        uint16_t code;
        uint8_t status;
        const char *error;
    } cases[] = {
        {RESULT_SUCCESS, 200, EXECUTION_SUCCESS, ""},
        {RESULT_SUCCESS, 204, EXECUTION_SUCCESS, ""},
        {RESULT_SUCCESS, 299, EXECUTION_SUCCESS, ""},
        {RESULT_SUCCESS, 300, EXECUTION_PENDING, "HTTP 300"},
        {RESULT_SUCCESS, 302, EXECUTION_PENDING, "HTTP 302"},
        {RESULT_SUCCESS, 399, EXECUTION_PENDING, "HTTP 399"},
        {RESULT_HTTP_ERROR, 400, EXECUTION_PENDING, "HTTP 400"},
        {RESULT_HTTP_ERROR, 401, EXECUTION_PENDING, "HTTP 401"},
        {RESULT_HTTP_ERROR, 404, EXECUTION_PENDING, "HTTP 404"},
        {RESULT_HTTP_ERROR, 410, EXECUTION_PENDING, "HTTP 410"},
        {RESULT_HTTP_ERROR, 429, EXECUTION_PENDING, "HTTP 429"},
        {RESULT_HTTP_ERROR, 500, EXECUTION_PENDING, "HTTP 500"},
        {RESULT_TIMEOUT, 0, EXECUTION_PENDING, "HTTP 0"},
        {RESULT_CONNECT, 0, EXECUTION_PENDING, "HTTP 0"},
        {RESULT_DNS, 0, EXECUTION_PENDING, "HTTP 0"},
        {RESULT_TLS, 0, EXECUTION_PENDING, "HTTP 0"},
        {RESULT_GONE, 0, EXECUTION_PENDING, "HTTP 0"},
        {RESULT_BLOCKED, 0, EXECUTION_FAILURE, "HTTP 0"},
    };
    world_lead();
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct world_notice *alert = alert_begins();
        assert_true(alert_ends(alert, 1, cases[i].outcome, cases[i].code));
        if (alert->status != cases[i].status)
            fail_msg("outcome %d, code %u", cases[i].outcome, cases[i].code);
        assert_string_equal(alert->error, cases[i].error);
        assert_int_equal(alert->code, cases[i].code);
        assert_int_equal(alert->next_attempt_ms != 0, alert->status == EXECUTION_PENDING);
    }
}

static struct run left; /* the run that was emitted last */

static void leaves(const struct run *run, unsigned lane)
{
    (void)lane;
    left = *run;
}

static void an_alert_has_three_retries_each_further_and_longer(void **state)
{
    (void)state;
    static const int64_t waits_ms[] = {0, 30000, 120000, 480000};
    world.on_emitted = leaves;
    world_lead();
    const struct world_notice *alert = alert_begins();
    for (uint8_t attempt = 1; attempt <= 4; attempt++) {
        assert_int_equal(left.job, alert->id);
        assert_int_equal(left.attempt, attempt);
        assert_int_equal(left.timeout_s, attempt == 1 ? 5 : 10);
        assert_int_equal(alert->status, EXECUTION_PENDING);
        assert_true(alert_ends(alert, attempt, RESULT_HTTP_ERROR, (uint16_t)(500 + attempt)));
        assert_int_equal(alert->attempts, attempt);
        assert_int_equal(alert->code, 500 + attempt);
        if (attempt == 4)
            break;
        int64_t wait_ms = alert->next_attempt_ms - world.now_ms;
        assert_in_range(wait_ms, waits_ms[attempt] * 8 / 10, waits_ms[attempt] * 12 / 10);
        assert_int_equal(core_release(world.core, alert->next_attempt_ms - 1), 0);
        if (attempt == 2) { /* in the hands of another leader, too */
            world_die(0, false);
            world_lead();
        }
        world.now_ms = alert->next_attempt_ms;
        world_tick_to((uint32_t)(world.now_ms / WORLD_MINUTE_MS));
        assert_int_equal(core_release(world.core, world.now_ms), 1);
        world_store(world.outgoing_count);
        if (attempt == 1) { /* and where the row does not tell that it has left */
            world_die(0, false);
            world_lead();
            assert_int_equal(core_release(world.core, world.now_ms), 0);
        }
    }
    assert_int_equal(alert->status, EXECUTION_FAILURE);
    assert_int_equal(world.core->open.count, 0);
    assert_int_equal(world.letter_count, 0);
    assert_false(world.notices[alert->id + 1].there);
}

static void an_alert_waits_as_long_as_it_is_asked_to(void **state)
{
    (void)state;
    world_lead();
    const struct world_notice *alert = alert_begins();
    const struct run run = {
        .job = alert->id, .slot_s = alert->created_s, .replay = RUN_NOTICE, .attempt = 1};
    world_result_add(&run, RESULT_HTTP_ERROR, 503, 200);
    world_results_apply(1);
    world_settle();
    assert_int_equal(alert->next_attempt_ms, world.now_ms + 200000);
}

static void alerts_ask_for_no_allowance(void **state)
{
    (void)state;
    const struct plan nothing = {.name = "nothing", .timeout_s = 60};
    world.plans[world.plan_count++] = nothing;
    world_add_account(2, "nothing");
    world_lead();
    world_collect();
    int64_t ids[2] = {world_add_alert(2), world_add_alert(2)};
    world_commit();
    assert_int_equal(core_release(world.core, world.now_ms), 2);
    world_store(world.outgoing_count);
    for (size_t i = 0; i < 2; i++) {
        assert_true(alert_ends(&world.notices[ids[i]], 1, RESULT_SUCCESS, 200));
        assert_int_equal(world.notices[ids[i]].status, EXECUTION_SUCCESS);
    }
    uint32_t place = place_table_find(&world.core->accounts, 2);
    assert_int_equal(account_at(&world.core->accounts, place)->under_way, 0);
    assert_int_equal(account_at(&world.core->accounts, place)->used, 0);
    assert_int_equal(world_account(2)->usage.executions, 0);
}

static void an_alert_leaves_with_its_account(void **state)
{
    (void)state;
    world_add_account(2, "big");
    world_lead();
    const struct world_notice *held = alert_begins();
    assert_true(alert_ends(held, 1, RESULT_CONNECT, 0));
    const struct world_notice *under_way = alert_begins();
    world_apply(&(struct change){.kind = CHANGE_ACCOUNT_REMOVE, .id = 1});
    world_collect();
    world_commit();
    assert_int_equal(world.core->open.count, 0);
    assert_false(alert_ends(under_way, 1, RESULT_SUCCESS, 200));
    assert_int_equal(core_next_release_ms(world.core, world.now_ms), INT64_MAX);
    assert_int_equal(world.core->log.count, 0);
}

static void an_alert_that_was_lost_is_sent_again(void **state)
{
    (void)state;
    world_lead();
    const struct world_notice *alert = alert_begins();
    assert_int_equal(core_close_lost(world.core, run_log_next(&world.core->log)), 1);
    world_settle();
    assert_int_equal(alert->status, EXECUTION_PENDING);
    assert_string_equal(alert->error, "the run was lost before its result was known");
    world.now_ms = alert->next_attempt_ms;
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    world_store(world.outgoing_count);
    assert_true(alert_ends(alert, 2, RESULT_SUCCESS, 200));
    assert_int_equal(alert->status, EXECUTION_SUCCESS);
}

static void an_alert_that_is_not_committed_was_never_there(void **state)
{
    (void)state;
    world_lead();
    world_collect();
    int64_t id = world_add_alert(1);
    world_die(0, false);
    world_lead();
    assert_int_equal(world.core->open.count, 0);
    assert_int_equal(world.core->progress.next_notice, id);
    world_collect();
    assert_int_equal(world_add_alert(1), id);
    world_die(0, true);
    world_lead();
    assert_int_equal(core_release(world.core, world.now_ms), 1);
    assert_int_equal(world_published(id, world.notices[id].created_s, RUN_NOTICE, 1), 1);
}

int main(void)
{
#define ENDING_TEST(test) cmocka_unit_test_setup_teardown(test, ending_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        ENDING_TEST(which_failures_are_tried_again),
        ENDING_TEST(attempts_are_as_many_as_the_job_says_and_further_apart),
        ENDING_TEST(retry_after_is_honoured_where_it_is_later),
        ENDING_TEST(no_retry_comes_at_or_behind_the_next_slot),
        ENDING_TEST(a_retry_that_waited_too_long_is_given_up),
        ENDING_TEST(a_retry_survives_its_leader),
        ENDING_TEST(a_retry_is_given_up_in_the_hands_of_another_leader),
        ENDING_TEST(a_retry_is_given_up),
        ENDING_TEST(results_nobody_waits_for_are_ignored),
        ENDING_TEST(lost_runs_end_as_failures),
        ENDING_TEST(mails_are_one_an_hour_and_say_how_many_failures_they_stand_for),
        ENDING_TEST(executions_that_end_together_are_one_row_of_failures),
        ENDING_TEST(who_wants_no_mail_gets_none),
        ENDING_TEST(an_answer_of_410_pauses_the_job),
        ENDING_TEST(who_fails_for_long_is_warned_and_then_paused),
        ENDING_TEST(who_is_seen_late_is_warned_first_all_the_same),
        ENDING_TEST(who_is_resumed_has_the_whole_time_again),
        ENDING_TEST(a_job_may_forbid_to_be_paused_for_its_failures),
        ENDING_TEST(a_notice_is_delivered_like_anything_and_given_up_after_four_attempts),
        ENDING_TEST(an_alert_arrives_with_2xx_and_is_tried_again_whatever_fails),
        ENDING_TEST(an_alert_has_three_retries_each_further_and_longer),
        ENDING_TEST(an_alert_waits_as_long_as_it_is_asked_to),
        ENDING_TEST(alerts_ask_for_no_allowance),
        ENDING_TEST(an_alert_leaves_with_its_account),
        ENDING_TEST(an_alert_that_was_lost_is_sent_again),
        ENDING_TEST(an_alert_that_is_not_committed_was_never_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
