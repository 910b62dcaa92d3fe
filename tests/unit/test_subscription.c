#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/subscription.h"

#define ITEM "\"items\":{\"data\":[{\"id\":\"si_1\",\"price\":{\"id\":\"price_1\"},"
#define HEAD "{\"id\":\"sub_1\",\"customer\":\"cus_1\",\"status\":\"active\","

static cJSON *parse(const char *text)
{
    cJSON *tree = cJSON_Parse(text);
    assert_non_null(tree);
    return tree;
}

static void test_read(void **state)
{
    (void)state;
    cJSON *tree = parse(HEAD ITEM "\"current_period_end\":1781013600}]},"
                                  "\"cancel_at_period_end\":false,\"cancel_at\":null,"
                                  "\"metadata\":{\"croncoco_account\":\"42\"}}");
    struct subscription subscription;
    assert_int_equal(subscription_read(tree, &subscription), 0);
    assert_string_equal(subscription.id, "sub_1");
    assert_string_equal(subscription.customer, "cus_1");
    assert_string_equal(subscription.status, "active");
    assert_string_equal(subscription.item, "si_1");
    assert_string_equal(subscription.price, "price_1");
    assert_int_equal(subscription.period_end_s, 1781013600);
    assert_int_equal(subscription.ends_s, 0);
    assert_false(subscription.ends_with_its_period);
    assert_int_equal(subscription.account, 42);
    assert_true(subscription_live(&subscription));
    assert_false(subscription_ended(&subscription));
    cJSON_Delete(tree);
}

/* A customer in full; the period's end where older versions of Stripe's API have it. */
static void test_other_forms(void **state)
{
    (void)state;
    cJSON *tree = parse("{\"id\":\"sub_1\",\"customer\":{\"id\":\"cus_1\"},\"status\":\"canceled\","
                        "\"items\":{\"data\":[{\"id\":\"si_1\",\"price\":\"price_1\"}]},"
                        "\"current_period_end\":7,\"cancel_at_period_end\":true}");
    struct subscription subscription;
    assert_int_equal(subscription_read(tree, &subscription), 0);
    assert_string_equal(subscription.customer, "cus_1");
    assert_string_equal(subscription.price, "price_1");
    assert_int_equal(subscription.period_end_s, 7);
    assert_int_equal(subscription.ends_s, 7);
    assert_true(subscription.ends_with_its_period);
    assert_int_equal(subscription.account, 0);
    assert_false(subscription_live(&subscription));
    assert_true(subscription_ended(&subscription));
    cJSON_Delete(tree);
}

static void test_statuses(void **state)
{
    static const struct {
        const char *status;
        bool live;
        bool ended;
    } rows[] = {{"active", true, false},    {"trialing", true, false},
                {"past_due", true, false},  {"unpaid", false, false},
                {"paused", false, false},   {"incomplete", false, false},
                {"canceled", false, true},  {"incomplete_expired", false, true},
                {"something", false, false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct subscription subscription = {.status = rows[i].status};
        assert_int_equal(subscription_live(&subscription), rows[i].live);
        assert_int_equal(subscription_ended(&subscription), rows[i].ended);
    }
}

static void test_what_is_none(void **state)
{
    static const char *const rows[] = {
        "{}",
        "[]",
        "\"sub_1\"",
        HEAD "\"items\":null}",
        HEAD "\"items\":{\"data\":[]}}",
        HEAD "\"items\":{\"data\":[{\"id\":\"si_1\"}]}}",
        HEAD "\"items\":{\"data\":[{\"id\":\"si_1\",\"price\":{}}]}}",
        "{\"id\":\"\",\"customer\":\"cus_1\",\"status\":\"active\"," ITEM "\"x\":1}]}}",
        "{\"id\":\"sub_1\",\"customer\":null,\"status\":\"active\"," ITEM "\"x\":1}]}}",
        "{\"id\":\"sub_1\",\"customer\":\"cus_1\",\"status\":1," ITEM "\"x\":1}]}}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        cJSON *tree = parse(rows[i]);
        struct subscription subscription;
        if (subscription_read(tree, &subscription) == 0)
            fail_msg("%s", rows[i]);
        cJSON_Delete(tree);
    }
    struct subscription subscription;
    assert_int_equal(subscription_read(NULL, &subscription), -1);
}

static void test_accounts(void **state)
{
    static const struct {
        const char *text;
        int64_t account;
    } rows[] = {
        {"{\"metadata\":{\"croncoco_account\":\"1\"}}", 1},
        {"{\"metadata\":{\"croncoco_account\":\"9223372036854775807\"}}", INT64_MAX},
        {"{\"metadata\":{\"croncoco_account\":\"9223372036854775808\"}}", 0},
        {"{\"metadata\":{\"croncoco_account\":\"-1\"}}", 0},
        {"{\"metadata\":{\"croncoco_account\":\"1 \"}}", 0},
        {"{\"metadata\":{\"croncoco_account\":\"\"}}", 0},
        {"{\"metadata\":{\"croncoco_account\":1}}", 0},
        {"{\"metadata\":null}", 0},
        {"{}", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        cJSON *tree = parse(rows[i].text);
        assert_true(stripe_metadata_account(tree) == rows[i].account);
        cJSON_Delete(tree);
    }
    cJSON *tree = parse("{\"client_reference_id\":\"7\"}");
    assert_int_equal(stripe_reference_account(tree), 7);
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),     cmocka_unit_test(test_other_forms),
        cmocka_unit_test(test_statuses), cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
