#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "shared/secret.h"
#include "tests/unit/sample.h"

#define SECRET "0123456789abcdef0123456789abcdef"

/* Made by Python's hmac and its long integers. */
static const struct {
    const char *id;
    const char *purpose;
    const char *text;
} vectors[] = {
    {"000102030405060708090a0b0c0d0e0f", "verify",
     "000RxY9kz6ouWMJLgFtBDiqBEkliFcPvynjNwKB10AvftkR5vLi2buf7gQKMgHpiq"},
    {"000102030405060708090a0b0c0d0e0f", "rotate",
     "000RxY9kz6ouWMJLgFtBDitp5oDmmYrpsmfnpCRHYQCch37qHg9w5WCef09GMsfNP"},
    {"000102030405060708090a0b0c0d0e0f", "delete",
     "000RxY9kz6ouWMJLgFtBDiouxG7MY7LJuOvNVqjBLnt3LJ7xRRlsTHT51zW2Srnsw"},
    {"00000000000000000000000000000000", "verify",
     "0000000000000000000000iaOAHXNsmcCJJoDygAoer2qukzFZCbTGfPSS8wjcux7"},
    {"00000000000000000000000000000000", "rotate",
     "0000000000000000000000UYA9OUpyP3Sln5Jlqn5eodeLJp22V0Sz3T5syECbtPA"},
    {"00000000000000000000000000000000", "delete",
     "0000000000000000000000PPcE9dWYJpqZJrbGMGAKjLwot5oByNkNzJyA1hoN7wL"},
    {"ffffffffffffffffffffffffffffffff", "verify",
     "7cyhQvv5axdeihmOzIHjs7dvAtylcjKJIDdTIzioy2bKOZOInOOnsz6DmPAlavKeJ"},
    {"ffffffffffffffffffffffffffffffff", "rotate",
     "7cyhQvv5axdeihmOzIHjs7uO17nfLGSEWTMcM8gQpshfM4rdupkap9gI0svlUcEmh"},
    {"ffffffffffffffffffffffffffffffff", "delete",
     "7cyhQvv5axdeihmOzIHjs7Az8FqM5jdIPsGiyFtWkVOepbqhha4SufZ5mLNGfZf7O"},
};

static const struct {
    const char *id;
    const char *text;
    const char *checks;
} keys[] = {
    {"000102030405060708090a0b0c0d0e0f", "coco_YmkuL9TwFwORzrFuFWGi0yVrUtEcHhGfAzjIG9CfFkx",
     "cpk_GhJ7rJDWC6SHDaB7ak27PwJNjs2vksLyvZTj7zStpIw"},
    {"00000000000000000000000000000000", "coco_08nM3QeF5iqgKmygWD4ElWQKjMJUaJJDBtynz7Y635Q",
     "cpk_Q2R5UT4IcRuoHGK1BNw9eKHwsbetu5VtAGiLaQ03keG"},
    {"ffffffffffffffffffffffffffffffff", "coco_vmL3Cwjb1EAfxl1LB19rSahjupT1ATCR9lfbi55TY4h",
     "cpk_TabLmDdLmwiB655MwZgt60oK8K9AR1I9SVpChIwK8tz"},
};

static void test_vectors(void **state)
{
    (void)state;
    uint8_t id[TOKEN_ID_SIZE];
    uint8_t opened[TOKEN_ID_SIZE];
    char text[TOKEN_TEXT_SIZE];
    char key[API_KEY_SIZE];
    for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) {
        assert_int_equal(hex_decode(vectors[i].id, 32, id, sizeof id), 0);
        assert_string_equal(token_make(SECRET, vectors[i].purpose, id, text), vectors[i].text);
        assert_int_equal(token_open(SECRET, vectors[i].purpose, text, strlen(text), opened), 0);
        assert_memory_equal(opened, id, sizeof id);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        assert_int_equal(hex_decode(keys[i].id, 32, id, sizeof id), 0);
        assert_string_equal(api_key_make(SECRET, id, key), keys[i].text);
        assert_string_equal(check_key_make(SECRET, id, key), keys[i].checks);
    }
}

static void test_hash(void **state)
{
    (void)state;
    uint8_t hash[HASH_SIZE];
    char hex[HEX_SIZE(HASH_SIZE)];
    secret_hash("abc", 3, hash);
    assert_string_equal(hex_encode(hash, sizeof hash, hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    secret_hash("", 0, hash);
    assert_string_equal(hex_encode(hash, sizeof hash, hex),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_tokens_open(void **state)
{
    (void)state;
    static const char *const purposes[] = {"verify", "rotate", "delete"};
    uint8_t id[TOKEN_ID_SIZE];
    uint8_t opened[TOKEN_ID_SIZE];
    char text[TOKEN_TEXT_SIZE];
    for (size_t i = 0; i < 3000; i++) {
        secret_random(id, sizeof id);
        token_make(SECRET, purposes[i % 3], id, text);
        assert_int_equal(strlen(text), 65);
        assert_int_equal(
            strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), 65);
        assert_int_equal(token_open(SECRET, purposes[i % 3], text, 65, opened), 0);
        assert_memory_equal(opened, id, sizeof id);
        assert_int_equal(token_open(SECRET, purposes[(i + 1) % 3], text, 65, opened), -1);
        assert_int_equal(token_open(SECRET "x", purposes[i % 3], text, 65, opened), -1);
        assert_int_equal(token_open("", purposes[i % 3], text, 65, opened), -1);
    }
}

/* No character of a token can be another one, and a refusal leaves the id alone. */
static void test_forged(void **state)
{
    (void)state;
    uint8_t id[TOKEN_ID_SIZE] = {1, 2, 3};
    uint8_t opened[TOKEN_ID_SIZE] = {9};
    char text[TOKEN_TEXT_SIZE];
    token_make(SECRET, "verify", id, text);
    for (size_t at = 0; at < 65; at++) {
        char kept = text[at];
        for (int c = -128; c < 128; c++) {
            if (c == kept)
                continue;
            text[at] = (char)c;
            assert_int_equal(token_open(SECRET, "verify", text, 65, opened), -1);
        }
        text[at] = kept;
    }
    assert_int_equal(opened[0], 9);
    assert_int_equal(token_open(SECRET, "verify", text, 65, opened), 0);
}

static void test_lengths(void **state)
{
    (void)state;
    uint8_t id[TOKEN_ID_SIZE] = {1, 2, 3};
    char text[TOKEN_TEXT_SIZE];
    token_make(SECRET, "verify", id, text);
    for (size_t length = 0; length < 200; length++) {
        if (length == 65)
            continue;
        char longer[200];
        memset(longer, '0', sizeof longer);
        memcpy(longer, text, 65);
        char *cut = sample_exact(longer, length);
        assert_int_equal(token_open(SECRET, "verify", cut, length, id), -1);
        free(cut);
    }
    /* Larger than 48 bytes hold: the largest that fits is 7cyh...1oF. */
    char largest[] = "7cyhQvv5axdeihmOzIHjs85TcUIYiWHdsxNz50GTerEOR5ucj2TITPXxyaCUli1oF";
    assert_int_equal(token_open(SECRET, "verify", largest, 65, id), -1);
    largest[64] = 'G';
    assert_int_equal(token_open(SECRET, "verify", largest, 65, id), -1);
    memset(largest, 'z', 65);
    assert_int_equal(token_open(SECRET, "verify", largest, 65, id), -1);
}

static void test_keys(void **state)
{
    (void)state;
    uint8_t id[TOKEN_ID_SIZE] = {0};
    char key[API_KEY_SIZE];
    char other[API_KEY_SIZE];
    for (int i = 0; i < 2000; i++) {
        secret_random(id, sizeof id);
        api_key_make(SECRET, id, key);
        assert_int_equal(strlen(key), 48);
        assert_string_equal(api_key_make(SECRET, id, other), key);
        id[i % TOKEN_ID_SIZE] ^= 1;
        assert_string_not_equal(api_key_make(SECRET, id, other), key);
        id[i % TOKEN_ID_SIZE] ^= 1;
        assert_string_not_equal(api_key_make("another", id, other), key);
    }
}

static void test_random(void **state)
{
    (void)state;
    unsigned char seen[256] = {0};
    uint8_t bytes[4096];
    uint8_t again[4096];
    secret_random(bytes, sizeof bytes);
    secret_random(again, sizeof again);
    assert_memory_not_equal(bytes, again, sizeof bytes);
    size_t distinct = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        distinct += !seen[bytes[i]]++;
    assert_true(distinct > 200);
    secret_random(bytes, 0);
}

/* Made by Python's hmac and base64. */
static void test_webhook_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        const char *secret;
    } secrets[] = {
        {"000102030405060708090a0b0c0d0e0f", "whsec_2IK43wd5UiDMps6EhfUrEE5t9WrpNjob4ZlKT61Ldvk="},
        {"00000000000000000000000000000000", "whsec_sePw+xhMqf22/OeTHNarHLCU/bMS5FOM5J2Yae2mXGg="},
        {"ffffffffffffffffffffffffffffffff", "whsec_jV3BisfcGTnz6A+hIe+fzK3ot/f8E5Q8cyX3/iksxTk="},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(secrets); i++) {
        uint8_t id[TOKEN_ID_SIZE];
        uint8_t key[HASH_SIZE];
        uint8_t other[HASH_SIZE];
        char text[WEBHOOK_SECRET_SIZE];
        assert_int_equal(hex_decode(secrets[i].id, 32, id, sizeof id), 0);
        assert_string_equal(webhook_secret(SECRET, id, text), secrets[i].secret);
        webhook_secret_key(SECRET, id, key);
        webhook_secret_key("another secret of 32 bytes......", id, other);
        assert_memory_not_equal(key, other, sizeof key);
        id[0] ^= 1;
        webhook_secret_key(SECRET, id, other);
        assert_memory_not_equal(key, other, sizeof key);
    }
}

static void test_hex(void **state)
{
    (void)state;
    uint8_t bytes[4] = {9, 9, 9, 9};
    char text[HEX_SIZE(4)];
    assert_string_equal(hex_encode("\x00\x1f\xa0\xff", 4, text), "001fa0ff");
    assert_string_equal(hex_encode("", 0, text), "");
    assert_int_equal(hex_decode("001fa0ff", 8, bytes, 4), 0);
    assert_memory_equal(bytes, "\x00\x1f\xa0\xff", 4);
    assert_int_equal(hex_decode("001FA0Ff", 8, bytes, 4), 0);
    assert_memory_equal(bytes, "\x00\x1f\xa0\xff", 4);
    assert_int_equal(hex_decode("", 0, bytes, 0), 0);
    static const char *const wrong[] = {
        "",         "0",        "001fa0f",     "001fa0ff0", "001fa0fff0", "001fa0fg",
        " 01fa0ff", "0x1fa0ff", "001fa0f\xff", "+01fa0ff",  "-01fa0ff"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(hex_decode(wrong[i], strlen(wrong[i]), bytes, 4), -1);
    assert_memory_equal(bytes, "\x00\x1f\xa0\xff", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),         cmocka_unit_test(test_hash),
        cmocka_unit_test(test_tokens_open),     cmocka_unit_test(test_forged),
        cmocka_unit_test(test_lengths),         cmocka_unit_test(test_keys),
        cmocka_unit_test(test_random),          cmocka_unit_test(test_hex),
        cmocka_unit_test(test_webhook_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
