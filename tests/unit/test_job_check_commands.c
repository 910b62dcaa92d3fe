/* Checks that jobs have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/commands_fixture.h"

/* The job gets the next number, and check the number that is given. */
static const struct fact_answer *create_checked(int64_t account, const char *cron, int64_t check,
                                                const char *id)
{
    struct command command = create_command(account, cron);
    command.job.fields |= JOB_ENABLED | JOB_CHECK;
    command.job.enabled = command.job.check = true;
    command.check_id = check;
    command.public_id = public_id_of(check);
    return apply(&command, id);
}

static const struct fact_answer *update_job(int64_t account, int64_t job, struct job_input input,
                                            int64_t check, const char *id)
{
    struct command command = {.kind = COMMAND_JOB_UPDATE,
                              .account = account,
                              .job_id = job,
                              .job = input,
                              .check_id = check,
                              .public_id = public_id_of(check)};
    return apply(&command, id);
}

static const struct fact_answer *update_check(int64_t account, int64_t check,
                                              struct check_input input, const char *id)
{
    struct command command = check_command(COMMAND_CHECK_UPDATE, account, check);
    command.check = input;
    return apply(&command, id);
}

static void a_job_has_a_check_that_follows_it(void **state)
{
    (void)state;
    assert_says(create_checked(2, "0 * * * *", 5, "c1"), 201,
                "\"paused_reason\":null,\"check\":\"check00000000005\"}");
    const struct fact_check *check = facts_check(&facts, 5);
    assert_int_equal(check->account, 2);
    assert_int_equal(check->job, 1);
    assert_string_equal(check->name, "sync");
    assert_string_equal(check->cron_expression, "0 * * * *");
    assert_string_equal(check->timezone, "UTC");
    assert_int_equal(check->period_s, 3600);
    assert_int_equal(check->grace_s, 900);
    assert_true(check->all_channels);
    assert_int_equal(checks_of_job(checks, 1), 5);
    assert_int_equal(checks_status(checks, 5), CHECK_NEW);

    uint32_t version = check->version;
    struct job_input input = {.fields = JOB_WEBHOOK_URL, .webhook_url = "https://y.example/"};
    assert_says(update_job(2, 1, input, 0, "c2"), 200, "\"check\":\"check00000000005\"}");
    assert_int_equal(facts_check(&facts, 5)->version, version); /* nothing of it changed */
    input = (struct job_input){.fields = JOB_NAME | JOB_CRON | JOB_TIMEZONE,
                               .name = "nightly",
                               .cron_expression = "0 2 * * *",
                               .timezone = "Asia/Tokyo"};
    assert_status(update_job(2, 1, input, 0, "c3"), 200);
    check = facts_check(&facts, 5);
    assert_int_equal(check->version, version + 1);
    assert_string_equal(check->name, "nightly");
    assert_string_equal(check->cron_expression, "0 2 * * *");
    assert_string_equal(check->timezone, "Asia/Tokyo");
    assert_int_equal(check->period_s, 86400);
    /* It has one already. */
    input = (struct job_input){.fields = JOB_CHECK, .check = true};
    assert_says(update_job(2, 1, input, 6, "c4"), 200, "\"check\":\"check00000000005\"}");
    assert_int_equal(checks_stored(checks, 2), 1);
}

static void the_users_of_checks_see_whose_it_is(void **state)
{
    (void)state;
    assert_status(create_checked(2, "0 * * * *", 5, "c1"), 201);
    static const unsigned fields[] = {CHECK_NAME, CHECK_PERIOD, CHECK_CRON, CHECK_TIMEZONE};
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        char id[8];
        struct check_input input = check_input_defaults;
        snprintf(id, sizeof id, "d%zu", i);
        input.fields = fields[i] | CHECK_GRACE;
        assert_error(update_check(2, 5, input, id), 400, "this check follows job 1");
    }
    const struct fact_answer *answer =
        update_check(2, 5, (struct check_input){.fields = CHECK_GRACE, .grace_s = 60}, "c2");
    assert_says(answer, 200, "\"grace\":60,");
    assert_says(answer, 200, "\"job_id\":1,");
    /* That stays his where the job changes. */
    assert_status(update_job(2, 1, (struct job_input){.fields = JOB_NAME, .name = "n"}, 0, "c3"),
                  200);
    assert_int_equal(facts_check(&facts, 5)->grace_s, 60);
}

static void a_check_comes_and_goes_with_a_word(void **state)
{
    (void)state;
    assert_says(create(2, "0 * * * *", "c1"), 201, "\"check\":null}");
    const struct job_input with = {.fields = JOB_CHECK, .check = true};
    const struct job_input without = {.fields = JOB_CHECK};
    assert_says(update_job(2, 1, with, 5, "c2"), 200, "\"check\":\"check00000000005\"}");
    assert_says(update_job(2, 1, without, 0, "c3"), 200, "\"check\":null}");
    assert_null(facts_check(&facts, 5));
    assert_int_equal(checks_of_job(checks, 1), 0);
    assert_status(update_job(2, 1, without, 0, "c4"), 200);
    assert_says(update_job(2, 1, with, 6, "c5"), 200, "\"check\":\"check00000000006\"}");
    assert_status(about_check(COMMAND_CHECK_DELETE, 2, 6, "c6"), 200);
    assert_says(enable(2, 1, true, "c7"), 200, "\"check\":null}");
    assert_status(update_job(2, 1, with, 7, "c8"), 200);
    assert_status(job_deletion(2, 1, "c9"), 204);
    assert_null(facts_check(&facts, 7));
    assert_int_equal(checks_stored(checks, 2), 0);
}

static void a_job_that_runs_once_has_none(void **state)
{
    (void)state;
    struct command once = create_command(2, NULL);
    once.job.fields = JOB_NAME | JOB_RUN_AT | JOB_WEBHOOK_URL | JOB_CHECK;
    once.job.run_at_s = (MINUTE + 1) * 60;
    once.job.check = true;
    once.check_id = 5;
    once.public_id = public_id_of(5);
    assert_refused(apply(&once, "c1"), 400, "check: a job that runs once cannot have one");
    assert_status(create_checked(2, "0 * * * *", 6, "c2"), 201);
    struct job_input input = {.fields = JOB_RUN_AT, .run_at_s = (MINUTE + 1) * 60};
    assert_refused(update_job(2, 1, input, 0, "c3"), 400, "check: ");
    assert_string_equal(facts_job(&facts, 1)->cron_expression, "0 * * * *");
    input.fields |= JOB_CHECK;
    assert_says(update_job(2, 1, input, 0, "c4"), 200, "\"check\":null}");
    assert_false(core_has_job(2));
}

static void checks_of_jobs_count(void **state)
{
    (void)state;
    assert_status(check_creation(1, 1, "c1"), 201);
    assert_status(create_checked(1, "0 * * * *", 2, "c2"), 201);
    assert_int_equal(facts_check(&facts, 2)->grace_s, 900);
    assert_error(check_creation(1, 3, "c3"), 403, "Check limit reached");
    assert_refused(create_checked(1, "0 * * * *", 3, "c4"), 403,
                   "Check limit reached: the free plan allows 2 checks");
    assert_false(core_has_job(2));
    assert_status(create(1, "0 * * * *", "c5"), 201);
    assert_refused(
        update_job(1, 2, (struct job_input){.fields = JOB_CHECK, .check = true}, 3, "c6"), 403,
        "Check limit reached");
    assert_refused(create_checked(2, "0 * * * *", 1, "c7"), 503, "try again");
}

static void jitter_makes_the_grace_longer_as_far_as_the_plan_goes(void **state)
{
    (void)state;
    for (int64_t account = 1; account <= 2; account++) {
        char id[8];
        snprintf(id, sizeof id, "c%d", (int)account);
        struct command command = create_command(account, "0 0 * * *");
        command.job.fields |= JOB_ENABLED | JOB_CHECK | JOB_JITTER;
        command.job.enabled = command.job.check = true;
        command.job.jitter_s = 3600;
        command.check_id = account;
        command.public_id = public_id_of(account);
        assert_status(apply(&command, id), 201);
    }
    assert_int_equal(facts_check(&facts, 1)->grace_s, 3600);
    assert_int_equal(facts_check(&facts, 2)->grace_s, 4500);
}

static void a_check_is_paused_with_its_job(void **state)
{
    (void)state;
    assert_status(create_checked(2, "0 * * * *", 5, "c1"), 201);
    assert_status(enable(2, 1, false, "c2"), 200);
    assert_int_equal(checks_status(checks, 5), CHECK_PAUSED);
    assert_string_equal(facts_check(&facts, 5)->paused_reason, "job");
    assert_status(enable(2, 1, true, "c3"), 200);
    assert_int_equal(checks_status(checks, 5), CHECK_NEW);
    assert_null(facts_check(&facts, 5)->paused_reason);
    assert_false(facts_check(&facts, 5)->paused);

    /* What its user paused stays so. */
    assert_status(about_check(COMMAND_CHECK_PAUSE, 2, 5, "c4"), 200);
    assert_status(enable(2, 1, false, "c5"), 200);
    assert_null(facts_check(&facts, 5)->paused_reason);
    assert_status(enable(2, 1, true, "c6"), 200);
    assert_int_equal(checks_status(checks, 5), CHECK_PAUSED);
    assert_status(about_check(COMMAND_CHECK_RESUME, 2, 5, "c7"), 200);
    assert_int_equal(checks_status(checks, 5), CHECK_NEW);

    /* One that is made for a job that does not run does not wait for it. */
    struct command paused = create_command(2, "0 * * * *");
    paused.job.fields |= JOB_ENABLED | JOB_CHECK;
    paused.job.check = true;
    paused.check_id = 6;
    paused.public_id = public_id_of(6);
    assert_status(apply(&paused, "c8"), 201);
    assert_string_equal(facts_check(&facts, 6)->paused_reason, "job");
    assert_int_equal(checks_count(checks, 2), 1);
}

/* The rules of jobs paused it: its row does not say so yet. */
static void a_check_that_was_paused_meanwhile_is_resumed_with_its_job(void **state)
{
    (void)state;
    assert_status(create_checked(2, "0 * * * *", 5, "c1"), 201);
    checks_job_paused(checks, 1, now_ms);
    assert_int_equal(checks_status(checks, 5), CHECK_PAUSED);
    assert_says(about_check(COMMAND_CHECK_UPDATE, 2, 5, "c2"), 200, "\"paused_reason\":\"job\"");
    assert_status(enable(2, 1, true, "c3"), 200);
    assert_int_equal(checks_status(checks, 5), CHECK_NEW);
    assert_null(checks_pause_reason(checks, 5));
}

/* There is no room for it any more. */
static void a_check_stays_paused_where_the_plan_has_no_room(void **state)
{
    (void)state;
    assert_status(create_checked(1, "0 * * * *", 5, "c1"), 201);
    assert_status(check_creation(1, 6, "c2"), 201);
    struct command up = {
        .kind = COMMAND_ACCOUNT_SET_PLAN, .email = "a@example.com", .plan = "business"};
    struct command down = up;
    down.plan = "free";
    assert_status(apply(&up, "c3"), 200);
    assert_status(enable(1, 1, false, "c4"), 200);
    assert_status(check_creation(1, 7, "c5"), 201);
    assert_status(apply(&down, "c6"), 200);
    assert_status(enable(1, 1, true, "c7"), 200);
    assert_true(facts_check(&facts, 5)->paused);
    assert_string_equal(facts_check(&facts, 5)->paused_reason, "plan");
    assert_int_equal(checks_status(checks, 5), CHECK_PAUSED);
    assert_int_equal(checks_count(checks, 1), 2);
}

static void a_declaration_says_whether_there_is_one(void **state)
{
    (void)state;
    struct command put = create_command(2, "0 * * * *");
    put.kind = COMMAND_JOB_PUT;
    put.job.fields |= JOB_EXTERNAL_ID | JOB_ENABLED | JOB_CHECK;
    put.job.external_id = "nightly";
    put.job.enabled = put.job.check = true;
    put.check_id = 5;
    put.public_id = public_id_of(5);
    assert_says(apply(&put, "c1"), 201, "\"check\":\"check00000000005\"}");
    uint32_t version = facts_job(&facts, 1)->version;
    put.check_id = 6;
    put.public_id = public_id_of(6);
    assert_says(apply(&put, "c2"), 200, "\"check\":\"check00000000005\"}");
    assert_int_equal(facts_job(&facts, 1)->version, version); /* nothing else is declared */
    put.job.fields &= ~(unsigned)JOB_CHECK;
    put.job.check = false;
    assert_says(apply(&put, "c3"), 200, "\"check\":null}");
    assert_int_equal(checks_stored(checks, 2), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, commands_set_up, commands_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_has_a_check_that_follows_it),
        TEST(the_users_of_checks_see_whose_it_is),
        TEST(a_check_comes_and_goes_with_a_word),
        TEST(a_job_that_runs_once_has_none),
        TEST(checks_of_jobs_count),
        TEST(jitter_makes_the_grace_longer_as_far_as_the_plan_goes),
        TEST(a_check_is_paused_with_its_job),
        TEST(a_check_that_was_paused_meanwhile_is_resumed_with_its_job),
        TEST(a_check_stays_paused_where_the_plan_has_no_room),
        TEST(a_declaration_says_whether_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
