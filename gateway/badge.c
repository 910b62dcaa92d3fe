#include "gateway/badge.h"

#include <string.h>

#define HEIGHT      20
#define MARGIN      60 /* on either side of a text, in tenths of a pixel */
#define FONT_SIZE   11
#define LABEL_COLOR "#555"
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Advance widths of ' ' to '~' in DejaVu Sans, whose digits and most letters are as wide as
 * Verdana's: thousandths of the font size. */
static const short widths[] = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838,
};
#define WIDTH_OF_OTHERS 640
#define WIDTH_OF_WIDE   1000 /* from the scripts of Asia on */
#define FIRST_WIDE_LEAD 0xe1 /* of UTF-8: U+1000 and more */

int badge_text_width(const char *text)
{
    long thousandths = 0;
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte >= ' ' && byte <= '~')
            thousandths += widths[byte - ' '];
        else if (byte >= FIRST_WIDE_LEAD)
            thousandths += WIDTH_OF_WIDE;
        else if (byte >= 0xc0)
            thousandths += WIDTH_OF_OTHERS;
    }
    return (int)((thousandths * FONT_SIZE + 50) / 100);
}

/* What XML allows in a text and in an attribute's value. */
static void write_escaped(struct buffer *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        switch (*c) {
        case '&': buffer_text(out, "&amp;"); continue;
        case '<': buffer_text(out, "&lt;"); continue;
        case '>': buffer_text(out, "&gt;"); continue;
        case '"': buffer_text(out, "&quot;"); continue;
        case '\'': buffer_text(out, "&#39;"); continue;
        default: break;
        }
        /* U+FFFE and U+FFFF are no characters of XML. */
        if (strncmp(c, "\xef\xbf", 2) == 0 && ((unsigned char)c[2] & 0xfe) == 0xbe) {
            buffer_text(out, REPLACEMENT);
            c += 2;
        } else {
            buffer_append(out, c, 1);
        }
    }
}

/* A text whose middle is at x, stretched to its width whatever font there is; all in tenths. */
static void write_text(struct buffer *out, const char *text, int x, bool dark)
{
    int width = badge_text_width(text);
    if (!dark) {
        buffer_format(out,
                      "<text aria-hidden=\"true\" x=\"%d\" y=\"150\" fill=\"#010101\" "
                      "fill-opacity=\".3\" textLength=\"%d\">",
                      x, width);
        write_escaped(out, text);
        buffer_text(out, "</text>");
    }
    buffer_format(out, "<text x=\"%d\" y=\"140\"%s textLength=\"%d\">", x,
                  dark ? " fill=\"#111\"" : "", width);
    write_escaped(out, text);
    buffer_text(out, "</text>");
}

static void write_name(struct buffer *out, const struct badge *badge)
{
    write_escaped(out, badge->label);
    buffer_text(out, ": ");
    write_escaped(out, badge->message);
}

/* Of a text with its margins, in whole pixels. */
static int part_width(const char *text)
{
    return (badge_text_width(text) + 2 * MARGIN + 9) / 10;
}

void badge_write(struct buffer *out, const struct badge *badge)
{
    int left = part_width(badge->label);
    int right = part_width(badge->message);
    buffer_format(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                  "role=\"img\" aria-label=\"",
                  left + right, HEIGHT);
    write_name(out, badge);
    buffer_text(out, "\"><title>");
    write_name(out, badge);
    buffer_format(out,
                  "</title><path fill=\"" LABEL_COLOR "\" d=\"M%d 0H3a3 3 0 0 0-3 3v14a3 3 0 0 0 3 "
                  "3h%dz\"/><path fill=\"%s\" d=\"M%d 0h%da3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H%dz\"/>"
                  "<g fill=\"#fff\" text-anchor=\"middle\" "
                  "font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\" font-size=\"%d\" "
                  "transform=\"scale(.1)\">",
                  left, left - 3, badge->color, left, right - 3, left, 10 * FONT_SIZE);
    write_text(out, badge->label, 5 * left, false);
    write_text(out, badge->message, 10 * left + 5 * right, badge->dark_text);
    buffer_text(out, "</g></svg>");
}
