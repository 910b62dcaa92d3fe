/* A badge: a label and a message side by side, as SVG. Pure. */
#ifndef GATEWAY_BADGE_H
#define GATEWAY_BADGE_H

#include <stdbool.h>

#include "shared/buffer.h"

struct badge {
    const char *label; /* UTF-8 without control characters, as the message */
    const char *message;
    const char *color; /* behind the message: "#22c55e" */
    bool dark_text;    /* of the message, where white would be hard to read on the color */
};

void badge_write(struct buffer *out, const struct badge *badge);

/* How wide a text is in the badge's font, in tenths of a pixel. */
int badge_text_width(const char *text);

#endif
