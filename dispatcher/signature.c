#include "dispatcher/signature.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "shared/compiler.h"

#define NAME         "webhook-signature:"
#define ALERT_NAME   "X-CronPulse-Signature: "
#define VERSION      " v1,"
#define BASE64_BYTES 44 /* of a hash */

static_assert(sizeof NAME + SIGNING_KEYS_MAX * (sizeof VERSION - 1 + BASE64_BYTES) <=
                  SIGNATURE_HEADER_SIZE,
              "the header fits");
static_assert(sizeof ALERT_NAME - 1 + HEX_SIZE(HASH_SIZE) <= ALERT_SIGNATURE_HEADER_SIZE,
              "the header fits");

/* Kept: fetching the algorithm takes as long as signing a kilobyte. */
static EVP_MAC_CTX *context(void)
{
    static EVP_MAC_CTX *kept;
    if (kept)
        return kept;
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    INVARIANT(mac);
    kept = EVP_MAC_CTX_new(mac);
    INVARIANT(kept);
    EVP_MAC_free(mac); /* the context holds a reference */
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    INVARIANT(EVP_MAC_CTX_set_params(kept, params) == 1);
    return kept;
}

/* HMAC-SHA256 over the head and the message's payload. */
static void sign(const void *key, size_t key_bytes, const char *head, size_t head_bytes,
                 const struct signed_message *message, uint8_t hash[static HASH_SIZE])
{
    EVP_MAC_CTX *mac = context();
    size_t written = 0;
    bool done =
        EVP_MAC_init(mac, key, key_bytes, NULL) == 1 &&
        EVP_MAC_update(mac, (const unsigned char *)head, head_bytes) == 1 &&
        EVP_MAC_update(mac, (const unsigned char *)message->payload, message->payload_bytes) == 1 &&
        EVP_MAC_final(mac, hash, &written, HASH_SIZE) == 1;
    INVARIANT(done && written == HASH_SIZE);
}

size_t signature_write(char text[static SIGNATURE_HEADER_SIZE], const struct signing_key *keys,
                       size_t count, int64_t now_ms, const struct signed_message *message)
{
    char head[128];
    int head_bytes =
        snprintf(head, sizeof head, "%s.%" PRId64 ".", message->id, message->timestamp_s);
    INVARIANT(head_bytes > 0 && (size_t)head_bytes < sizeof head && count <= SIGNING_KEYS_MAX);
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (keys[i].expires_ms <= now_ms)
            continue;
        uint8_t hash[HASH_SIZE];
        sign(keys[i].key, sizeof keys[i].key, head, (size_t)head_bytes, message, hash);
        if (length == 0) {
            memcpy(text, NAME, sizeof NAME - 1);
            length = sizeof NAME - 1;
        }
        memcpy(text + length, VERSION, sizeof VERSION - 1);
        length += sizeof VERSION - 1;
        int encoded = EVP_EncodeBlock((unsigned char *)text + length, hash, HASH_SIZE);
        INVARIANT(encoded == BASE64_BYTES);
        length += BASE64_BYTES;
    }
    return length;
}

size_t alert_signature_write(char text[static ALERT_SIGNATURE_HEADER_SIZE],
                             const struct signing_key *keys, size_t count, int64_t now_ms,
                             const struct signed_message *message)
{
    size_t newest = 0;
    while (newest < count && keys[newest].expires_ms <= now_ms)
        newest++;
    text[0] = '\0';
    if (newest == count)
        return 0;
    char secret[WEBHOOK_SECRET_SIZE];
    uint8_t hash[HASH_SIZE];
    webhook_secret_text(keys[newest].key, secret);
    sign(secret, strlen(secret), "", 0, message, hash);
    OPENSSL_cleanse(secret, sizeof secret);
    memcpy(text, ALERT_NAME, sizeof ALERT_NAME - 1);
    hex_encode(hash, sizeof hash, text + sizeof ALERT_NAME - 1);
    return sizeof ALERT_NAME - 1 + HEX_SIZE(HASH_SIZE) - 1;
}
