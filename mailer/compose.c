#include "mailer/compose.h"

#include <stdbool.h>
#include <string.h>

#include "mailer/check_mail.h"
#include "mailer/content.h"
#include "mailer/job_mail.h"
#include "mailer/mime.h"
#include "mailer/token_mail.h"

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

static void write_headers(const struct composer *composer, const struct content *content,
                          const struct mail *mail, struct buffer *out)
{
    size_t sender_length;
    const char *sender = composer_sender(composer, &sender_length);
    const char *host = memchr(sender, '@', sender_length);
    INVARIANT(host);
    host++;
    char date[MIME_DATE_SIZE];
    buffer_format(out, "From: %s\r\nTo: %s\r\n", composer->from, mail->to);
    mime_header(out, "Subject", content->subject.data);
    buffer_format(out, "Date: %s\r\nMessage-ID: <%s@%.*s>\r\n", mime_date(date, mail->created_ms),
                  mail->id, (int)(sender_length - (size_t)(host - sender)), host);
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
    struct content content = CONTENT_EMPTY;
    switch (mail_topic(mail->kind)) {
    case MAIL_ABOUT_TOKEN:
        token_mail_write(mail, composer->public_url, composer->secret, &content);
        break;
    case MAIL_ABOUT_JOB: job_mail_write(mail, composer->public_url, &content); break;
    case MAIL_ABOUT_CHECKS: check_mail_write(mail, composer->public_url, &content); break;
    }

    struct buffer text = BUFFER_EMPTY;
    struct buffer html = BUFFER_EMPTY;
    content_write_text(&content, &text);
    content_write_html(&content, &html);

    write_headers(composer, &content, mail, out);
    buffer_format(out, "Content-Type: multipart/alternative; boundary=\"=_%s\"\r\n\r\n", mail->id);
    write_part(mail, "text/plain", &text, out);
    write_part(mail, "text/html", &html, out);
    buffer_format(out, "--=_%s--\r\n", mail->id);

    buffer_free(&text);
    buffer_free(&html);
    content_free(&content);
}
