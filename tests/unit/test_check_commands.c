/* What commands do to checks and to the keys beside them, each rule at its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compiler.h"
#include "tests/unit/commands_fixture.h"

#define NOW_S (NOW_MS / 1000)

static const struct fact_answer *create_with(int64_t account, int64_t check,
                                             const struct check_input *input, const char *id)
{
    struct command command = check_command(COMMAND_CHECK_CREATE, account, check);
    command.check = *input;
    return apply(&command, id);
}

static const struct fact_answer *update(int64_t account, int64_t check, struct check_input input,
                                        const char *id)
{
    struct command command = check_command(COMMAND_CHECK_UPDATE, account, check);
    command.check = input;
    return apply(&command, id);
}

static const struct fact_answer *set_plan(const char *email, const char *plan, const char *id)
{
    struct command command = {.kind = COMMAND_ACCOUNT_SET_PLAN, .email = email, .plan = plan};
    return apply(&command, id);
}

static void success(int64_t check, int64_t time_ms)
{
    checks_ping(checks, &(struct ping){.check = check,
                                       .time_ms = time_ms,
                                       .kind = PING_SUCCESS,
                                       .exit_code = PING_NO_EXIT});
}

/* ---- creation ---- */

static void a_check_is_made_with_the_documented_defaults(void **state)
{
    (void)state;
    const struct fact_answer *answer = check_creation(2, 7, "c1");
    assert_status(answer, 201);
    assert_string_equal(
        answer->body,
        "{\"check\":{\"id\":\"check00000000007\",\"name\":\"Unnamed Check\",\"period\":3600,"
        "\"grace\":300,\"status\":\"new\",\"last_ping_at\":null,\"next_expected_at\":null,"
        "\"alert_count\":0,\"ping_count\":0,\"created_at\":1798761630,\"updated_at\":1798761630,"
        "\"tags\":\"\",\"group\":\"\",\"slug\":null,\"maint_start\":null,\"maint_end\":null,"
        "\"maint_schedule\":\"\",\"cron_expression\":null,\"timezone\":\"UTC\",\"alert_after\":1,"
        "\"recover_after\":1,\"reminder_seconds\":0,\"parents\":[],\"channels\":null,"
        "\"job_id\":null,\"paused_reason\":null,\"last_duration_ms\":null},"
        "\"ping_url\":\"https://x.example/ping/check00000000007\"}");
    const struct fact_check *fact = facts_check(&facts, 7);
    assert_int_equal(fact->change, FACT_WRITTEN);
    assert_int_equal(fact->account, 2);
    assert_int_equal(fact->version, 1);
    assert_false(fact->renamed);
    assert_true(checks_has(checks, 7, 2));
    assert_false(checks_has(checks, 7, 1));
    assert_int_equal(checks_status(checks, 7), CHECK_NEW);
}

static void everything_that_is_said_is_kept(void **state)
{
    (void)state;
    struct check_input input = {.fields = 2U * CHECK_CHANNELS - 1,
                                .name = "nightly",
                                .period_s = 120,
                                .cron_expression = "0 */2 * * *",
                                .timezone = "Asia/Tokyo",
                                .grace_s = 600,
                                .tags = "a,b",
                                .group = "db",
                                .slug = "nightly",
                                .maint_start_s = NOW_S,
                                .maint_end_s = NOW_S + 1,
                                .maint_schedule = "daily:02:00-04:00",
                                .alert_after = 3,
                                .recover_after = 2,
                                .reminder_s = 300,
                                .parents = {5},
                                .parent_count = 1,
                                .channels = {2},
                                .channel_count = 1};
    assert_status(check_creation(2, 5, "c1"), 201);
    const struct fact_answer *answer = create_with(2, 6, &input, "c2");
    assert_says(answer, 201,
                "\"name\":\"nightly\",\"period\":7200,\"grace\":600,\"status\":\"new\"");
    assert_says(answer, 201,
                "\"tags\":\"a,b\",\"group\":\"db\",\"slug\":\"nightly\",\"maint_start\":1798761630,"
                "\"maint_end\":1798761631,\"maint_schedule\":\"daily:02:00-04:00\","
                "\"cron_expression\":\"0 */2 * * *\",\"timezone\":\"Asia/Tokyo\",\"alert_after\":3,"
                "\"recover_after\":2,\"reminder_seconds\":300,\"parents\":[\"check00000000005\"],"
                "\"channels\":[\"ch_002\"],\"job_id\":null");
    const struct fact_check *fact = facts_check(&facts, 6);
    assert_int_equal(fact->period_s, 7200); /* that of the expression */
    assert_false(fact->all_channels);
    assert_false(fact->renamed); /* nobody knew it under another one */
    /* What is reset to null or nothing is. */
    struct check_input none = check_input_defaults;
    none.fields = input.fields;
    assert_says(update(2, 6, none, "c3"), 200,
                "\"tags\":\"\",\"group\":\"\",\"slug\":null,\"maint_start\":null,"
                "\"maint_end\":null,\"maint_schedule\":\"\",\"cron_expression\":null,"
                "\"timezone\":\"UTC\",\"alert_after\":1,\"recover_after\":1,"
                "\"reminder_seconds\":0,\"parents\":[],\"channels\":null");
}

static void times_are_held_against_grammar_and_plan(void **state)
{
    (void)state;
    static const struct {
        struct check_input input;
        const char *error; /* of the free plan; NULL: none */
        bool in_business;  /* whether that plan takes it */
    } rows[] = {
        {{.fields = CHECK_PERIOD, .period_s = 604800}, NULL, true},
        {{.fields = CHECK_PERIOD, .period_s = 604801},
         "period: the free plan allows 60 to 604800",
         true},
        {{.fields = CHECK_PERIOD, .period_s = 2592001}, "period: ", false},
        {{.fields = CHECK_GRACE, .grace_s = 3600}, NULL, true},
        {{.fields = CHECK_GRACE, .grace_s = 3601}, "grace: the free plan allows 60 to 3600", true},
        {{.fields = CHECK_GRACE, .grace_s = 86401}, "grace: ", false},
        {{.fields = CHECK_CRON, .cron_expression = "0 0 1 * *"}, NULL, true}, /* a month */
        {{.fields = CHECK_CRON | CHECK_PERIOD, .cron_expression = "0 0 1 1 *", .period_s = 2592001},
         NULL,
         true}, /* the expression counts */
        {{.fields = CHECK_CRON, .cron_expression = "60 * * * *"}, "cron_expression: minute", false},
        {{.fields = CHECK_TIMEZONE, .timezone = "Atlantis/City"},
         "timezone: Atlantis/City is not known",
         false},
        {{.fields = CHECK_MAINT_SCHEDULE, .maint_schedule = "daily:02:00"},
         "maint_schedule: ",
         false},
        {{.fields = CHECK_MAINT_SCHEDULE, .maint_schedule = "mon,wed,fri:04:00-05:00"}, NULL, true},
        {{.fields = CHECK_MAINT_START | CHECK_MAINT_END, .maint_start_s = 60, .maint_end_s = 60},
         "maint_end: must be after maint_start",
         false},
        {{.fields = CHECK_MAINT_START, .maint_start_s = 60}, "maint_start, maint_end: ", false},
        {{.fields = CHECK_MAINT_END, .maint_end_s = 60}, "maint_start, maint_end: ", false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char id[16], gone[16];
        snprintf(id, sizeof id, "f%zu", i);
        snprintf(gone, sizeof gone, "fd%zu", i);
        const struct fact_answer *answer = create_with(1, 1, &rows[i].input, id);
        if (rows[i].error)
            assert_error(answer, 400, rows[i].error);
        else
            assert_status(answer, 201);
        if (!rows[i].error)
            assert_status(about_check(COMMAND_CHECK_DELETE, 1, 1, gone), 200);
        snprintf(id, sizeof id, "b%zu", i);
        snprintf(gone, sizeof gone, "bd%zu", i);
        assert_status(create_with(2, 2, &rows[i].input, id), rows[i].in_business ? 201 : 400);
        if (rows[i].in_business)
            assert_status(about_check(COMMAND_CHECK_DELETE, 2, 2, gone), 200);
    }
}

static void a_long_interval_is_shown_as_a_year(void **state)
{
    (void)state;
    assert_says(
        create_with(1, 1,
                    &(struct check_input){.fields = CHECK_CRON, .cron_expression = "0 0 29 2 *"},
                    "c1"),
        201, "\"period\":31536000,");
}

static void checks_are_limited(void **state)
{
    (void)state;
    assert_status(check_creation(1, 1, "c1"), 201);
    assert_status(check_creation(1, 2, "c2"), 201);
    assert_error(check_creation(1, 3, "c3"), 403,
                 "Check limit reached: the free plan allows 2 checks");
    /* A pause makes no room for another one. */
    assert_status(about_check(COMMAND_CHECK_PAUSE, 1, 1, "c4"), 200);
    assert_error(check_creation(1, 3, "c5"), 403, "Check limit reached");
    assert_false(checks_has(checks, 3, 1));
    assert_null(facts_check(&facts, 3));
    assert_status(about_check(COMMAND_CHECK_DELETE, 1, 1, "c6"), 200);
    assert_status(check_creation(1, 3, "c7"), 201);
    assert_int_equal(checks_stored(checks, 1), 2);
    assert_status(check_creation(2, 4, "c8"), 201);
}

static void an_id_that_is_taken_is_not_used(void **state)
{
    (void)state;
    assert_status(check_creation(1, 1, "c1"), 201);
    const struct fact_answer *answer = check_creation(2, 1, "c2");
    assert_error(answer, 503, "try again");
    assert_true(answer->retry_after_s > 0);
    assert_true(checks_has(checks, 1, 1));
}

static void a_repetition_makes_no_second_check(void **state)
{
    (void)state;
    const struct fact_answer *answer = check_creation(2, 1, "c1");
    assert_status(answer, 201);
    struct command again = check_command(COMMAND_CHECK_CREATE, 2, 99);
    memcpy(again.fingerprint, answer->fingerprint, HASH_SIZE);
    assert_says(apply(&again, "c1"), 201, "\"id\":\"check00000000001\"");
    assert_int_equal(checks_stored(checks, 2), 1);
    memset(again.fingerprint, 0x55, HASH_SIZE);
    assert_error(apply(&again, "c1"), 409, "Idempotency-Key");
}

/* ---- what names others ---- */

static void a_slug_belongs_to_one_check(void **state)
{
    (void)state;
    const struct check_input named = {.fields = CHECK_SLUG, .slug = "nightly"};
    const struct check_input none = {.fields = CHECK_SLUG};
    const struct check_input other = {.fields = CHECK_NAME, .name = "n"};
    assert_status(create_with(2, 1, &named, "c1"), 201);
    assert_error(create_with(2, 2, &named, "c2"), 409, "slug: check check00000000001 has it");
    assert_status(create_with(1, 3, &named, "c3"), 201);
    assert_status(update(2, 1, named, "c4"), 200); /* its own */
    assert_status(check_creation(2, 2, "c5"), 201);
    assert_error(update(2, 2, named, "c6"), 409, "slug: ");
    assert_status(update(2, 1, other, "c7"), 200);
    assert_string_equal(facts_check(&facts, 1)->slug, "nightly");
    assert_status(update(2, 1, none, "c8"), 200);
    assert_true(facts_check(&facts, 1)->renamed);
    assert_status(update(2, 2, named, "c9"), 200);
    assert_status(about_check(COMMAND_CHECK_DELETE, 2, 2, "c10"), 200);
    assert_status(update(2, 1, named, "c11"), 200);
}

static const struct fact_answer *set_parents(int64_t check, int64_t one, int64_t other,
                                             const char *id)
{
    return update(2, check,
                  (struct check_input){.fields = CHECK_PARENTS,
                                       .parents = {one, other},
                                       .parent_count = one == 0     ? 0
                                                       : other == 0 ? 1
                                                                    : 2},
                  id);
}

static void parents_are_checks_of_the_account_and_no_descendants(void **state)
{
    (void)state;
    for (int64_t check = 1; check <= 4; check++) {
        char id[8];
        snprintf(id, sizeof id, "c%d", (int)check);
        assert_status(check_creation(2, check, id), 201);
    }
    assert_status(check_creation(1, 9, "c9"), 201);
    assert_says(set_parents(2, 1, 0, "p1"), 200, "\"parents\":[\"check00000000001\"]");
    assert_says(set_parents(3, 2, 4, "p2"), 200,
                "\"parents\":[\"check00000000002\",\"check00000000004\"]");
    assert_error(set_parents(1, 77, 0, "p3"), 400, "parents: the check at place 1 is not known");
    assert_error(set_parents(1, 4, 9, "p4"), 400, "parents: the check at place 2 is not known");
    assert_error(set_parents(1, 1, 0, "p5"), 400, "among its own ancestors");
    assert_error(set_parents(1, 3, 0, "p6"), 400, "among its own ancestors");
    struct check_input own = {.fields = CHECK_PARENTS, .parents = {5}, .parent_count = 1};
    assert_error(create_with(2, 5, &own, "p7"), 400, "parents: ");
    assert_int_equal(facts_check(&facts, 1)->parent_count, 0);
    /* One that is deleted is a parent no more; other changes do not stumble over it. */
    assert_status(about_check(COMMAND_CHECK_DELETE, 2, 2, "p8"), 200);
    assert_says(update(2, 3, (struct check_input){.fields = CHECK_NAME, .name = "n"}, "p9"), 200,
                "\"parents\":[\"check00000000004\"]");
    assert_says(set_parents(1, 3, 0, "p10"), 200, "\"parents\":[\"check00000000003\"]");
    assert_says(set_parents(1, 0, 0, "p11"), 200, "\"parents\":[]");
}

static void channels_are_those_of_the_account(void **state)
{
    (void)state;
    struct check_input input = {.fields = CHECK_CHANNELS, .channels = {2, 1}, .channel_count = 2};
    assert_error(create_with(2, 1, &input, "c1"), 400,
                 "channels: the channel at place 2 is not known");
    input.channel_count = 1;
    assert_says(create_with(2, 1, &input, "c2"), 201, "\"channels\":[\"ch_002\"]");
    input.channels[0] = 3;
    assert_error(update(2, 1, input, "c3"), 400, "channels: ");
    struct command gone = {.kind = COMMAND_CHANNEL_DELETE, .account = 2, .channel_id = 2};
    assert_status(apply(&gone, "c4"), 200);
    assert_says(update(2, 1, (struct check_input){.fields = CHECK_NAME, .name = "n"}, "c5"), 200,
                "\"channels\":[],");
    input.channel_count = 0;
    assert_says(update(2, 1, input, "c6"), 200, "\"channels\":[],");
    input.all_channels = true;
    assert_says(update(2, 1, input, "c7"), 200, "\"channels\":null,");
}

/* ---- changes ---- */

static void only_what_is_given_changes(void **state)
{
    (void)state;
    assert_status(check_creation(2, 1, "c1"), 201);
    now_ms += 5000;
    const struct fact_answer *answer = update(
        2, 1, (struct check_input){.fields = CHECK_NAME | CHECK_GRACE, .name = "n", .grace_s = 900},
        "c2");
    assert_says(answer, 200,
                "{\"check\":{\"id\":\"check00000000001\",\"name\":\"n\",\"period\":3600,");
    assert_says(answer, 200, "\"grace\":900,");
    assert_says(answer, 200, "\"created_at\":1798761630,\"updated_at\":1798761635,");
    assert_null(strstr(answer->body, "ping_url"));
    const struct fact_check *fact = facts_check(&facts, 1);
    assert_int_equal(fact->version, 2);
    assert_int_equal(fact->change, FACT_WRITTEN);
}

static void the_schedule_that_is_given_counts(void **state)
{
    (void)state;
    assert_status(check_creation(2, 1, "c1"), 201);
    success(1, NOW_MS);
    assert_says(update(2, 1, (struct check_input){.fields = CHECK_PERIOD, .period_s = 60}, "c2"),
                200, "\"next_expected_at\":1798761690,");
    assert_says(update(2, 1,
                       (struct check_input){.fields = CHECK_CRON, .cron_expression = "0 2 * * *"},
                       "c3"),
                200, "\"period\":86400,");
    assert_int_equal(checks_expected_s(checks, 1), NOW_S - 30 + 7200);
    assert_says(update(2, 1,
                       (struct check_input){.fields = CHECK_TIMEZONE, .timezone = "Europe/Berlin"},
                       "c4"),
                200, "\"next_expected_at\":1798765200,");
    assert_int_equal(checks_expected_s(checks, 1), NOW_S - 30 + 3600);
    /* A client that knows of periods alone gets what it asks for. */
    const struct fact_answer *answer =
        update(2, 1, (struct check_input){.fields = CHECK_PERIOD, .period_s = 600}, "c5");
    assert_says(answer, 200, "\"period\":600,");
    assert_says(answer, 200, "\"cron_expression\":null,");
    /* Both: the expression. */
    answer = update(2, 1,
                    (struct check_input){.fields = CHECK_PERIOD | CHECK_CRON,
                                         .period_s = 600,
                                         .cron_expression = "*/5 * * * *"},
                    "c6");
    assert_says(answer, 200, "\"period\":300,");
    assert_says(update(2, 1, (struct check_input){.fields = CHECK_CRON}, "c7"), 200,
                "\"period\":300,");
    assert_null(facts_check(&facts, 1)->cron_expression);
    assert_error(update(2, 1,
                        (struct check_input){.fields = CHECK_CRON, .cron_expression = "nonsense"},
                        "c8"),
                 400, "cron_expression: ");
    assert_null(facts_check(&facts, 1)->cron_expression);
}

/* What was allowed when it was said stays, whatever the plan is now. */
static void a_change_is_held_against_the_plan_by_what_it_says(void **state)
{
    (void)state;
    const struct check_input rare = {
        .fields = CHECK_PERIOD | CHECK_GRACE, .period_s = 2592000, .grace_s = 86400};
    const struct check_input monthly = {.fields = CHECK_CRON, .cron_expression = "0 0 1 * *"};
    assert_status(create_with(2, 1, &rare, "c1"), 201);
    assert_status(create_with(2, 2, &monthly, "c2"), 201);
    assert_status(set_plan("b@example.com", "free", "c3"), 200);
    assert_status(update(2, 1, (struct check_input){.fields = CHECK_NAME, .name = "n"}, "c4"), 200);
    assert_error(
        update(2, 1, (struct check_input){.fields = CHECK_PERIOD, .period_s = 604801}, "c5"), 400,
        "period: ");
    assert_error(update(2, 1, (struct check_input){.fields = CHECK_GRACE, .grace_s = 3601}, "c6"),
                 400, "grace: ");
    assert_error(update(2, 2, (struct check_input){.fields = CHECK_CRON}, "c7"), 400, "period: ");
    assert_int_equal(facts_check(&facts, 1)->period_s, 2592000);
    assert_status(about_check(COMMAND_CHECK_PAUSE, 2, 1, "c8"), 200);
    assert_error(about_check(COMMAND_CHECK_RESUME, 2, 1, "c9"), 400, "period: ");
    assert_status(update(2, 1,
                         (struct check_input){
                             .fields = CHECK_PERIOD | CHECK_GRACE, .period_s = 60, .grace_s = 60},
                         "c10"),
                  200);
    assert_status(about_check(COMMAND_CHECK_RESUME, 2, 1, "c11"), 200);
}

static void a_check_is_paused_and_begins_anew(void **state)
{
    (void)state;
    assert_status(check_creation(2, 1, "c1"), 201);
    success(1, NOW_MS);
    assert_int_equal(checks_status(checks, 1), CHECK_UP);
    assert_string_equal(about_check(COMMAND_CHECK_PAUSE, 2, 1, "c2")->body, "{\"paused\":true}");
    assert_int_equal(checks_status(checks, 1), CHECK_PAUSED);
    assert_true(facts_check(&facts, 1)->paused);
    assert_null(facts_check(&facts, 1)->paused_reason);
    assert_says(update(2, 1, (struct check_input){.fields = CHECK_NAME, .name = "n"}, "c3"), 200,
                "\"status\":\"paused\",\"last_ping_at\":1798761630,\"next_expected_at\":null");
    uint32_t version = facts_check(&facts, 1)->version;
    assert_status(about_check(COMMAND_CHECK_PAUSE, 2, 1, "c4"), 200);
    assert_int_equal(facts_check(&facts, 1)->version, version);
    assert_string_equal(about_check(COMMAND_CHECK_RESUME, 2, 1, "c5")->body, "{\"resumed\":true}");
    assert_int_equal(checks_status(checks, 1), CHECK_NEW);
    assert_false(facts_check(&facts, 1)->paused);
    success(1, NOW_MS);
    assert_status(about_check(COMMAND_CHECK_RESUME, 2, 1, "c6"), 200); /* it runs */
    assert_int_equal(checks_status(checks, 1), CHECK_UP);
    assert_int_equal(facts_check(&facts, 1)->version, version + 1);
}

static void only_the_owner_reaches_a_check(void **state)
{
    (void)state;
    static const enum command_kind kinds[] = {COMMAND_CHECK_UPDATE, COMMAND_CHECK_PAUSE,
                                              COMMAND_CHECK_RESUME, COMMAND_CHECK_DELETE};
    assert_status(check_creation(2, 1, "c1"), 201);
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        char id[8];
        snprintf(id, sizeof id, "a%zu", i);
        assert_error(about_check(kinds[i], 1, 1, id), 404, "Check not found");
        id[0] = 'b';
        assert_error(about_check(kinds[i], 2, 77, id), 404, "Check not found");
        id[0] = 'd';
        assert_error(about_check(kinds[i], 99, 1, id), 401, "Invalid API key");
    }
    assert_error(check_creation(99, 2, "c2"), 401, "Invalid API key");
    assert_string_equal(about_check(COMMAND_CHECK_DELETE, 2, 1, "c3")->body, "{\"deleted\":true}");
    assert_false(checks_has(checks, 1, 2));
    assert_error(about_check(COMMAND_CHECK_DELETE, 2, 1, "c4"), 404, "Check not found");
    assert_int_equal(facts.checks[0].change, FACT_DELETED);
}

/* ---- import ---- */

static const struct fact_answer *import(int64_t account, struct check_item *items, size_t count,
                                        const char *id)
{
    struct command command = check_command(COMMAND_CHECK_IMPORT, account, 0);
    for (size_t i = 0; i < count; i++)
        items[i].public_id = public_id_of(items[i].id);
    command.items = items;
    command.item_count = count;
    return apply(&command, id);
}

static void checks_are_imported_as_far_as_the_plan_goes(void **state)
{
    (void)state;
    struct check_item items[] = {
        {.id = 1, .input = {.fields = CHECK_NAME, .name = "Nightly \"backup\""}},
        {.id = 2, .input = {.fields = CHECK_PERIOD, .period_s = 2592000}}, /* over the plan */
        {.id = 3, .input = {.fields = CHECK_SLUG | CHECK_NAME, .name = "b", .slug = "s"}},
        {.id = 4, .input = {.fields = CHECK_NAME, .name = "c"}},
    };
    const struct fact_answer *answer = import(1, items, ARRAY_LENGTH(items), "c1");
    assert_status(answer, 201);
    assert_string_equal(answer->body,
                        "{\"imported\":2,\"skipped\":2,\"checks\":[{\"id\":\"check00000000001\","
                        "\"name\":\"Nightly \\\"backup\\\"\","
                        "\"ping_url\":\"https://x.example/ping/check00000000001\"},"
                        "{\"id\":\"check00000000003\",\"name\":\"b\","
                        "\"ping_url\":\"https://x.example/ping/check00000000003\"}]}");
    assert_int_equal(checks_stored(checks, 1), 2);
    assert_non_null(facts_check(&facts, 3));
    assert_null(facts_check(&facts, 4));
    assert_string_equal(import(1, items, ARRAY_LENGTH(items), "c2")->body,
                        "{\"imported\":0,\"skipped\":4,\"checks\":[]}");
    assert_string_equal(import(1, items, 0, "c3")->body,
                        "{\"imported\":0,\"skipped\":0,\"checks\":[]}");
    struct check_item twice[] = {{.id = 5}, {.id = 5}, {.id = 1}}; /* ids that are taken */
    twice[0].input = twice[1].input = twice[2].input = check_input_defaults;
    assert_says(import(2, twice, 3, "c4"), 201, "{\"imported\":1,\"skipped\":2,");
}

static void what_is_there_under_its_slug_is_not_imported_again(void **state)
{
    (void)state;
    struct check_item items[] = {
        {.id = 1, .input = {.fields = CHECK_SLUG, .slug = "a"}},
        {.id = 2, .input = {.fields = CHECK_SLUG, .slug = "a"}},
        {.id = 3, .input = {.fields = CHECK_SLUG, .slug = "b"}},
    };
    assert_says(import(2, items, 2, "c1"), 201, "{\"imported\":1,\"skipped\":1,");
    for (int64_t i = 0; i < 3; i++)
        items[i].id = i + 4;
    assert_says(import(2, items, 3, "c2"), 201,
                "{\"imported\":1,\"skipped\":2,\"checks\":[{\"id\":\"check00000000006\"");
}

static void an_import_that_is_wrong_changes_nothing(void **state)
{
    (void)state;
    struct check_item items[] = {
        {.id = 1, .input = {.fields = CHECK_NAME, .name = "a"}},
        {.id = 2, .input = {.fields = CHECK_CRON, .cron_expression = "60 * * * *"}},
    };
    assert_error(import(2, items, 2, "c1"), 400, "checks[1]: cron_expression: ");
    assert_int_equal(checks_stored(checks, 2), 0);
    assert_int_equal(facts.check_count, 0);
}

/* ---- accounts ---- */

static void a_smaller_plan_pauses_the_oldest_checks(void **state)
{
    (void)state;
    for (int64_t check = 1; check <= 4; check++) {
        char id[8];
        snprintf(id, sizeof id, "c%d", (int)check);
        now_ms += 1000;
        assert_status(check_creation(2, check, id), 201);
    }
    assert_status(set_plan("b@example.com", "free", "c5"), 200);
    assert_int_equal(checks_count(checks, 2), 2);
    assert_int_equal(checks_status(checks, 2), CHECK_PAUSED);
    assert_int_equal(checks_status(checks, 3), CHECK_NEW);
    /* The rows say so before the rules have written it. */
    assert_says(update(2, 1, (struct check_input){.fields = CHECK_NAME, .name = "n"}, "c6"), 200,
                "\"status\":\"paused\"");
    assert_says(update(2, 1, (struct check_input){.fields = CHECK_NAME, .name = "n"}, "c7"), 200,
                "\"paused_reason\":\"plan\"");
    assert_error(about_check(COMMAND_CHECK_RESUME, 2, 2, "c8"), 403, "Check limit reached");
    assert_status(about_check(COMMAND_CHECK_PAUSE, 2, 4, "c9"), 200);
    assert_status(about_check(COMMAND_CHECK_RESUME, 2, 2, "c10"), 200);
    assert_false(facts_check(&facts, 2)->paused);
    assert_null(facts_check(&facts, 2)->paused_reason);
    assert_null(checks_pause_reason(checks, 2));
    /* Who pauses one that the plan paused has it paused for himself. */
    assert_status(about_check(COMMAND_CHECK_PAUSE, 2, 1, "c11"), 200);
    assert_null(facts_check(&facts, 1)->paused_reason);
}

static void an_account_brings_a_channel_and_takes_all_along(void **state)
{
    (void)state;
    assert_status(by_mail(COMMAND_ACCOUNT_REGISTER, "new@example.com", "c1"), 200);
    assert_status(by_token(COMMAND_ACCOUNT_VERIFY, last_token, NULL, "c2"), 200);
    assert_int_equal(core->progress.next_channel, 4);
    assert_true(channels_has(checks, 3, 3));
    const struct fact_channel *channel = facts_channel(&facts, 3);
    assert_int_equal(channel->kind, CHANNEL_EMAIL);
    assert_string_equal(channel->name, "E-mail");
    assert_string_equal(channel->target, "new@example.com");
    assert_true(channel->enabled && channel->verified);
    assert_int_equal(channel->change, FACT_WRITTEN);

    assert_status(check_creation(3, 1, "c3"), 201);
    struct command key = {.kind = COMMAND_PING_KEY_ROTATE, .account = 3, .ping_key = "pk_a"};
    assert_status(apply(&key, "c4"), 200);
    assert_status(by_mail(COMMAND_ACCOUNT_REQUEST_DELETION, "new@example.com", "c5"), 200);
    assert_status(by_token(COMMAND_ACCOUNT_DELETE, last_token, "new@example.com", "c6"), 204);
    assert_int_equal(checks_stored(checks, 3), 0);
    assert_int_equal(channels_count(checks, 3), 0);
    assert_null(facts_check(&facts, 1));
    assert_null(facts_channel(&facts, 3));
    assert_int_equal(facts_ping_key(&facts, 3)->change, FACT_DELETED);
    assert_error(about_check(COMMAND_CHECK_PAUSE, 3, 1, "c7"), 401, "Invalid API key");
}

/* ---- keys ---- */

static void keys_replace_each_other(void **state)
{
    (void)state;
    struct command rotate = {.kind = COMMAND_PING_KEY_ROTATE,
                             .under_v1 = true,
                             .account = 2,
                             .ping_key_id = 5,
                             .ping_key = "pk_a"};
    assert_string_equal(apply(&rotate, "c1")->body,
                        "{\"ping_key\":\"pk_a\",\"created_at\":1798761630}");
    rotate.ping_key_id = 6;
    rotate.ping_key = "pk_b";
    assert_status(apply(&rotate, "c2"), 200);
    assert_int_equal(facts.ping_key_count, 1);
    assert_string_equal(facts.ping_keys[0].key, "pk_b");
    assert_int_equal(facts.ping_keys[0].id, 6);
    assert_int_equal(facts.ping_keys[0].change, FACT_WRITTEN);
    rotate.account = 99;
    assert_error(apply(&rotate, "c3"), 401, "Invalid API key");

    struct command create = {.kind = COMMAND_CHECK_KEY_CREATE, .account = 2};
    memset(create.secret_id, 0xab, sizeof create.secret_id);
    memset(create.key_hash, 0xcd, sizeof create.key_hash);
    const struct fact_answer *answer = apply(&create, "c4");
    assert_status(answer, 201);
    assert_string_equal(answer->body, "{\"secret_id\":\"abababababababababababababababab\"}");
    assert_memory_equal(facts_check_key(&facts, 2)->key_hash, create.key_hash, HASH_SIZE);
    assert_int_equal(facts_check_key(&facts, 2)->change, FACT_WRITTEN);
    struct command delete = {.kind = COMMAND_CHECK_KEY_DELETE, .account = 2};
    assert_status(apply(&delete, "c5"), 204);
    assert_int_equal(facts_check_key(&facts, 2)->change, FACT_DELETED);
    assert_status(apply(&create, "c6"), 201);
    assert_int_equal(facts_check_key(&facts, 2)->change, FACT_WRITTEN);
    create.account = 99;
    assert_refused(apply(&create, "c7"), 401, "Invalid API key");
    delete.account = 99;
    assert_refused(apply(&delete, "c8"), 401, "Invalid API key");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, commands_set_up, commands_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_check_is_made_with_the_documented_defaults),
        TEST(everything_that_is_said_is_kept),
        TEST(times_are_held_against_grammar_and_plan),
        TEST(a_long_interval_is_shown_as_a_year),
        TEST(checks_are_limited),
        TEST(an_id_that_is_taken_is_not_used),
        TEST(a_repetition_makes_no_second_check),
        TEST(a_slug_belongs_to_one_check),
        TEST(parents_are_checks_of_the_account_and_no_descendants),
        TEST(channels_are_those_of_the_account),
        TEST(only_what_is_given_changes),
        TEST(the_schedule_that_is_given_counts),
        TEST(a_change_is_held_against_the_plan_by_what_it_says),
        TEST(a_check_is_paused_and_begins_anew),
        TEST(only_the_owner_reaches_a_check),
        TEST(checks_are_imported_as_far_as_the_plan_goes),
        TEST(what_is_there_under_its_slug_is_not_imported_again),
        TEST(an_import_that_is_wrong_changes_nothing),
        TEST(a_smaller_plan_pauses_the_oldest_checks),
        TEST(an_account_brings_a_channel_and_takes_all_along),
        TEST(keys_replace_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
