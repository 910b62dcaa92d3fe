#include "shared/base62.h"

#include <openssl/crypto.h>

#define LIMBS_MAX     (BASE62_BYTES_MAX / 4)
#define CHUNK_DIGITS  5
#define CHUNK_DIVISOR 916132832U /* 62 ^ 5, the largest power of 62 in 32 bits */

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* Of a character: its digit, counted from 1; 0: it is none. */
static const uint8_t digits_of[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    ['G'] = 17, ['H'] = 18, ['I'] = 19, ['J'] = 20, ['K'] = 21, ['L'] = 22, ['M'] = 23, ['N'] = 24,
    ['O'] = 25, ['P'] = 26, ['Q'] = 27, ['R'] = 28, ['S'] = 29, ['T'] = 30, ['U'] = 31, ['V'] = 32,
    ['W'] = 33, ['X'] = 34, ['Y'] = 35, ['Z'] = 36, ['a'] = 37, ['b'] = 38, ['c'] = 39, ['d'] = 40,
    ['e'] = 41, ['f'] = 42, ['g'] = 43, ['h'] = 44, ['i'] = 45, ['j'] = 46, ['k'] = 47, ['l'] = 48,
    ['m'] = 49, ['n'] = 50, ['o'] = 51, ['p'] = 52, ['q'] = 53, ['r'] = 54, ['s'] = 55, ['t'] = 56,
    ['u'] = 57, ['v'] = 58, ['w'] = 59, ['x'] = 60, ['y'] = 61, ['z'] = 62,
};

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
    for (size_t at = 0; at < digits;) {
        uint64_t carry = 0;
        uint64_t scale = 1;
        for (int i = 0; i < CHUNK_DIGITS && at < digits; i++) {
            unsigned digit = digits_of[(unsigned char)text[at++]];
            if (digit == 0)
                return -1;
            carry = carry * 62 + digit - 1;
            scale *= 62;
        }
        for (size_t i = count; i-- > 0;) {
            uint64_t product = limbs[i] * scale + carry;
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
