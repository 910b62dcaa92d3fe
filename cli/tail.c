#include "cli/tail.h"

#include <string.h>

void tail_append(struct tail *tail, const char *bytes, size_t length)
{
    if (length > TAIL_MAX) {
        bytes += length - TAIL_MAX;
        length = TAIL_MAX;
    }
    size_t first = TAIL_MAX - tail->next < length ? TAIL_MAX - tail->next : length;
    memcpy(tail->bytes + tail->next, bytes, first);
    memcpy(tail->bytes, bytes + first, length - first);
    tail->next = (tail->next + length) % TAIL_MAX;
    tail->length = tail->length + length < TAIL_MAX ? tail->length + length : TAIL_MAX;
}

size_t tail_copy(const struct tail *tail, char copy[static TAIL_MAX])
{
    size_t start = (tail->next + TAIL_MAX - tail->length) % TAIL_MAX;
    size_t first = TAIL_MAX - start < tail->length ? TAIL_MAX - start : tail->length;
    memcpy(copy, tail->bytes + start, first);
    memcpy(copy + first, tail->bytes, tail->length - first);
    return tail->length;
}
