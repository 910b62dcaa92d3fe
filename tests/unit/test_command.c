#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "shared/command.h"
#include "tests/unit/sample.h"

#define FP "\"fp\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\""
#define ENVELOPE                                                                                   \
    "{\"v\":1,\"id\":\"7:abc\"," FP                                                                \
    ",\"at\":1778335200123,\"account\":7,\"reply\":\"answer.g1\",\"args\":"

/* Nothing but what the kind carries, for the round trips. */
static struct command command_of(enum command_kind kind)
{
    struct command command = {.kind = kind,
                              .id = "7:abc",
                              .received_ms = 1778335200123,
                              .account = 7,
                              .reply = "answer.g1",
                              .email = "you@example.com",
                              .plan = "pro",
                              .has_failure_email = true,
                              .failure_email_enabled = true,
                              .job_id = 42};
    for (size_t i = 0; i < HASH_SIZE; i++) {
        command.fingerprint[i] = (uint8_t)i;
        command.key_hash[i] = (uint8_t)(255 - i);
    }
    for (size_t i = 0; i < TOKEN_ID_SIZE; i++)
        command.token_id[i] = (uint8_t)(16 * i);
    command.job = (struct job_input){
        .fields = JOB_NAME | JOB_CRON | JOB_WEBHOOK_URL | JOB_HEADERS | JOB_PAYLOAD |
                  JOB_FAILURE_URL | JOB_ENABLED,
        .name = "hourly \"sync\" \xe2\x82\xac",
        .cron_expression = "0 * * * *",
        .webhook_url = "https://example.com/a?b=c",
        .headers = "{\"X-Secret\": \"my\\ttoken\"}",
        .payload = "{\n\t\"n\": 12345678901234567890.10, \"s\":\"\\u00e9\xc3\xa9\\/\"}",
        .failure_webhook_url = NULL,
        .enabled = true,
    };
    return command;
}

static const struct {
    enum command_kind kind;
    const char *subject;
    const char *args;
} kinds[] = {
    {COMMAND_ACCOUNT_REGISTER, "cmd.account.register", "{\"email\":\"you@example.com\"}"},
    {COMMAND_ACCOUNT_VERIFY, "cmd.account.verify",
     "{\"token_id\":\"00102030405060708090a0b0c0d0e0f0\",\"key_hash\":"
     "\"fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0\"}"},
    {COMMAND_ACCOUNT_REQUEST_ROTATION, "cmd.account.request_rotation",
     "{\"email\":\"you@example.com\"}"},
    {COMMAND_ACCOUNT_ROTATE, "cmd.account.rotate",
     "{\"token_id\":\"00102030405060708090a0b0c0d0e0f0\",\"key_hash\":"
     "\"fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0\"}"},
    {COMMAND_ACCOUNT_REQUEST_DELETION, "cmd.account.request_deletion",
     "{\"email\":\"you@example.com\"}"},
    {COMMAND_ACCOUNT_DELETE, "cmd.account.delete",
     "{\"email\":\"you@example.com\",\"token_id\":\"00102030405060708090a0b0c0d0e0f0\"}"},
    {COMMAND_ACCOUNT_UPDATE, "cmd.account.update", "{\"failure_email_enabled\":true}"},
    {COMMAND_ACCOUNT_SET_PLAN, "cmd.account.set_plan",
     "{\"email\":\"you@example.com\",\"plan\":\"pro\"}"},
    {COMMAND_JOB_CREATE, "cmd.job.create",
     "{\"job\":{\"name\":\"hourly \\\"sync\\\" \xe2\x82\xac\",\"cron_expression\":\"0 * * * *\","
     "\"webhook_url\":\"https://example.com/a?b=c\",\"headers\":\"{\\\"X-Secret\\\": "
     "\\\"my\\\\ttoken\\\"}\",\"payload\":\"{\\n\\t\\\"n\\\": 12345678901234567890.10, "
     "\\\"s\\\":\\\"\\\\u00e9\xc3\xa9\\\\/\\\"}\",\"failure_webhook_url\":null,\"enabled\":true}}"},
    {COMMAND_JOB_UPDATE, "cmd.job.update", NULL},
    {COMMAND_JOB_DELETE, "cmd.job.delete", "{\"job_id\":42}"},
};

static void assert_text(const char *one, const char *other)
{
    assert_int_equal(one != NULL, other != NULL);
    if (one)
        assert_string_equal(one, other);
}

static void assert_jobs(const struct job_input *one, const struct job_input *other)
{
    assert_int_equal(one->fields, other->fields);
    assert_text(one->name, other->name);
    assert_text(one->cron_expression, other->cron_expression);
    assert_text(one->webhook_url, other->webhook_url);
    assert_text(one->headers, other->headers);
    assert_text(one->payload, other->payload);
    assert_text(one->failure_webhook_url, other->failure_webhook_url);
    assert_int_equal(one->enabled, other->enabled);
}

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LENGTH(kinds), COMMAND_KINDS);
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        struct command command = command_of(kinds[i].kind);
        struct command decoded;
        const char *error = NULL;
        struct buffer out = BUFFER_EMPTY;
        struct buffer again = BUFFER_EMPTY;
        assert_string_equal(command_subject(kinds[i].kind), kinds[i].subject);
        command_encode(&command, &out);
        if (kinds[i].args) {
            struct buffer expected = BUFFER_EMPTY;
            buffer_format(&expected, ENVELOPE "%s}", kinds[i].args);
            assert_string_equal(out.data, expected.data);
            buffer_free(&expected);
        }
        char *bytes = sample_exact(out.data, out.length);
        int status = command_decode(kinds[i].subject, bytes, out.length, &decoded, &error);
        free(bytes);
        if (status)
            fail_msg("%s: %s", kinds[i].subject, error);
        assert_int_equal(decoded.kind, kinds[i].kind);
        assert_string_equal(decoded.id, command.id);
        assert_memory_equal(decoded.fingerprint, command.fingerprint, HASH_SIZE);
        assert_true(decoded.received_ms == command.received_ms);
        assert_true(decoded.account == command.account);
        assert_string_equal(decoded.reply, command.reply);
        if (kinds[i].kind == COMMAND_JOB_CREATE || kinds[i].kind == COMMAND_JOB_UPDATE)
            assert_jobs(&decoded.job, &command.job);
        command_encode(&decoded, &again);
        assert_string_equal(again.data, out.data);
        command_release(&decoded);
        buffer_free(&out);
        buffer_free(&again);
    }
}

/* Each set of the fields of a job, and null where it may be. */
static void test_job_fields(void **state)
{
    (void)state;
    for (unsigned fields = 0; fields < 2 * JOB_ENABLED; fields++) {
        struct command command = command_of(COMMAND_JOB_UPDATE);
        struct command decoded;
        const char *error = NULL;
        struct job_input expected = {.fields = fields};
        command.job.fields = fields;
        if (fields & JOB_NAME)
            expected.name = command.job.name;
        if (fields & JOB_CRON)
            expected.cron_expression = command.job.cron_expression;
        if (fields & JOB_WEBHOOK_URL)
            expected.webhook_url = command.job.webhook_url;
        if (fields & JOB_HEADERS)
            expected.headers = command.job.headers;
        if (fields & JOB_PAYLOAD && fields & JOB_NAME)
            expected.payload = command.job.payload;
        else
            command.job.payload = NULL;
        if (fields & JOB_FAILURE_URL && fields & JOB_CRON)
            expected.failure_webhook_url = command.job.failure_webhook_url = "http://x/";
        expected.enabled = fields & JOB_ENABLED;
        struct buffer out = BUFFER_EMPTY;
        command_encode(&command, &out);
        assert_int_equal(command_decode("cmd.job.update", out.data, out.length, &decoded, &error),
                         0);
        assert_jobs(&decoded.job, &expected);
        assert_true(decoded.job_id == 42);
        command_release(&decoded);
        bool complete = (fields & (JOB_NAME | JOB_CRON | JOB_WEBHOOK_URL)) ==
                        (JOB_NAME | JOB_CRON | JOB_WEBHOOK_URL);
        int status = command_decode("cmd.job.create", out.data, out.length, &decoded, &error);
        assert_int_equal(status, complete ? 0 : -1);
        if (complete)
            command_release(&decoded);
        else
            assert_string_equal(error, "a new job lacks name, cron_expression or webhook_url");
        buffer_free(&out);
    }
}

static void test_account_update_without_field(void **state)
{
    (void)state;
    struct command command = command_of(COMMAND_ACCOUNT_UPDATE);
    struct command decoded;
    const char *error;
    struct buffer out = BUFFER_EMPTY;
    for (int i = 0; i < 3; i++) {
        command.has_failure_email = i > 0;
        command.failure_email_enabled = i > 1;
        buffer_clear(&out);
        command_encode(&command, &out);
        assert_int_equal(
            command_decode("cmd.account.update", out.data, out.length, &decoded, &error), 0);
        assert_int_equal(decoded.has_failure_email, i > 0);
        assert_int_equal(decoded.failure_email_enabled, i > 1);
        command_release(&decoded);
    }
    buffer_free(&out);
}

static void test_cut_short(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < COMMAND_KINDS; kind++) {
        struct command command = command_of((enum command_kind)kind);
        struct command decoded = {.account = 99};
        struct buffer out = BUFFER_EMPTY;
        command_encode(&command, &out);
        for (size_t length = 0; length < out.length; length++) {
            const char *error = NULL;
            char *cut = sample_exact(out.data, length);
            assert_int_equal(command_decode(kinds[kind].subject, cut, length, &decoded, &error),
                             -1);
            assert_string_equal(error, "not JSON");
            free(cut);
        }
        assert_int_equal(decoded.account, 99);
        buffer_free(&out);
    }
}

#define JOB_DELETE "cmd.job.delete"
#define REGISTER   "cmd.account.register"
#define VERIFY     "cmd.account.verify"
#define UPDATE     "cmd.job.update"
#define ID_ARGS    "\"args\":{\"job_id\":1}}"
#define A(reply)   FP ",\"at\":1,\"account\":7,\"reply\":" reply "," ID_ARGS

static const struct {
    const char *subject;
    const char *text;
    const char *error;
} refused[] = {
    {"", "{}", "unknown subject"},
    {"cmd.job", "{}", "unknown subject"},
    {"cmd.job.delete.x", "{}", "unknown subject"},
    {"cmd.job.DELETE", "{}", "unknown subject"},
    {JOB_DELETE, "", "not JSON"},
    {JOB_DELETE, "null", "unknown version"},
    {JOB_DELETE, "[]", "unknown version"},
    {JOB_DELETE, "\"v\"", "unknown version"},
    {JOB_DELETE, "{}", "unknown version"},
    {JOB_DELETE, "{\"v\":2}", "unknown version"},
    {JOB_DELETE, "{\"v\":\"1\"}", "unknown version"},
    {JOB_DELETE, "{\"v\":1}", "id is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":5}", "id is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"\"}", "id is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\\nb\"}", "id is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"\xc3\xa9\"}", "id is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\x7f\"}", "id is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"}", "fp is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\",\"fp\":\"00\"}", "fp is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\",\"fp\":7}", "fp is missing or malformed"},
    {JOB_DELETE,
     "{\"v\":1,\"id\":\"a\",\"fp\":"
     "\"x00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}",
     "fp is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," FP "}", "at is missing or out of range"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," FP ",\"at\":-1}", "at is missing or out of range"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," FP ",\"at\":1.5}", "at is missing or out of range"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," FP ",\"at\":\"1\"}", "at is missing or out of range"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," FP ",\"at\":1e400}", "at is missing or out of range"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," FP ",\"at\":1}", "account is missing or out of range"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," FP ",\"at\":1,\"account\":0}",
     "account is missing or out of range"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," FP ",\"at\":1,\"account\":-7}",
     "account is missing or out of range"},
    {REGISTER, "{\"v\":1,\"id\":\"a\"," FP ",\"at\":1,\"account\":-1}",
     "account is missing or out of range"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," FP ",\"at\":1,\"account\":7}",
     "reply is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," A("\"\""), "reply is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," A("null"), "reply is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," A("\"a b\""), "reply is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," A("\"a.*\""), "reply is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," A("\">\""), "reply is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," A("\".a\""), "reply is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," A("\"a.\""), "reply is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," A("\"a..b\""), "reply is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\"," A("\"a\\r\\nPUB x 1\""), "reply is missing or malformed"},
    {JOB_DELETE, "{\"v\":1,\"id\":\"a\",\"id\":\"b\"," A("\"a\""), "not JSON"},
    {JOB_DELETE, ENVELOPE "null}", "args is not an object"},
    {JOB_DELETE, ENVELOPE "[]}", "args is not an object"},
    {JOB_DELETE, ENVELOPE "{}}", "job_id is missing or out of range"},
    {JOB_DELETE, ENVELOPE "{\"job_id\":0}}", "job_id is missing or out of range"},
    {JOB_DELETE, ENVELOPE "{\"job_id\":-1}}", "job_id is missing or out of range"},
    {JOB_DELETE, ENVELOPE "{\"job_id\":\"1\"}}", "job_id is missing or out of range"},
    {JOB_DELETE, ENVELOPE "{\"job_id\":9007199254740994}}", "job_id is missing or out of range"},
    {REGISTER, ENVELOPE "{}}", "email is missing or malformed"},
    {REGISTER, ENVELOPE "{\"email\":\"\"}}", "email is missing or malformed"},
    {REGISTER, ENVELOPE "{\"email\":\"ab\"}}", "email is missing or malformed"},
    {REGISTER, ENVELOPE "{\"email\":\"@b\"}}", "email is missing or malformed"},
    {REGISTER, ENVELOPE "{\"email\":\"a@\"}}", "email is missing or malformed"},
    {REGISTER, ENVELOPE "{\"email\":\"a@b@c\"}}", "email is missing or malformed"},
    {REGISTER, ENVELOPE "{\"email\":\"A@b\"}}", "email is missing or malformed"},
    {REGISTER, ENVELOPE "{\"email\":\"a b@c\"}}", "email is missing or malformed"},
    {REGISTER, ENVELOPE "{\"email\":\"a@b\\nc\"}}", "email is missing or malformed"},
    {REGISTER, ENVELOPE "{\"email\":\"<a@b>\"}}", "email is missing or malformed"},
    {REGISTER, ENVELOPE "{\"email\":null}}", "email is missing or malformed"},
    {"cmd.account.set_plan", ENVELOPE "{\"email\":\"a@b\"}}", "plan is missing or malformed"},
    {"cmd.account.set_plan", ENVELOPE "{\"email\":\"a@b\",\"plan\":\"\"}}",
     "plan is missing or malformed"},
    {"cmd.account.set_plan", ENVELOPE "{\"email\":\"a@b\",\"plan\":\"Pro\"}}",
     "plan is missing or malformed"},
    {"cmd.account.set_plan",
     ENVELOPE "{\"email\":\"a@b\",\"plan\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}",
     "plan is missing or malformed"},
    {VERIFY, ENVELOPE "{}}", "token_id is missing or malformed"},
    {VERIFY, ENVELOPE "{\"token_id\":\"00\"}}", "token_id is missing or malformed"},
    {VERIFY, ENVELOPE "{\"token_id\":\"00102030405060708090a0b0c0d0e0f0\"}}",
     "key_hash is missing or malformed"},
    {VERIFY, ENVELOPE "{\"token_id\":\"00102030405060708090a0b0c0d0e0f0\",\"key_hash\":\"00\"}}",
     "key_hash is missing or malformed"},
    {"cmd.account.update", ENVELOPE "{\"failure_email_enabled\":1}}",
     "failure_email_enabled is not a boolean"},
    {"cmd.account.update", ENVELOPE "{\"failure_email_enabled\":null}}",
     "failure_email_enabled is not a boolean"},
    {UPDATE, ENVELOPE "{\"job\":{}}}", "job_id is missing or out of range"},
    {UPDATE, ENVELOPE "{\"job_id\":1}}", "job is not an object"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":[]}}", "job is not an object"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"name\":null}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"name\":7}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"cron_expression\":null}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"webhook_url\":null}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"headers\":{}}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"payload\":{}}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"failure_webhook_url\":false}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"enabled\":1}}}", "enabled is not a boolean"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"enabled\":null}}}", "enabled is not a boolean"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        struct command command = {.account = 99};
        const char *error = "";
        size_t length = strlen(refused[i].text);
        int status = command_decode(refused[i].subject, refused[i].text, length, &command, &error);
        if (status != -1 || strcmp(error, refused[i].error) != 0)
            fail_msg("%s %s: %d \"%s\"", refused[i].subject, refused[i].text, status, error);
        assert_int_equal(command.account, 99);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *after;
        size_t most;
    } texts[] = {
        {"{\"v\":1,\"id\":\"", "\"," A("\"r\""), COMMAND_ID_MAX},
        {"{\"v\":1,\"id\":\"a\"," FP ",\"at\":1,\"account\":7,\"reply\":\"", "\"," ID_ARGS, 128},
        {"cron", "", 255},
        {"url", "", 2048},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        for (size_t length = texts[i].most; length <= texts[i].most + 1; length++) {
            struct buffer text = BUFFER_EMPTY;
            struct command command;
            const char *error;
            bool job = texts[i].before[0] != '{';
            buffer_text(&text, job ? ENVELOPE "{\"job_id\":1,\"job\":{" : texts[i].before);
            if (job)
                buffer_text(&text, i == 2 ? "\"cron_expression\":\"" : "\"webhook_url\":\"");
            for (size_t j = 0; j < length; j++)
                buffer_text(&text, "x");
            buffer_text(&text, job ? "\"}}}" : texts[i].after);
            int status =
                command_decode(job ? UPDATE : JOB_DELETE, text.data, text.length, &command, &error);
            assert_int_equal(status, length == texts[i].most ? 0 : -1);
            if (!status)
                command_release(&command);
            buffer_free(&text);
        }
    }
}

static void test_answers(void **state)
{
    (void)state;
    struct answer answer = {.status = 201,
                            .retry_after_s = 0,
                            .id = "7:a key with spaces",
                            .id_length = 19,
                            .body = "{\"id\":1}\n",
                            .body_length = 9};
    struct answer decoded;
    struct buffer out = BUFFER_EMPTY;
    answer_encode(&answer, &out);
    assert_string_equal(out.data, "1 201 0 7:a key with spaces\n{\"id\":1}\n");
    assert_int_equal(answer_decode(out.data, out.length, &decoded), 0);
    assert_int_equal(decoded.status, 201);
    assert_int_equal(decoded.retry_after_s, 0);
    assert_int_equal(decoded.id_length, 19);
    assert_memory_equal(decoded.id, answer.id, 19);
    assert_int_equal(decoded.body_length, 9);
    assert_memory_equal(decoded.body, answer.body, 9);
    size_t line = out.length - 9;
    for (size_t length = 0; length < line; length++) {
        char *cut = sample_exact(out.data, length);
        assert_int_equal(answer_decode(cut, length, &decoded), -1);
        free(cut);
    }
    buffer_clear(&out);
    answer = (struct answer){.status = 204, .retry_after_s = 30, .id = "x", .id_length = 1};
    answer_encode(&answer, &out);
    assert_string_equal(out.data, "1 204 30 x\n");
    assert_int_equal(answer_decode(out.data, out.length, &decoded), 0);
    assert_int_equal(decoded.retry_after_s, 30);
    assert_int_equal(decoded.body_length, 0);
    buffer_free(&out);
}

static void test_wrong_answers(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "\n",
        "1",
        "1 ",
        "2 200 0 a\n",
        "01 200 0 a\n",
        "1 99 0 a\n",
        "1 600 0 a\n",
        "1 0200 0 a\n",
        "1 2x0 0 a\n",
        "1 -20 0 a\n",
        "1 +200 0 a\n",
        "1  200 0 a\n",
        "1 200  0 a\n",
        "1 200 00 a\n",
        "1 200 01 a\n",
        "1 200 -1 a\n",
        "1 200 2678401 a\n",
        "1 200 99999999999999999999 a\n",
        "1 99999999999999999999 0 a\n",
        "1 200 0 \n",
        "1 200 0\n",
        "1 200\n",
        "1 200 0 a",
        "1 200 0 a\tb\n",
        "1 200 0 \xc3\xa9\n",
        "1\t200 0 a\n",
    };
    struct answer answer;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        char *text = sample_exact(wrong[i], strlen(wrong[i]));
        if (answer_decode(text, strlen(wrong[i]), &answer) != -1)
            fail_msg("taken: %s", wrong[i]);
        free(text);
    }
    char longest[300];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "1 200 0 xx", 9);
    longest[8 + COMMAND_ID_MAX] = '\n';
    assert_int_equal(answer_decode(longest, sizeof longest, &answer), 0);
    assert_int_equal(answer.id_length, COMMAND_ID_MAX);
    longest[8 + COMMAND_ID_MAX] = 'x';
    longest[9 + COMMAND_ID_MAX] = '\n';
    assert_int_equal(answer_decode(longest, sizeof longest, &answer), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_job_fields),
        cmocka_unit_test(test_account_update_without_field),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_wrong_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
