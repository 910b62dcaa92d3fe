#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "shared/mail.h"
#include "tests/unit/sample.h"

#define TIME_MAX_MS 253402300799999

/* Into what is zero. */
static void random_name(struct sample *sample, char name[static MAIL_NAME_SIZE])
{
    static const char *const characters[] = {
        "a", "Z", " ", "\"", "\\", "<", "/", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x95\x90"};
    size_t count = 1 + sample_below(sample, 100);
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        const char *character = characters[sample_below(sample, ARRAY_LENGTH(characters))];
        for (; *character; character++)
            name[length++] = *character;
    }
}

static void add_job(struct sample *sample, struct mail *mail)
{
    memset(mail->token_id, 0, sizeof mail->token_id);
    mail->job = sample_within(sample, 1, 1LL << 53);
    random_name(sample, mail->job_name);
    size_t error = sample_below(sample, RESULT_ERROR_SIZE);
    for (size_t i = 0; i < error; i++)
        mail->error[i] = (char)sample_within(sample, ' ', '~');
    mail->code = (int)sample_below(sample, 1000);
    mail->failed_ms = sample_within(sample, 1, TIME_MAX_MS);
    mail->since_ms = sample_within(sample, 0, TIME_MAX_MS);
    mail->pause_ms = sample_within(sample, 1, TIME_MAX_MS);
    mail->count = sample_within(sample, 0, 1LL << 53);
}

static void add_checks(struct sample *sample, struct mail *mail)
{
    memset(mail->token_id, 0, sizeof mail->token_id);
    mail->channel = sample_within(sample, 1, 1LL << 53);
    mail->at_ms = sample_within(sample, 1, TIME_MAX_MS);
    mail->since_ms = sample_within(sample, 0, TIME_MAX_MS);
    mail->period_s = (int32_t)sample_within(sample, 0, INT32_MAX);
    mail->grace_s = (int32_t)sample_within(sample, 0, INT32_MAX);
    mail->reminder = (int32_t)sample_within(sample, 0, INT32_MAX);
    size_t schedule = sample_below(sample, MAIL_SCHEDULE_SIZE);
    for (size_t i = 0; i < schedule; i++)
        mail->schedule[i] = (char)sample_within(sample, ' ', '~');
    size_t reason = sample_below(sample, MAIL_REASON_SIZE);
    for (size_t i = 0; i < reason; i++)
        mail->reason[i] = (char)sample_within(sample, ' ', '~');
    if (mail->kind == MAIL_CHECK_DOWN)
        mail->count = sample_within(sample, 1, INT64_C(2) * MAIL_CHECKS_MAX);
    else
        mail->count = mail->kind != MAIL_CHECK_TEST;
    mail->named = mail->count < MAIL_CHECKS_MAX ? (size_t)mail->count : MAIL_CHECKS_MAX;
    for (size_t i = 0; i < mail->named; i++) {
        struct mail_check *check = &mail->checks[i];
        for (size_t j = 0; j < PUBLIC_ID_LENGTH; j++)
            check->id[j] = "09AZaz"[sample_below(sample, 6)];
        random_name(sample, check->name);
        check->last_ping_ms = sample_within(sample, 0, TIME_MAX_MS);
    }
}

static struct mail random_mail(struct sample *sample)
{
    struct mail mail = {.kind = (enum mail_kind)sample_below(sample, MAIL_KINDS),
                        .created_ms = sample_within(sample, 0, 1LL << 53),
                        .expires_ms = sample_within(sample, 0, 1LL << 53)};
    size_t id = 1 + sample_below(sample, MAIL_ID_SIZE - 1);
    size_t to = 3 + sample_below(sample, MAIL_EMAIL_SIZE - 3);
    for (size_t i = 0; i < id; i++)
        mail.id[i] = (char)sample_within(sample, 'A', 'Z');
    for (size_t i = 0; i < to; i++)
        mail.to[i] = "abcxyz.-+_'\"\\/"[sample_below(sample, 14)];
    mail.to[1 + sample_below(sample, to - 2)] = '@';
    for (size_t i = 0; i < TOKEN_ID_SIZE; i++)
        mail.token_id[i] = (uint8_t)sample_next(sample);
    if (mail_topic(mail.kind) == MAIL_ABOUT_JOB)
        add_job(sample, &mail);
    if (mail_topic(mail.kind) == MAIL_ABOUT_CHECKS)
        add_checks(sample, &mail);
    if (mail.kind == MAIL_CHANNEL)
        mail.channel = sample_within(sample, 1, 1LL << 53);
    return mail;
}

static void test_golden(void **state)
{
    (void)state;
    struct mail mail = {.kind = MAIL_ROTATE,
                        .id = "mail-7",
                        .to = "you@example.com",
                        .token_id = {0, 1, 2, 0xff},
                        .created_ms = 1778335200123,
                        .expires_ms = 1778336100123};
    struct buffer out = BUFFER_EMPTY;
    mail_encode(&mail, &out);
    assert_string_equal(out.data, "{\"v\":1,\"kind\":\"rotate\",\"id\":\"mail-7\","
                                  "\"to\":\"you@example.com\","
                                  "\"token_id\":\"000102ff000000000000000000000000\","
                                  "\"created_ms\":1778335200123,\"expires_ms\":1778336100123}");
    buffer_free(&out);
}

static void test_golden_job(void **state)
{
    (void)state;
    struct mail mail = {.kind = MAIL_FAILURE,
                        .id = "mail-8",
                        .to = "you@example.com",
                        .created_ms = 1778335200123,
                        .job = 77,
                        .job_name = "caf\xc3\xa9 \"1\"",
                        .code = 503,
                        .error = "HTTP 503",
                        .failed_ms = 1778335200000,
                        .since_ms = 1778335140000,
                        .count = 42};
    struct buffer out = BUFFER_EMPTY;
    mail_encode(&mail, &out);
    assert_string_equal(out.data,
                        "{\"v\":1,\"kind\":\"failure\",\"id\":\"mail-8\","
                        "\"to\":\"you@example.com\",\"created_ms\":1778335200123,\"expires_ms\":0,"
                        "\"job_id\":77,\"job_name\":\"caf\xc3\xa9 \\\"1\\\"\",\"code\":503,"
                        "\"error\":\"HTTP 503\",\"failed_ms\":1778335200000,"
                        "\"since_ms\":1778335140000,\"pause_ms\":0,\"count\":42}");
    buffer_free(&out);
}

static void test_golden_check(void **state)
{
    (void)state;
    struct mail mail = {
        .kind = MAIL_CHECK_DOWN,
        .id = "letter-9",
        .to = "you@example.com",
        .created_ms = 1778335200123,
        .channel = 12,
        .at_ms = 1778335200000,
        .since_ms = 1778335140000,
        .reason = "missed",
        .period_s = 86400,
        .grace_s = 300,
        .schedule = "0 2 * * * (Europe/Berlin)",
        .count = 2,
        .named = 2,
        .checks = {{"0000000000abcXYZ", "Nightly \"backup\"", 1778335000000}, {"1", "x", 0}}};
    struct buffer out = BUFFER_EMPTY;
    mail_encode(&mail, &out);
    assert_string_equal(
        out.data, "{\"v\":1,\"kind\":\"check_down\",\"id\":\"letter-9\","
                  "\"to\":\"you@example.com\",\"created_ms\":1778335200123,\"expires_ms\":0,"
                  "\"channel\":12,\"at_ms\":1778335200000,\"since_ms\":1778335140000,"
                  "\"reason\":\"missed\",\"period_s\":86400,\"grace_s\":300,"
                  "\"schedule\":\"0 2 * * * (Europe/Berlin)\",\"reminder\":0,\"count\":2,"
                  "\"checks\":[{\"id\":\"0000000000abcXYZ\",\"name\":\"Nightly \\\"backup\\\"\","
                  "\"last_ping_ms\":1778335000000},"
                  "{\"id\":\"1\",\"name\":\"x\",\"last_ping_ms\":0}]}");
    buffer_free(&out);
}

static void test_golden_channel(void **state)
{
    (void)state;
    struct mail mail = {.kind = MAIL_CHANNEL,
                        .id = "mail-10",
                        .to = "you@example.com",
                        .token_id = {0, 1, 2, 0xff},
                        .channel = 3,
                        .created_ms = 1,
                        .expires_ms = 2};
    struct buffer out = BUFFER_EMPTY;
    mail_encode(&mail, &out);
    assert_string_equal(out.data, "{\"v\":1,\"kind\":\"channel\",\"id\":\"mail-10\","
                                  "\"to\":\"you@example.com\","
                                  "\"token_id\":\"000102ff000000000000000000000000\",\"channel\":3,"
                                  "\"created_ms\":1,\"expires_ms\":2}");
    buffer_free(&out);
}

static void test_kind_names(void **state)
{
    (void)state;
    assert_string_equal(mail_kind_name(MAIL_VERIFY), "verify");
    assert_string_equal(mail_kind_name(MAIL_KNOWN), "known");
    assert_string_equal(mail_kind_name(MAIL_ROTATE), "rotate");
    assert_string_equal(mail_kind_name(MAIL_DELETE), "delete");
    assert_string_equal(mail_kind_name(MAIL_FAILURE), "failure");
    assert_string_equal(mail_kind_name(MAIL_PAUSE_WARNING), "pause_warning");
    assert_string_equal(mail_kind_name(MAIL_PAUSED), "paused");
    assert_string_equal(mail_kind_name(MAIL_GONE), "gone");
    assert_string_equal(mail_kind_name(MAIL_CHANNEL), "channel");
    assert_string_equal(mail_kind_name(MAIL_CHECK_DOWN), "check_down");
    assert_string_equal(mail_kind_name(MAIL_CHECK_UP), "check_up");
    assert_string_equal(mail_kind_name(MAIL_CHECK_REMINDER), "check_reminder");
    assert_string_equal(mail_kind_name(MAIL_CHECK_TEST), "check_test");
}

static void test_topics(void **state)
{
    (void)state;
    static const enum mail_topic topics[MAIL_KINDS] = {
        [MAIL_VERIFY] = MAIL_ABOUT_TOKEN,      [MAIL_KNOWN] = MAIL_ABOUT_TOKEN,
        [MAIL_ROTATE] = MAIL_ABOUT_TOKEN,      [MAIL_DELETE] = MAIL_ABOUT_TOKEN,
        [MAIL_CHANNEL] = MAIL_ABOUT_TOKEN,     [MAIL_FAILURE] = MAIL_ABOUT_JOB,
        [MAIL_PAUSE_WARNING] = MAIL_ABOUT_JOB, [MAIL_PAUSED] = MAIL_ABOUT_JOB,
        [MAIL_GONE] = MAIL_ABOUT_JOB,          [MAIL_CHECK_DOWN] = MAIL_ABOUT_CHECKS,
        [MAIL_CHECK_UP] = MAIL_ABOUT_CHECKS,   [MAIL_CHECK_REMINDER] = MAIL_ABOUT_CHECKS,
        [MAIL_CHECK_TEST] = MAIL_ABOUT_CHECKS,
    };
    for (int kind = 0; kind < MAIL_KINDS; kind++)
        assert_int_equal(mail_topic((enum mail_kind)kind), topics[kind]);
}

static void check_same_checks(const struct mail *one, const struct mail *other)
{
    assert_true(one->channel == other->channel);
    assert_true(one->at_ms == other->at_ms);
    assert_int_equal(one->period_s, other->period_s);
    assert_int_equal(one->grace_s, other->grace_s);
    assert_int_equal(one->reminder, other->reminder);
    assert_string_equal(one->schedule, other->schedule);
    assert_string_equal(one->reason, other->reason);
    assert_int_equal(one->named, other->named);
    for (size_t i = 0; i < one->named; i++) {
        assert_string_equal(one->checks[i].id, other->checks[i].id);
        assert_string_equal(one->checks[i].name, other->checks[i].name);
        assert_true(one->checks[i].last_ping_ms == other->checks[i].last_ping_ms);
    }
}

static void test_round_trips(void **state)
{
    (void)state;
    struct sample sample = sample_begin("mails");
    for (size_t i = 0; i < 5000; i++) {
        struct mail mail = random_mail(&sample);
        struct mail decoded;
        struct buffer out = BUFFER_EMPTY;
        mail_encode(&mail, &out);
        if (mail_decode(out.data, out.length, &decoded))
            fail_msg("refused: %s", out.data);
        assert_int_equal(decoded.kind, mail.kind);
        assert_string_equal(decoded.id, mail.id);
        assert_string_equal(decoded.to, mail.to);
        assert_memory_equal(decoded.token_id, mail.token_id, TOKEN_ID_SIZE);
        assert_true(decoded.created_ms == mail.created_ms);
        assert_true(decoded.expires_ms == mail.expires_ms);
        assert_true(decoded.job == mail.job);
        assert_string_equal(decoded.job_name, mail.job_name);
        assert_int_equal(decoded.code, mail.code);
        assert_string_equal(decoded.error, mail.error);
        assert_true(decoded.failed_ms == mail.failed_ms);
        assert_true(decoded.since_ms == mail.since_ms);
        assert_true(decoded.pause_ms == mail.pause_ms);
        assert_true(decoded.count == mail.count);
        check_same_checks(&decoded, &mail);
        buffer_free(&out);
    }
}

static void test_cut_short(void **state)
{
    (void)state;
    struct sample sample = sample_begin("mails cut short");
    for (size_t i = 0; i < 20; i++) {
        struct mail mail = random_mail(&sample);
        struct mail decoded = {.created_ms = 42};
        struct buffer out = BUFFER_EMPTY;
        mail_encode(&mail, &out);
        for (size_t length = 0; length < out.length; length++) {
            void *cut = sample_exact(out.data, length);
            assert_int_equal(mail_decode(cut, length, &decoded), -1);
            free(cut);
        }
        assert_int_equal(decoded.created_ms, 42);
        buffer_free(&out);
    }
}

#define TOKEN "\"token_id\":\"000102ff000000000000000000000000\""
#define LATER "\"created_ms\":1,\"expires_ms\":2"

static void test_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "null",
        "[]",
        "{}",
        "\"x\"",
        "{\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":2,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":\"1\",\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"Verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":1,\"id\":\"a\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a b\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a>\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\\r\\nX: y\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"ab\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"@b\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\\r\\nRCPT\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"<a@b>\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":7," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\",\"token_id\":\"00\"," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\",\"token_id\":"
        "\"g00102ff000000000000000000000000\"," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN ",\"created_ms\":1}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN
        ",\"created_ms\":1.5,\"expires_ms\":2}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN
        ",\"created_ms\":-1,\"expires_ms\":2}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN
        ",\"created_ms\":1,\"expires_ms\":1e300}",
        "{\"v\":1,\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN "," LATER "}",
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN "," LATER "} x",
    };
    struct mail mail;
    const char *good =
        "{\"v\":1,\"kind\":\"verify\",\"id\":\"a\",\"to\":\"a@b\"," TOKEN "," LATER ",\"new\":[]}";
    assert_int_equal(mail_decode(good, strlen(good), &mail), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        if (mail_decode(refused[i], strlen(refused[i]), &mail) != -1)
            fail_msg("taken: %s", refused[i]);
    }
    assert_string_equal(mail.id, "a");
}

/* A mail about a job, of which one member has another value; NULL leaves it out. */
static int decode_changed(const char *kind, const char *name, const char *value, struct mail *mail)
{
    static const char *const members[][2] = {
        {"job_id", "7"},       {"job_name", "\"x\""}, {"code", "503"},      {"error", "\"HTTP\""},
        {"failed_ms", "1000"}, {"since_ms", "900"},   {"pause_ms", "2000"}, {"count", "3"},
    };
    struct buffer out = BUFFER_EMPTY;
    buffer_format(&out, "{\"v\":1,\"kind\":\"%s\",\"id\":\"a\",\"to\":\"a@b\"," LATER, kind);
    for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
        bool changed = strcmp(members[i][0], name) == 0;
        if (!changed || value)
            buffer_format(&out, ",\"%s\":%s", members[i][0], changed ? value : members[i][1]);
    }
    buffer_text(&out, "}");
    int status = mail_decode(out.data, out.length, mail);
    buffer_free(&out);
    return status;
}

static void test_jobs(void **state)
{
    (void)state;
    static const char *const kinds[] = {"failure", "pause_warning", "paused", "gone"};
    static const struct {
        const char *name, *value;
        int status;
    } cases[] = {
        {"", NULL, 0},
        {"job_id", NULL, -1},
        {"job_id", "0", -1},
        {"job_id", "-1", -1},
        {"job_id", "\"7\"", -1},
        {"job_name", NULL, -1},
        {"job_name", "\"\"", -1},
        {"job_name", "7", -1},
        {"job_name", "\"a\\r\\nBcc: x@y\"", -1},
        {"job_name", "\"a\\u007f\"", -1},
        {"job_name", "\"\xff\"", -1},
        {"job_name", "\"\xc3\xa9\"", 0},
        {"code", NULL, -1},
        {"code", "0", 0},
        {"code", "1000", -1},
        {"code", "-1", -1},
        {"error", NULL, -1},
        {"error", "\"\"", 0},
        {"error", "\"\\n\"", -1},
        {"error", "\"\xc3\xa9\"", -1},
        {"failed_ms", NULL, -1},
        {"failed_ms", "0", -1},
        {"failed_ms", "253402300800000", -1},
        {"since_ms", NULL, -1},
        {"since_ms", "0", 0},
        {"since_ms", "-1", -1},
        {"pause_ms", NULL, -1},
        {"pause_ms", "-1", -1},
        {"count", NULL, -1},
        {"count", "0", 0},
        {"count", "-1", -1},
        {"count", "1.5", -1},
    };
    for (size_t kind = 0; kind < ARRAY_LENGTH(kinds); kind++) {
        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
            struct mail mail;
            if (decode_changed(kinds[kind], cases[i].name, cases[i].value, &mail) !=
                cases[i].status)
                fail_msg("%s: %s %s", kinds[kind], cases[i].name,
                         cases[i].value ? cases[i].value : "left out");
        }
    }
    struct mail mail;
    assert_int_equal(decode_changed("failure", "pause_ms", "0", &mail), 0);
    assert_int_equal(decode_changed("pause_warning", "pause_ms", "0", &mail), -1);
    /* A token needs no job, and a job no token. */
    assert_int_equal(decode_changed("verify", "", NULL, &mail), -1);
}

/* The same for a mail about checks, with these checks. */
static int decode_check_changed(const char *kind, const char *name, const char *value)
{
    static const char *const members[][2] = {
        {"channel", "7"},     {"at_ms", "1000"},
        {"since_ms", "900"},  {"reason", "\"missed\""},
        {"period_s", "600"},  {"grace_s", "60"},
        {"schedule", "\"\""}, {"reminder", "0"},
        {"count", "1"},       {"checks", "[{\"id\":\"aZ9\",\"name\":\"x\",\"last_ping_ms\":0}]"},
    };
    struct buffer out = BUFFER_EMPTY;
    buffer_format(&out, "{\"v\":1,\"kind\":\"%s\",\"id\":\"a\",\"to\":\"a@b\"," LATER, kind);
    for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
        bool changed = strcmp(members[i][0], name) == 0;
        if (!changed || value)
            buffer_format(&out, ",\"%s\":%s", members[i][0], changed ? value : members[i][1]);
    }
    buffer_text(&out, "}");
    struct mail mail;
    int status = mail_decode(out.data, out.length, &mail);
    buffer_free(&out);
    return status;
}

static void test_checks(void **state)
{
    (void)state;
    static const char *const kinds[] = {"check_down", "check_up", "check_reminder"};
    static const struct {
        const char *name, *value;
        int status;
    } cases[] = {
        {"", NULL, 0},
        {"channel", NULL, -1},
        {"channel", "0", -1},
        {"channel", "\"ch_001\"", -1},
        {"at_ms", NULL, -1},
        {"at_ms", "0", -1},
        {"at_ms", "253402300800000", -1},
        {"since_ms", NULL, -1},
        {"since_ms", "0", 0},
        {"since_ms", "-1", -1},
        {"reason", NULL, -1},
        {"reason", "\"\"", 0},
        {"reason", "\"\xc3\xa9\"", -1},
        {"reason", "\"12345678901234567890123456789012\"", -1},
        {"period_s", NULL, -1},
        {"period_s", "-1", -1},
        {"period_s", "2147483648", -1},
        {"grace_s", NULL, -1},
        {"grace_s", "0", 0},
        {"schedule", NULL, -1},
        {"schedule", "\"0\\t2 * * * (UTC)\"", 0},
        {"schedule", "\"\\n\"", -1},
        {"schedule", "\"\xc3\xa9\"", -1},
        {"reminder", NULL, -1},
        {"reminder", "1.5", -1},
        {"count", NULL, -1},
        {"count", "0", -1},
        {"count", "2", -1},
        {"checks", NULL, -1},
        {"checks", "{}", -1},
        {"checks", "[]", -1},
        {"checks", "[7]", -1},
        {"checks", "[{\"id\":\"a\",\"name\":\"x\"}]", -1},
        {"checks", "[{\"id\":\"a\",\"name\":\"\",\"last_ping_ms\":0}]", -1},
        {"checks", "[{\"id\":\"a\",\"name\":\"\\n\",\"last_ping_ms\":0}]", -1},
        {"checks", "[{\"id\":\"a'\",\"name\":\"x\",\"last_ping_ms\":0}]", -1},
        {"checks", "[{\"id\":\"\",\"name\":\"x\",\"last_ping_ms\":0}]", -1},
        {"checks", "[{\"id\":\"12345678901234567890\",\"name\":\"x\",\"last_ping_ms\":0}]", -1},
        {"checks", "[{\"id\":\"a\",\"name\":\"\xc3\xa9\",\"last_ping_ms\":1}]", 0},
    };
    for (size_t kind = 0; kind < ARRAY_LENGTH(kinds); kind++)
        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
            if (decode_check_changed(kinds[kind], cases[i].name, cases[i].value) != cases[i].status)
                fail_msg("%s: %s %s", kinds[kind], cases[i].name,
                         cases[i].value ? cases[i].value : "left out");
    /* A test is about none. */
    assert_int_equal(decode_check_changed("check_test", "", NULL), -1);
    assert_int_equal(decode_check_changed("check_test", "count", "0"), -1);
    assert_int_equal(decode_check_changed("channel", "", NULL), -1);
}

/* So many checks, of which so many are named. */
static int decode_several(const char *kind, int count, int named)
{
    struct buffer checks = BUFFER_EMPTY;
    for (int i = 0; i < named; i++)
        buffer_text(&checks, i ? ",{\"id\":\"a\",\"name\":\"x\",\"last_ping_ms\":0}"
                               : "{\"id\":\"a\",\"name\":\"x\",\"last_ping_ms\":0}");
    struct buffer out = BUFFER_EMPTY;
    buffer_format(&out,
                  "{\"v\":1,\"kind\":\"%s\",\"id\":\"a\",\"to\":\"a@b\"," LATER
                  ",\"channel\":1,\"at_ms\":1,\"since_ms\":0,\"reason\":\"\",\"period_s\":0,"
                  "\"grace_s\":0,\"schedule\":\"\",\"reminder\":0,\"count\":%d,\"checks\":[%s]}",
                  kind, count, named ? checks.data : "");
    struct mail mail;
    int status = mail_decode(out.data, out.length, &mail);
    buffer_free(&out);
    buffer_free(&checks);
    return status;
}

static void test_several_checks(void **state)
{
    (void)state;
    assert_int_equal(decode_several("check_down", 2, 2), 0);
    assert_int_equal(decode_several("check_down", MAIL_CHECKS_MAX, MAIL_CHECKS_MAX), 0);
    assert_int_equal(decode_several("check_down", 1000, MAIL_CHECKS_MAX), 0);
    assert_int_equal(decode_several("check_down", 1000, MAIL_CHECKS_MAX + 1), -1);
    assert_int_equal(decode_several("check_down", 1000, MAIL_CHECKS_MAX - 1), -1);
    assert_int_equal(decode_several("check_down", 2, 1), -1);
    assert_int_equal(decode_several("check_down", 1, 2), -1);
    assert_int_equal(decode_several("check_up", 2, 2), -1);
    assert_int_equal(decode_several("check_reminder", 2, 2), -1);
    assert_int_equal(decode_several("check_test", 0, 0), 0);
    assert_int_equal(decode_several("check_test", 1, 1), -1);
}

static void test_longest_name(void **state)
{
    (void)state;
    for (size_t length = 400; length <= 401; length++) {
        char name[404] = "\"";
        memset(name + 1, 'x', length);
        name[1 + length] = '"';
        struct mail mail;
        assert_int_equal(decode_changed("failure", "job_name", name, &mail),
                         length <= 400 ? 0 : -1);
    }
    for (size_t length = 127; length <= 128; length++) {
        char error[132] = "\"";
        memset(error + 1, 'x', length);
        error[1 + length] = '"';
        struct mail mail;
        assert_int_equal(decode_changed("failure", "error", error, &mail), length <= 127 ? 0 : -1);
    }
}

static void test_longest_address(void **state)
{
    (void)state;
    for (size_t length = 253; length <= 256; length++) {
        struct buffer out = BUFFER_EMPTY;
        struct mail mail;
        buffer_text(&out, "{\"v\":1,\"kind\":\"known\",\"id\":\"a\",\"to\":\"a@");
        for (size_t i = 2; i < length; i++)
            buffer_text(&out, "x");
        buffer_text(&out, "\"," TOKEN "," LATER "}");
        assert_int_equal(mail_decode(out.data, out.length, &mail), length <= 254 ? 0 : -1);
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),       cmocka_unit_test(test_kind_names),
        cmocka_unit_test(test_round_trips),  cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_longest_address),
        cmocka_unit_test(test_golden_job),   cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_longest_name), cmocka_unit_test(test_topics),
        cmocka_unit_test(test_golden_check), cmocka_unit_test(test_golden_channel),
        cmocka_unit_test(test_checks),       cmocka_unit_test(test_several_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
