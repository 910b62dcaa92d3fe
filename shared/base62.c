#include "shared/base62.h"

#include <openssl/crypto.h>

#define LIMBS_MAX     (BASE62_BYTES_MAX / 4)
#define CHUNK_DIGITS  5
#define CHUNK_DIVISOR 916132832U /* 62 ^ 5, the largest power of 62 in 32 bits */

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 36;
    return -1;
}

void base62_encode(const uint8_t *bytes, size_t length, char *text, size_t digits)
{
    INVARIANT(length % 4 == 0 && length <= BASE62_BYTES_MAX);
    uint32_t limbs[LIMBS_MAX];
    size_t count = length / 4;
    for (size_t i = 0; i < count; i++)
        limbs[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 |
                   (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
    size_t at = digits;
    while (at > 0) {
        uint64_t remainder = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t dividend = remainder << 32 | limbs[i];
            limbs[i] = (uint32_t)(dividend / CHUNK_DIVISOR);
            remainder = dividend % CHUNK_DIVISOR;
        }
        for (int i = 0; i < CHUNK_DIGITS && at > 0; i++) {
            text[--at] = alphabet[remainder % 62];
            remainder /= 62;
        }
    }
    OPENSSL_cleanse(limbs, sizeof limbs);
}

int base62_decode(const char *text, size_t digits, uint8_t *bytes, size_t length)
{
    INVARIANT(length % 4 == 0 && length <= BASE62_BYTES_MAX);
    uint32_t limbs[LIMBS_MAX] = {0};
    size_t count = length / 4;
    for (size_t at = 0; at < digits; at++) {
        int value = digit_value(text[at]);
        if (value < 0)
            return -1;
        uint64_t carry = (uint64_t)value;
        for (size_t i = count; i-- > 0;) {
            uint64_t product = (uint64_t)limbs[i] * 62 + carry;
            limbs[i] = (uint32_t)product;
            carry = product >> 32;
        }
        if (carry)
            return -1;
    }
    for (size_t i = 0; i < count; i++) {
        bytes[4 * i] = (uint8_t)(limbs[i] >> 24);
        bytes[4 * i + 1] = (uint8_t)(limbs[i] >> 16);
        bytes[4 * i + 2] = (uint8_t)(limbs[i] >> 8);
        bytes[4 * i + 3] = (uint8_t)limbs[i];
    }
    return 0;
}
