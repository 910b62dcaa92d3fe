/*
 * Text is no token, unless it is the one that its id makes. The first bytes are an id: its token
 * opens, and does not with any change that the further bytes tell.
 */
#include <stdbool.h>
#include <string.h>

#include "shared/secret.h"
#include "tests/fuzz/fuzz.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static void check_text(const uint8_t *data, size_t size)
{
    uint8_t id[TOKEN_ID_SIZE];
    char text[TOKEN_TEXT_SIZE];
    if (token_open(SECRET, "verify", (const char *)data, size, id))
        return;
    token_make(SECRET, "verify", id, text);
    INVARIANT(strlen(text) == size && memcmp(text, data, size) == 0);
}

static void check_changes(const uint8_t *data, size_t size)
{
    uint8_t id[TOKEN_ID_SIZE];
    char text[TOKEN_TEXT_SIZE];
    token_make(SECRET, "rotate", data, text);
    size_t length = strlen(text);
    INVARIANT(!token_open(SECRET, "rotate", text, length, id));
    INVARIANT(memcmp(id, data, TOKEN_ID_SIZE) == 0);
    bool changed = false;
    for (size_t i = TOKEN_ID_SIZE; i + 1 < size; i += 2) {
        char *at = &text[data[i] % length];
        changed = changed || *at != (char)data[i + 1];
        *at = (char)data[i + 1];
    }
    char original[TOKEN_TEXT_SIZE];
    changed = changed && memcmp(token_make(SECRET, "rotate", data, original), text, length) != 0;
    INVARIANT(token_open(SECRET, "rotate", text, length, id) == (changed ? -1 : 0));
}

static void check_hex(const uint8_t *data, size_t size)
{
    uint8_t bytes[64];
    char text[HEX_SIZE(sizeof bytes)];
    if (size / 2 > sizeof bytes || hex_decode((const char *)data, size, bytes, size / 2))
        return;
    hex_encode(bytes, size / 2, text);
    INVARIANT(strlen(text) == size);
    for (size_t i = 0; i < size; i++)
        INVARIANT((text[i] | 0x20) == (data[i] | 0x20));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text(data, size);
    if (size >= TOKEN_ID_SIZE)
        check_changes(data, size);
    check_hex(data, size);
    return 0;
}
