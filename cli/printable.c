#include "cli/printable.h"

#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "shared/json.h"

struct glyph {
    const char *bytes; /* what is shown */
    size_t length;     /* of bytes */
    size_t columns;
    size_t taken; /* bytes of the text that it stands for */
};

/* C0, DEL and C1; and what turns the direction of a line. */
static bool is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
           (character >= 0x202a && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

/* The first character of a text that is not empty. */
static struct glyph take(const char *text)
{
    unsigned char lead = (unsigned char)text[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (strnlen(text, size) < size || !json_utf8_valid(text, size))
        return (struct glyph){"?", 1, 1, 1};
    uint32_t character = size == 1 ? lead : lead & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++)
        character = character << 6 | ((unsigned char)text[i] & 0x3fU);
    if (is_control(character))
        return (struct glyph){"?", 1, 1, size};
    /* -1 says that the locale does not have it: most of that is one column wide. */
    int columns = wcwidth((wchar_t)character);
    return (struct glyph){text, size, columns < 0 ? 1 : (size_t)columns, size};
}

size_t printable_append(struct buffer *out, const char *text)
{
    size_t columns = 0;
    while (*text) {
        struct glyph glyph = take(text);
        buffer_append(out, glyph.bytes, glyph.length);
        columns += glyph.columns;
        text += glyph.taken;
    }
    return columns;
}

void printable_copy(char *copy, size_t size, const char *text)
{
    INVARIANT(size > 0);
    size_t length = 0;
    while (*text) {
        struct glyph glyph = take(text);
        if (length + glyph.length >= size)
            break;
        memcpy(copy + length, glyph.bytes, glyph.length);
        length += glyph.length;
        text += glyph.taken;
    }
    copy[length] = '\0';
}
