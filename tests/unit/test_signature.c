#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "dispatcher/signature.h"
#include "shared/compiler.h"

#define NOW_MS INT64_C(1800000000000)

/* Written out another way, to be held against: any key, any payload. */
static void expect(char *text, size_t size, const uint8_t *key, size_t key_bytes,
                   const char *content, size_t content_bytes)
{
    unsigned char hash[HASH_SIZE], encoded[64];
    assert_non_null(HMAC(EVP_sha256(), key, (int)key_bytes, (const unsigned char *)content,
                         content_bytes, hash, NULL));
    EVP_EncodeBlock(encoded, hash, sizeof hash);
    snprintf(text, size, "v1,%s", encoded);
}

/*
 * The example of the Standard Webhooks specification (its libraries' test vector). Its key has 24
 * bytes, which HMAC pads with zeros to the block, as ours of 32 are.
 */
static void test_of_the_specification(void **state)
{
    (void)state;
    static const char secret[] = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    struct signing_key key = {.expires_ms = INT64_MAX};
    assert_int_equal(EVP_DecodeBlock(key.key, (const unsigned char *)secret, 32), 24);
    struct signed_message message = {
        .id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
        .timestamp_s = 1614265330,
        .payload = "{\"test\": 2432232314}",
        .payload_bytes = 20,
    };
    char text[SIGNATURE_HEADER_SIZE];
    size_t length = signature_write(text, &key, 1, NOW_MS, &message);
    assert_string_equal(text, "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_int_equal(length, strlen(text));
}

static void test_payloads(void **state)
{
    (void)state;
    static const char *const payloads[] = {"", "{}", "caf\xc3\xa9", "{\"a\":\"\\u0000\"}"};
    struct signing_key key = {.expires_ms = INT64_MAX};
    memset(key.key, 0xa7, sizeof key.key);
    for (size_t i = 0; i < ARRAY_LENGTH(payloads); i++) {
        struct signed_message message = {.id = "msg_7_1800000000_3",
                                         .timestamp_s = 1800000001,
                                         .payload = payloads[i],
                                         .payload_bytes = strlen(payloads[i])};
        char content[128], expected[128], text[SIGNATURE_HEADER_SIZE];
        int length =
            snprintf(content, sizeof content, "msg_7_1800000000_3.1800000001.%s", payloads[i]);
        expect(expected, sizeof expected, key.key, sizeof key.key, content, (size_t)length);
        signature_write(text, &key, 1, NOW_MS, &message);
        assert_memory_equal(text, "webhook-signature: ", 19);
        assert_string_equal(text + 19, expected);
    }
}

static void test_keys(void **state)
{
    (void)state;
    struct signed_message message = {.id = "msg_7_1800000000", .payload = ""};
    struct signing_key keys[SIGNING_KEYS_MAX] = {
        {.key = {1}, .expires_ms = INT64_MAX},
        {.key = {2}, .expires_ms = NOW_MS + 1},
    };
    char one[SIGNATURE_HEADER_SIZE], other[SIGNATURE_HEADER_SIZE], both[SIGNATURE_HEADER_SIZE];
    assert_int_equal(signature_write(one, keys, 0, NOW_MS, &message), 0);
    assert_string_equal(one, "");
    signature_write(one, keys, 1, NOW_MS, &message);
    signature_write(other, keys + 1, 1, NOW_MS, &message);
    assert_string_not_equal(one, other);
    size_t length = signature_write(both, keys, 2, NOW_MS, &message);
    assert_int_equal(length, strlen(both));
    assert_int_equal(length, 19 + 47 + 1 + 47);
    assert_memory_equal(both, one, strlen(one));
    assert_string_equal(both + strlen(one) + 1, other + 19);
    /* At its expiry it is no longer used. */
    signature_write(both, keys, 2, NOW_MS + 1, &message);
    assert_string_equal(both, one);
    keys[0].expires_ms = NOW_MS;
    assert_int_equal(signature_write(both, keys, 2, NOW_MS + 1, &message), 0);
    assert_string_equal(both, "");
}

/* The vectors were made by the Node.js and the Python that the API's documentation shows. */
static void test_of_alerts(void **state)
{
    (void)state;
    static const struct {
        const char *payload, *signature;
    } cases[] = {
        {"{\"event\":\"check.down\",\"check\":{\"id\":\"abc123\",\"name\":\"Nightly backup\","
         "\"status\":\"down\",\"last_ping_at\":1707700000,\"period\":86400},"
         "\"timestamp\":1707786400}",
         "2e451926f24b4416ab7a8cc66e2afb2edfaded843b12afa33e2956fd27c9bcba"},
        {"{\"event\":\"check.up\",\"check\":{\"id\":\"abc123\",\"name\":\"caf\xc3\xa9\"},"
         "\"timestamp\":1707786500,\"retry\":1}",
         "742950dab35b9f517280ba9095cc2c430e77c969d9036b8a1559dc93ad20fbdf"},
        {"", "0dc99d9a9512a95e023645323443427326d7f061202b958f7bf9102c462c4bc9"},
    };
    struct signing_key key = {.expires_ms = INT64_MAX};
    for (size_t i = 0; i < sizeof key.key; i++)
        key.key[i] = (uint8_t)(i * 7);
    char secret[WEBHOOK_SECRET_SIZE];
    assert_string_equal(webhook_secret_text(key.key, secret),
                        "whsec_AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tk=");
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct signed_message message = {.id = "msg_notice_7",
                                         .timestamp_s = 1800000001,
                                         .payload = cases[i].payload,
                                         .payload_bytes = strlen(cases[i].payload)};
        char text[ALERT_SIGNATURE_HEADER_SIZE];
        size_t length = alert_signature_write(text, &key, 1, NOW_MS, &message);
        assert_int_equal(length, strlen(text));
        assert_memory_equal(text, "X-CronPulse-Signature: ", 23);
        assert_string_equal(text + 23, cases[i].signature);
    }
}

/* The newest that is valid signs alone. */
static void test_keys_of_alerts(void **state)
{
    (void)state;
    struct signed_message message = {.id = "msg_notice_7", .payload = "{}", .payload_bytes = 2};
    struct signing_key keys[SIGNING_KEYS_MAX] = {
        {.key = {1}, .expires_ms = INT64_MAX},
        {.key = {2}, .expires_ms = NOW_MS + 1},
    };
    char one[ALERT_SIGNATURE_HEADER_SIZE], other[ALERT_SIGNATURE_HEADER_SIZE];
    char both[ALERT_SIGNATURE_HEADER_SIZE];
    assert_int_equal(alert_signature_write(one, keys, 0, NOW_MS, &message), 0);
    assert_string_equal(one, "");
    assert_int_equal(alert_signature_write(one, keys, 1, NOW_MS, &message), 23 + 64);
    alert_signature_write(other, keys + 1, 1, NOW_MS, &message);
    assert_string_not_equal(one, other);
    alert_signature_write(both, keys, 2, NOW_MS, &message);
    assert_string_equal(both, one);
    keys[0].expires_ms = NOW_MS;
    alert_signature_write(both, keys, 2, NOW_MS, &message);
    assert_string_equal(both, other);
    assert_int_equal(alert_signature_write(both, keys, 2, NOW_MS + 1, &message), 0);
    assert_string_equal(both, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_the_specification),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_of_alerts),
        cmocka_unit_test(test_keys_of_alerts),
    };
    return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
