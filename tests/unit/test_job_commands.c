/* What may be declared of a job, each rule at its limits; and declarations under a caller's id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/commands_fixture.h"

#define NOW_S  (NOW_MS / 1000)
#define NEXT_S ((MINUTE + 1) * 60) /* the next minute */
#define HOUR_S 3600

static const struct fact_answer *create_with(struct job_input input, const char *id)
{
    struct command command = create_command(2, "* * * * *");
    if (input.fields & JOB_RUN_AT) {
        command.job.fields &= ~(unsigned)JOB_CRON;
        command.job.cron_expression = NULL;
    }
    if (input.fields & JOB_CRON)
        command.job.cron_expression = input.cron_expression;
    input.fields |= command.job.fields;
    input.name = command.job.name;
    input.webhook_url = command.job.webhook_url;
    input.cron_expression = command.job.cron_expression;
    command.job = input;
    return apply(&command, id);
}

static const struct fact_answer *update(int64_t job, struct job_input input, const char *id)
{
    struct command command = {
        .kind = COMMAND_JOB_UPDATE, .account = 2, .job_id = job, .job = input};
    return apply(&command, id);
}

static const struct fact_answer *put(int64_t account, const char *external_id, const char *cron,
                                     const char *id)
{
    struct command command = create_command(account, cron);
    command.kind = COMMAND_JOB_PUT;
    command.job.fields |= JOB_EXTERNAL_ID;
    command.job.external_id = external_id;
    return apply(&command, id);
}

static void a_job_has_one_schedule(void **state)
{
    (void)state;
    struct command neither = create_command(2, NULL);
    assert_refused(apply(&neither, "c1"), 400, "Exactly one of cron_expression and run_at");
    struct command both = create_command(2, "* * * * *");
    both.job.fields |= JOB_RUN_AT;
    both.job.run_at_s = NEXT_S;
    assert_refused(apply(&both, "c2"), 400, "Exactly one of cron_expression and run_at");
    assert_status(create(2, "0 * * * *", "c3"), 201);
    /* One takes the place of the other. */
    assert_status(update(1, (struct job_input){.fields = JOB_RUN_AT, .run_at_s = NEXT_S}, "c4"),
                  200);
    assert_null(facts_job(&facts, 1)->cron_expression);
    assert_int_equal(facts_job(&facts, 1)->run_at_s, NEXT_S);
    assert_status(
        update(1, (struct job_input){.fields = JOB_CRON, .cron_expression = "0 1 * * *"}, "c5"),
        200);
    assert_int_equal(facts_job(&facts, 1)->run_at_s, 0);
    assert_refused(update(1, (struct job_input){.fields = JOB_CRON}, "c6"), 400, "Exactly one");
}

static void a_one_shot_job_lies_ahead(void **state)
{
    (void)state;
    const struct job_input past = {.fields = JOB_RUN_AT, .run_at_s = MINUTE * 60};
    const struct job_input next = {.fields = JOB_RUN_AT, .run_at_s = NEXT_S};
    assert_refused(create_with(past, "c1"), 400, "run_at: must be in the future");
    assert_status(create_with(next, "c2"), 201);
    struct job_input late = next;
    late.fields |= JOB_END_AT;
    late.end_at_s = NEXT_S - 1;
    assert_refused(create_with(late, "c3"), 400, "run_at: must be between");
    late.end_at_s = NEXT_S;
    assert_status(create_with(late, "c4"), 201);
    assert_int_equal(core_tick(core, NEXT_S * 1000), 2);
    assert_false(core_job_enabled(core, place_table_find(&core->jobs, 1)));
}

static void a_zone_is_known(void **state)
{
    (void)state;
    const struct job_input mars = {.fields = JOB_TIMEZONE, .timezone = "Mars/Olympus"};
    const struct job_input berlin = {.fields = JOB_TIMEZONE, .timezone = "Europe/Berlin"};
    assert_refused(create_with(mars, "c1"), 400, "timezone: Mars/Olympus is not known");
    assert_status(create_with(berlin, "c2"), 201);
    now_ms += MINUTE_MS * 10;
    assert_refused(update(1, mars, "c3"), 400, "timezone");
    assert_status(update(1, berlin, "c4"), 200);
    assert_int_equal(facts_job(&facts, 1)->due_after_ms, NOW_MS); /* the same as before */
    const struct job_input utc = {.fields = JOB_TIMEZONE, .timezone = "UTC"};
    assert_status(update(1, utc, "c5"), 200);
    assert_int_equal(facts_job(&facts, 1)->due_after_ms, now_ms);
}

static void some_run_comes_between_start_and_end(void **state)
{
    (void)state;
    const unsigned bounds = JOB_START_AT | JOB_END_AT;
    assert_refused(
        create_with(
            (struct job_input){.fields = bounds, .start_at_s = NEXT_S + 1, .end_at_s = NEXT_S},
            "c1"),
        400, "end_at: must not be before start_at");
    assert_status(
        create_with((struct job_input){.fields = bounds, .start_at_s = NEXT_S, .end_at_s = NEXT_S},
                    "c2"),
        201);
    assert_refused(
        create_with((struct job_input){.fields = JOB_END_AT, .end_at_s = NEXT_S - 1}, "c3"), 400,
        "end_at: no run would come before it");
    assert_refused(
        create_with(
            (struct job_input){.fields = bounds, .start_at_s = NEXT_S + 1, .end_at_s = NEXT_S + 59},
            "c4"),
        400, "end_at: no run would come before it");
    assert_status(
        create_with(
            (struct job_input){.fields = bounds, .start_at_s = NEXT_S + 1, .end_at_s = NEXT_S + 60},
            "c5"),
        201);
}

static void jitter_is_less_than_the_shortest_interval(void **state)
{
    (void)state;
    struct job_input input = {.fields = JOB_JITTER, .jitter_s = 60};
    assert_refused(create_with(input, "c1"), 400, "jitter_seconds: must be less");
    input.jitter_s = 59;
    assert_status(create_with(input, "c2"), 201);
    assert_refused(update(1, (struct job_input){.fields = JOB_JITTER, .jitter_s = 60}, "c3"), 400,
                   "60 seconds");
    const struct job_input both = {
        .fields = JOB_JITTER | JOB_CRON, .jitter_s = 3599, .cron_expression = "0 * * * *"};
    assert_status(update(1, both, "c4"), 200);
    assert_refused(reschedule(2, 1, "*/30 * * * *", "c5"), 400, "jitter_seconds");
    const struct job_input once = {
        .fields = JOB_RUN_AT | JOB_JITTER, .run_at_s = NEXT_S, .jitter_s = 3600};
    assert_status(create_with(once, "c6"), 201);
}

static void what_is_not_said_has_its_default(void **state)
{
    (void)state;
    assert_status(create(2, "0 * * * *", "c1"), 201);
    const struct fact_job *job = facts_job(&facts, 1);
    assert_string_equal(job->timezone, "UTC");
    assert_int_equal(job->catch_up, CATCH_UP_LATEST);
    assert_int_equal(job->catch_up_window_s, CATCH_UP_WINDOW_NONE);
    assert_true(job->allow_overlap && job->auto_pause && job->enabled);
    assert_int_equal(job->max_retries, 3);
    assert_int_equal(job->jitter_s, 0);
    assert_null(job->external_id);
    const struct job_input all = {.fields = JOB_CATCH_UP | JOB_CATCH_UP_WINDOW | JOB_ALLOW_OVERLAP |
                                            JOB_MAX_RETRIES | JOB_AUTO_PAUSE,
                                  .catch_up = CATCH_UP_ALL,
                                  .catch_up_window_s = 60};
    assert_status(update(1, all, "c2"), 200);
    job = facts_job(&facts, 1);
    assert_int_equal(job->catch_up, CATCH_UP_ALL);
    assert_int_equal(job->catch_up_window_s, 60);
    assert_false(job->allow_overlap || job->auto_pause);
    assert_int_equal(job->max_retries, 0);
    assert_int_equal(job->due_after_ms, NOW_MS);
}

/* ---- a caller's own id ---- */

static void an_external_id_belongs_to_one_job(void **state)
{
    (void)state;
    const struct job_input input = {.fields = JOB_EXTERNAL_ID, .external_id = "backup"};
    assert_status(create_with(input, "c1"), 201);
    assert_refused(create_with(input, "c2"), 409, "external_id: backup belongs to job 1");
    assert_status(create(2, "0 * * * *", "c3"), 201);
    assert_refused(update(2, input, "c4"), 409, "backup belongs to job 1");
    assert_status(update(1, input, "c5"), 200); /* its own */
    struct command other = create_command(1, "0 * * * *");
    other.job.fields |= JOB_EXTERNAL_ID;
    other.job.external_id = "backup";
    assert_status(apply(&other, "c6"), 201); /* another account's */
    assert_false(facts_job(&facts, 1)->renamed);
    assert_status(update(1, (struct job_input){.fields = JOB_EXTERNAL_ID}, "c7"), 200);
    assert_true(facts_job(&facts, 1)->renamed);
    assert_status(update(2, input, "c8"), 200);
}

static void a_declaration_makes_the_job_or_changes_it(void **state)
{
    (void)state;
    assert_status(put(2, "backup", "0 * * * *", "c1"), 201);
    struct fact_job *job = facts_job(&facts, 1);
    job->change = FACT_CLEAN;
    const struct fact_answer *same = put(2, "backup", "0 * * * *", "c2");
    assert_status(same, 200);
    assert_non_null(strstr(same->body, "\"id\":1,"));
    assert_int_equal(facts_job(&facts, 1)->change, FACT_CLEAN);
    assert_int_equal(facts_job(&facts, 1)->version, 1);
    assert_int_equal(core_job(1)->version, 1);
    assert_status(put(2, "backup", "30 * * * *", "c3"), 200);
    assert_int_equal(facts_job(&facts, 1)->version, 2);
    assert_int_equal(core_account(2)->stored_jobs, 1);
    assert_status(put(1, "backup", "0 * * * *", "c4"), 201);
    assert_refused(put(99, "backup", "0 * * * *", "c5"), 401, "Invalid API key");
    assert_refused(put(2, "other", "61 * * * *", "c6"), 400, "Invalid cron expression");
}

/* It is whole: what it does not say is not what it was before. */
static void a_declaration_is_whole(void **state)
{
    (void)state;
    assert_status(put(2, "backup", "0 * * * *", "c1"), 201);
    assert_status(update(1,
                         (struct job_input){.fields = JOB_PAYLOAD | JOB_MAX_RETRIES | JOB_ENABLED,
                                            .payload = "{}"},
                         "c2"),
                  200);
    assert_int_equal(core_account(2)->active_jobs, 0);
    assert_status(put(2, "backup", "0 * * * *", "c3"), 200);
    const struct fact_job *job = facts_job(&facts, 1);
    assert_null(job->payload);
    assert_int_equal(job->max_retries, 3);
    assert_true(job->enabled);
    assert_int_equal(core_account(2)->active_jobs, 1);
}

static void a_finished_job_may_be_declared_again(void **state)
{
    (void)state;
    struct command command = create_command(2, NULL);
    command.kind = COMMAND_JOB_PUT;
    command.job.fields = JOB_NAME | JOB_WEBHOOK_URL | JOB_RUN_AT | JOB_EXTERNAL_ID;
    command.job.run_at_s = NEXT_S;
    command.job.external_id = "once";
    assert_status(apply(&command, "c1"), 201);
    assert_int_equal(core_tick(core, NEXT_S * 1000), 1);
    now_ms = NEXT_S * 1000 + 1;
    struct command again = command;
    memset(again.fingerprint, 0, sizeof(again.fingerprint));
    const struct fact_answer *answer = apply(&again, "c2");
    assert_status(answer, 200);
    assert_non_null(strstr(answer->body, "\"paused_reason\":\"finished\""));
    assert_non_null(strstr(answer->body, "\"enabled\":false"));
    assert_refused(enable(2, 1, true, "c3"), 400, "run_at: must be in the future");
    struct command later = command;
    memset(later.fingerprint, 0, sizeof(later.fingerprint));
    later.job.run_at_s = NEXT_S + HOUR_S;
    answer = apply(&later, "c4");
    assert_status(answer, 200);
    assert_non_null(strstr(answer->body, "\"paused_reason\":null"));
    assert_true(core_job_enabled(core, place_table_find(&core->jobs, 1)));
}

/* ---- pauses of the service ---- */

static void a_smaller_plan_pauses_the_oldest(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        char id[8];
        snprintf(id, sizeof(id), "c%d", i);
        assert_status(create(2, i == 3 ? "* * * * *" : "0 * * * *", id), 201);
    }
    struct command plan = {
        .kind = COMMAND_ACCOUNT_SET_PLAN, .email = "b@example.com", .plan = "free"};
    assert_status(apply(&plan, "p1"), 200);
    assert_int_equal(core_account(2)->active_jobs, 2);
    const struct fact_answer *answer =
        update(1, (struct job_input){.fields = JOB_NAME, .name = "renamed"}, "p2");
    assert_status(answer, 200);
    assert_non_null(strstr(answer->body, "\"paused_reason\":\"plan\""));
    assert_false(facts_job(&facts, 1)->enabled);
    assert_refused(enable(2, 1, true, "p3"), 403, "2 active jobs");
    answer = enable(2, 4, true, "p4"); /* more often than the plan allows */
    assert_refused(answer, 400, "free plan");
    assert_status(enable(2, 2, false, "p5"), 200);
    answer = enable(2, 1, true, "p6");
    assert_status(answer, 200);
    assert_non_null(strstr(answer->body, "\"paused_reason\":null"));
    assert_int_equal(core_pause_reason(core, 1), -1);
    answer = enable(2, 4, false, "p7");
    assert_status(answer, 200);
    assert_non_null(strstr(answer->body, "\"paused_reason\":null")); /* by its user now */
}

int main(void)
{
#define COMMAND_TEST(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, commands_set_up, commands_tear_down)
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(a_job_has_one_schedule),
        COMMAND_TEST(a_one_shot_job_lies_ahead),
        COMMAND_TEST(a_zone_is_known),
        COMMAND_TEST(some_run_comes_between_start_and_end),
        COMMAND_TEST(jitter_is_less_than_the_shortest_interval),
        COMMAND_TEST(what_is_not_said_has_its_default),
        COMMAND_TEST(an_external_id_belongs_to_one_job),
        COMMAND_TEST(a_declaration_makes_the_job_or_changes_it),
        COMMAND_TEST(a_declaration_is_whole),
        COMMAND_TEST(a_finished_job_may_be_declared_again),
        COMMAND_TEST(a_smaller_plan_pauses_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
