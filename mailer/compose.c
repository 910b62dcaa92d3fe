/*
 * A letter is a list of paragraphs, some of them a token or a command for the shell; text and HTML
 * are two ways to print that list.
 */
#include "mailer/compose.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mailer/mime.h"
#include "shared/json.h"

#define PARAGRAPH_MAX 8

enum paragraph_kind {
    PARAGRAPH_END,
    PARAGRAPH_TEXT,
    PARAGRAPH_TOKEN,
    PARAGRAPH_COMMAND,
    PARAGRAPH_EXPIRY
};

struct paragraph {
    enum paragraph_kind kind;
    const char *text; /* of PARAGRAPH_TEXT */
};

struct letter {
    const char *subject;
    /* The request of its command. */
    const char *method;
    const char *path;
    bool sends_email;
    bool sends_token;
    struct paragraph paragraphs[PARAGRAPH_MAX];
};

#define TEXT(words)                                                                                \
    {                                                                                              \
        PARAGRAPH_TEXT, (words)                                                                    \
    }
#define TOKEN                                                                                      \
    {                                                                                              \
        PARAGRAPH_TOKEN, NULL                                                                      \
    }
#define COMMAND                                                                                    \
    {                                                                                              \
        PARAGRAPH_COMMAND, NULL                                                                    \
    }
#define EXPIRY                                                                                     \
    {                                                                                              \
        PARAGRAPH_EXPIRY, NULL                                                                     \
    }

static const struct letter letters[MAIL_KINDS] = {
    [MAIL_VERIFY] = {"Your CronCoco verification token",
                     "POST",
                     "/verify-email",
                     false,
                     true,
                     {TEXT("Welcome to CronCoco. This token finishes your registration:"), TOKEN,
                      TEXT("Exchange it for your API key:"), COMMAND, EXPIRY,
                      TEXT("The answer holds your API key. It is shown this once only, so keep it "
                           "in a safe place."),
                      TEXT("If you did not register, ignore this mail: without the token nothing "
                           "happens.")}},
    [MAIL_KNOWN] = {"You already have a CronCoco account",
                    "POST",
                    "/request-key-rotation",
                    true,
                    false,
                    {TEXT(
                         "Somebody, probably you, registered this address with CronCoco. It has an "
                         "account already, and nothing was changed."),
                     TEXT("An API key cannot be shown a second time. If you lost yours, ask for a "
                          "new one:"),
                     COMMAND,
                     TEXT("If it was not you, ignore this mail: your account and your key stay as "
                          "they are.")}},
    [MAIL_ROTATE] = {"Your CronCoco key rotation token",
                     "POST",
                     "/rotate-key",
                     false,
                     true,
                     {TEXT("This token replaces the API key of your CronCoco account:"), TOKEN,
                      TEXT("Exchange it for a new key:"), COMMAND, EXPIRY,
                      TEXT(
                          "The answer holds the new key. From then on the old one is refused; your "
                          "jobs go on as they are."),
                      TEXT("If you did not ask for this, ignore this mail: without the token your "
                           "key stays valid.")}},
    [MAIL_DELETE] =
        {"Confirm the deletion of your CronCoco account",
         "DELETE",
         "/account",
         true,
         true,
         {TEXT("This token deletes your CronCoco account with all its jobs and their "
               "execution history, at once and for good:"),
          TOKEN, TEXT("To confirm, run:"), COMMAND, EXPIRY,
          TEXT("If you did not ask for this, ignore this mail: without the token nothing "
               "is deleted.")}},
};

/* What goes into the places of one mail's letter. */
struct filling {
    char token[TOKEN_TEXT_SIZE];
    struct buffer command;
    char expiry[160];
};

static bool is_printable(const char *text, const char *except)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~' || strchr(except, *text))
            return false;
    }
    return true;
}

int compose_address_check(const char *address)
{
    const char *at = strchr(address, '@');
    bool fine = at && at != address && at[1] && !strchr(at + 1, '@') &&
                is_printable(address, " ,;:()<>[]\"\\");
    return fine ? 0 : -1;
}

const char *composer_sender(const struct composer *composer, size_t *length)
{
    const char *open = strchr(composer->from, '<');
    const char *start = open ? open + 1 : composer->from;
    *length = strcspn(start, ">");
    return start;
}

int composer_check(const struct composer *composer, const char **error)
{
    const char *url = composer->public_url;
    if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) ||
        !is_printable(url, " \"'\\<>`")) {
        *error = "PUBLIC_URL is not an http(s) URL";
        return -1;
    }
    size_t length;
    const char *start = composer_sender(composer, &length);
    char address[MAIL_EMAIL_SIZE];
    *error = "MAIL_FROM is neither an address nor 'Name <address>' in ASCII";
    if (length >= sizeof address || !is_printable(composer->from, ""))
        return -1;
    memcpy(address, start, length);
    address[length] = '\0';
    bool bracket = start != composer->from;
    bool closed = bracket ? strcmp(start + length, ">") == 0 : start[length] == '\0';
    return closed && compose_address_check(address) == 0 ? 0 : -1;
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

static void write_command(const struct composer *composer, const struct letter *letter,
                          const struct mail *mail, struct filling *filling)
{
    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "{");
    if (letter->sends_email) {
        buffer_text(&body, "\"email\":");
        json_write_string(&body, mail->to, strlen(mail->to));
    }
    if (letter->sends_token)
        buffer_format(&body, "%s\"token\":\"%s\"", letter->sends_email ? "," : "", filling->token);
    buffer_text(&body, "}");

    size_t base = strlen(composer->public_url);
    while (base > 0 && composer->public_url[base - 1] == '/')
        base--;
    buffer_format(&filling->command, "curl -X %s %.*s%s -H \"Content-Type: application/json\" -d ",
                  letter->method, (int)base, composer->public_url, letter->path);
    write_shell_quoted(&filling->command, body.data);
    buffer_free(&body);
}

static void write_expiry(const struct mail *mail, struct filling *filling)
{
    int64_t minutes = (mail->expires_ms - mail->created_ms + 30000) / 60000;
    time_t expires_s = (time_t)(mail->expires_ms / 1000);
    struct tm tm = {0};
    gmtime_r(&expires_s, &tm);
    snprintf(filling->expiry, sizeof filling->expiry,
             "The token works once, and expires %" PRId64
             " minutes after it was asked for: on %04d-%02d-%02d at %02d:%02d UTC.",
             minutes, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
}

static const char *paragraph_text(const struct paragraph *paragraph, const struct filling *filling)
{
    switch (paragraph->kind) {
    case PARAGRAPH_END: return NULL;
    case PARAGRAPH_TEXT: return paragraph->text;
    case PARAGRAPH_TOKEN: return filling->token;
    case PARAGRAPH_COMMAND: return filling->command.data;
    case PARAGRAPH_EXPIRY: return filling->expiry;
    }
    invariant_failed("a known kind of paragraph", __FILE__, __LINE__);
}

/* Paragraphs of words are folded to lines of this width; tokens and commands are not. */
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

static void write_text(const struct letter *letter, const struct filling *filling,
                       struct buffer *out)
{
    for (const struct paragraph *each = letter->paragraphs; each->kind != PARAGRAPH_END; each++) {
        const char *text = paragraph_text(each, filling);
        if (each->kind == PARAGRAPH_TEXT || each->kind == PARAGRAPH_EXPIRY)
            write_folded(out, text);
        else
            buffer_text(out, text);
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

static void write_html(const struct letter *letter, const struct filling *filling,
                       struct buffer *out)
{
    buffer_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>");
    write_html_escaped(out, letter->subject);
    buffer_text(out, "</title></head>\n<body style=\"font-family:sans-serif;max-width:40em\">\n");
    for (const struct paragraph *each = letter->paragraphs; each->kind != PARAGRAPH_END; each++) {
        bool words = each->kind == PARAGRAPH_TEXT || each->kind == PARAGRAPH_EXPIRY;
        buffer_text(out, words ? "<p>" : PRE_OPEN);
        write_html_escaped(out, paragraph_text(each, filling));
        buffer_text(out, words ? "</p>\n" : "</pre>\n");
    }
    buffer_text(out, "<p>CronCoco</p>\n</body>\n</html>\n");
}

static void write_headers(const struct composer *composer, const struct letter *letter,
                          const struct mail *mail, struct buffer *out)
{
    size_t sender_length;
    const char *sender = composer_sender(composer, &sender_length);
    const char *host = memchr(sender, '@', sender_length);
    INVARIANT(host);
    host++;
    char date[MIME_DATE_SIZE];
    buffer_format(out, "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\n", composer->from,
                  mail->to, letter->subject, mime_date(date, mail->created_ms));
    buffer_format(out, "Message-ID: <%s@%.*s>\r\n", mail->id,
                  (int)(sender_length - (size_t)(host - sender)), host);
    buffer_text(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
}

static void write_part(const struct mail *mail, const char *type, const struct buffer *content,
                       struct buffer *out)
{
    buffer_format(out,
                  "--=_%s\r\nContent-Type: %s; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                  mail->id, type);
    mime_quoted_printable(out, content->data, content->length);
    buffer_text(out, "\r\n");
}

void compose(const struct composer *composer, const struct mail *mail, struct buffer *out)
{
    INVARIANT(mail->kind < MAIL_KINDS);
    const struct letter *letter = &letters[mail->kind];
    struct filling filling = {.command = BUFFER_EMPTY};
    if (letter->sends_token)
        token_make(composer->secret, mail_kind_name(mail->kind), mail->token_id, filling.token);
    write_command(composer, letter, mail, &filling);
    write_expiry(mail, &filling);

    struct buffer text = BUFFER_EMPTY;
    struct buffer html = BUFFER_EMPTY;
    write_text(letter, &filling, &text);
    write_html(letter, &filling, &html);

    write_headers(composer, letter, mail, out);
    buffer_format(out, "Content-Type: multipart/alternative; boundary=\"=_%s\"\r\n\r\n", mail->id);
    write_part(mail, "text/plain", &text, out);
    write_part(mail, "text/html", &html, out);
    buffer_format(out, "--=_%s--\r\n", mail->id);

    buffer_free(&text);
    buffer_free(&html);
    buffer_free(&filling.command);
}
