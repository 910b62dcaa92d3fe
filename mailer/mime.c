#include "mailer/mime.h"

#include <stdbool.h>
#include <stdio.h>
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
