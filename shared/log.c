/*
 * A line is built in a buffer of fixed size, which is also what a pipe takes as a whole (PIPE_BUF),
 * so that logging needs no heap and lines of several processes on one pipe do not mix.
 */
#include "shared/log.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/compiler.h"

_Static_assert(LOG_LINE_SIZE <= PIPE_BUF, "a line must be written as a whole");

#define NAME_SIZE 128
/* Room that fields leave for the ends of a line: a cut string's dots and quote, "}" and "\n". */
#define TAIL_SIZE 8

static char process_name[NAME_SIZE] = "?";
static char instance_name[NAME_SIZE];
static enum log_level lowest_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct line {
    char bytes[LOG_LINE_SIZE];
    size_t length;
};

void log_open(const char *process, const char *instance, enum log_level level)
{
    snprintf(process_name, sizeof process_name, "%s", process);
    snprintf(instance_name, sizeof instance_name, "%s", instance ? instance : "");
    lowest_level = level;
}

bool log_enabled(enum log_level level)
{
    return level >= lowest_level;
}

/* False, and nothing appended, where there is no room. */
static bool line_append(struct line *line, const char *text, size_t length)
{
    if (line->length + length > sizeof line->bytes - TAIL_SIZE)
        return false;
    memcpy(line->bytes + line->length, text, length);
    line->length += length;
    return true;
}

static bool line_text(struct line *line, const char *text)
{
    return line_append(line, text, strlen(text));
}

/* Into the room that TAIL_SIZE keeps. */
static void line_end(struct line *line, const char *text)
{
    size_t length = strlen(text);
    INVARIANT(line->length + length <= sizeof line->bytes);
    memcpy(line->bytes + line->length, text, length);
    line->length += length;
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Bytes of the UTF-8 sequence at a text's place, or 0 where there is no valid one (RFC 3629). */
static size_t utf8_sequence(const unsigned char *text)
{
    if (text[0] < 0x80)
        return 1;
    if (text[0] < 0xC2 || text[0] > 0xF4)
        return 0;
    /* The NUL at the end of the text is no continuation, so nothing behind it is read. */
    if (!is_continuation(text[1]))
        return 0;
    if (text[0] < 0xE0)
        return 2;
    if ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
        (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F) ||
        !is_continuation(text[2]))
        return 0;
    if (text[0] < 0xF0)
        return 3;
    return is_continuation(text[3]) ? 4 : 0;
}

/* One character of a JSON string. */
static bool line_character(struct line *line, const unsigned char *text, size_t length)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    char escaped[8];
    if (length == 0)
        return line_text(line, replacement);
    switch (text[0]) {
    case '"': return line_text(line, "\\\"");
    case '\\': return line_text(line, "\\\\");
    case '\n': return line_text(line, "\\n");
    case '\r': return line_text(line, "\\r");
    case '\t': return line_text(line, "\\t");
    default: break;
    }
    if (text[0] < 0x20 || text[0] == 0x7F) {
        snprintf(escaped, sizeof escaped, "\\u%04x", text[0]);
        return line_text(line, escaped);
    }
    return line_append(line, (const char *)text, length);
}

/* A JSON string; what does not fit is cut off and marked with dots. */
static bool line_string(struct line *line, const char *string)
{
    if (!line_text(line, "\""))
        return false;
    const unsigned char *next = (const unsigned char *)string;
    while (*next) {
        size_t length = utf8_sequence(next);
        if (!line_character(line, next, length)) {
            line_end(line, "...");
            break;
        }
        next += length ? length : 1;
    }
    line_end(line, "\"");
    return true;
}

static bool line_value(struct line *line, const struct log_field *field)
{
    char number[40];
    switch (field->kind) {
    case LOG_FIELD_STRING:
        return field->value.string ? line_string(line, field->value.string)
                                   : line_text(line, "null");
    case LOG_FIELD_INTEGER:
        snprintf(number, sizeof number, "%lld", (long long)field->value.integer);
        return line_text(line, number);
    case LOG_FIELD_REAL:
        if (!isfinite(field->value.real))
            return line_text(line, "null");
        snprintf(number, sizeof number, "%.15g", field->value.real);
        return line_text(line, number);
    case LOG_FIELD_BOOLEAN: return line_text(line, field->value.boolean ? "true" : "false");
    }
    invariant_failed("a known kind of field", __FILE__, __LINE__);
}

/* A field for which there is no room is left out. */
static void line_field(struct line *line, const struct log_field *field)
{
    size_t start = line->length;
    bool fits = line_text(line, ",\"") && line_text(line, field->name) && line_text(line, "\":") &&
                line_value(line, field);
    if (!fits)
        line->length = start;
}

/* Logs have nowhere to report an error to: a line that cannot be written is lost. */
static void line_write(const struct line *line)
{
    size_t written = 0;
    while (written < line->length) {
        ssize_t count = write(STDERR_FILENO, line->bytes + written, line->length - written);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return;
        written += (size_t)count;
    }
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    if (!log_enabled(level))
        return;
    int saved_errno = errno;
    struct line line;
    char time[CLOCK_TEXT_SIZE];
    line.length = 0;
    line_text(&line, "{\"time\":\"");
    line_text(&line, clock_format_ms(time, clock_now_ms()));
    line_text(&line, "\",\"level\":\"");
    line_text(&line, level_names[level]);
    line_text(&line, "\"");
    line_field(&line, &LOG_STR("process", process_name));
    if (instance_name[0])
        line_field(&line, &LOG_STR("instance", instance_name));
    line_field(&line, &LOG_STR("message", message));
    for (size_t i = 0; i < count; i++)
        line_field(&line, &fields[i]);
    line_end(&line, "}\n");
    line_write(&line);
    errno = saved_errno;
}
