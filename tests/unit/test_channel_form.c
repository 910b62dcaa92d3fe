#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/channel_form.h"
#include "shared/json.h"

static struct guard *guard;

static int open_guard(void **state)
{
    (void)state;
    char error[GUARD_ERROR_SIZE];
    return guard_create("", &guard, error);
}

static int close_guard(void **state)
{
    (void)state;
    guard_free(guard);
    return 0;
}

struct sample {
    cJSON *body;
    struct channel_form form;
    char error[FIELDS_ERROR_SIZE];
};

static int parse(struct sample *sample, const char *json, bool whole)
{
    char error[JSON_ERROR_SIZE];
    sample->body = json_parse(json, strlen(json), error);
    assert_non_null(sample->body);
    sample->error[0] = '\0';
    return channel_form_parse(sample->body, whole, guard, &sample->form, sample->error);
}

static void assert_refused(const char *json, bool whole, const char *error)
{
    struct sample sample;
    if (parse(&sample, json, whole) == 0)
        fail_msg("%s was taken", json);
    if (error != NULL)
        assert_string_equal(sample.error, error);
    cJSON_Delete(sample.body);
}

static void a_new_one_has_kind_and_target(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum channel_kind kind;
        const char *name;
        const char *target;
        bool enabled;
    } samples[] = {
        {"{\"kind\":\"webhook\",\"target\":\"https://example.com/a\"}", CHANNEL_WEBHOOK, "Webhook",
         "https://example.com/a", true},
        {"{\"kind\":\"slack\",\"target\":\"https://hooks.slack.com/x\",\"enabled\":false}",
         CHANNEL_SLACK, "Slack", "https://hooks.slack.com/x", false},
        {"{\"kind\":\"email\",\"target\":\"Ops@Example.COM\",\"name\":\"Ops\",\"enabled\":true}",
         CHANNEL_EMAIL, "Ops", "ops@example.com", true},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
        struct sample sample;
        assert_int_equal(parse(&sample, samples[i].json, true), 0);
        assert_int_equal(sample.form.input.fields, CHANNEL_NAME | CHANNEL_TARGET | CHANNEL_ENABLED);
        assert_int_equal(sample.form.input.kind, samples[i].kind);
        assert_string_equal(sample.form.input.name, samples[i].name);
        assert_string_equal(sample.form.input.target, samples[i].target);
        assert_int_equal(sample.form.input.enabled, samples[i].enabled);
        cJSON_Delete(sample.body);
    }
}

static void an_update_takes_what_is_sent(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        unsigned fields;
        const char *target;
    } samples[] = {
        {"{\"name\":\"x\"}", CHANNEL_NAME, NULL},
        {"{\"enabled\":false}", CHANNEL_ENABLED, NULL},
        {"{\"target\":\"A@b.example\"}", CHANNEL_TARGET, "a@b.example"},
        {"{\"target\":\"HTTPS://example.com/B\"}", CHANNEL_TARGET, "HTTPS://example.com/B"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
        struct sample sample;
        assert_int_equal(parse(&sample, samples[i].json, false), 0);
        assert_int_equal(sample.form.input.fields, samples[i].fields);
        if (samples[i].target != NULL)
            assert_string_equal(sample.form.input.target, samples[i].target);
        cJSON_Delete(sample.body);
    }
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    assert_refused("{\"target\":\"https://example.com/\"}", true, "kind: required");
    assert_refused("{\"kind\":1,\"target\":\"https://example.com/\"}", true,
                   "kind: must be a string");
    assert_refused("{\"kind\":\"sms\",\"target\":\"https://example.com/\"}", true,
                   "kind: must be webhook, slack or email");
    assert_refused("{\"kind\":\"webhook\"}", true, "target: required");
    assert_refused("{\"kind\":\"webhook\",\"target\":7}", true, "target: must be a string");
    assert_refused("{\"kind\":\"webhook\",\"target\":\"http://10.0.0.1/\"}", true, NULL);
    assert_refused("{\"kind\":\"slack\",\"target\":\"ops@example.com\"}", true, NULL);
    assert_refused("{\"kind\":\"email\",\"target\":\"https://example.com/\"}", true,
                   "target: not a valid address");
    assert_refused("{\"kind\":\"email\",\"target\":\"a@b.example\",\"name\":\"\"}", true,
                   "name: must not be empty");
    assert_refused("{\"kind\":\"email\",\"target\":\"a@b.example\",\"enabled\":1}", true,
                   "enabled: must be true or false");
    assert_refused("{\"kind\":\"email\",\"target\":\"a@b.example\",\"verified\":true}", true,
                   "Unknown field: verified");
    assert_refused("{}", false, "No field to update: the object is empty");
    assert_refused("{\"kind\":\"email\"}", false, "Unknown field: kind");
    assert_refused("{\"target\":\"nobody\"}", false, "target: not a valid address, and no URL");
    assert_refused("{\"target\":\"http://10.0.0.1/\"}", false, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_has_kind_and_target),
        cmocka_unit_test(an_update_takes_what_is_sent),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, open_guard, close_guard);
}
