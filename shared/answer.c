#include "shared/answer.h"

#include <string.h>

#include "shared/command.h"

#define RETRY_AFTER_MAX 2678400 /* 31 days */

void answer_encode(const struct answer *answer, struct buffer *out)
{
    INVARIANT(command_id_valid(answer->id, answer->id_length));
    INVARIANT(answer->status >= 100 && answer->status <= 599);
    INVARIANT(answer->retry_after_s >= 0 && answer->retry_after_s <= RETRY_AFTER_MAX);
    buffer_format(out, "1 %d %d ", answer->status, answer->retry_after_s);
    buffer_append(out, answer->id, answer->id_length);
    buffer_append(out, "\n", 1);
    buffer_append(out, answer->body, answer->body_length);
}

/* A decimal number without leading zeros and the space behind it; -1 where there is none. */
static int number_take(const char **at, const char *end, int most)
{
    const char *from = *at;
    int value = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        value = value * 10 + (**at - '0');
        (*at)++;
        if (value > most)
            return -1;
    }
    if (*at == from || *at == end || **at != ' ' || (*from == '0' && *at - from > 1))
        return -1;
    (*at)++;
    return value;
}

int answer_decode(const void *bytes, size_t length, struct answer *answer)
{
    const char *at = bytes;
    if (length < 2 || at[0] != '1' || at[1] != ' ')
        return -1;
    const char *end = at + length;
    at += 2;
    int status = number_take(&at, end, 599);
    if (status < 100)
        return -1;
    int retry_after_s = number_take(&at, end, RETRY_AFTER_MAX);
    if (retry_after_s < 0)
        return -1;
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    if (!line_end || !command_id_valid(at, (size_t)(line_end - at)))
        return -1;
    answer->status = status;
    answer->retry_after_s = retry_after_s;
    answer->id = at;
    answer->id_length = (size_t)(line_end - at);
    answer->body = line_end + 1;
    answer->body_length = (size_t)(end - line_end - 1);
    return 0;
}
