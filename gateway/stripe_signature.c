#include "gateway/stripe_signature.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "shared/buffer.h"
#include "shared/secret.h"

#define HEADER_MAX 4096       /* bytes */
#define TIME_MAX   9999999999 /* in the year 2286 */

/* Decimal digits without a sign. */
static bool read_time(const char *text, size_t length, int64_t *time_s)
{
    int64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
        if (value > TIME_MAX)
            return false;
    }
    *time_s = value;
    return length > 0;
}

static void expect(const char *secret, const char *time, size_t time_length, const void *body,
                   size_t length, uint8_t mac[static HASH_SIZE])
{
    struct buffer signed_bytes = BUFFER_EMPTY;
    buffer_append(&signed_bytes, time, time_length);
    buffer_text(&signed_bytes, ".");
    buffer_append(&signed_bytes, body, length);
    unsigned written = 0;
    INVARIANT(HMAC(EVP_sha256(), secret, (int)strlen(secret),
                   (const unsigned char *)signed_bytes.data, signed_bytes.length, mac, &written));
    INVARIANT(written == HASH_SIZE);
    buffer_free(&signed_bytes);
}

/* The next item of "name=value,name=value"; false at the end. */
static bool next_item(const char **at, size_t *left, const char **item, size_t *length)
{
    if (*left == 0)
        return false;
    const char *comma = memchr(*at, ',', *left);
    *item = *at;
    *length = comma != NULL ? (size_t)(comma - *at) : *left;
    size_t taken = *length + (comma != NULL);
    *at += taken;
    *left -= taken;
    return true;
}

static bool value_of(const char *item, size_t length, const char *prefix, const char **value,
                     size_t *value_length)
{
    size_t prefix_length = strlen(prefix);
    if (length < prefix_length || memcmp(item, prefix, prefix_length) != 0)
        return false;
    *value = item + prefix_length;
    *value_length = length - prefix_length;
    return true;
}

/* The first t=...; NULL where there is none that can be read. */
static const char *find_time(const char *header, size_t header_length, size_t *length,
                             int64_t *time_s)
{
    const char *item;
    size_t item_length;
    const char *text;
    while (next_item(&header, &header_length, &item, &item_length))
        if (value_of(item, item_length, "t=", &text, length))
            return read_time(text, *length, time_s) ? text : NULL;
    return NULL;
}

enum stripe_signature stripe_signature_check(const char *header, size_t header_length,
                                             const char *secret, const void *body, size_t length,
                                             int64_t now_s)
{
    size_t time_length;
    int64_t time_s;
    if (header == NULL || header_length > HEADER_MAX)
        return STRIPE_SIGNATURE_MALFORMED;
    const char *time = find_time(header, header_length, &time_length, &time_s);
    if (time == NULL)
        return STRIPE_SIGNATURE_MALFORMED;
    uint8_t expected[HASH_SIZE];
    expect(secret, time, time_length, body, length, expected);

    bool any = false;
    bool right = false;
    const char *item;
    size_t item_length;
    const char *hex;
    size_t hex_length;
    while (next_item(&header, &header_length, &item, &item_length)) {
        uint8_t given[HASH_SIZE];
        if (!value_of(item, item_length, "v1=", &hex, &hex_length) ||
            hex_decode(hex, hex_length, given, sizeof given) != 0)
            continue;
        any = true;
        right |= CRYPTO_memcmp(given, expected, sizeof given) == 0;
    }
    if (!any)
        return STRIPE_SIGNATURE_MALFORMED;
    if (!right)
        return STRIPE_SIGNATURE_WRONG;
    bool near = time_s >= now_s - STRIPE_TOLERANCE_S && time_s <= now_s + STRIPE_TOLERANCE_S;
    return near ? STRIPE_SIGNATURE_OK : STRIPE_SIGNATURE_STALE;
}
