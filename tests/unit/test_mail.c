#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "shared/mail.h"
#include "tests/unit/sample.h"

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

static void test_kind_names(void **state)
{
    (void)state;
    assert_string_equal(mail_kind_name(MAIL_VERIFY), "verify");
    assert_string_equal(mail_kind_name(MAIL_KNOWN), "known");
    assert_string_equal(mail_kind_name(MAIL_ROTATE), "rotate");
    assert_string_equal(mail_kind_name(MAIL_DELETE), "delete");
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
        cmocka_unit_test(test_golden),      cmocka_unit_test(test_kind_names),
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_longest_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
