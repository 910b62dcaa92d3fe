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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_the_specification),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
