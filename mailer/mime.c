#include "mailer/mime.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_BYTES 76

static bool is_plain(unsigned char c)
{
    return (c >= ' ' && c <= '~' && c != '=') || c == '\t';
}

void mime_quoted_printable(struct buffer *out, const char *text, size_t length)
{
    size_t column = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n') {
            buffer_text(out, "\r\n");
            column = 0;
            continue;
        }
        bool line_ends = i + 1 == length || text[i + 1] == '\n';
        /* Servers strip space at the end of a line. */
        bool plain = is_plain(c) && !(line_ends && (c == ' ' || c == '\t'));
        size_t width = plain ? 1 : 3;
        /* The last place of a line is for the = of a soft break, unless the line ends here. */
        if (column + width > LINE_MAX_BYTES - (line_ends ? 0 : 1)) {
            buffer_text(out, "=\r\n");
            column = 0;
        }
        if (plain)
            buffer_append(out, &text[i], 1);
        else
            buffer_format(out, "=%02X", c);
        column += width;
    }
}

/* Words that are printed as they are, and none of which would be read as an encoded one. */
static bool needs_encoding(const char *value)
{
    for (const char *c = value; *c; c++) {
        if (*c < ' ' || *c > '~')
            return true;
    }
    return strstr(value, "=?");
}

static void write_base64(struct buffer *out, const unsigned char *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned group = (unsigned)bytes[i] << 16;
        group |= left > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        group |= left > 2 ? bytes[i + 2] : 0;
        char text[4] = {digits[group >> 18], digits[group >> 12 & 63], digits[group >> 6 & 63],
                        digits[group & 63]};
        if (left < 3)
            text[3] = '=';
        if (left < 2)
            text[2] = '=';
        buffer_append(out, text, sizeof text);
    }
}

/* An encoded word has at most 75 bytes; the first stands behind the header's name. */
#define WORD_BYTES 39

static void write_encoded(struct buffer *out, const char *value)
{
    size_t left = strlen(value);
    while (left > 0) {
        size_t length = left < WORD_BYTES ? left : WORD_BYTES;
        /* A character stays whole. */
        while (length < left && length > 1 && ((unsigned char)value[length] & 0xc0) == 0x80)
            length--;
        buffer_text(out, "=?UTF-8?B?");
        write_base64(out, (const unsigned char *)value, length);
        buffer_text(out, "?=");
        value += length;
        left -= length;
        if (left > 0)
            buffer_text(out, "\r\n ");
    }
}

/* A fold goes before the first of several spaces, so that no line consists of spaces. */
static void write_plain(struct buffer *out, const char *value, size_t column)
{
    while (*value) {
        size_t length = strspn(value, " ");
        length += strcspn(value + length, " ");
        if (column + length > LINE_MAX_BYTES && *value == ' ') {
            buffer_text(out, "\r\n");
            column = 0;
        }
        buffer_append(out, value, length);
        column += length;
        value += length;
    }
}

void mime_header(struct buffer *out, const char *name, const char *value)
{
    buffer_format(out, "%s: ", name);
    if (needs_encoding(value))
        write_encoded(out, value);
    else
        write_plain(out, value, strlen(name) + 2);
    buffer_text(out, "\r\n");
}

char *mime_date(char text[static MIME_DATE_SIZE], int64_t time_ms)
{
    /* Not strftime: its names follow the locale. */
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t time_s = (time_t)(time_ms / 1000);
    struct tm tm = {0};
    gmtime_r(&time_s, &tm);
    snprintf(text, MIME_DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return text;
}
