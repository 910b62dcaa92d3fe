#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/check_form.h"
#include "shared/json.h"

#define HUNDRED                                                                                    \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxx"
#define PARENT  "0Bbk4dSVbgQdGxlK"
#define PARENTS "must be a list of ids of checks"
#define SLUG    "must be 1 to 100 of a-z, 0-9, hyphens and underscores"
#define SECONDS "must be a whole number from 60 to 31536000"
#define MOMENT  "must be a Unix timestamp, in seconds, or null"

/* A body and the form that was made of it. */
struct sample {
    cJSON *body;
    struct check_form form;
    char error[FIELDS_ERROR_SIZE];
};

static int parse(struct sample *sample, const char *json, enum check_form_mode mode)
{
    char error[JSON_ERROR_SIZE];
    sample->body = json_parse(json, strlen(json), error);
    assert_non_null(sample->body);
    sample->error[0] = '\0';
    return check_form_parse(sample->body, mode, &sample->form, sample->error);
}

static void take(struct sample *sample, const char *json, enum check_form_mode mode)
{
    if (parse(sample, json, mode) != 0)
        fail_msg("%s: %s", json, sample->error);
}

static void end(struct sample *sample)
{
    check_form_free(&sample->form);
    cJSON_Delete(sample->body);
}

static void assert_refused(const char *json, enum check_form_mode mode, const char *error)
{
    struct sample sample;
    if (parse(&sample, json, mode) == 0)
        fail_msg("%s was taken", json);
    assert_string_equal(sample.error, error);
    cJSON_Delete(sample.body);
}

static void nothing_has_to_be_said(void **state)
{
    (void)state;
    struct sample sample;
    take(&sample, "{}", CHECK_FORM_CREATE);
    assert_int_equal(sample.form.input.fields, 0);
    assert_string_equal(sample.form.input.name, "Unnamed Check");
    assert_int_equal(sample.form.input.period_s, 3600);
    assert_int_equal(sample.form.input.grace_s, 300);
    assert_string_equal(sample.form.input.tags, "");
    assert_string_equal(sample.form.input.maint_schedule, "");
    assert_true(sample.form.input.all_channels);
    end(&sample);
    assert_refused("{}", CHECK_FORM_UPDATE, "No field to update: the object is empty");
}

static void everything_can_be_said(void **state)
{
    (void)state;
    struct sample sample;
    take(&sample,
         "{\"name\":\"n\",\"period\":60,\"grace\":31536000,\"tags\":\"a\",\"group\":\"\","
         "\"slug\":\"s-1_x\",\"maint_start\":1,\"maint_end\":2,"
         "\"maint_schedule\":\"daily:02:00-04:00\",\"timezone\":\"Europe/Berlin\","
         "\"alert_after\":100,\"recover_after\":2,\"reminder_seconds\":300,"
         "\"parents\":[\"" PARENT "\"],\"channels\":[\"ch_001\",\"ch_1000\"]}",
         CHECK_FORM_CREATE);
    const struct check_input *input = &sample.form.input;
    assert_int_equal(input->fields, (CHECK_CHANNELS * 2 - 1) & ~CHECK_CRON);
    assert_string_equal(input->name, "n");
    assert_int_equal(input->period_s, 60);
    assert_int_equal(input->grace_s, 31536000);
    assert_string_equal(input->tags, "a");
    assert_string_equal(input->group, "");
    assert_string_equal(input->slug, "s-1_x");
    assert_int_equal(input->maint_start_s, 1);
    assert_int_equal(input->maint_end_s, 2);
    assert_string_equal(input->maint_schedule, "daily:02:00-04:00");
    assert_string_equal(input->timezone, "Europe/Berlin");
    assert_int_equal(input->alert_after, 100);
    assert_int_equal(input->recover_after, 2);
    assert_int_equal(input->reminder_s, 300);
    assert_int_equal(input->parent_count, 1);
    assert_true(input->parents[0] > 0);
    assert_false(input->all_channels);
    assert_int_equal(input->channel_count, 2);
    assert_int_equal(input->channels[1], 1000);
    end(&sample);
}

static void tags_come_in_two_forms(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *tags;
    } samples[] = {
        {"\"\"", ""},
        {"\"production,database\"", "production,database"},
        {"\" production , database \"", "production,database"},
        {"\",,a,,b,\"", "a,b"},
        {"\"a,b,a,ab\"", "a,b,ab"},
        {"\"two words\"", "two words"},
        {"[]", ""},
        {"[\"production\",\"database\"]", "production,database"},
        {"[\"a,b\",\"\",\" \",\"b\",\"c\"]", "a,b,c"},
        {"\"\xc3\xa4,\xc3\xb6\"", "\xc3\xa4,\xc3\xb6"},
        {"\"" HUNDRED "\"", HUNDRED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
        struct sample sample;
        char json[512];
        snprintf(json, sizeof json, "{\"tags\":%s}", samples[i].json);
        take(&sample, json, CHECK_FORM_UPDATE);
        assert_int_equal(sample.form.input.fields, CHECK_TAGS);
        assert_string_equal(sample.form.input.tags, samples[i].tags);
        end(&sample);
    }
}

static void an_expression_takes_the_place_of_the_period(void **state)
{
    (void)state;
    struct sample sample;
    take(&sample, "{\"period\":126230400,\"cron_expression\":\"0 0 29 2 *\"}", CHECK_FORM_ITEM);
    assert_int_equal(sample.form.input.fields, CHECK_CRON);
    assert_string_equal(sample.form.input.cron_expression, "0 0 29 2 *");
    end(&sample);
    take(&sample, "{\"period\":120,\"cron_expression\":null}", CHECK_FORM_UPDATE);
    assert_int_equal(sample.form.input.fields, CHECK_CRON | CHECK_PERIOD);
    assert_null(sample.form.input.cron_expression);
    end(&sample);
    assert_refused("{\"period\":126230400,\"cron_expression\":null}", CHECK_FORM_ITEM,
                   "period: " SECONDS);
}

static void null_is_none_where_there_can_be_none(void **state)
{
    (void)state;
    struct sample sample;
    take(&sample,
         "{\"slug\":null,\"maint_start\":null,\"maint_end\":null,\"cron_expression\":null,"
         "\"timezone\":null,\"channels\":null}",
         CHECK_FORM_UPDATE);
    const struct check_input *input = &sample.form.input;
    assert_int_equal(input->fields, CHECK_SLUG | CHECK_MAINT_START | CHECK_MAINT_END | CHECK_CRON |
                                        CHECK_TIMEZONE | CHECK_CHANNELS);
    assert_null(input->slug);
    assert_int_equal(input->maint_start_s, 0);
    assert_string_equal(input->timezone, "UTC");
    assert_true(input->all_channels);
    end(&sample);
}

static void one_end_of_a_window_is_enough_for_an_update(void **state)
{
    (void)state;
    struct sample sample;
    take(&sample, "{\"maint_end\":5}", CHECK_FORM_UPDATE);
    assert_int_equal(sample.form.input.fields, CHECK_MAINT_END);
    end(&sample);
    assert_refused("{\"maint_end\":5}", CHECK_FORM_CREATE,
                   "maint_start: a window has both, maint_start and maint_end");
    assert_refused("{\"maint_start\":5,\"maint_end\":null}", CHECK_FORM_UPDATE,
                   "maint_end: a window has both, maint_start and maint_end");
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *error;
    } samples[] = {
        {"{\"nam\":\"x\"}", "Unknown field: nam"},
        {"{\"id\":\"x\"}", "Unknown field: id"},
        {"{\"status\":\"up\"}", "Unknown field: status"},
        {"{\"name\":null}", "name: must be a string"},
        {"{\"name\":7}", "name: must be a string"},
        {"{\"name\":\"\"}", "name: must not be empty"},
        {"{\"name\":\"  \"}", "name: must not be empty"},
        {"{\"name\":\"" HUNDRED "x\"}", "name: at most 100 characters"},
        {"{\"name\":\"a\\nb\"}", "name: must not have control characters"},
        {"{\"period\":59}", "period: " SECONDS},
        {"{\"period\":31536001}", "period: " SECONDS},
        {"{\"period\":60.5}", "period: " SECONDS},
        {"{\"period\":\"60\"}", "period: " SECONDS},
        {"{\"period\":null}", "period: " SECONDS},
        {"{\"grace\":59}", "grace: " SECONDS},
        {"{\"grace\":1e400}", "grace: " SECONDS},
        {"{\"tags\":null}", "tags: must be a string or a list of strings"},
        {"{\"tags\":[1]}", "tags: must be a string or a list of strings"},
        {"{\"tags\":{}}", "tags: must be a string or a list of strings"},
        {"{\"tags\":\"a\\tb\"}", "tags: must not have control characters"},
        {"{\"tags\":[\"a" HUNDRED "\",\"b" HUNDRED "\",\"c" HUNDRED "\",\"d" HUNDRED
         "\",\"e" HUNDRED "\"]}",
         "tags: at most 500 bytes"},
        {"{\"group\":null}", "group: must be a string"},
        {"{\"group\":\"" HUNDRED "x\"}", "group: at most 100 characters"},
        {"{\"slug\":\"\"}", "slug: " SLUG},
        {"{\"slug\":\"A\"}", "slug: " SLUG},
        {"{\"slug\":\"a/b\"}", "slug: " SLUG},
        {"{\"slug\":\"" HUNDRED "x\"}", "slug: " SLUG},
        {"{\"slug\":1}", "slug: " SLUG},
        {"{\"maint_start\":0,\"maint_end\":1}", "maint_start: " MOMENT},
        {"{\"maint_start\":\"1\",\"maint_end\":1}", "maint_start: " MOMENT},
        {"{\"maint_start\":1,\"maint_end\":253402300800}", "maint_end: " MOMENT},
        {"{\"maint_start\":2,\"maint_end\":2}", "maint_start: must be before maint_end"},
        {"{\"maint_schedule\":null}", "maint_schedule: must be a string"},
        {"{\"cron_expression\":\"0 0 30 2 *\"}", NULL},
        {"{\"cron_expression\":1}", "cron_expression: must be a string"},
        {"{\"timezone\":\"Mars/Olympus\"}",
         "timezone: unknown; must be an IANA name such as Europe/Berlin"},
        {"{\"alert_after\":0}", "alert_after: must be a whole number from 1 to 100"},
        {"{\"recover_after\":101}", "recover_after: must be a whole number from 1 to 100"},
        {"{\"reminder_seconds\":299}",
         "reminder_seconds: must be 0 or a whole number from 300 to 2592000"},
        {"{\"reminder_seconds\":2592001}",
         "reminder_seconds: must be 0 or a whole number from 300 to 2592000"},
        {"{\"parents\":null}", "parents: " PARENTS},
        {"{\"parents\":[\"abc123\"]}", "parents: " PARENTS},
        {"{\"parents\":[\"" PARENT "\",\"" PARENT "\"]}", "parents: one is given twice"},
        {"{\"channels\":[1]}", "channels: must be null or a list of ids of channels"},
        {"{\"channels\":[\"ch_1\"]}", "channels: must be null or a list of ids of channels"},
        {"{\"channels\":[\"ch_001\",\"ch_001\"]}", "channels: one is given twice"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
        if (samples[i].error != NULL) {
            assert_refused(samples[i].json, CHECK_FORM_CREATE, samples[i].error);
            assert_refused(samples[i].json, CHECK_FORM_UPDATE, samples[i].error);
        } else {
            struct sample sample;
            assert_int_equal(parse(&sample, samples[i].json, CHECK_FORM_CREATE), -1);
            assert_non_null(strstr(sample.error, "Invalid cron expression: "));
            cJSON_Delete(sample.body);
        }
    }
}

static void lists_are_bounded(void **state)
{
    (void)state;
    char json[1024];
    size_t length = (size_t)snprintf(json, sizeof json, "{\"channels\":[\"ch_001\"");
    for (int i = 2; i <= 21; i++)
        length += (size_t)snprintf(json + length, sizeof json - length, ",\"ch_%03d\"", i);
    snprintf(json + length, sizeof json - length, "]}");
    assert_refused(json, CHECK_FORM_CREATE, "channels: at most 20");
    length = (size_t)snprintf(json, sizeof json, "{\"parents\":[\"0Bbk4dSVbgQdGxlK\"");
    for (int i = 0; i < 10; i++)
        length +=
            (size_t)snprintf(json + length, sizeof json - length, ",\"0Bbk4dSVb%dQdGxlK\"", i);
    snprintf(json + length, sizeof json - length, "]}");
    assert_refused(json, CHECK_FORM_CREATE, "parents: at most 10");
}

static void an_item_is_of_no_account(void **state)
{
    (void)state;
    assert_refused("{\"parents\":[]}", CHECK_FORM_ITEM, "Unknown field: parents");
    assert_refused("{\"channels\":null}", CHECK_FORM_ITEM, "Unknown field: channels");
    struct sample sample;
    take(&sample, "{}", CHECK_FORM_ITEM);
    end(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_to_be_said),
        cmocka_unit_test(everything_can_be_said),
        cmocka_unit_test(tags_come_in_two_forms),
        cmocka_unit_test(an_expression_takes_the_place_of_the_period),
        cmocka_unit_test(null_is_none_where_there_can_be_none),
        cmocka_unit_test(one_end_of_a_window_is_enough_for_an_update),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(an_item_is_of_no_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
