#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/job_input.h"
#include "shared/json.h"

#define REQUIRED                                                                                   \
    "\"name\":\"n\",\"cron_expression\":\"0 * * * *\",\"webhook_url\":\"https://x.com/\""

#define NOW_S INT64_C(1778335200) /* 2026-05-09T14:00:00Z */

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

/* A body and the form that was made of it. */
struct sample {
    cJSON *body;
    struct job_form form;
    char error[FIELDS_ERROR_SIZE];
};

static int parse(struct sample *sample, const char *json, enum job_input_mode mode)
{
    char error[JSON_ERROR_SIZE];
    sample->body = json_parse(json, strlen(json), error);
    assert_non_null(sample->body);
    sample->error[0] = '\0';
    struct job_input_context context = {guard, NOW_S};
    return job_input_parse(sample->body, json, strlen(json), mode, &context, &sample->form,
                           sample->error);
}

static void end(struct sample *sample)
{
    job_form_free(&sample->form);
    cJSON_Delete(sample->body);
}

static void assert_refused(const char *json, enum job_input_mode mode, const char *error)
{
    struct sample sample;
    assert_int_equal(parse(&sample, json, mode), -1);
    assert_string_equal(sample.error, error);
    cJSON_Delete(sample.body);
}

static void a_whole_job_is_taken(void **state)
{
    (void)state;
    struct sample sample;
    assert_int_equal(parse(&sample,
                           "{" REQUIRED ",\"headers\":{\"X-A\": \"1\\\"2\", \"b\":\"\"},"
                           "\"payload\": { \"x\" :1.0 } ,\"failure_webhook_url\":\"http://y.com\"}",
                           JOB_INPUT_CREATE),
                     0);
    const struct job_input *input = &sample.form.input;
    assert_int_equal(input->fields, JOB_NAME | JOB_CRON | JOB_WEBHOOK_URL | JOB_HEADERS |
                                        JOB_PAYLOAD | JOB_FAILURE_URL);
    assert_string_equal(input->name, "n");
    assert_string_equal(input->cron_expression, "0 * * * *");
    assert_string_equal(input->webhook_url, "https://x.com/");
    assert_string_equal(input->headers, "{\"X-A\":\"1\\\"2\",\"b\":\"\"}");
    assert_string_equal(input->payload, "{ \"x\" :1.0 }");
    assert_string_equal(input->failure_webhook_url, "http://y.com");
    assert_true(input->enabled);
    end(&sample);
}

static void a_creation_needs_the_required_fields(void **state)
{
    (void)state;
    assert_refused("{}", JOB_INPUT_CREATE, "name: required");
    assert_refused("{\"name\":\"n\",\"cron_expression\":\"* * * * *\"}", JOB_INPUT_CREATE,
                   "webhook_url: required");
    assert_refused("{\"name\":\"n\",\"webhook_url\":\"https://x.com/\"}", JOB_INPUT_CREATE,
                   "cron_expression: required, or run_at");
    assert_refused("{\"cron_expression\":\"* * * * *\"}", JOB_INPUT_PUT, "name: required");
    assert_refused("{" REQUIRED ",\"enabled\":true}", JOB_INPUT_CREATE, "Unknown field: enabled");
}

static void an_update_takes_what_is_sent(void **state)
{
    (void)state;
    struct sample sample;
    assert_int_equal(parse(&sample, "{\"enabled\":false}", JOB_INPUT_UPDATE), 0);
    assert_int_equal(sample.form.input.fields, JOB_ENABLED);
    assert_false(sample.form.input.enabled);
    end(&sample);
    assert_int_equal(parse(&sample,
                           "{\"failure_webhook_url\":\"\",\"headers\":null,\"payload\":null}",
                           JOB_INPUT_UPDATE),
                     0);
    assert_int_equal(sample.form.input.fields, JOB_FAILURE_URL | JOB_HEADERS | JOB_PAYLOAD);
    assert_null(sample.form.input.failure_webhook_url);
    assert_null(sample.form.input.headers);
    assert_null(sample.form.input.payload);
    end(&sample);
}

#define NO_SCHEDULE "must not be null without the other of cron_expression and run_at"
#define NO_TIME     "must be a time such as 2026-05-09T14:00:00+00:00"
#define NO_ZONE     "unknown; must be an IANA name such as Europe/Berlin"

static void wrong_fields_are_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "No field to update: the object is empty"},
        {"{\"id\":1}", "Unknown field: id"},
        {"{\"Name\":\"n\"}", "Unknown field: Name"},
        {"{\"name\":null}", "name: must be a string"},
        {"{\"name\":\"\"}", "name: must not be empty"},
        {"{\"name\":\"  \"}", "name: must not be empty"},
        {"{\"name\":\"a\\nb\"}", "name: must not have control characters"},
        {"{\"cron_expression\":5}", "cron_expression: must be a string"},
        {"{\"cron_expression\":\"60 * * * *\"}",
         "Invalid cron expression: minute: 60 is out of range 0-59"},
        {"{\"webhook_url\":null}", "webhook_url: must be a string"},
        {"{\"failure_webhook_url\":false}", "failure_webhook_url: must be a string"},
        {"{\"headers\":[]}", "headers: must be an object of strings"},
        {"{\"headers\":{\"a\":1}}", "headers: a: must be a string"},
        {"{\"headers\":{\"a\":\"x\\r\\ny\"}}", "headers: a: must be printable ASCII"},
        {"{\"headers\":{\"a\":\"\xc3\xa9\"}}", "headers: a: must be printable ASCII"},
        {"{\"headers\":{\"a\":\"1\",\"A\":\"2\"}}", "headers: A: is given twice"},
        {"{\"headers\":{\"\":\"1\"}}",
         "headers: a name consists of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110)"},
        {"{\"headers\":{\"a:\":\"1\"}}",
         "headers: a name consists of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110)"},
        {"{\"payload\":[]}", "payload: must be an object"},
        {"{\"payload\":\"x\"}", "payload: must be an object"},
        {"{\"enabled\":1}", "enabled: must be true or false"},
        {"{\"enabled\":null}", "enabled: must be true or false"},
        {"{\"paused_reason\":null}", "Unknown field: paused_reason"},
        {"{\"cron_expression\":null}", "cron_expression: " NO_SCHEDULE},
        {"{\"run_at\":null}", "run_at: " NO_SCHEDULE},
        {"{\"run_at\":null,\"cron_expression\":null}", "cron_expression: " NO_SCHEDULE},
        {"{\"run_at\":\"2026-05-09T15:00:00Z\",\"cron_expression\":\"* * * * *\"}",
         "cron_expression, run_at: only one of them"},
        {"{\"run_at\":1778338800}", "run_at: " NO_TIME},
        {"{\"run_at\":\"tomorrow\"}", "run_at: " NO_TIME},
        {"{\"run_at\":\"2026-05-09T15:00:00\"}", "run_at: " NO_TIME},
        {"{\"run_at\":\"2026-02-30T15:00:00Z\"}", "run_at: " NO_TIME},
        {"{\"run_at\":\"1970-01-01T00:00:00Z\"}", "run_at: " NO_TIME},
        {"{\"run_at\":\"2026-05-09T15:00:01Z\"}", "run_at: must be a whole minute"},
        {"{\"run_at\":\"2026-05-09T15:00:00.01Z\"}", "run_at: must be a whole second"},
        {"{\"run_at\":\"2026-05-09T14:00:00Z\"}", "run_at: must be in the future"},
        {"{\"run_at\":\"2026-05-09T16:00:00+02:00\"}", "run_at: must be in the future"},
        {"{\"start_at\":true}", "start_at: " NO_TIME},
        {"{\"end_at\":\"2026-05-09\"}", "end_at: " NO_TIME},
        {"{\"start_at\":\"2026-05-09T15:00:01Z\",\"end_at\":\"2026-05-09T15:00:00Z\"}",
         "start_at: must not be after end_at"},
        {"{\"start_at\":\"2026-05-09T15:00:01Z\",\"run_at\":\"2026-05-09T15:00:00Z\"}",
         "run_at: must be within start_at and end_at"},
        {"{\"end_at\":\"2026-05-09T14:59:59Z\",\"run_at\":\"2026-05-09T15:00:00Z\"}",
         "run_at: must be within start_at and end_at"},
        {"{\"timezone\":7}", "timezone: must be a string"},
        {"{\"timezone\":\"\"}", "timezone: " NO_ZONE},
        {"{\"timezone\":\"Mars/Olympus\"}", "timezone: " NO_ZONE},
        {"{\"timezone\":\"../../etc/passwd\"}", "timezone: " NO_ZONE},
        {"{\"timezone\":\"EST5EDT4\"}", "timezone: " NO_ZONE},
        {"{\"catch_up\":null}", "catch_up: must be latest, all or none"},
        {"{\"catch_up\":\"Latest\"}", "catch_up: must be latest, all or none"},
        {"{\"catch_up_window_seconds\":-1}",
         "catch_up_window_seconds: must be a whole number from 0 to 2678400"},
        {"{\"catch_up_window_seconds\":2678401}",
         "catch_up_window_seconds: must be a whole number from 0 to 2678400"},
        {"{\"catch_up_window_seconds\":\"60\"}",
         "catch_up_window_seconds: must be a whole number from 0 to 2678400"},
        {"{\"allow_overlap\":null}", "allow_overlap: must be true or false"},
        {"{\"auto_pause\":\"true\"}", "auto_pause: must be true or false"},
        {"{\"check\":\"hRafrnC7Szs3fJUd\"}", "check: must be true or false"},
        {"{\"check\":null}", "check: must be true or false"},
        {"{\"jitter_seconds\":-1}", "jitter_seconds: must be a whole number from 0 to 3600"},
        {"{\"jitter_seconds\":3601}", "jitter_seconds: must be a whole number from 0 to 3600"},
        {"{\"jitter_seconds\":1.5}", "jitter_seconds: must be a whole number from 0 to 3600"},
        {"{\"jitter_seconds\":null}", "jitter_seconds: must be a whole number from 0 to 3600"},
        {"{\"jitter_seconds\":9007199254740993}",
         "jitter_seconds: must be a whole number from 0 to 3600"},
        {"{\"jitter_seconds\":1e400}", "jitter_seconds: must be a whole number from 0 to 3600"},
        {"{\"jitter_seconds\":60,\"cron_expression\":\"* * * * *\"}",
         "jitter_seconds: must be below the shortest time between two runs (60 seconds)"},
        {"{\"jitter_seconds\":300,\"cron_expression\":\"0,5 * * * *\"}",
         "jitter_seconds: must be below the shortest time between two runs (300 seconds)"},
        {"{\"max_retries\":6}", "max_retries: must be a whole number from 0 to 5"},
        {"{\"max_retries\":-1}", "max_retries: must be a whole number from 0 to 5"},
        {"{\"max_retries\":true}", "max_retries: must be a whole number from 0 to 5"},
        {"{\"external_id\":\"\"}", "external_id: " JOB_EXTERNAL_ID_FORM},
        {"{\"external_id\":\"a b\"}", "external_id: " JOB_EXTERNAL_ID_FORM},
        {"{\"external_id\":\"\xc3\xa9\"}", "external_id: " JOB_EXTERNAL_ID_FORM},
        {"{\"external_id\":7}", "external_id: " JOB_EXTERNAL_ID_FORM},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_refused(cases[i][0], JOB_INPUT_UPDATE, cases[i][1]);
}

static void every_field_is_taken(void **state)
{
    (void)state;
    struct sample sample;
    assert_int_equal(
        parse(&sample,
              "{\"name\":\"n\",\"cron_expression\":null,\"webhook_url\":\"https://x.com/\","
              "\"run_at\":\"2026-05-09T16:01:00.000+02:00\",\"timezone\":\"Europe/Berlin\","
              "\"start_at\":\"2026-05-09T14:01:00Z\",\"end_at\":\"2026-05-09T14:01:00Z\","
              "\"catch_up\":\"all\",\"catch_up_window_seconds\":2678400,"
              "\"allow_overlap\":false,\"jitter_seconds\":3600,\"max_retries\":5,"
              "\"auto_pause\":false,\"external_id\":\"deploy/~nightly!\",\"check\":true,"
              "\"enabled\":false}",
              JOB_INPUT_PUT),
        0);
    const struct job_input *input = &sample.form.input;
    assert_int_equal(input->fields, (2 * JOB_CHECK - 1) &
                                        ~(unsigned)(JOB_HEADERS | JOB_PAYLOAD | JOB_FAILURE_URL));
    assert_null(input->cron_expression);
    assert_true(input->run_at_s == NOW_S + 60);
    assert_true(input->start_at_s == NOW_S + 60);
    assert_true(input->end_at_s == NOW_S + 60);
    assert_string_equal(input->timezone, "Europe/Berlin");
    assert_int_equal(input->catch_up, CATCH_UP_ALL);
    assert_int_equal(input->catch_up_window_s, 2678400);
    assert_false(input->allow_overlap);
    assert_int_equal(input->jitter_s, 3600);
    assert_int_equal(input->max_retries, 5);
    assert_false(input->auto_pause);
    assert_true(input->check);
    assert_string_equal(input->external_id, "deploy/~nightly!");
    assert_false(input->enabled);
    end(&sample);
}

static void absent_and_null_are_the_defaults(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{" REQUIRED "}",
        "{" REQUIRED ",\"timezone\":null,\"run_at\":null,\"start_at\":null,\"end_at\":null,"
        "\"catch_up_window_seconds\":null,\"external_id\":null}",
        "{" REQUIRED ",\"timezone\":\"utc\",\"catch_up\":\"latest\",\"jitter_seconds\":0,"
        "\"max_retries\":3.0}"};
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        struct sample sample;
        assert_int_equal(parse(&sample, bodies[i], JOB_INPUT_CREATE), 0);
        const struct job_input *input = &sample.form.input;
        assert_string_equal(input->timezone, "UTC");
        assert_true(input->run_at_s == 0 && input->start_at_s == 0 && input->end_at_s == 0);
        assert_int_equal(input->catch_up, CATCH_UP_LATEST);
        assert_int_equal(input->catch_up_window_s, CATCH_UP_WINDOW_NONE);
        assert_true(input->allow_overlap && input->auto_pause && input->enabled);
        assert_false(input->check);
        assert_int_equal(input->jitter_s, 0);
        assert_int_equal(input->max_retries, 3);
        assert_null(input->external_id);
        end(&sample);
    }
}

/* To declare a job again that has had its run is no mistake. */
static void a_declaration_may_be_of_the_past(void **state)
{
    (void)state;
    struct sample sample;
    static const char body[] = "{\"name\":\"n\",\"webhook_url\":\"https://x.com/\","
                               "\"run_at\":\"2026-05-09T13:59:00Z\"}";
    assert_refused(body, JOB_INPUT_CREATE, "run_at: must be in the future");
    assert_int_equal(parse(&sample, body, JOB_INPUT_PUT), 0);
    assert_true(sample.form.input.run_at_s == NOW_S - 60);
    end(&sample);
}

/* In an update the schedule that is given takes the place of the other. */
static void schedules_replace_each_other(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"cron_expression\":\"5 * * * *\"}",
        "{\"cron_expression\":\"5 * * * *\",\"run_at\":null}",
        "{\"run_at\":\"2026-05-09T15:00:00Z\"}",
        "{\"run_at\":\"2026-05-09T15:00:00Z\",\"cron_expression\":null}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        struct sample sample;
        assert_int_equal(parse(&sample, bodies[i], JOB_INPUT_UPDATE), 0);
        assert_int_equal(sample.form.input.fields, JOB_CRON | JOB_RUN_AT);
        assert_int_equal(sample.form.input.cron_expression != NULL, i < 2);
        assert_true(sample.form.input.run_at_s == (i < 2 ? 0 : NOW_S + 3600));
        end(&sample);
    }
}

static void reserved_headers_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"Host",
                                        "content-length",
                                        "Transfer-Encoding",
                                        "Connection",
                                        "Keep-Alive",
                                        "TE",
                                        "Trailer",
                                        "Upgrade",
                                        "Expect",
                                        "Proxy-Authorization",
                                        "webhook-id",
                                        "Webhook-Signature",
                                        "x-croncoco-",
                                        "X-CronCoco-Attempt"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char json[128];
        char error[128];
        snprintf(json, sizeof json, "{\"headers\":{\"%s\":\"x\"}}", names[i]);
        snprintf(error, sizeof error, "headers: %s: is set by the delivery itself", names[i]);
        assert_refused(json, JOB_INPUT_UPDATE, error);
    }
}

/* before, count times what, after */
static char *repeat(struct buffer *json, const char *before, const char *what, size_t count,
                    const char *after)
{
    buffer_clear(json);
    buffer_text(json, before);
    for (size_t i = 0; i < count; i++)
        buffer_text(json, what);
    buffer_text(json, after);
    return json->data;
}

static void assert_limit(const char *before, const char *what, size_t most, const char *after,
                         const char *error)
{
    struct buffer json = BUFFER_EMPTY;
    struct sample sample;
    assert_int_equal(parse(&sample, repeat(&json, before, what, most, after), JOB_INPUT_UPDATE), 0);
    end(&sample);
    assert_refused(repeat(&json, before, what, most + 1, after), JOB_INPUT_UPDATE, error);
    buffer_free(&json);
}

static void limits_hold_to_the_letter(void **state)
{
    (void)state;
    assert_limit("{\"name\":\"", "x", 100, "\"}", "name: at most 100 characters");
    assert_limit("{\"name\":\"", "\xe2\x82\xac", 100, "\"}", "name: at most 100 characters");
    assert_limit("{\"external_id\":\"", "x", 200, "\"}", "external_id: " JOB_EXTERNAL_ID_FORM);
    assert_limit("{\"headers\":{\"", "x", 100, "\":\"1\"}}",
                 "headers: a name has at most 100 characters");
    assert_limit("{\"headers\":{\"x\":\"", "y", 500, "\"}}", "headers: x: at most 500 characters");
    assert_limit("{\"payload\":{\"x\":\"", "y", 10240 - 8, "\"}}", "payload: at most 10240 bytes");
}

static void a_job_has_at_most_twenty_headers(void **state)
{
    (void)state;
    struct buffer json = BUFFER_EMPTY;
    buffer_text(&json, "{\"headers\":{\"h\":\"1\"");
    for (int i = 1; i < 20; i++)
        buffer_format(&json, ",\"h%d\":\"1\"", i);
    buffer_text(&json, "}}");
    struct sample sample;
    assert_int_equal(parse(&sample, json.data, JOB_INPUT_UPDATE), 0);
    end(&sample);
    json.length -= 2;
    buffer_text(&json, ",\"more\":\"1\"}}");
    assert_refused(json.data, JOB_INPUT_UPDATE, "headers: at most 20");
    buffer_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_job_is_taken),
        cmocka_unit_test(a_creation_needs_the_required_fields),
        cmocka_unit_test(an_update_takes_what_is_sent),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(every_field_is_taken),
        cmocka_unit_test(absent_and_null_are_the_defaults),
        cmocka_unit_test(a_declaration_may_be_of_the_past),
        cmocka_unit_test(schedules_replace_each_other),
        cmocka_unit_test(reserved_headers_are_refused),
        cmocka_unit_test(limits_hold_to_the_letter),
        cmocka_unit_test(a_job_has_at_most_twenty_headers),
    };
    return cmocka_run_group_tests(tests, open_guard, close_guard);
}
