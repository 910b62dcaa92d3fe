/*
 * No header is right for a secret that it was not made with; the header that is made for the bytes
 * is, also behind any other item.
 */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "gateway/stripe_signature.h"
#include "shared/buffer.h"
#include "shared/secret.h"
#include "tests/fuzz/fuzz.h"

#define SECRET "whsec_0123456789abcdef0123456789abcdef"
#define TIME   "1700000000"
#define NOW_S  1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    INVARIANT(stripe_signature_check(bytes, size, SECRET, "{}", 2, NOW_S) != STRIPE_SIGNATURE_OK);

    struct buffer text = BUFFER_EMPTY;
    buffer_text(&text, TIME ".");
    buffer_append(&text, data, size);
    uint8_t mac[HASH_SIZE];
    unsigned written = 0;
    INVARIANT(HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (const unsigned char *)text.data,
                   text.length, mac, &written));
    char hex[HEX_SIZE(HASH_SIZE)];
    buffer_clear(&text);
    buffer_format(&text, "t=" TIME ",");
    if (size < 1000)
        buffer_append(&text, data, size);
    buffer_format(&text, ",v1=%s", hex_encode(mac, HASH_SIZE, hex));
    INVARIANT(stripe_signature_check(text.data, text.length, SECRET, data, size, NOW_S) ==
              STRIPE_SIGNATURE_OK);
    buffer_free(&text);
    return 0;
}
