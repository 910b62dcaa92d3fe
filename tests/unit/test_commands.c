#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/mail.h"
#include "shared/memory.h"
#include "tests/unit/commands_fixture.h"

/* ---- jobs ---- */

static void a_created_job_is_there_and_due_from_the_next_slot_on(void **state)
{
    (void)state;
    const struct fact_answer *answer = create(2, "* * * * *", "c1");
    assert_status(answer, 201);
    assert_non_null(strstr(answer->body, "\"id\":1,\"name\":\"sync\""));
    assert_non_null(strstr(answer->body, "\"next_run_at\":\"2027-01-01T00:01:00+00:00\""));
    const struct fact_job *fact = facts_job(&facts, 1);
    assert_int_equal(fact->change, FACT_WRITTEN);
    assert_int_equal(fact->version, 1);
    assert_int_equal(fact->due_after_ms, NOW_MS);
    assert_true(fact->enabled);
    assert_int_equal(core_job(1)->due_after, MINUTE);
    assert_int_equal(core->progress.next_job, 2);
    assert_int_equal(core_account(2)->active_jobs, 1);
    assert_int_equal(core_tick(core, (MINUTE + 1) * MINUTE_MS), 1);
}

static void a_job_may_be_created_paused(void **state)
{
    (void)state;
    struct command command = create_command(2, "* * * * *");
    command.job.fields |= JOB_ENABLED;
    const struct fact_answer *answer = apply(&command, "c1");
    assert_status(answer, 201);
    assert_non_null(strstr(answer->body, "\"next_run_at\":null"));
    assert_int_equal(core_account(2)->active_jobs, 0);
    assert_int_equal(core_account(2)->stored_jobs, 1);
    assert_int_equal(core_tick(core, (MINUTE + 1) * MINUTE_MS), 0);
}

static void schedules_are_held_against_the_grammar_and_the_plan(void **state)
{
    (void)state;
    assert_refused(create(2, "60 * * * *", "c1"), 400, "Invalid cron expression: minute");
    assert_refused(create(2, "0 0 30 2 *", "c2"), 400, "Invalid cron expression");
    assert_refused(create(1, "*/14 * * * *", "c3"), 400, "free plan allows one run every 15 min");
    assert_refused(create(1, "0,10 * * * *", "c4"), 400, "as close as 10 min");
    assert_status(create(1, "*/15 * * * *", "c5"), 201);
    assert_refused(reschedule(1, 1, "* * * * *", "c6"), 400, "free plan");
    assert_refused(reschedule(1, 1, "nonsense", "c7"), 400, "Invalid cron expression");
    assert_int_equal(facts_job(&facts, 1)->version, 1);
    assert_string_equal(facts_job(&facts, 1)->cron_expression, "*/15 * * * *");
}

static void active_and_stored_jobs_are_limited(void **state)
{
    (void)state;
    assert_status(create(1, "0 * * * *", "c1"), 201);
    assert_status(create(1, "0 * * * *", "c2"), 201);
    assert_refused(create(1, "0 * * * *", "c3"), 403, "2 active jobs");
    struct command paused = create_command(1, "0 * * * *");
    paused.job.fields |= JOB_ENABLED;
    assert_status(apply(&paused, "c4"), 201);
    assert_refused(enable(1, 3, true, "c5"), 403, "2 active jobs");
    assert_status(enable(1, 1, false, "c6"), 200);
    assert_status(enable(1, 3, true, "c7"), 200);
    assert_status(enable(1, 3, true, "c8"), 200); /* it is already */
    assert_refused(create(1, "0 * * * *", "c9"), 403, "3 stored jobs");
    assert_status(job_deletion(1, 3, "c10"), 204);
    assert_status(create(1, "0 * * * *", "c11"), 201);
    assert_int_equal(core_account(1)->active_jobs, 2);
    assert_int_equal(core_account(1)->stored_jobs, 3);
}

static void only_the_owner_sees_a_job(void **state)
{
    (void)state;
    assert_status(create(2, "0 * * * *", "c1"), 201);
    assert_refused(enable(1, 1, false, "c2"), 404, "Job not found");
    assert_refused(job_deletion(1, 1, "c3"), 404, "Job not found");
    assert_refused(enable(2, 77, false, "c4"), 404, "Job not found");
    assert_refused(enable(99, 1, false, "c5"), 401, "Invalid API key");
    assert_refused(create(99, "0 * * * *", "c6"), 401, "Invalid API key");
    assert_refused(job_deletion(99, 1, "c7"), 401, "Invalid API key");
    assert_status(job_deletion(2, 1, "c8"), 204);
    assert_refused(job_deletion(2, 1, "c9"), 404, "Job not found");
    assert_false(core_has_job(1));
}

static void what_was_due_before_a_change_is_not_made_up_for(void **state)
{
    (void)state;
    assert_status(create(2, "0 * * * *", "c1"), 201);
    now_ms += 10 * MINUTE_MS;
    struct command command = {.kind = COMMAND_JOB_UPDATE,
                              .account = 2,
                              .job_id = 1,
                              .job = {.fields = JOB_NAME | JOB_HEADERS | JOB_PAYLOAD | JOB_CRON,
                                      .name = "renamed",
                                      .payload = "{\"a\":1}",
                                      .cron_expression = "0 * * * *"}};
    assert_status(apply(&command, "c2"), 200);
    assert_int_equal(facts_job(&facts, 1)->due_after_ms, NOW_MS);
    assert_int_equal(facts_job(&facts, 1)->version, 2);
    assert_string_equal(facts_job(&facts, 1)->payload, "{\"a\":1}");
    assert_null(facts_job(&facts, 1)->headers);
    assert_status(reschedule(2, 1, "* * * * *", "c3"), 200);
    assert_int_equal(facts_job(&facts, 1)->due_after_ms, now_ms);
    assert_status(enable(2, 1, false, "c4"), 200);
    assert_int_equal(core_job(1)->due_after, JOB_PAUSED);
    now_ms += 10 * MINUTE_MS;
    assert_status(enable(2, 1, true, "c5"), 200);
    assert_int_equal(facts_job(&facts, 1)->due_after_ms, now_ms);
    assert_int_equal(core_job(1)->due_after, now_ms / MINUTE_MS);
    assert_int_equal(core_job(1)->version, 5);
}

/* A plan may have changed while a job was paused. */
static void a_resumed_job_is_held_against_the_plan(void **state)
{
    (void)state;
    assert_status(create(2, "* * * * *", "c1"), 201);
    assert_status(enable(2, 1, false, "c2"), 200);
    struct command plan = {
        .kind = COMMAND_ACCOUNT_SET_PLAN, .email = "b@example.com", .plan = "free"};
    assert_status(apply(&plan, "c3"), 200);
    assert_refused(enable(2, 1, true, "c4"), 400, "free plan");
    assert_status(reschedule(2, 1, "0 * * * *", "c5"), 200);
    assert_status(enable(2, 1, true, "c6"), 200);
}

/* Nothing of it can be changed but what is wrong. */
static void a_job_that_cannot_be_scheduled_can_be_mended_and_deleted(void **state)
{
    (void)state;
    for (int64_t id = 50; id <= 51; id++) {
        const struct job_settings settings = {.cron_expression = "broken",
                                              .timezone = "UTC",
                                              .allow_overlap = true,
                                              .catch_up_window_s = CATCH_UP_WINDOW_NONE,
                                              .max_retries = 3,
                                              .auto_pause = true,
                                              .enabled = true,
                                              .due_after_ms = NOW_MS,
                                              .version = 1};
        assert_int_equal(core_load_job(core, id, 2, &settings), -1);
        struct fact_job *fact = facts_add_job(&facts);
        fact->id = id;
        fact->account = 2;
        fact->version = 1;
        fact->enabled = fact->allow_overlap = fact->auto_pause = true;
        fact->catch_up_window_s = CATCH_UP_WINDOW_NONE;
        fact_set(&fact->name, "old");
        fact_set(&fact->cron_expression, "broken");
        fact_set(&fact->timezone, "UTC");
        fact_set(&fact->webhook_url, "https://example.com/hook");
    }
    struct command rename = {.kind = COMMAND_JOB_UPDATE,
                             .account = 2,
                             .job_id = 50,
                             .job = {.fields = JOB_NAME, .name = "new"}};
    assert_refused(apply(&rename, "c1"), 400, "Invalid cron expression");
    assert_status(reschedule(2, 50, "* * * * *", "c2"), 200);
    assert_status(apply(&rename, "c3"), 200);
    assert_int_equal(core_tick(core, (MINUTE + 1) * MINUTE_MS), 1);
    assert_status(job_deletion(2, 51, "c4"), 204);
    assert_int_equal(core_account(2)->stored_jobs, 1);
}

/* ---- the same command again ---- */

static void a_repetition_gets_the_first_answer(void **state)
{
    (void)state;
    struct command command = create_command(2, "0 * * * *");
    const struct fact_answer *first = apply(&command, "c1");
    assert_status(first, 201);
    assert_int_equal(first->change, FACT_WRITTEN);
    char body[1024];
    snprintf(body, sizeof(body), "%s", first->body);
    const struct fact_answer *second = apply(&command, "c1");
    assert_status(second, 201);
    assert_string_equal(second->body, body);
    assert_int_equal(facts.job_count, 1);
    assert_int_equal(core_account(2)->stored_jobs, 1);

    /* In a later batch it is read from PostgreSQL. */
    facts_clear(&facts);
    struct fact_answer *kept = facts_add_answer(&facts);
    fact_set(&kept->id, "c1");
    fact_set(&kept->body, body);
    kept->status = 201;
    memcpy(kept->fingerprint, command.fingerprint, HASH_SIZE);
    const struct fact_answer *third = apply(&command, "c1");
    assert_string_equal(third->body, body);
    assert_int_equal(third->change, FACT_CLEAN);
    assert_int_equal(facts.job_count, 0);
}

static void another_request_with_the_same_id_is_refused(void **state)
{
    (void)state;
    struct command command = create_command(2, "0 * * * *");
    assert_status(apply(&command, "c1"), 201);
    struct command other = create_command(2, "0 0 * * *");
    other.fingerprint[0] = 1;
    const struct fact_answer *refused = apply(&other, "c1");
    assert_refused(refused, 409, "Idempotency-Key");
    assert_int_equal(refused->change, FACT_CLEAN);
    assert_int_equal(facts.job_count, 1);
    assert_status(apply(&command, "c1"), 201); /* the first answer still stands */
}

static void refusals_are_answers_too(void **state)
{
    (void)state;
    assert_status(create(1, "0 * * * *", "c1"), 201);
    assert_status(create(1, "0 * * * *", "c2"), 201);
    struct command command = create_command(1, "0 * * * *");
    assert_refused(apply(&command, "c3"), 403, "active");
    assert_status(job_deletion(1, 1, "c4"), 204);
    assert_refused(apply(&command, "c3"), 403, "active");
}

/* ---- accounts ---- */

static void an_address_becomes_an_account(void **state)
{
    (void)state;
    assert_status(by_mail(COMMAND_ACCOUNT_REGISTER, "new@example.com", "c1"), 200);
    struct mail mail = last_mail();
    assert_int_equal(mail.kind, MAIL_VERIFY);
    assert_string_equal(mail.to, "new@example.com");
    assert_memory_equal(mail.token_id, last_token, TOKEN_ID_SIZE);
    assert_int_equal(mail.expires_ms, NOW_MS + TOKEN_LIFETIME_MS);
    assert_string_equal(facts.mails[0].subject, "mail.verify");
    assert_int_equal(core->progress.next_outbox, 2);
    now_ms += TOKEN_LIFETIME_MS - 1;
    assert_status(by_token(COMMAND_ACCOUNT_VERIFY, mail.token_id, NULL, "c2"), 200);
    const struct fact_account *account = facts_account_by_email(&facts, "new@example.com");
    assert_int_equal(account->id, 3);
    assert_string_equal(account->plan, "free");
    assert_int_equal(account->change, FACT_WRITTEN);
    assert_refused(by_token(COMMAND_ACCOUNT_VERIFY, mail.token_id, NULL, "c3"), 400,
                   "Invalid or expired token");
    assert_status(create(3, "0 * * * *", "c4"), 201);
}

static void tokens_expire_and_have_one_purpose(void **state)
{
    (void)state;
    assert_status(by_mail(COMMAND_ACCOUNT_REGISTER, "new@example.com", "c1"), 200);
    struct mail verify = last_mail();
    assert_status(by_mail(COMMAND_ACCOUNT_REQUEST_ROTATION, "a@example.com", "c2"), 200);
    struct mail rotate = last_mail();
    assert_int_equal(rotate.kind, MAIL_ROTATE);
    static const uint8_t unknown[TOKEN_ID_SIZE] = {200};
    assert_refused(by_token(COMMAND_ACCOUNT_ROTATE, verify.token_id, NULL, "c3"), 400, "token");
    assert_refused(by_token(COMMAND_ACCOUNT_VERIFY, rotate.token_id, NULL, "c4"), 400, "token");
    assert_refused(by_token(COMMAND_ACCOUNT_DELETE, rotate.token_id, "a@example.com", "c5"), 400,
                   "token");
    assert_refused(by_token(COMMAND_ACCOUNT_VERIFY, unknown, NULL, "c6"), 400, "token");
    now_ms += TOKEN_LIFETIME_MS;
    assert_refused(by_token(COMMAND_ACCOUNT_VERIFY, verify.token_id, NULL, "c7"), 400, "token");
    assert_refused(by_token(COMMAND_ACCOUNT_ROTATE, rotate.token_id, NULL, "c8"), 400, "token");
}

static void two_registrations_make_one_account(void **state)
{
    (void)state;
    assert_status(by_mail(COMMAND_ACCOUNT_REGISTER, "new@example.com", "c1"), 200);
    struct mail first = last_mail();
    assert_status(by_mail(COMMAND_ACCOUNT_REGISTER, "new@example.com", "c2"), 200);
    struct mail second = last_mail();
    assert_status(by_token(COMMAND_ACCOUNT_VERIFY, second.token_id, NULL, "c3"), 200);
    assert_refused(by_token(COMMAND_ACCOUNT_VERIFY, first.token_id, NULL, "c4"), 409, "already");
    assert_int_equal(core->progress.next_account, 4);
}

static void a_rotation_changes_the_key_once(void **state)
{
    (void)state;
    assert_status(by_mail(COMMAND_ACCOUNT_REQUEST_ROTATION, "a@example.com", "c1"), 200);
    struct mail mail = last_mail();
    assert_status(by_token(COMMAND_ACCOUNT_ROTATE, mail.token_id, NULL, "c2"), 200);
    uint8_t expected[HASH_SIZE];
    secret_hash("c2", 2, expected);
    assert_memory_equal(facts_account(&facts, 1)->key_hash, expected, HASH_SIZE);
    assert_refused(by_token(COMMAND_ACCOUNT_ROTATE, mail.token_id, NULL, "c3"), 400, "token");
    assert_memory_equal(facts_account(&facts, 1)->key_hash, expected, HASH_SIZE);
}

static void requests_answer_alike_for_known_and_unknown_addresses(void **state)
{
    (void)state;
    static const enum command_kind kinds[] = {COMMAND_ACCOUNT_REGISTER,
                                              COMMAND_ACCOUNT_REQUEST_ROTATION,
                                              COMMAND_ACCOUNT_REQUEST_DELETION};
    static const size_t mails_to_unknown[] = {1, 0, 0};
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        char id[8], body[512];
        size_t tokens = facts.token_count, mails = facts.mail_count;
        snprintf(id, sizeof(id), "k%zu", i);
        const struct fact_answer *known = by_mail(kinds[i], "a@example.com", id);
        assert_status(known, 200);
        snprintf(body, sizeof(body), "%s", known->body);
        assert_int_equal(facts.token_count, tokens + 1);
        assert_int_equal(facts.mail_count, mails + 1);
        snprintf(id, sizeof(id), "u%zu", i);
        const struct fact_answer *unknown = by_mail(kinds[i], "nobody@example.com", id);
        assert_status(unknown, 200);
        assert_string_equal(unknown->body, body);
        assert_int_equal(facts.token_count, tokens + 2);
        assert_int_equal(facts.mail_count, mails + 1 + mails_to_unknown[i]);
    }
    assert_status(by_mail(COMMAND_ACCOUNT_REGISTER, "a@example.com", "known"), 200);
    struct mail mail = last_mail();
    static const uint8_t none[TOKEN_ID_SIZE];
    assert_int_equal(mail.kind, MAIL_KNOWN);
    assert_memory_equal(mail.token_id, none, TOKEN_ID_SIZE);
}

static void mails_to_an_address_are_limited(void **state)
{
    (void)state;
    char id[8];
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        assert_status(by_mail(COMMAND_ACCOUNT_REQUEST_ROTATION, "nobody@example.com", id), 200);
    }
    struct command command = {.kind = COMMAND_ACCOUNT_REGISTER, .email = "nobody@example.com"};
    const struct fact_answer *refused = apply(&command, "c5");
    assert_refused(refused, 429, "720 seconds");
    assert_int_equal(refused->retry_after_s, 720);
    assert_int_equal(refused->change, FACT_CLEAN); /* later it may be granted */
    assert_status(by_mail(COMMAND_ACCOUNT_REGISTER, "other@example.com", "c6"), 200);
    facts_clear(&facts);
    now_ms += 720000;
    assert_status(apply(&command, "c5"), 200);
}

static void a_deleted_account_takes_its_jobs_along(void **state)
{
    (void)state;
    assert_status(create(2, "* * * * *", "c1"), 201);
    assert_status(create(2, "* * * * *", "c2"), 201);
    assert_status(create(1, "0 * * * *", "c3"), 201);
    assert_status(by_mail(COMMAND_ACCOUNT_REQUEST_DELETION, "b@example.com", "c4"), 200);
    struct mail mail = last_mail();
    assert_int_equal(mail.kind, MAIL_DELETE);
    assert_refused(by_token(COMMAND_ACCOUNT_DELETE, mail.token_id, "a@example.com", "c5"), 400,
                   "token");
    assert_status(by_token(COMMAND_ACCOUNT_DELETE, mail.token_id, "b@example.com", "c6"), 204);
    assert_false(core_has_account(2));
    assert_false(core_has_job(1));
    assert_false(core_has_job(2));
    assert_true(core_has_job(3));
    assert_null(facts_job(&facts, 1));
    assert_null(facts_account_by_email(&facts, "b@example.com"));
    assert_refused(create(2, "* * * * *", "c7"), 401, "Invalid API key");
    assert_refused(by_token(COMMAND_ACCOUNT_DELETE, mail.token_id, "b@example.com", "c8"), 400,
                   "token");
    assert_int_equal(core_tick(core, (MINUTE + 1) * MINUTE_MS), 0);

    assert_status(by_mail(COMMAND_ACCOUNT_REGISTER, "b@example.com", "c9"), 200);
    struct mail verify = last_mail();
    assert_status(by_token(COMMAND_ACCOUNT_VERIFY, verify.token_id, NULL, "c10"), 200);
    assert_int_equal(facts_account_by_email(&facts, "b@example.com")->id, 3);
}

static void settings_and_plans_change(void **state)
{
    (void)state;
    struct command update = {
        .kind = COMMAND_ACCOUNT_UPDATE, .account = 1, .has_failure_email = true};
    const struct fact_answer *answer = apply(&update, "c1");
    assert_status(answer, 200);
    assert_string_equal(
        answer->body,
        "{\"email\":\"a@example.com\",\"plan\":\"free\",\"failure_email_enabled\":false}");
    struct command nothing = {.kind = COMMAND_ACCOUNT_UPDATE, .account = 2};
    assert_status(apply(&nothing, "c2"), 200);
    assert_int_equal(facts_account(&facts, 2)->change, FACT_CLEAN);
    struct command stranger = {.kind = COMMAND_ACCOUNT_UPDATE, .account = 99};
    assert_refused(apply(&stranger, "c3"), 401, "Invalid API key");

    struct command plan = {
        .kind = COMMAND_ACCOUNT_SET_PLAN, .email = "a@example.com", .plan = "business"};
    assert_status(apply(&plan, "c4"), 200);
    assert_status(create(1, "* * * * *", "c5"), 201);
    struct command no_plan = {
        .kind = COMMAND_ACCOUNT_SET_PLAN, .email = "a@example.com", .plan = "gold"};
    assert_refused(apply(&no_plan, "c6"), 400, "no plan gold");
    struct command nobody = {
        .kind = COMMAND_ACCOUNT_SET_PLAN, .email = "x@example.com", .plan = "business"};
    assert_refused(apply(&nobody, "c7"), 404, "x@example.com");
}

int main(void)
{
#define COMMAND_TEST(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, commands_set_up, commands_tear_down)
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(a_created_job_is_there_and_due_from_the_next_slot_on),
        COMMAND_TEST(a_job_may_be_created_paused),
        COMMAND_TEST(schedules_are_held_against_the_grammar_and_the_plan),
        COMMAND_TEST(active_and_stored_jobs_are_limited),
        COMMAND_TEST(only_the_owner_sees_a_job),
        COMMAND_TEST(what_was_due_before_a_change_is_not_made_up_for),
        COMMAND_TEST(a_resumed_job_is_held_against_the_plan),
        COMMAND_TEST(a_job_that_cannot_be_scheduled_can_be_mended_and_deleted),
        COMMAND_TEST(a_repetition_gets_the_first_answer),
        COMMAND_TEST(another_request_with_the_same_id_is_refused),
        COMMAND_TEST(refusals_are_answers_too),
        COMMAND_TEST(an_address_becomes_an_account),
        COMMAND_TEST(tokens_expire_and_have_one_purpose),
        COMMAND_TEST(two_registrations_make_one_account),
        COMMAND_TEST(a_rotation_changes_the_key_once),
        COMMAND_TEST(requests_answer_alike_for_known_and_unknown_addresses),
        COMMAND_TEST(mails_to_an_address_are_limited),
        COMMAND_TEST(a_deleted_account_takes_its_jobs_along),
        COMMAND_TEST(settings_and_plans_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
