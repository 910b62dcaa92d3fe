#include "shared/public_id.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>

#include "shared/base62.h"
#include "shared/secret.h"

/* 12 bytes: id, MAC. The largest number of 16 digits is below 2^96. */
#define ID_BYTES     8
#define MAC_BYTES    4
#define NAME_BYTES   (ID_BYTES + MAC_BYTES)
#define PURPOSE_SIZE 16

static_assert(PING_KEY_LENGTH < PUBLIC_ID_SIZE, "a ping key fits");

static const struct {
    const char *purpose;
    const char *prefix;
} kinds[PUBLIC_ID_KINDS] = {
    [PUBLIC_ID_CHECK] = {"check", ""},
    [PUBLIC_ID_PING_KEY] = {"ping-key", PING_KEY_PREFIX},
};

static void write_be(uint64_t value, uint8_t *bytes, size_t length)
{
    for (size_t i = length; i-- > 0; value >>= 8)
        bytes[i] = (uint8_t)value;
}

static uint64_t read_be(const uint8_t *bytes, size_t length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    return value;
}

static uint32_t mac_of(const char *secret, enum public_id_kind kind, int64_t id)
{
    uint8_t input[PURPOSE_SIZE + ID_BYTES];
    uint8_t hash[HASH_SIZE];
    INVARIANT(kind < PUBLIC_ID_KINDS && id > 0);
    size_t length = strlen(kinds[kind].purpose);
    INVARIANT(length <= PURPOSE_SIZE);
    memcpy(input, kinds[kind].purpose, length);
    write_be((uint64_t)id, input + length, ID_BYTES);
    secret_mac(secret, input, length + ID_BYTES, hash);
    return (uint32_t)read_be(hash, MAC_BYTES);
}

int64_t public_id_draw(void)
{
    int64_t id;
    do {
        uint64_t bits;
        secret_random(&bits, sizeof bits);
        id = (int64_t)(bits >> 1);
    } while (id == 0);
    return id;
}

char *public_id_text(enum public_id_kind kind, const struct public_id *name,
                     char text[static PUBLIC_ID_SIZE])
{
    uint8_t bytes[NAME_BYTES];
    INVARIANT(kind < PUBLIC_ID_KINDS && name->id > 0);
    write_be((uint64_t)name->id, bytes, ID_BYTES);
    write_be(name->mac, bytes + ID_BYTES, MAC_BYTES);
    size_t length = strlen(kinds[kind].prefix);
    memcpy(text, kinds[kind].prefix, length);
    base62_encode(bytes, sizeof bytes, text + length, PUBLIC_ID_LENGTH);
    text[length + PUBLIC_ID_LENGTH] = '\0';
    return text;
}

char *public_id_make(const char *secret, enum public_id_kind kind, int64_t id,
                     char text[static PUBLIC_ID_SIZE])
{
    struct public_id name = {.id = id, .mac = mac_of(secret, kind, id)};
    return public_id_text(kind, &name, text);
}

int public_id_parse(enum public_id_kind kind, const char *text, size_t length,
                    struct public_id *name)
{
    uint8_t bytes[NAME_BYTES];
    INVARIANT(kind < PUBLIC_ID_KINDS);
    size_t prefix = strlen(kinds[kind].prefix);
    if (length != prefix + PUBLIC_ID_LENGTH || memcmp(text, kinds[kind].prefix, prefix) != 0 ||
        base62_decode(text + prefix, PUBLIC_ID_LENGTH, bytes, sizeof bytes))
        return -1;
    uint64_t id = read_be(bytes, ID_BYTES);
    if (id == 0 || id > INT64_MAX)
        return -1;
    name->id = (int64_t)id;
    name->mac = (uint32_t)read_be(bytes + ID_BYTES, MAC_BYTES);
    return 0;
}

bool public_id_is_ours(const char *secret, enum public_id_kind kind, const struct public_id *name)
{
    uint32_t expected = mac_of(secret, kind, name->id);
    return CRYPTO_memcmp(&expected, &name->mac, sizeof expected) == 0;
}

enum public_id_verdict public_id_open(const char *secret, enum public_id_kind kind,
                                      const char *text, size_t length, int64_t *id)
{
    struct public_id name;
    if (public_id_parse(kind, text, length, &name))
        return PUBLIC_ID_MALFORMED;
    *id = name.id;
    return public_id_is_ours(secret, kind, &name) ? PUBLIC_ID_OURS : PUBLIC_ID_UNKNOWN;
}
