#include "mailer/token_mail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/json.h"
#include "shared/secret.h"

#define PATH_SIZE 64

static void add_token(struct content *content, const struct mail *mail, const char *secret)
{
    char token[TOKEN_TEXT_SIZE];
    buffer_text(content_add_verbatim(content),
                token_make(secret, mail_kind_name(mail->kind), mail->token_id, token));
}

static void add_command(struct content *content, const struct mail *mail, const char *public_url,
                        const char *secret, const char *method, const char *path, bool email)
{
    bool token = mail->kind != MAIL_KNOWN;
    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "{");
    if (email) {
        buffer_text(&body, "\"email\":");
        json_write_string(&body, mail->to, strlen(mail->to));
    }
    if (token) {
        char text[TOKEN_TEXT_SIZE];
        buffer_format(&body, "%s\"token\":\"%s\"", email ? "," : "",
                      token_make(secret, mail_kind_name(mail->kind), mail->token_id, text));
    }
    buffer_text(&body, "}");
    content_add_request(content, public_url, method, path, false, body.data);
    buffer_free(&body);
}

static void add_expiry(struct content *content, const struct mail *mail)
{
    int64_t minutes = (mail->expires_ms - mail->created_ms + 30000) / 60000;
    time_t expires_s = (time_t)(mail->expires_ms / 1000);
    struct tm tm = {0};
    gmtime_r(&expires_s, &tm);
    content_say(content,
                "The token works once, and expires %" PRId64
                " minutes after it was asked for: on %04d-%02d-%02d at %02d:%02d UTC.",
                minutes, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
}

static void write_verify(const struct mail *mail, const char *public_url, const char *secret,
                         struct content *content)
{
    buffer_text(&content->subject, "Your CronCoco verification token");
    content_say(content, "Welcome to CronCoco. This token finishes your registration:");
    add_token(content, mail, secret);
    content_say(content, "Exchange it for your API key:");
    add_command(content, mail, public_url, secret, "POST", "/verify-email", false);
    add_expiry(content, mail);
    content_say(content, "The answer holds your API key. It is shown this once only, so keep it "
                         "in a safe place.");
    content_say(content,
                "If you did not register, ignore this mail: without the token nothing happens.");
}

static void write_known(const struct mail *mail, const char *public_url, struct content *content)
{
    buffer_text(&content->subject, "You already have a CronCoco account");
    content_say(content, "Somebody, probably you, registered this address with CronCoco. It has an "
                         "account already, and nothing was changed.");
    content_say(content, "An API key cannot be shown a second time. If you lost yours, ask for a "
                         "new one:");
    add_command(content, mail, public_url, NULL, "POST", "/request-key-rotation", true);
    content_say(content, "If it was not you, ignore this mail: your account and your key stay as "
                         "they are.");
}

static void write_rotate(const struct mail *mail, const char *public_url, const char *secret,
                         struct content *content)
{
    buffer_text(&content->subject, "Your CronCoco key rotation token");
    content_say(content, "This token replaces the API key of your CronCoco account:");
    add_token(content, mail, secret);
    content_say(content, "Exchange it for a new key:");
    add_command(content, mail, public_url, secret, "POST", "/rotate-key", false);
    add_expiry(content, mail);
    content_say(content, "The answer holds the new key. From then on the old one is refused; your "
                         "jobs go on as they are.");
    content_say(content, "If you did not ask for this, ignore this mail: without the token your "
                         "key stays valid.");
}

static void write_delete(const struct mail *mail, const char *public_url, const char *secret,
                         struct content *content)
{
    buffer_text(&content->subject, "Confirm the deletion of your CronCoco account");
    content_say(content, "This token deletes your CronCoco account with all its jobs and their "
                         "execution history, at once and for good:");
    add_token(content, mail, secret);
    content_say(content, "To confirm, run:");
    add_command(content, mail, public_url, secret, "DELETE", "/account", true);
    add_expiry(content, mail);
    content_say(content, "If you did not ask for this, ignore this mail: without the token nothing "
                         "is deleted.");
}

static void write_channel(const struct mail *mail, const char *public_url, const char *secret,
                          struct content *content)
{
    char path[PATH_SIZE], token[TOKEN_TEXT_SIZE], body[TOKEN_TEXT_SIZE + 16];
    snprintf(path, sizeof path, "/api/v1/channels/ch_%03" PRId64 "/verify", mail->channel);
    token_make(secret, mail_kind_name(mail->kind), mail->token_id, token);
    snprintf(body, sizeof body, "{\"token\":\"%s\"}", token);
    buffer_text(&content->subject, "Confirm that CronCoco may send alerts to this address");
    content_say(content, "Somebody, probably you, wants CronCoco to mail alerts about checks to "
                         "this address. This token confirms that it may:");
    add_token(content, mail, secret);
    content_say(content, "To confirm, run this with the API key of the account, or give the token "
                         "to whoever asked you for it:");
    content_add_request(content, public_url, "POST", path, true, body);
    add_expiry(content, mail);
    content_say(content, "If you do not want alerts here, ignore this mail: without the token none "
                         "are sent.");
}

void token_mail_write(const struct mail *mail, const char *public_url, const char *secret,
                      struct content *content)
{
    if (mail->kind == MAIL_VERIFY)
        write_verify(mail, public_url, secret, content);
    else if (mail->kind == MAIL_KNOWN)
        write_known(mail, public_url, content);
    else if (mail->kind == MAIL_ROTATE)
        write_rotate(mail, public_url, secret, content);
    else if (mail->kind == MAIL_DELETE)
        write_delete(mail, public_url, secret, content);
    else if (mail->kind == MAIL_CHANNEL)
        write_channel(mail, public_url, secret, content);
    else
        invariant_failed("a mail with a token", __FILE__, __LINE__);
}
