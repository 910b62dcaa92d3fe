#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mailer/compose.h"
#include "mailer/mime.h"
#include "shared/memory.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static const struct composer composer = {
    .from = "CronCoco <no-reply@croncoco.test>",
    .public_url = "https://api.croncoco.test/",
    .secret = SECRET,
};

static struct mail make_mail(enum mail_kind kind, const char *to)
{
    struct mail mail = {.kind = kind, .id = "m-17", .created_ms = 1795352046000};
    mail.expires_ms = mail.created_ms + 15LL * 60 * 1000;
    for (size_t i = 0; i < sizeof mail.token_id; i++)
        mail.token_id[i] = (uint8_t)(i * 7);
    memcpy(mail.to, to, strlen(to) + 1);
    return mail;
}

/* Failing since an hour before its creation. */
static struct mail make_job_mail(enum mail_kind kind, const char *name, int64_t count)
{
    struct mail mail = make_mail(kind, "ann@example.com");
    mail.expires_ms = 0;
    memset(mail.token_id, 0, sizeof mail.token_id);
    mail.job = 77;
    memcpy(mail.job_name, name, strlen(name) + 1);
    mail.code = kind == MAIL_GONE ? 410 : 503;
    snprintf(mail.error, sizeof mail.error, "HTTP %d", mail.code);
    mail.failed_ms = mail.created_ms - 1000;
    mail.since_ms = mail.created_ms - INT64_C(3600000);
    if (kind == MAIL_PAUSE_WARNING)
        mail.pause_ms = mail.created_ms + 24LL * 3600 * 1000;
    mail.count = count;
    return mail;
}

static struct mail make_check_mail(enum mail_kind kind, const char *name)
{
    struct mail mail = make_mail(kind, "ann@example.com");
    mail.expires_ms = 0;
    memset(mail.token_id, 0, sizeof mail.token_id);
    mail.channel = 12;
    mail.at_ms = mail.created_ms - 6000;
    if (kind == MAIL_CHECK_TEST)
        return mail;
    mail.since_ms = kind == MAIL_CHECK_DOWN ? mail.at_ms : mail.at_ms - INT64_C(7500000);
    snprintf(mail.reason, sizeof mail.reason, "missed");
    mail.period_s = 86400;
    mail.grace_s = 300;
    mail.count = 1;
    mail.named = 1;
    snprintf(mail.checks[0].id, sizeof mail.checks[0].id, "0123456789abcXYZ");
    memcpy(mail.checks[0].name, name, strlen(name) + 1);
    mail.checks[0].last_ping_ms = mail.at_ms - INT64_C(86700000);
    return mail;
}

/* One of any kind. */
static struct mail make_any(enum mail_kind kind)
{
    switch (mail_topic(kind)) {
    case MAIL_ABOUT_TOKEN: break;
    case MAIL_ABOUT_JOB: return make_job_mail(kind, "hourly-sync", 1);
    case MAIL_ABOUT_CHECKS: return make_check_mail(kind, "Nightly backup");
    }
    return make_mail(kind, "ann@example.com");
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c - 'A' + 10;
}

/* A quoted-printable text read back, with \n line ends. */
static char *decode(const char *text, size_t length)
{
    char *decoded = memory_new(length + 1, 1);
    size_t out = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\r')
            continue;
        if (text[i] == '=' && text[i + 1] == '\r') {
            i += 2;
        } else if (text[i] == '=') {
            decoded[out++] = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            decoded[out++] = text[i];
        }
    }
    return decoded;
}

/* The content of the part of a type, decoded; the caller frees it. */
static char *part_of(const struct buffer *message, const char *type)
{
    char head[64] = "Content-Type: ";
    strncat(head, type, sizeof head - strlen(head) - 1);
    const char *part = strstr(message->data, head);
    assert_non_null(part);
    const char *body = strstr(part, "\r\n\r\n");
    assert_non_null(body);
    body += 4;
    const char *end = strstr(body, "\r\n--=_m-17");
    assert_non_null(end);
    return decode(body, (size_t)(end - body));
}

static void check_lines(const struct buffer *message)
{
    size_t column = 0;
    for (size_t i = 0; i < message->length; i++) {
        char c = message->data[i];
        if (c == '\n') {
            assert_int_equal(message->data[i - 1], '\r');
            column = 0;
            continue;
        }
        if (c == '\r') {
            assert_int_equal(message->data[i + 1], '\n');
            continue;
        }
        assert_true(c >= ' ' && c <= '~');
        assert_true(++column <= 998);
    }
}

static void test_every_kind(void **state)
{
    (void)state;
    for (int kind = 0; kind < MAIL_KINDS; kind++) {
        struct mail mail = make_any((enum mail_kind)kind);
        struct buffer message = BUFFER_EMPTY;
        compose(&composer, &mail, &message);
        check_lines(&message);
        assert_non_null(strstr(message.data, "From: CronCoco <no-reply@croncoco.test>\r\n"));
        assert_non_null(strstr(message.data, "To: ann@example.com\r\n"));
        assert_non_null(strstr(message.data, "Message-ID: <m-17@croncoco.test>\r\n"));
        assert_non_null(strstr(message.data, "Date: Sun, 22 Nov 2026 12:54:06 +0000\r\n"));
        assert_non_null(strstr(message.data, "MIME-Version: 1.0\r\n"));
        assert_non_null(strstr(message.data, "\r\n--=_m-17--\r\n"));

        char token[TOKEN_TEXT_SIZE];
        token_make(SECRET, mail_kind_name(mail.kind), mail.token_id, token);
        char *text = part_of(&message, "text/plain");
        char *html = part_of(&message, "text/html");
        if (mail.kind == MAIL_KNOWN || mail_topic(mail.kind) != MAIL_ABOUT_TOKEN) {
            assert_null(strstr(text, token));
        } else {
            char line[TOKEN_TEXT_SIZE + 2] = "\n";
            strncat(line, token, sizeof line - strlen(line) - 1);
            const char *found = strstr(text, line);
            assert_non_null(found);
            assert_int_equal(found[strlen(line)], '\n');
            assert_non_null(strstr(html, token));
            assert_non_null(strstr(text, "15 minutes"));
            assert_non_null(strstr(text, "13:09 UTC"));
            /* The line is whole in the encoded form too, for a person who reads the file. */
            assert_non_null(strstr(message.data, line + 1));
        }
        assert_null(strstr(message.data, SECRET));
        free(text);
        free(html);
        buffer_free(&message);
    }
}

static void check_command(enum mail_kind kind, const char *to, const char *head, const char *tail)
{
    struct mail mail = make_mail(kind, to);
    struct buffer message = BUFFER_EMPTY;
    compose(&composer, &mail, &message);
    char *text = part_of(&message, "text/plain");
    const char *command = strstr(text, head);
    assert_non_null(command);
    char token[TOKEN_TEXT_SIZE];
    struct buffer expected = BUFFER_EMPTY;
    buffer_text(&expected, head);
    if (kind != MAIL_KNOWN)
        buffer_text(&expected, token_make(SECRET, mail_kind_name(kind), mail.token_id, token));
    buffer_text(&expected, tail);
    assert_memory_equal(command, expected.data, expected.length);
    buffer_free(&expected);
    free(text);
    buffer_free(&message);
}

#define JSON_HEADER " -H \"Content-Type: application/json\" -d "

static void test_commands(void **state)
{
    (void)state;
    check_command(MAIL_VERIFY, "ann@example.com",
                  "curl -X POST https://api.croncoco.test/verify-email" JSON_HEADER
                  "'{\"token\":\"",
                  "\"}'\n");
    check_command(MAIL_ROTATE, "ann@example.com",
                  "curl -X POST https://api.croncoco.test/rotate-key" JSON_HEADER "'{\"token\":\"",
                  "\"}'\n");
    check_command(MAIL_DELETE, "ann@example.com",
                  "curl -X DELETE https://api.croncoco.test/account" JSON_HEADER
                  "'{\"email\":\"ann@example.com\",\"token\":\"",
                  "\"}'\n");
    check_command(MAIL_KNOWN, "o'neil@example.com",
                  "curl -X POST https://api.croncoco.test/request-key-rotation" JSON_HEADER
                  "'{\"email\":\"o'\\''neil@example.com\"}'\n",
                  "");
}

static void test_same_bytes(void **state)
{
    (void)state;
    struct mail mail = make_mail(MAIL_ROTATE, "ann@example.com");
    struct buffer first = BUFFER_EMPTY;
    struct buffer second = BUFFER_EMPTY;
    compose(&composer, &mail, &first);
    compose(&composer, &mail, &second);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.data, second.data, first.length);
    buffer_free(&first);
    buffer_free(&second);
}

static void test_html_escapes(void **state)
{
    (void)state;
    struct mail mail = make_mail(MAIL_KNOWN, "a&b'c@example.com");
    struct buffer message = BUFFER_EMPTY;
    compose(&composer, &mail, &message);
    char *html = part_of(&message, "text/html");
    assert_non_null(strstr(html, "a&amp;b"));
    assert_null(strstr(html, "a&b"));
    free(html);
    buffer_free(&message);
}

/* The text says all of these, NULL at the end, and so does the HTML where nothing needs escapes. */
static void check_says(const struct mail *mail, const char *subject, const char *const *said)
{
    struct buffer message = BUFFER_EMPTY;
    compose(&composer, mail, &message);
    check_lines(&message);
    char head[512];
    snprintf(head, sizeof head, "\r\nSubject: %s\r\nDate: ", subject);
    if (!strstr(message.data, head))
        fail_msg("no subject '%s' in\n%.500s", subject, message.data);
    char *text = part_of(&message, "text/plain");
    for (; *said; said++) {
        if (!strstr(text, *said))
            fail_msg("no '%s' in\n%s", *said, text);
    }
    free(text);
    buffer_free(&message);
}

#define WITH_KEY " -H \"Authorization: Bearer coco_your_api_key\""
#define API      "https://api.croncoco.test"
#define SWITCH_OFF                                                                                 \
    "curl -X PATCH " API "/account" WITH_KEY JSON_HEADER "'{\"failure_email_enabled\":false}'\n"
#define EXECUTIONS "curl " API "/jobs/77/executions" WITH_KEY "\n"
#define RESUME     "curl -X PATCH " API "/jobs/77" WITH_KEY JSON_HEADER "'{\"enabled\":true}'\n"
#define FACTS(error)                                                                               \
    "\nJob:           hourly-sync (id 77)\nError:         " error                                  \
    "\nFailed on:     2026-11-22 at 12:54:05 UTC\nFailing since: 2026-11-22 at 11:54:06 UTC\n"

static void test_failures(void **state)
{
    (void)state;
    struct mail mail = make_job_mail(MAIL_FAILURE, "hourly-sync", 1);
    check_says(&mail, "Job \"hourly-sync\" failed: HTTP 503",
               (const char *const[]){"An execution of your CronCoco job failed:\n",
                                     FACTS("HTTP 503"), "no further attempt", EXECUTIONS,
                                     SWITCH_OFF, NULL});
    mail.count = 0;
    check_says(&mail, "Job \"hourly-sync\" failed: HTTP 503",
               (const char *const[]){"An execution of your CronCoco job failed:\n", NULL});
    mail.count = 2;
    check_says(&mail, "Job \"hourly-sync\" failed 2 times: HTTP 503",
               (const char *const[]){"failed, and 1 more since the last mail\nabout it", NULL});
    mail.count = 42;
    mail.pause_ms = mail.created_ms + 1000;
    check_says(&mail, "Job \"hourly-sync\" failed 42 times: HTTP 503",
               (const char *const[]){"failed, and 41 more since the last\nmail about it",
                                     "\nFailures:      42 since the last mail\n",
                                     "2026-11-22 at 12:54:07 UTC, it will", NULL});
}

static void test_failures_without_words(void **state)
{
    (void)state;
    struct mail mail = make_job_mail(MAIL_FAILURE, "x", 1);
    mail.error[0] = '\0';
    mail.since_ms = 0;
    check_says(&mail, "Job \"x\" failed: HTTP 503",
               (const char *const[]){"Failed on:     2026-11-22 at 12:54:05 UTC\n\n", NULL});
    mail.code = 0;
    check_says(&mail, "Job \"x\" failed: no answer", (const char *const[]){NULL});
}

static void test_pauses(void **state)
{
    (void)state;
    struct mail mail = make_job_mail(MAIL_PAUSE_WARNING, "hourly-sync", 1);
    check_says(&mail, "Job \"hourly-sync\" keeps failing and will be paused",
               (const char *const[]){FACTS("HTTP 503"),
                                     "CronCoco will pause the job on 2026-11-23 at\n12:54:06 UTC",
                                     "curl -X POST " API "/jobs/77/run" WITH_KEY "\n",
                                     "curl -X PATCH " API "/jobs/77" WITH_KEY JSON_HEADER
                                     "'{\"auto_pause\":false}'\n",
                                     EXECUTIONS, NULL});
    mail = make_job_mail(MAIL_PAUSED, "hourly-sync", 1);
    check_says(&mail, "Job \"hourly-sync\" was paused, for it kept failing",
               (const char *const[]){FACTS("HTTP 503"), RESUME, EXECUTIONS, NULL});
    mail = make_job_mail(MAIL_GONE, "hourly-sync", 1);
    check_says(&mail, "Job \"hourly-sync\" was paused: its webhook answered 410 Gone",
               (const char *const[]){FACTS("HTTP 410"), RESUME, EXECUTIONS, NULL});
}

static void test_job_names(void **state)
{
    (void)state;
    /* 39 bytes are an encoded word, and a character stays whole. */
    struct mail mail = make_job_mail(MAIL_FAILURE, "caf\xc3\xa9", 1);
    check_says(&mail, "=?UTF-8?B?Sm9iICJjYWbDqSIgZmFpbGVkOiBIVFRQIDUwMw==?=",
               (const char *const[]){"Job:           caf\xc3\xa9 (id 77)\n", NULL});
    mail = make_job_mail(MAIL_FAILURE, "=?UTF-8?B?QQ==?=", 1);
    check_says(&mail, "=?UTF-8?B?Sm9iICI9P1VURi04P0I/UVE9PT89IiBmYWlsZWQ6IEhUVFAgNTAz?=",
               (const char *const[]){NULL});

    mail = make_job_mail(MAIL_FAILURE, "<b>&\"'</b>", 1);
    struct buffer message = BUFFER_EMPTY;
    compose(&composer, &mail, &message);
    char *html = part_of(&message, "text/html");
    assert_non_null(strstr(html, "&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;"));
    assert_null(strstr(html, "<b>"));
    free(html);
    buffer_free(&message);
}

/* The largest that decodes, of characters of every width. */
static void test_largest(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x95\x90"};
    for (size_t i = 0; i < ARRAY_LENGTH(characters); i++) {
        for (int kind = MAIL_FAILURE; kind <= MAIL_GONE; kind++) {
            struct mail mail = make_job_mail((enum mail_kind)kind, "", INT64_MAX);
            size_t width = strlen(characters[i]);
            for (size_t n = 0; n < 100; n++)
                memcpy(mail.job_name + n * width, characters[i], width + 1);
            memset(mail.error, 'e', sizeof mail.error - 1);
            mail.job = INT64_MAX;
            struct buffer message = BUFFER_EMPTY;
            compose(&composer, &mail, &message);
            check_lines(&message);
            char *text = part_of(&message, "text/plain");
            assert_non_null(strstr(text, mail.job_name));
            free(text);
            buffer_free(&message);
        }
    }
}

#define PINGS "curl " API "/api/v1/checks/0123456789abcXYZ/pings" WITH_KEY "\n"
#define PING  "curl " API "/ping/0123456789abcXYZ\n"
#define PAUSE "curl -X POST " API "/api/v1/checks/0123456789abcXYZ/pause" WITH_KEY "\n"
#define SILENCE                                                                                    \
    "curl -X PATCH " API "/api/v1/channels/ch_012" WITH_KEY JSON_HEADER "'{\"enabled\":false}'\n"
#define CHECK_FACTS                                                                                \
    "\nCheck:      Nightly backup (id 0123456789abcXYZ)\n"                                         \
    "Last ping:  2026-11-21 at 12:49:00 UTC, 1 day before\n"                                       \
    "Expected:   every 1 day, with a grace of 5 minutes\n"

static void test_check_down(void **state)
{
    (void)state;
    struct mail mail = make_check_mail(MAIL_CHECK_DOWN, "Nightly backup");
    check_says(&mail, "[down] Nightly backup",
               (const char *const[]){"No ping of your check came in time, so it is down:\n",
                                     CHECK_FACTS "Down since: 2026-11-22 at 12:54:00 UTC\n\n",
                                     PINGS, PING, PAUSE, SILENCE, NULL});
    /* Told of after some failures. */
    mail.since_ms -= 60000;
    snprintf(mail.schedule, sizeof mail.schedule, "0 2 * * * (Europe/Berlin)");
    snprintf(mail.reason, sizeof mail.reason, "failed");
    mail.checks[0].last_ping_ms = 0;
    check_says(&mail, "[down] Nightly backup",
               (const char *const[]){"reported a failure, so the check is",
                                     "Last ping:  never\nExpected:   at the times of 0 2 * * * "
                                     "(Europe/Berlin), with a grace of 5 minutes\n"
                                     "Down since: 2026-11-22 at 12:53:00 UTC, for 1 minute\n\n",
                                     NULL});
    snprintf(mail.reason, sizeof mail.reason, "not finished");
    check_says(&mail, "[down] Nightly backup",
               (const char *const[]){"said that it had started, and not", NULL});
    mail.reason[0] = '\0';
    mail.since_ms = 0;
    mail.period_s = 0;
    check_says(&mail, "[down] Nightly backup",
               (const char *const[]){"Your check is down:\n", "Last ping:  never\n\n", NULL});
}

static void test_check_reminder(void **state)
{
    (void)state;
    struct mail mail = make_check_mail(MAIL_CHECK_REMINDER, "Nightly backup");
    check_says(&mail, "[still down] Nightly backup, for 2 hours 5 minutes",
               (const char *const[]){"Your check is still down:\n",
                                     CHECK_FACTS "Down since: 2026-11-22 at 10:49:00 UTC, for 2 "
                                                 "hours 5 minutes\n\n",
                                     PINGS, PING, PAUSE, SILENCE, NULL});
    mail.since_ms = 0;
    check_says(&mail, "[still down] Nightly backup", (const char *const[]){CHECK_FACTS "\n", NULL});
}

static void test_check_up(void **state)
{
    (void)state;
    struct mail mail = make_check_mail(MAIL_CHECK_UP, "Nightly backup");
    check_says(&mail, "[up] Nightly backup",
               (const char *const[]){"Your check is up again:\n",
                                     CHECK_FACTS "Was down:   since 2026-11-22 at 10:49:00 UTC, "
                                                 "for 2 hours 5 minutes\n"
                                                 "Up since:   2026-11-22 at 12:54:00 UTC\n\n",
                                     SILENCE, NULL});
    mail.since_ms = 0;
    check_says(
        &mail, "[up] Nightly backup",
        (const char *const[]){CHECK_FACTS "Up since:   2026-11-22 at 12:54:00 UTC\n\n", NULL});
}

static void test_several_checks(void **state)
{
    (void)state;
    struct mail mail = make_check_mail(MAIL_CHECK_DOWN, "Nightly backup");
    mail.count = 2;
    mail.named = 2;
    mail.checks[1] = (struct mail_check){.id = "1", .name = "Hourly <sync>"};
    const char *list = "Nightly backup (id 0123456789abcXYZ)\n"
                       "    Last ping: 2026-11-21 at 12:49:00 UTC, 1 day before\n"
                       "Hourly <sync> (id 1)\n"
                       "    Last ping: never\n";
    check_says(&mail, "[down] 2 checks: Nightly backup and 1 more",
               (const char *const[]){"2 of your checks went down", list,
                                     "curl " API "/api/v1/checks" WITH_KEY "\n", SILENCE, NULL});
    mail.count = 1000;
    mail.named = MAIL_CHECKS_MAX;
    for (size_t i = 2; i < MAIL_CHECKS_MAX; i++)
        mail.checks[i] = mail.checks[1];
    check_says(&mail, "[down] 1000 checks: Nightly backup and 999 more",
               (const char *const[]){list, "Last ping: never\nand 980 more\n", NULL});
}

static void test_check_test(void **state)
{
    (void)state;
    struct mail mail = make_check_mail(MAIL_CHECK_TEST, "");
    check_says(&mail, "[test] Alerts of CronCoco reach this address",
               (const char *const[]){"This is a test notification from CronCoco", SILENCE, NULL});
}

static void test_channel(void **state)
{
    (void)state;
    struct mail mail = make_mail(MAIL_CHANNEL, "bob@example.com");
    mail.channel = 1234;
    char token[TOKEN_TEXT_SIZE];
    token_make(SECRET, "channel", mail.token_id, token);
    char command[512];
    snprintf(command, sizeof command,
             "curl -X POST " API "/api/v1/channels/ch_1234/verify" WITH_KEY JSON_HEADER
             "'{\"token\":\"%s\"}'\n",
             token);
    check_says(&mail, "Confirm that CronCoco may send alerts to this address",
               (const char *const[]){token, command, "expires 15 minutes", NULL});
}

/* The largest that decodes, of characters of every width. */
static void test_largest_of_checks(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x95\x90"};
    for (size_t i = 0; i < ARRAY_LENGTH(characters); i++) {
        struct mail mail = make_check_mail(MAIL_CHECK_DOWN, "");
        size_t width = strlen(characters[i]);
        for (size_t n = 0; n < 100; n++)
            memcpy(mail.checks[0].name + n * width, characters[i], width + 1);
        for (size_t n = 1; n < MAIL_CHECKS_MAX; n++)
            mail.checks[n] = mail.checks[0];
        memset(mail.schedule, '*', sizeof mail.schedule - 1);
        mail.channel = mail.count = INT64_MAX;
        mail.named = MAIL_CHECKS_MAX;
        for (int kind = MAIL_CHECK_DOWN; kind <= MAIL_CHECK_REMINDER; kind++) {
            mail.kind = (enum mail_kind)kind;
            struct buffer message = BUFFER_EMPTY;
            compose(&composer, &mail, &message);
            check_lines(&message);
            char *text = part_of(&message, "text/plain");
            assert_non_null(strstr(text, mail.checks[0].name));
            free(text);
            buffer_free(&message);
        }
    }
}

static void check_header(const char *value, const char *expected)
{
    struct buffer out = BUFFER_EMPTY;
    mime_header(&out, "Subject", value);
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void test_headers(void **state)
{
    (void)state;
    check_header("plain", "Subject: plain\r\n");
    check_header("a\r\nBcc: x@y", "Subject: =?UTF-8?B?YQ0KQmNjOiB4QHk=?=\r\n");
    check_header("0123456789 0123456789 0123456789 0123456789 0123456789 0123456789  x y",
                 "Subject: 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\r\n"
                 "  x y\r\n");
    /* 19 characters of two bytes are 38, one more is too much for a word. */
    struct buffer value = BUFFER_EMPTY;
    for (int i = 0; i < 20; i++)
        buffer_text(&value, "\xc3\xa9");
    check_header(value.data,
                 "Subject: =?UTF-8?B?w6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6k=?=\r\n"
                 " =?UTF-8?B?w6k=?=\r\n");
    buffer_free(&value);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"a@b", "ann+tag@example.com", "o'neil@example.com",
                                       "x_!#$%&*/=?^`{|}~-y@example.co.uk"};
    static const char *const bad[] = {"",
                                      "ann",
                                      "@example.com",
                                      "ann@",
                                      "ann@b@c",
                                      "a@b,c@d",
                                      "a@b\r\nBcc: c@d",
                                      "a@b\nBcc:c",
                                      "ann@exa mple.com",
                                      "<a@b>",
                                      "\"a b\"@c",
                                      "a@[127.0.0.1]",
                                      "a;b@c",
                                      "group:a@b",
                                      "a\\b@c",
                                      "a@b\x7f",
                                      "\xc3\xa4@example.com"};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_int_equal(compose_address_check(good[i]), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_int_equal(compose_address_check(bad[i]), -1);
}

static void test_configuration(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *url;
        int result;
    } cases[] = {
        {"CronCoco <a@b.test>", "https://api.test", 0},
        {"a@b.test", "http://127.0.0.1:8080", 0},
        {"a@b.test", "ftp://api.test", -1},
        {"a@b.test", "https://api.test/'; rm -rf /", -1},
        {"a@b.test", "https://api.test/\r\nX: y", -1},
        {"a@b.test\r\nBcc: c@d", "https://api.test", -1},
        {"CronCoco <a@b.test", "https://api.test", -1},
        {"CronCoco <a@b.test> x", "https://api.test", -1},
        {"CronCoco", "https://api.test", -1},
        {"CronCoco <>", "https://api.test", -1},
        {"", "https://api.test", -1},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct composer each = {cases[i].from, cases[i].url, SECRET};
        const char *error = NULL;
        assert_int_equal(composer_check(&each, &error), cases[i].result);
        if (cases[i].result)
            assert_non_null(error);
    }
    size_t length;
    const char *sender = composer_sender(&composer, &length);
    assert_int_equal(length, strlen("no-reply@croncoco.test"));
    assert_memory_equal(sender, "no-reply@croncoco.test", length);
}

static void check_quoted(const char *text, const char *expected)
{
    struct buffer out = BUFFER_EMPTY;
    mime_quoted_printable(&out, text, strlen(text));
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void test_quoted_printable(void **state)
{
    (void)state;
    check_quoted("plain\n", "plain\r\n");
    check_quoted("a=b", "a=3Db");
    check_quoted("caf\xc3\xa9\n", "caf=C3=A9\r\n");
    check_quoted("-- \nx", "--=20\r\nx");
    check_quoted("tab\t\n", "tab=09\r\n");
    check_quoted("a\rb", "a=0Db");
    check_quoted("=_", "=3D_");
    /* 76 bytes are a line; of 77 the last two go to the next. */
    char text[80];
    memset(text, 'x', sizeof text);
    text[76] = '\0';
    check_quoted(text, text);
    char expected[90];
    memset(expected, 'x', sizeof expected);
    memcpy(expected + 75, "=\r\nxx", 6);
    text[76] = 'x';
    text[77] = '\0';
    check_quoted(text, expected);
}

static void test_quoted_printable_long(void **state)
{
    (void)state;
    char text[1000];
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)(i % 7 == 0 ? 0xe9 : 'a' + (char)(i % 26));
    text[sizeof text - 1] = '\0';
    struct buffer out = BUFFER_EMPTY;
    mime_quoted_printable(&out, text, strlen(text));
    for (const char *line = out.data; *line;) {
        size_t length = strcspn(line, "\r");
        assert_true(length <= 76);
        line += length + (line[length] ? 2 : 0);
    }
    char *back = decode(out.data, out.length);
    assert_string_equal(back, text);
    free(back);
    buffer_free(&out);
}

static void test_dates(void **state)
{
    (void)state;
    char text[MIME_DATE_SIZE];
    assert_string_equal(mime_date(text, 0), "Thu, 01 Jan 1970 00:00:00 +0000");
    assert_string_equal(mime_date(text, 1709208000999), "Thu, 29 Feb 2024 12:00:00 +0000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_html_escapes),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_failures_without_words),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_job_names),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_check_down),
        cmocka_unit_test(test_check_reminder),
        cmocka_unit_test(test_check_up),
        cmocka_unit_test(test_several_checks),
        cmocka_unit_test(test_check_test),
        cmocka_unit_test(test_channel),
        cmocka_unit_test(test_largest_of_checks),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_quoted_printable),
        cmocka_unit_test(test_quoted_printable_long),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
