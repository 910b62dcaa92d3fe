#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/commands_fixture.h"

static const struct fact_answer *tell(int64_t account, const struct billing_input *billing,
                                      const char *id)
{
    struct command command = {
        .kind = COMMAND_ACCOUNT_SET_BILLING, .account = account, .billing = *billing};
    return apply(&command, id);
}

static struct billing_input active(int64_t version, const char *plan)
{
    return (struct billing_input){.version = version,
                                  .customer = "cus_1",
                                  .subscription = "sub_1",
                                  .status = "active",
                                  .plan = plan,
                                  .period_end_s = NOW_MS / 1000 + 2592000,
                                  .answer = "{\"plan\":1}"};
}

static const char *plan_of(int64_t account)
{
    return core->plans[core_account(account)->plan].name;
}

static void test_a_subscription_gives_its_plan(void **state)
{
    (void)state;
    struct billing_input billing = active(0, "business");
    const struct fact_answer *answer = tell(1, &billing, "a1:upgrade");
    assert_status(answer, 200);
    assert_string_equal(answer->body, "{\"plan\":1}");
    assert_int_equal(answer->change, FACT_WRITTEN);
    assert_string_equal(plan_of(1), "business");
    const struct fact_account *account = facts_account(&facts, 1);
    assert_string_equal(account->plan, "business");
    assert_int_equal(account->change, FACT_WRITTEN);
    assert_true(account->billing.written);
    assert_int_equal(account->billing.version, 1);
    assert_string_equal(account->billing.customer, "cus_1");
    assert_string_equal(account->billing.subscription, "sub_1");
    assert_string_equal(account->billing.status, "active");
    assert_null(account->billing.checkout);
    assert_int_equal(account->billing.period_end_ms, NOW_MS / 1000 * 1000 + INT64_C(2592000000));
    assert_false(account->billing.cancels);
    assert_string_equal(plan_of(2), "business");
}

/* As the next batch begins, which reads the answers that were written: none here. */
static void forget_answers(void)
{
    for (size_t i = 0; i < facts.answer_count; i++) {
        fact_set(&facts.answers[i].id, NULL);
        fact_set(&facts.answers[i].body, NULL);
    }
    facts.answer_count = 0;
}

static void test_older_knowledge_is_refused_and_may_come_again(void **state)
{
    (void)state;
    struct billing_input first = active(0, "business");
    struct billing_input second = active(0, "free");
    assert_status(tell(1, &first, "stripe/evt_1"), 200);
    const struct fact_answer *answer = tell(1, &second, "stripe/evt_2");
    assert_refused(answer, 409, "changed meanwhile");
    assert_int_equal(answer->retry_after_s, 1);
    assert_int_equal(answer->change, FACT_CLEAN);
    assert_string_equal(plan_of(1), "business");
    assert_int_equal(facts_account(&facts, 1)->billing.version, 1);
    forget_answers();
    second.version = 1;
    assert_status(tell(1, &second, "stripe/evt_2"), 200);
    assert_string_equal(plan_of(1), "free");
}

static void test_an_event_counts_once(void **state)
{
    (void)state;
    struct billing_input billing = active(0, "business");
    assert_status(tell(1, &billing, "stripe/evt_1"), 200);
    billing = active(1, "free");
    assert_status(tell(1, &billing, "stripe/evt_1"), 200);
    assert_string_equal(plan_of(1), "business");
    assert_int_equal(facts_account(&facts, 1)->billing.version, 1);
}

static void test_without_a_plan_it_stays(void **state)
{
    (void)state;
    struct billing_input billing = active(0, NULL);
    billing.checkout = "cs_1";
    assert_status(tell(2, &billing, "a2:checkout"), 200);
    assert_string_equal(plan_of(2), "business");
    assert_string_equal(facts_account(&facts, 2)->billing.checkout, "cs_1");
}

static void test_refusals_change_nothing(void **state)
{
    (void)state;
    struct billing_input billing = active(0, "gold");
    assert_refused(tell(1, &billing, "a1:gold"), 400, "no plan gold");
    billing = active(0, "business");
    assert_refused(tell(99, &billing, "a99:x"), 401, "Invalid API key");
    assert_false(facts_account(&facts, 1)->billing.written);
    assert_int_equal(facts_account(&facts, 1)->billing.version, 0);
    assert_string_equal(plan_of(1), "free");
}

static void test_a_lower_plan_pauses_the_oldest_jobs(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "create %d", i);
        assert_status(create(2, "0 * * * *", id), 201);
    }
    struct billing_input billing = active(0, "free");
    assert_status(tell(2, &billing, "stripe/evt_1"), 200);
    assert_string_equal(plan_of(2), "free");
    assert_int_equal(core_account(2)->active_jobs, 2);
    assert_int_equal(core_account(2)->stored_jobs, 4);
    assert_refused(enable(2, 1, true, "resume"), 403, "active");
}

static void test_what_will_be_charged_again(void **state)
{
    static char subscription[] = "sub_1";
    static const struct {
        const char *status;
        bool cancels;
        bool goes_on;
    } rows[] = {
        {"active", false, true}, {"active", true, false},    {"past_due", false, true},
        {"unpaid", false, true}, {"canceled", false, false}, {"incomplete_expired", false, false},
    };
    (void)state;
    struct mail mail;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char id[32];
        snprintf(id, sizeof id, "ask %zu", i);
        now_ms += INT64_C(3600000);
        assert_status(by_mail(COMMAND_ACCOUNT_REQUEST_DELETION, "a@example.com", id), 200);
        mail = last_mail();
        struct fact_billing *billing = &facts_account(&facts, 1)->billing;
        fact_set(&billing->subscription, subscription);
        fact_set(&billing->status, rows[i].status);
        billing->cancels = rows[i].cancels;
        if (!rows[i].goes_on)
            continue;
        snprintf(id, sizeof id, "delete %zu", i);
        assert_refused(by_token(COMMAND_ACCOUNT_DELETE, mail.token_id, "a@example.com", id), 409,
                       "/billing/subscription");
        assert_true(core_has_account(1));
    }
    assert_status(by_token(COMMAND_ACCOUNT_DELETE, mail.token_id, "a@example.com", "delete"), 204);
    assert_false(core_has_account(1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, commands_set_up, commands_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_subscription_gives_its_plan),
        TEST(test_older_knowledge_is_refused_and_may_come_again),
        TEST(test_an_event_counts_once),
        TEST(test_without_a_plan_it_stays),
        TEST(test_refusals_change_nothing),
        TEST(test_a_lower_plan_pauses_the_oldest_jobs),
        TEST(test_what_will_be_charged_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
