#include "shared/secret.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "shared/base62.h"

/* In base 62, 48 bytes (id and MAC of a token) make 65 digits, 32 bytes (an API key) make 43. */
#define TOKEN_DIGITS  65
#define TOKEN_BYTES   (TOKEN_ID_SIZE + HASH_SIZE)
#define KEY_DIGITS    43
#define SECRET_PREFIX "whsec_"
#define SECRET_BASE64 44 /* characters of 32 bytes */
#define MAC_INPUT_MAX 64
#define NO_DIGIT      16U

static_assert(TOKEN_DIGITS < TOKEN_TEXT_SIZE, "a token fits");
static_assert(sizeof API_KEY_PREFIX - 1 + KEY_DIGITS < API_KEY_SIZE, "a key fits");
static_assert(sizeof CHECK_KEY_PREFIX - 1 + KEY_DIGITS < API_KEY_SIZE, "a key fits");
static_assert(sizeof SECRET_PREFIX - 1 + SECRET_BASE64 < WEBHOOK_SECRET_SIZE, "a secret fits");

/* HMAC-SHA256(secret, label | purpose | id); id has a fixed size, so this has one reading. */
static void mac(const char *secret, const char *label, const char *purpose, const uint8_t *id,
                uint8_t hash[static HASH_SIZE])
{
    uint8_t input[MAC_INPUT_MAX];
    int named = snprintf((char *)input, sizeof input, "%s%s", label, purpose);
    INVARIANT(named >= 0 && (size_t)named + TOKEN_ID_SIZE <= sizeof input);
    memcpy(input + named, id, TOKEN_ID_SIZE);
    secret_mac(secret, input, (size_t)named + TOKEN_ID_SIZE, hash);
}

void secret_random(void *bytes, size_t length)
{
    uint8_t *at = bytes;
    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);
        INVARIANT(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            length -= (size_t)got;
        }
    }
}

void secret_hash(const void *bytes, size_t length, uint8_t hash[static HASH_SIZE])
{
    unsigned written = 0;
    INVARIANT(EVP_Digest(bytes, length, hash, &written, EVP_sha256(), NULL) == 1);
    INVARIANT(written == HASH_SIZE);
}

void secret_mac(const char *secret, const void *bytes, size_t length,
                uint8_t hash[static HASH_SIZE])
{
    unsigned written = 0;
    size_t secret_length = strlen(secret);
    INVARIANT(secret_length <= INT32_MAX);
    INVARIANT(HMAC(EVP_sha256(), secret, (int)secret_length, bytes, length, hash, &written));
    INVARIANT(written == HASH_SIZE);
}

char *token_make(const char *secret, const char *purpose, const uint8_t id[static TOKEN_ID_SIZE],
                 char text[static TOKEN_TEXT_SIZE])
{
    uint8_t bytes[TOKEN_BYTES];
    memcpy(bytes, id, TOKEN_ID_SIZE);
    mac(secret, "token", purpose, id, bytes + TOKEN_ID_SIZE);
    base62_encode(bytes, sizeof bytes, text, TOKEN_DIGITS);
    text[TOKEN_DIGITS] = '\0';
    OPENSSL_cleanse(bytes, sizeof bytes);
    return text;
}

int token_open(const char *secret, const char *purpose, const char *text, size_t length,
               uint8_t id[static TOKEN_ID_SIZE])
{
    uint8_t bytes[TOKEN_BYTES];
    if (length != TOKEN_DIGITS || base62_decode(text, length, bytes, sizeof bytes))
        return -1;
    uint8_t expected[HASH_SIZE];
    mac(secret, "token", purpose, bytes, expected);
    int differs = CRYPTO_memcmp(expected, bytes + TOKEN_ID_SIZE, HASH_SIZE);
    OPENSSL_cleanse(expected, sizeof expected);
    if (differs)
        return -1;
    memcpy(id, bytes, TOKEN_ID_SIZE);
    return 0;
}

static char *key_make(const char *secret, const char *label, const uint8_t *id, const char *prefix,
                      char text[static API_KEY_SIZE])
{
    uint8_t bytes[HASH_SIZE];
    size_t prefix_length = strlen(prefix);
    mac(secret, label, "", id, bytes);
    memcpy(text, prefix, prefix_length);
    base62_encode(bytes, sizeof bytes, text + prefix_length, KEY_DIGITS);
    text[prefix_length + KEY_DIGITS] = '\0';
    OPENSSL_cleanse(bytes, sizeof bytes);
    return text;
}

char *api_key_make(const char *secret, const uint8_t token_id[static TOKEN_ID_SIZE],
                   char text[static API_KEY_SIZE])
{
    return key_make(secret, "key", token_id, API_KEY_PREFIX, text);
}

char *check_key_make(const char *secret, const uint8_t id[static TOKEN_ID_SIZE],
                     char text[static API_KEY_SIZE])
{
    return key_make(secret, "check-key", id, CHECK_KEY_PREFIX, text);
}

void webhook_secret_key(const char *signing_secret, const uint8_t id[static TOKEN_ID_SIZE],
                        uint8_t key[static HASH_SIZE])
{
    mac(signing_secret, "webhook-secret", "", id, key);
}

char *webhook_secret_text(const uint8_t key[static HASH_SIZE],
                          char text[static WEBHOOK_SECRET_SIZE])
{
    size_t prefix_length = sizeof SECRET_PREFIX - 1;
    memcpy(text, SECRET_PREFIX, prefix_length);
    int written = EVP_EncodeBlock((unsigned char *)text + prefix_length, key, HASH_SIZE);
    INVARIANT(written == SECRET_BASE64);
    return text;
}

char *webhook_secret(const char *signing_secret, const uint8_t id[static TOKEN_ID_SIZE],
                     char text[static WEBHOOK_SECRET_SIZE])
{
    uint8_t key[HASH_SIZE];
    webhook_secret_key(signing_secret, id, key);
    webhook_secret_text(key, text);
    OPENSSL_cleanse(key, sizeof key);
    return text;
}

char *hex_encode(const void *bytes, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = bytes;
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[from[i] >> 4];
        text[2 * i + 1] = digits[from[i] & 15];
    }
    text[2 * length] = '\0';
    return text;
}

static unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return NO_DIGIT;
}

int hex_decode(const char *text, size_t text_length, void *bytes, size_t length)
{
    if (text_length % 2 || text_length / 2 != length)
        return -1;
    for (size_t i = 0; i < text_length; i++) {
        if (hex_value(text[i]) == NO_DIGIT)
            return -1;
    }
    uint8_t *to = bytes;
    for (size_t i = 0; i < length; i++)
        to[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
    return 0;
}
