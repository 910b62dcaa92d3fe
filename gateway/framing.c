#include "gateway/framing.h"

#include <string.h>
#include <strings.h>

struct head_counts {
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
};

static bool line_names(const char *line, size_t length, const char *name)
{
    size_t name_length = strlen(name);
    return length > name_length && line[name_length] == ':' &&
           strncasecmp(line, name, name_length) == 0;
}

static void count_line(struct head_counts *counts, const char *line, size_t length)
{
    counts->hosts += line_names(line, length, "host");
    counts->lengths += line_names(line, length, "content-length");
    counts->codings += line_names(line, length, "transfer-encoding");
}

/* The line at *next without its end, and *next moved behind it. */
static size_t take_line(const char **next, const char *end)
{
    const char *line = *next;
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    if (newline == NULL) {
        *next = end;
        return (size_t)(end - line);
    }
    *next = newline + 1;
    size_t length = (size_t)(newline - line);
    return length > 0 && line[length - 1] == '\r' ? length - 1 : length;
}

enum framing framing_check(const char *bytes, size_t length, bool http_1_1)
{
    const char *end = bytes + length;
    const char *next = bytes;
    struct head_counts counts = {0};

    /* Like h2o's parser, tolerate an empty line before the request line. */
    if (take_line(&next, end) == 0)
        take_line(&next, end);
    while (next < end) {
        const char *line = next;
        size_t line_length = take_line(&next, end);
        if (line_length == 0)
            break;
        if (line[0] == ' ' || line[0] == '\t')
            return FRAMING_FOLDED;
        count_line(&counts, line, line_length);
    }

    if (next - bytes > FRAMING_HEAD_MAX)
        return FRAMING_TOO_LARGE;
    if (counts.hosts > 1 || (http_1_1 && counts.hosts == 0))
        return FRAMING_HOST;
    if (counts.lengths > 1)
        return FRAMING_LENGTHS;
    if (counts.codings > 1 || (counts.codings == 1 && (counts.lengths > 0 || !http_1_1)))
        return FRAMING_LENGTH_AND_CODE;
    return FRAMING_OK;
}

const char *framing_text(enum framing framing)
{
    switch (framing) {
    case FRAMING_OK: return "";
    case FRAMING_TOO_LARGE: return "Request headers are too large (at most 16 KiB)";
    case FRAMING_FOLDED: return "A header is continued on a second line";
    case FRAMING_HOST: return "Exactly one Host header is required";
    case FRAMING_LENGTHS: return "More than one Content-Length header";
    case FRAMING_LENGTH_AND_CODE: return "Content-Length and Transfer-Encoding do not go together";
    }
    return "";
}
