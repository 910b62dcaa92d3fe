#include "mailer/content.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SENTENCES_SIZE                                                                             \
    1024 /* of one paragraph: a job's name and an error are in it at most once                     \
          */

void content_free(struct content *content)
{
    buffer_free(&content->subject);
    for (size_t i = 0; i < content->count; i++)
        buffer_free(&content->paragraphs[i].text);
    *content = CONTENT_EMPTY;
}

static struct buffer *add(struct content *content, bool verbatim)
{
    INVARIANT(content->count < CONTENT_PARAGRAPHS_MAX);
    struct paragraph *added = &content->paragraphs[content->count++];
    *added = (struct paragraph){.verbatim = verbatim, .text = BUFFER_EMPTY};
    return &added->text;
}

struct buffer *content_add_verbatim(struct content *content)
{
    return add(content, true);
}

void content_say(struct content *content, const char *format, ...)
{
    char sentences[SENTENCES_SIZE];
    va_list arguments;
    va_start(arguments, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is
    int length = vsnprintf(sentences, sizeof sentences, format, arguments);
    va_end(arguments);
    INVARIANT(length >= 0 && (size_t)length < sizeof sentences);
    buffer_text(add(content, false), sentences);
}

/* In single quotes for a shell, where a quote itself needs to leave them. */
static void write_shell_quoted(struct buffer *out, const char *text)
{
    buffer_text(out, "'");
    for (; *text; text++) {
        if (*text == '\'')
            buffer_text(out, "'\\''");
        else
            buffer_append(out, text, 1);
    }
    buffer_text(out, "'");
}

void content_add_request(struct content *content, const char *public_url, const char *method,
                         const char *path, bool with_key, const char *body)
{
    size_t base = strlen(public_url);
    while (base > 0 && public_url[base - 1] == '/')
        base--;
    struct buffer *out = add(content, true);
    buffer_text(out, "curl ");
    if (strcmp(method, "GET") != 0)
        buffer_format(out, "-X %s ", method);
    buffer_format(out, "%.*s%s", (int)base, public_url, path);
    if (with_key)
        buffer_text(out, " -H \"Authorization: Bearer coco_your_api_key\"");
    if (body) {
        buffer_text(out, " -H \"Content-Type: application/json\" -d ");
        write_shell_quoted(out, body);
    }
}

/* Paragraphs of words are folded to lines of this width; the others are not. */
#define TEXT_WIDTH 72

static void write_folded(struct buffer *out, const char *words)
{
    size_t column = 0;
    while (*words) {
        size_t length = strcspn(words, " ");
        if (column > 0) {
            bool fits = column + 1 + length <= TEXT_WIDTH;
            buffer_text(out, fits ? " " : "\n");
            column = fits ? column + 1 : 0;
        }
        buffer_append(out, words, length);
        column += length;
        words += length;
        words += strspn(words, " ");
    }
}

void content_write_text(const struct content *content, struct buffer *out)
{
    for (size_t i = 0; i < content->count; i++) {
        const struct paragraph *each = &content->paragraphs[i];
        if (each->verbatim)
            buffer_text(out, each->text.data);
        else
            write_folded(out, each->text.data);
        buffer_text(out, "\n\n");
    }
    buffer_text(out, "-- \nCronCoco\n");
}

static void write_html_escaped(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&': buffer_text(out, "&amp;"); break;
        case '<': buffer_text(out, "&lt;"); break;
        case '>': buffer_text(out, "&gt;"); break;
        case '"': buffer_text(out, "&quot;"); break;
        case '\'': buffer_text(out, "&#39;"); break;
        default: buffer_append(out, text, 1);
        }
    }
}

#define PRE_OPEN                                                                                   \
    "<pre style=\"font-family:monospace;background:#f4f4f4;padding:12px;white-space:pre-wrap;"     \
    "word-break:break-all\">"

void content_write_html(const struct content *content, struct buffer *out)
{
    buffer_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>");
    write_html_escaped(out, content->subject.data);
    buffer_text(out, "</title></head>\n<body style=\"font-family:sans-serif;max-width:40em\">\n");
    for (size_t i = 0; i < content->count; i++) {
        const struct paragraph *each = &content->paragraphs[i];
        buffer_text(out, each->verbatim ? PRE_OPEN : "<p>");
        write_html_escaped(out, each->text.data);
        buffer_text(out, each->verbatim ? "</pre>\n" : "</p>\n");
    }
    buffer_text(out, "<p>CronCoco</p>\n</body>\n</html>\n");
}
