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

#define ALL_FIELDS (2 * JOB_CHECK - 1)
#define PUBLIC_ID  "hRafrnC7Szs3fJUd"
#define CHECK_HEX  "6bf037ae325f1c71"

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
                              .job_id = 42,
                              .check_id = INT64_C(7777777777777777777),
                              .public_id = PUBLIC_ID,
                              .ping_url = "https://example.com/ping/",
                              .channel_id = 3,
                              .channel = {.fields = CHANNEL_NAME | CHANNEL_TARGET | CHANNEL_ENABLED,
                                          .kind = CHANNEL_SLACK,
                                          .name = "ops",
                                          .target = "https://example.com/hook"},
                              .ping_key = "pk_RvarU9TvwUwcuEjh"};
    for (size_t i = 0; i < HASH_SIZE; i++) {
        command.fingerprint[i] = (uint8_t)i;
        command.key_hash[i] = (uint8_t)(255 - i);
    }
    for (size_t i = 0; i < TOKEN_ID_SIZE; i++)
        command.token_id[i] = (uint8_t)(16 * i);
    for (size_t i = 0; i < TOKEN_ID_SIZE; i++)
        command.secret_id[i] = (uint8_t)(i + 1);
    command.window = (struct replay_window){.from_s = 1778335200,
                                            .to_s = 1778335200 + REPLAY_WINDOW_MAX_S,
                                            .failure = true,
                                            .skipped = true};
    command.billing = (struct billing_input){.version = 7,
                                             .customer = "cus_1",
                                             .subscription = "sub_1",
                                             .status = "active",
                                             .plan = "pro",
                                             .period_end_s = 1781013600,
                                             .cancels = true,
                                             .answer = "{\"a\":1}"};
    command.slot_count = 2;
    command.slots[0] = (struct command_slot){42, 1778335200};
    command.slots[1] = (struct command_slot){43, 0};
    command.job = (struct job_input){
        .fields = ALL_FIELDS,
        .name = "hourly \"sync\" \xe2\x82\xac",
        .cron_expression = "0 * * * *",
        .webhook_url = "https://example.com/a?b=c",
        .headers = "{\"X-Secret\": \"my\\ttoken\"}",
        .payload = "{\n\t\"n\": 12345678901234567890.10, \"s\":\"\\u00e9\xc3\xa9\\/\"}",
        .failure_webhook_url = NULL,
        .enabled = true,
        .timezone = "Europe/Berlin",
        .run_at_s = 0,
        .start_at_s = 1778335201,
        .end_at_s = 253402300799,
        .catch_up = CATCH_UP_ALL,
        .catch_up_window_s = CATCH_UP_WINDOW_NONE,
        .allow_overlap = false,
        .jitter_s = 3600,
        .max_retries = 5,
        .auto_pause = false,
        .external_id = "deploy/nightly",
        .check = true,
    };
    command.check = check_input_defaults;
    command.check.fields = CHECK_NAME | CHECK_GRACE;
    command.check.name = "nightly";
    static struct check_item items[2];
    for (size_t i = 0; i < ARRAY_LENGTH(items); i++)
        items[i] = (struct check_item){.public_id = PUBLIC_ID, .input = command.check};
    command.items = items;
    command.item_count = ARRAY_LENGTH(items);
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
     "\\\"s\\\":\\\"\\\\u00e9\xc3\xa9\\\\/\\\"}\",\"failure_webhook_url\":null,"
     "\"timezone\":\"Europe/Berlin\",\"external_id\":\"deploy/nightly\",\"run_at\":0,"
     "\"start_at\":1778335201,\"end_at\":253402300799,\"catch_up_window_seconds\":-1,"
     "\"jitter_seconds\":3600,\"max_retries\":5,\"enabled\":true,\"allow_overlap\":false,"
     "\"auto_pause\":false,\"check\":true,\"catch_up\":\"all\"},\"public_id\":\"" PUBLIC_ID "\"}"},
    {COMMAND_JOB_UPDATE, "cmd.job.update", NULL},
    {COMMAND_JOB_DELETE, "cmd.job.delete", "{\"job_id\":42}"},
    {COMMAND_JOB_PUT, "cmd.job.put", NULL},
    {COMMAND_JOB_RUN, "cmd.job.run", "{\"job_id\":42}"},
    {COMMAND_JOB_REPLAY, "cmd.job.replay",
     "{\"job_id\":42,\"window\":{\"from\":1778335200,\"to\":1781013600,\"failure\":true,"
     "\"skipped\":true,\"success\":false}}"},
    {COMMAND_JOB_REPLAY_SLOTS, "cmd.job.replay_slots",
     "{\"slots\":[{\"job\":42,\"slot\":1778335200},{\"job\":43,\"slot\":0}]}"},
    {COMMAND_SECRET_CREATE, "cmd.secret.create",
     "{\"secret_id\":\"0102030405060708090a0b0c0d0e0f10\"}"},
    {COMMAND_SECRET_ROTATE, "cmd.secret.rotate",
     "{\"secret_id\":\"0102030405060708090a0b0c0d0e0f10\"}"},
    {COMMAND_SECRET_DELETE, "cmd.secret.delete", "{}"},
    {COMMAND_ACCOUNT_SET_BILLING, "cmd.account.set_billing",
     "{\"billing\":{\"version\":7,\"customer\":\"cus_1\",\"subscription\":\"sub_1\",\"checkout\":"
     "null,"
     "\"status\":\"active\",\"plan\":\"pro\",\"answer\":\"{\\\"a\\\":1}\",\"period_end\":"
     "1781013600,"
     "\"cancels\":true}}"},
    {COMMAND_CHECK_CREATE, "cmd.check.create",
     "{\"public_id\":\"" PUBLIC_ID "\",\"check\":{\"name\":\"nightly\",\"grace\":300},"
     "\"ping_url\":\"https://example.com/ping/\"}"},
    {COMMAND_CHECK_UPDATE, "cmd.check.update",
     "{\"check_id\":\"" CHECK_HEX "\",\"check\":{\"name\":\"nightly\",\"grace\":300}}"},
    {COMMAND_CHECK_DELETE, "cmd.check.delete", "{\"check_id\":\"" CHECK_HEX "\"}"},
    {COMMAND_CHECK_PAUSE, "cmd.check.pause", "{\"check_id\":\"" CHECK_HEX "\"}"},
    {COMMAND_CHECK_RESUME, "cmd.check.resume", "{\"check_id\":\"" CHECK_HEX "\"}"},
    {COMMAND_CHECK_IMPORT, "cmd.check.import",
     "{\"ping_url\":\"https://example.com/ping/\",\"items\":[{\"public_id\":\"" PUBLIC_ID
     "\",\"check\":{\"name\":\"nightly\",\"grace\":300}},{\"public_id\":\"" PUBLIC_ID
     "\",\"check\":{\"name\":\"nightly\",\"grace\":300}}]}"},
    {COMMAND_CHANNEL_CREATE, "cmd.channel.create",
     "{\"channel\":{\"kind\":\"slack\",\"name\":\"ops\",\"target\":\"https://example.com/hook\","
     "\"enabled\":false}}"},
    {COMMAND_CHANNEL_UPDATE, "cmd.channel.update",
     "{\"channel_id\":3,\"channel\":{\"name\":\"ops\",\"target\":\"https://example.com/hook\","
     "\"enabled\":false}}"},
    {COMMAND_CHANNEL_DELETE, "cmd.channel.delete", "{\"channel_id\":3}"},
    {COMMAND_CHANNEL_TEST, "cmd.channel.test", "{\"channel_id\":3}"},
    {COMMAND_CHANNEL_REQUEST_TOKEN, "cmd.channel.request_token", "{\"channel_id\":3}"},
    {COMMAND_CHANNEL_VERIFY, "cmd.channel.verify",
     "{\"token_id\":\"00102030405060708090a0b0c0d0e0f0\",\"channel_id\":3}"},
    {COMMAND_PING_KEY_ROTATE, "cmd.ping_key.rotate", "{\"ping_key\":\"pk_RvarU9TvwUwcuEjh\"}"},
    {COMMAND_CHECK_KEY_CREATE, "cmd.check_key.create",
     "{\"key_hash\":\"fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0\","
     "\"secret_id\":\"0102030405060708090a0b0c0d0e0f10\"}"},
    {COMMAND_CHECK_KEY_DELETE, "cmd.check_key.delete", "{}"},
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
    assert_text(one->timezone, other->timezone);
    assert_true(one->run_at_s == other->run_at_s);
    assert_true(one->start_at_s == other->start_at_s);
    assert_true(one->end_at_s == other->end_at_s);
    assert_int_equal(one->catch_up, other->catch_up);
    assert_int_equal(one->catch_up_window_s, other->catch_up_window_s);
    assert_int_equal(one->allow_overlap, other->allow_overlap);
    assert_int_equal(one->jitter_s, other->jitter_s);
    assert_int_equal(one->max_retries, other->max_retries);
    assert_int_equal(one->auto_pause, other->auto_pause);
    assert_text(one->external_id, other->external_id);
    assert_int_equal(one->check, other->check);
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
        if (kinds[i].kind == COMMAND_JOB_CREATE || kinds[i].kind == COMMAND_JOB_UPDATE ||
            kinds[i].kind == COMMAND_JOB_PUT)
            assert_jobs(&decoded.job, &command.job);
        command_encode(&decoded, &again);
        assert_string_equal(again.data, out.data);
        command_release(&decoded);
        buffer_free(&out);
        buffer_free(&again);
    }
}

/* Takes the fields that an input has; the others have their defaults. */
static struct job_input with_defaults(const struct job_input *input)
{
    struct job_input job = *input;
    unsigned fields = input->fields;
    const struct job_input *none = &job_input_defaults;
#define DEFAULT(field, member)                                                                     \
    if (!(fields & (field)))                                                                       \
    job.member = none->member
    DEFAULT(JOB_NAME, name);
    DEFAULT(JOB_CRON, cron_expression);
    DEFAULT(JOB_WEBHOOK_URL, webhook_url);
    DEFAULT(JOB_HEADERS, headers);
    DEFAULT(JOB_PAYLOAD, payload);
    DEFAULT(JOB_FAILURE_URL, failure_webhook_url);
    DEFAULT(JOB_ENABLED, enabled);
    DEFAULT(JOB_TIMEZONE, timezone);
    DEFAULT(JOB_RUN_AT, run_at_s);
    DEFAULT(JOB_START_AT, start_at_s);
    DEFAULT(JOB_END_AT, end_at_s);
    DEFAULT(JOB_CATCH_UP, catch_up);
    DEFAULT(JOB_CATCH_UP_WINDOW, catch_up_window_s);
    DEFAULT(JOB_ALLOW_OVERLAP, allow_overlap);
    DEFAULT(JOB_JITTER, jitter_s);
    DEFAULT(JOB_MAX_RETRIES, max_retries);
    DEFAULT(JOB_AUTO_PAUSE, auto_pause);
    DEFAULT(JOB_EXTERNAL_ID, external_id);
    DEFAULT(JOB_CHECK, check);
#undef DEFAULT
    return job;
}

static bool is_taken(const char *subject, const struct buffer *text, const char **error)
{
    struct command command;
    if (command_decode(subject, text->data, text->length, &command, error))
        return false;
    command_release(&command);
    return true;
}

static void check_fields(unsigned fields)
{
    struct command command = command_of(COMMAND_JOB_UPDATE);
    struct command decoded;
    const char *error = NULL;
    command.job.fields = fields;
    if (fields & JOB_RUN_AT && !(fields & JOB_CRON))
        command.job.run_at_s = 1778335200;
    if (!(fields & JOB_NAME))
        command.job.payload = command.job.external_id = NULL;
    if (fields & JOB_WEBHOOK_URL)
        command.job.failure_webhook_url = "http://x/";
    struct job_input expected = with_defaults(&command.job);
    struct buffer out = BUFFER_EMPTY;
    command_encode(&command, &out);
    assert_int_equal(command_decode("cmd.job.update", out.data, out.length, &decoded, &error), 0);
    assert_jobs(&decoded.job, &expected);
    assert_true(decoded.job_id == 42);
    command_release(&decoded);
    bool complete =
        (fields & JOB_NAME) && (fields & JOB_WEBHOOK_URL) && (fields & (JOB_CRON | JOB_RUN_AT));
    assert_int_equal(is_taken("cmd.job.create", &out, &error), complete);
    if (!complete)
        assert_string_equal(error, "a new job lacks name, webhook_url, cron_expression or run_at");
    bool named = complete && fields & JOB_EXTERNAL_ID;
    assert_int_equal(is_taken("cmd.job.put", &out, &error), named);
    if (complete && !named)
        assert_string_equal(error, "a job that is put lacks external_id");
    buffer_free(&out);
}

/* Each set of fields with at most four in or out, and null where it may be. */
static void test_job_fields(void **state)
{
    (void)state;
    for (unsigned fields = 0; fields <= ALL_FIELDS; fields++) {
        int count = __builtin_popcount(fields);
        if (count <= 4 || count >= __builtin_popcount(ALL_FIELDS) - 4)
            check_fields(fields);
    }
}

/* The numbers of a job at their bounds. */
static void test_job_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *least, *most, *below, *above;
    } rows[] = {
        {"start_at", "0", "253402300799", "-1", "253402300800"},
        {"end_at", "0", "253402300799", "-1", "253402300800"},
        {"catch_up_window_seconds", "-1", "2678400", "-2", "2678401"},
        {"jitter_seconds", "0", "3600", "-1", "3601"},
        {"max_retries", "0", "5", "-1", "6"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *const values[] = {rows[i].least, rows[i].most, rows[i].below,
                                      rows[i].above, "1.5",        "null"};
        for (size_t j = 0; j < ARRAY_LENGTH(values); j++) {
            const char *error = NULL;
            struct buffer text = BUFFER_EMPTY;
            buffer_format(&text, ENVELOPE "{\"job_id\":1,\"job\":{\"%s\":%s}}}", rows[i].name,
                          values[j]);
            assert_int_equal(is_taken("cmd.job.update", &text, &error), j < 2);
            if (j >= 2)
                assert_string_equal(error, "a number of job is none, or out of range");
            buffer_free(&text);
        }
    }
}

static void test_catch_up_names(void **state)
{
    (void)state;
    static const char *const names[CATCH_UPS] = {"latest", "all", "none"};
    enum catch_up catch_up = CATCH_UPS;
    for (size_t i = 0; i < CATCH_UPS; i++) {
        assert_string_equal(catch_up_name((enum catch_up)i), names[i]);
        assert_int_equal(catch_up_parse(names[i], &catch_up), 0);
        assert_int_equal(catch_up, i);
    }
    assert_int_equal(catch_up_parse("Latest", &catch_up), -1);
    assert_int_equal(catch_up_parse("", &catch_up), -1);
    assert_int_equal(catch_up, CATCH_UP_NONE);
}

/* One slot more than a command holds, and none. */
static void test_slots(void **state)
{
    (void)state;
    for (size_t count = 0; count <= COMMAND_SLOTS_MAX + 1; count++) {
        const char *error = NULL;
        struct buffer text = BUFFER_EMPTY;
        buffer_text(&text, ENVELOPE "{\"slots\":[");
        for (size_t i = 0; i < count; i++)
            buffer_format(&text, "%s{\"job\":%zu,\"slot\":60}", i > 0 ? "," : "", i + 1);
        buffer_text(&text, "]}}");
        bool good = count > 0 && count <= COMMAND_SLOTS_MAX;
        assert_int_equal(is_taken("cmd.job.replay_slots", &text, &error), good);
        if (!good)
            assert_string_equal(error, "slots is not a list of 1 to 64");
        buffer_free(&text);
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
#define REPLAY     "cmd.job.replay"
#define BILLING    "cmd.account.set_billing"
#define BILLING_OF(customer, version, cancels)                                                     \
    ENVELOPE "{\"billing\":{\"version\":" version ",\"customer\":" customer                        \
             ",\"subscription\":null,\"checkout\":null,\"status\":null,\"plan\":null,"             \
             "\"answer\":\"{}\",\"period_end\":0,\"cancels\":" cancels "}}}"
#define JOB(fields)    ENVELOPE "{\"job_id\":1,\"job\":{" fields "}}}"
#define WINDOW(fields) ENVELOPE "{\"job_id\":1,\"window\":{" fields "}}}"
#define ID_ARGS        "\"args\":{\"job_id\":1}}"
#define A(reply)       FP ",\"at\":1,\"account\":7,\"reply\":" reply "," ID_ARGS

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
    {BILLING, ENVELOPE "{}}", "billing is not an object"},
    {BILLING, ENVELOPE "{\"billing\":{\"version\":1}}}",
     "a text of billing is missing or no string"},
    {BILLING, BILLING_OF("\"\"", "1", "true"), "a text of billing is empty or too long"},
    {BILLING, BILLING_OF("1", "1", "true"), "a text of billing is missing or no string"},
    {BILLING, BILLING_OF("null", "-1", "true"), "a number of billing is missing or out of range"},
    {BILLING, BILLING_OF("null", "1", "1"), "billing lacks cancels or answer"},
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
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"cron_expression\":7}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"webhook_url\":null}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"headers\":{}}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"payload\":{}}}}",
     "a text field of job is not a string"},
    {UPDATE, ENVELOPE "{\"job_id\":1,\"job\":{\"failure_webhook_url\":false}}}",
     "a text field of job is not a string"},
    {UPDATE, JOB("\"enabled\":1"), "a switch of job is not a boolean"},
    {UPDATE, JOB("\"allow_overlap\":null"), "a switch of job is not a boolean"},
    {UPDATE, JOB("\"auto_pause\":\"true\""), "a switch of job is not a boolean"},
    {UPDATE, JOB("\"timezone\":null"), "a text field of job is not a string"},
    {UPDATE, JOB("\"external_id\":7"), "a text field of job is not a string"},
    {UPDATE, JOB("\"catch_up\":\"some\""), "catch_up is none that is known"},
    {UPDATE, JOB("\"catch_up\":null"), "catch_up is none that is known"},
    {UPDATE, JOB("\"run_at\":61"), "run_at is not a whole minute"},
    {UPDATE, JOB("\"run_at\":0"), "job has not exactly one of cron_expression and run_at"},
    {UPDATE, JOB("\"cron_expression\":null"),
     "job has not exactly one of cron_expression and run_at"},
    {UPDATE, JOB("\"cron_expression\":\"* * * * *\",\"run_at\":60"),
     "job has not exactly one of cron_expression and run_at"},
    {REPLAY, ENVELOPE "{\"job_id\":1}}", "window is missing or out of range"},
    {REPLAY, WINDOW("\"from\":60,\"to\":59"), "window is missing or out of range"},
    {REPLAY, WINDOW("\"from\":60,\"to\":2678461"), "window is missing or out of range"},
    {REPLAY, WINDOW("\"from\":60,\"to\":2678460,\"failure\":true,\"skipped\":false"),
     "a status of window is not a boolean"},
    {REPLAY, WINDOW("\"from\":60,\"to\":60,\"failure\":false,\"skipped\":false,\"success\":false"),
     "window has no status"},
    {"cmd.job.replay_slots", ENVELOPE "{}}", "slots is not a list of 1 to 64"},
    {"cmd.job.replay_slots", ENVELOPE "{\"slots\":[7]}}", "a slot is not a job and a time"},
    {"cmd.job.replay_slots", ENVELOPE "{\"slots\":[{\"job\":0,\"slot\":60}]}}",
     "a slot is not a job and a time"},
    {"cmd.job.replay_slots", ENVELOPE "{\"slots\":[{\"job\":1,\"slot\":-60}]}}",
     "a slot is not a job and a time"},
    {"cmd.secret.create", ENVELOPE "{}}", "secret_id is missing or malformed"},
    {"cmd.secret.rotate", ENVELOPE "{\"secret_id\":\"00\"}}", "secret_id is missing or malformed"},
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
        {"{\"v\":1,\"id\":\"a\"," FP ",\"at\":1,\"account\":7,\"reply\":\"", "\"," ID_ARGS, 127},
        {"cron_expression", "", 255},
        {"webhook_url", "", 2048},
        {"timezone", "", 64},
        {"external_id", "", 200},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        for (size_t length = texts[i].most; length <= texts[i].most + 1; length++) {
            struct buffer text = BUFFER_EMPTY;
            struct command command;
            const char *error;
            bool job = texts[i].before[0] != '{';
            buffer_text(&text, job ? ENVELOPE "{\"job_id\":1,\"job\":{" : texts[i].before);
            if (job)
                buffer_format(&text, "\"%s\":\"", texts[i].before);
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
        cmocka_unit_test(test_kinds),         cmocka_unit_test(test_job_fields),
        cmocka_unit_test(test_job_bounds),    cmocka_unit_test(test_catch_up_names),
        cmocka_unit_test(test_slots),         cmocka_unit_test(test_account_update_without_field),
        cmocka_unit_test(test_cut_short),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lengths),       cmocka_unit_test(test_answers),
        cmocka_unit_test(test_wrong_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
