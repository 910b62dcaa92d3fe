/* Runs on demand, replays, and the secrets that deliveries are signed with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/commands_fixture.h"

#define DAY_MS INT64_C(86400000)
#define SLOT_S ((MINUTE - 10) * 60)

static const struct fact_answer *run(int64_t account, int64_t job, const char *id)
{
    struct command command = {.kind = COMMAND_JOB_RUN, .account = account, .job_id = job};
    return apply(&command, id);
}

static void a_run_on_demand_is_an_execution_of_its_own(void **state)
{
    (void)state;
    assert_status(create(2, "0 * * * *", "c1"), 201);
    const struct fact_answer *answer = run(2, 1, "c2");
    assert_status(answer, 202);
    assert_string_equal(
        answer->body,
        "{\"triggered_at\":\"2027-01-01T00:00:30+00:00\",\"completed_at\":null,"
        "\"status\":\"pending\",\"response_code\":null,\"duration_ms\":null,\"error\":null,"
        "\"id\":\"msg_1_1798761630_1\",\"scheduled_at\":\"2027-01-01T00:00:30+00:00\","
        "\"attempts\":0,\"trigger\":\"run\",\"replay_of\":null,"
        "\"next_attempt_at\":\"2027-01-01T00:00:30+00:00\"}");
    assert_int_equal(core->open.count, 1);
    assert_status(run(2, 1, "c2"), 202); /* a repetition */
    assert_int_equal(core->open.count, 1);
    assert_status(enable(2, 1, false, "c3"), 200);
    answer = run(2, 1, "c4"); /* one that is paused */
    assert_non_null(strstr(answer->body, "\"msg_1_1798761630_2\""));
    assert_refused(run(1, 1, "c5"), 404, "Job not found");
    assert_refused(run(99, 1, "c6"), 401, "Invalid API key");
}

static void starts_in_a_minute_are_limited(void **state)
{
    (void)state;
    assert_status(create(1, "0 * * * *", "c1"), 201);
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof(id), "r%d", i);
        assert_status(run(1, 1, id), 202);
    }
    const struct fact_answer *answer = run(1, 1, "r3");
    assert_refused(answer, 429, "free plan allows 3 runs a minute");
    assert_int_equal(answer->retry_after_s, 30);
    assert_int_equal(answer->change, FACT_CLEAN);
    facts_clear(&facts);
    struct fact_job *fact = facts_add_job(&facts); /* as it is read again */
    fact->id = 1;
    fact->account = 1;
    fact->enabled = true;
    now_ms += 30000;
    assert_status(run(1, 1, "r3"), 202);
}

/* The plan's five; attempts count when they leave. */
static void attempts_in_a_month_are_limited(void **state)
{
    (void)state;
    assert_status(create(1, "0 * * * *", "c1"), 201);
    struct account *account = account_at(&core->accounts, place_table_find(&core->accounts, 1));
    account->used = 4;
    assert_status(run(1, 1, "c2"), 202);
    account->used = 5;
    const struct fact_answer *answer = run(1, 1, "c3");
    assert_refused(answer, 403, "free plan allows 5 executions a month");
    assert_int_equal(answer->change, FACT_WRITTEN);
}

/* ---- replays ---- */

static void slot_there(int64_t job, int64_t slot_s, enum execution_status status)
{
    *facts_add_slot(&facts) =
        (struct fact_slot){.job = job, .slot_s = slot_s, .status = (uint8_t)status};
}

static struct command replay_command(int64_t job, int64_t from_s, int64_t to_s)
{
    return (struct command){
        .kind = COMMAND_JOB_REPLAY,
        .account = 2,
        .job_id = job,
        .window = {.from_s = from_s, .to_s = to_s, .failure = true, .skipped = true}};
}

static void a_replay_takes_what_its_window_names(void **state)
{
    (void)state;
    assert_status(create(2, "* * * * *", "c1"), 201);
    assert_status(create(2, "* * * * *", "c2"), 201);
    slot_there(1, SLOT_S - 60, EXECUTION_FAILURE);
    slot_there(1, SLOT_S, EXECUTION_FAILURE);
    slot_there(2, SLOT_S, EXECUTION_FAILURE);
    slot_there(1, SLOT_S + 60, EXECUTION_SUCCESS);
    slot_there(1, SLOT_S + 120, EXECUTION_SKIPPED);
    slot_there(1, SLOT_S + 180, EXECUTION_SKIPPED);
    struct command command = replay_command(1, SLOT_S, SLOT_S + 120);
    const struct fact_answer *answer = apply(&command, "c3");
    assert_status(answer, 202);
    assert_string_equal(answer->body, "{\"count\":2,\"executions\":[\"msg_1_1798761000_1\","
                                      "\"msg_1_1798761120_2\"]}");
    assert_int_equal(core->open.count, 2);
    assert_int_equal(core->progress.next_replay, 3);
    struct command successes = replay_command(1, SLOT_S, SLOT_S + 120);
    successes.window =
        (struct replay_window){.from_s = SLOT_S, .to_s = SLOT_S + 120, .success = true};
    answer = apply(&successes, "c4");
    assert_string_equal(answer->body, "{\"count\":1,\"executions\":[\"msg_1_1798761060_3\"]}");
    struct command nothing = replay_command(1, SLOT_S + 1, SLOT_S + 2);
    assert_string_equal(apply(&nothing, "c5")->body, "{\"count\":0,\"executions\":[]}");
    struct command foreign = replay_command(1, SLOT_S, SLOT_S);
    foreign.account = 1;
    assert_refused(apply(&foreign, "c6"), 404, "Job not found");
}

static void a_thousand_executions_are_run_again_at_most(void **state)
{
    (void)state;
    assert_status(create(2, "* * * * *", "c1"), 201);
    for (int i = 0; i < REPLAY_MAX + 1; i++)
        slot_there(1, SLOT_S - INT64_C(60) * i, EXECUTION_FAILURE);
    struct command command = replay_command(1, SLOT_S - (int64_t)REPLAY_MAX * 60, SLOT_S);
    assert_refused(apply(&command, "c2"), 400, "narrow the window");
    assert_int_equal(core->open.count, 0);
    struct command narrower = replay_command(1, SLOT_S - (int64_t)(REPLAY_MAX - 1) * 60, SLOT_S);
    assert_status(apply(&narrower, "c3"), 202);
    assert_int_equal(core->open.count, REPLAY_MAX);
    /* Then there is room for another thousand, and no more. */
    struct command again = narrower;
    again.fingerprint[0] = 0;
    assert_status(apply(&again, "c4"), 202);
    struct command more = narrower;
    more.fingerprint[0] = 0;
    const struct fact_answer *answer = apply(&more, "c5");
    assert_refused(answer, 503, "Too many runs");
    assert_int_equal(answer->change, FACT_CLEAN);
    assert_true(answer->retry_after_s > 0);
    assert_int_equal(core->open.count, OPEN_RUNS);
}

static void an_operator_replays_slots_that_are_there(void **state)
{
    (void)state;
    assert_status(create(1, "0 * * * *", "c1"), 201);
    assert_status(create(2, "* * * * *", "c2"), 201);
    slot_there(1, SLOT_S, EXECUTION_SUCCESS);
    slot_there(2, SLOT_S, EXECUTION_FAILURE);
    slot_there(2, SLOT_S + 60, EXECUTION_SKIPPED);
    struct command command = {.kind = COMMAND_JOB_REPLAY_SLOTS,
                              .slots = {{1, SLOT_S}, {2, SLOT_S}, {2, SLOT_S + 120}, {7, SLOT_S}},
                              .slot_count = 4};
    const struct fact_answer *answer = apply(&command, "operator-replay/a/1");
    assert_status(answer, 202);
    assert_string_equal(answer->body, "{\"count\":2}");
    assert_int_equal(answer->change, FACT_WRITTEN);
    assert_int_equal(core->open.count, 2);
    assert_string_equal(apply(&command, "operator-replay/a/1")->body, "{\"count\":2}");
    assert_int_equal(core->open.count, 2);
}

/* ---- secrets ---- */

static const struct fact_answer *secret(enum command_kind kind, uint8_t secret_id, const char *id)
{
    struct command command = {.kind = kind, .account = 1};
    memset(command.secret_id, secret_id, TOKEN_ID_SIZE);
    return apply(&command, id);
}

static size_t secrets_there(void)
{
    size_t count = 0;
    for (size_t i = 0; i < facts.secret_count; i++)
        count += facts.secrets[i].change != FACT_DELETED && facts.secrets[i].account == 1;
    return count;
}

static void a_secret_is_made_rotated_and_deleted(void **state)
{
    (void)state;
    assert_refused(secret(COMMAND_SECRET_ROTATE, 1, "c1"), 404, "There is no webhook secret");
    const struct fact_answer *answer = secret(COMMAND_SECRET_CREATE, 1, "c2");
    assert_status(answer, 201);
    assert_string_equal(answer->body, "{\"secret_id\":\"01010101010101010101010101010101\","
                                      "\"created_at\":\"2027-01-01T00:00:30+00:00\"}");
    assert_refused(secret(COMMAND_SECRET_CREATE, 2, "c3"), 409, "already");
    answer = secret(COMMAND_SECRET_ROTATE, 3, "c4");
    assert_status(answer, 200);
    assert_string_equal(answer->body, "{\"secret_id\":\"03030303030303030303030303030303\","
                                      "\"created_at\":\"2027-01-01T00:00:30+00:00\","
                                      "\"previous_expires_at\":\"2027-01-02T00:00:30+00:00\"}");
    assert_int_equal(secrets_there(), 2);
    assert_int_equal(facts.secrets[0].expires_ms, NOW_MS + DAY_MS);
    assert_int_equal(facts.secrets[0].change, FACT_WRITTEN);
    now_ms += DAY_MS - 1;
    assert_status(secret(COMMAND_SECRET_ROTATE, 4, "c5"), 200);
    assert_int_equal(secrets_there(), 2); /* two are valid, no more */
    assert_int_equal(facts.secrets[0].change, FACT_DELETED);
    assert_status(secret(COMMAND_SECRET_DELETE, 0, "c6"), 204);
    assert_int_equal(secrets_there(), 0);
    assert_status(secret(COMMAND_SECRET_DELETE, 0, "c7"), 204);
    assert_status(secret(COMMAND_SECRET_CREATE, 5, "c8"), 201);
    struct command stranger = {.kind = COMMAND_SECRET_CREATE, .account = 99};
    assert_refused(apply(&stranger, "c9"), 401, "Invalid API key");
}

/* With the account that was deleted in the same transaction no secret of it is written. */
static void a_deleted_account_takes_its_secrets_along(void **state)
{
    (void)state;
    assert_status(secret(COMMAND_SECRET_CREATE, 1, "c1"), 201);
    assert_status(by_mail(COMMAND_ACCOUNT_REQUEST_DELETION, "a@example.com", "c2"), 200);
    struct mail mail = last_mail();
    assert_status(by_token(COMMAND_ACCOUNT_DELETE, mail.token_id, "a@example.com", "c3"), 204);
    assert_int_equal(secrets_there(), 0);
}

int main(void)
{
#define COMMAND_TEST(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, commands_set_up, commands_tear_down)
    const struct CMUnitTest tests[] = {
        COMMAND_TEST(a_run_on_demand_is_an_execution_of_its_own),
        COMMAND_TEST(starts_in_a_minute_are_limited),
        COMMAND_TEST(attempts_in_a_month_are_limited),
        COMMAND_TEST(a_replay_takes_what_its_window_names),
        COMMAND_TEST(a_thousand_executions_are_run_again_at_most),
        COMMAND_TEST(an_operator_replays_slots_that_are_there),
        COMMAND_TEST(a_secret_is_made_rotated_and_deleted),
        COMMAND_TEST(a_deleted_account_takes_its_secrets_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
