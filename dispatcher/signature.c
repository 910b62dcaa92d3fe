#include "dispatcher/signature.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "shared/compiler.h"

#define NAME         "webhook-signature:"
#define VERSION      " v1,"
#define BASE64_BYTES 44 /* of a hash */

static_assert(sizeof NAME + SIGNING_KEYS_MAX * (sizeof VERSION - 1 + BASE64_BYTES) <=
                  SIGNATURE_HEADER_SIZE,
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

static void sign(const struct signing_key *key, const char *head, size_t head_bytes,
                 const struct signed_message *message, uint8_t hash[static HASH_SIZE])
{
    EVP_MAC_CTX *mac = context();
    size_t written = 0;
    bool done =
        EVP_MAC_init(mac, key->key, sizeof key->key, NULL) == 1 &&
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
        sign(&keys[i], head, (size_t)head_bytes, message, hash);
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
