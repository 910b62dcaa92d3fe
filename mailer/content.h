/*
 * What a mail says: a subject and paragraphs. Text and HTML are two ways to print them.
 */
#ifndef MAILER_CONTENT_H
#define MAILER_CONTENT_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/buffer.h"
#include "shared/compiler.h"

#define CONTENT_PARAGRAPHS_MAX 16

struct paragraph {
    bool verbatim; /* a token, a command or a table: its lines stay as they are */
    struct buffer text;
};

struct content {
    struct buffer subject; /* UTF-8, one line */
    struct paragraph paragraphs[CONTENT_PARAGRAPHS_MAX];
    size_t count;
};

#define CONTENT_EMPTY ((struct content){.subject = BUFFER_EMPTY})

void content_free(struct content *content);

/* Adds a verbatim paragraph and returns where to write it. */
struct buffer *content_add_verbatim(struct content *content);
/* Adds a paragraph of words. */
void content_say(struct content *content, const char *format, ...) PRINTF_LIKE(2, 3);

/*
 * Adds a command for the shell: method and path below the base URL public_url, with the header of
 * an API key where it needs one, and a JSON body unless that is NULL.
 */
void content_add_request(struct content *content, const char *public_url, const char *method,
                         const char *path, bool with_key, const char *body);

void content_write_text(const struct content *content, struct buffer *out);
void content_write_html(const struct content *content, struct buffer *out);

#endif
