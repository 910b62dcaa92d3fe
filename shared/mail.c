#include "shared/mail.h"

#include <stdbool.h>
#include <string.h>

#include "shared/json.h"

#define MAIL_VERSION 1
/* The year 10000, up to which a date has a fixed width. */
#define MAIL_TIME_MAX_MS 253402300799999

static const char *const kind_names[MAIL_KINDS] = {
    [MAIL_VERIFY] = "verify", [MAIL_KNOWN] = "known",     [MAIL_ROTATE] = "rotate",
    [MAIL_DELETE] = "delete", [MAIL_FAILURE] = "failure", [MAIL_PAUSE_WARNING] = "pause_warning",
    [MAIL_PAUSED] = "paused", [MAIL_GONE] = "gone",
};

const char *mail_kind_name(enum mail_kind kind)
{
    INVARIANT(kind < MAIL_KINDS);
    return kind_names[kind];
}

bool mail_about_job(enum mail_kind kind)
{
    INVARIANT(kind < MAIL_KINDS);
    switch (kind) {
    case MAIL_VERIFY:
    case MAIL_KNOWN:
    case MAIL_ROTATE:
    case MAIL_DELETE:
    case MAIL_KINDS: return false;
    case MAIL_FAILURE:
    case MAIL_PAUSE_WARNING:
    case MAIL_PAUSED:
    case MAIL_GONE: return true;
    }
    return false;
}

static void text_encode(const char *name, const char *text, size_t size, struct buffer *out)
{
    buffer_format(out, ",\"%s\":", name);
    json_write_string(out, text, strnlen(text, size - 1));
}

static void job_encode(const struct mail *mail, struct buffer *out)
{
    buffer_format(out, ",\"job_id\":%lld", (long long)mail->job);
    text_encode("job_name", mail->job_name, sizeof mail->job_name, out);
    buffer_format(out, ",\"code\":%d", mail->code);
    text_encode("error", mail->error, sizeof mail->error, out);
    buffer_format(out, ",\"failed_ms\":%lld,\"since_ms\":%lld,\"pause_ms\":%lld,\"count\":%lld",
                  (long long)mail->failed_ms, (long long)mail->since_ms, (long long)mail->pause_ms,
                  (long long)mail->count);
}

void mail_encode(const struct mail *mail, struct buffer *out)
{
    buffer_format(out, "{\"v\":%d,\"kind\":\"%s\"", MAIL_VERSION, mail_kind_name(mail->kind));
    text_encode("id", mail->id, sizeof mail->id, out);
    text_encode("to", mail->to, sizeof mail->to, out);
    if (!mail_about_job(mail->kind)) {
        char token_id[HEX_SIZE(TOKEN_ID_SIZE)];
        buffer_format(out, ",\"token_id\":\"%s\"",
                      hex_encode(mail->token_id, sizeof mail->token_id, token_id));
    }
    buffer_format(out, ",\"created_ms\":%lld,\"expires_ms\":%lld", (long long)mail->created_ms,
                  (long long)mail->expires_ms);
    if (mail_about_job(mail->kind))
        job_encode(mail, out);
    buffer_text(out, "}");
}

/* The id goes into a header of the mail (Message-ID), and the address into the envelope. */
static int text_decode(const cJSON *tree, const char *name, char *text, size_t size)
{
    const char *value = json_text(tree, name);
    if (!value)
        return -1;
    size_t length = strlen(value);
    if (length == 0 || length >= size)
        return -1;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c <= ' ' || c == 0x7f || c == '<' || c == '>')
            return -1;
    }
    memcpy(text, value, length + 1);
    return 0;
}

static int kind_decode(const cJSON *tree, enum mail_kind *kind)
{
    const char *name = json_text(tree, "kind");
    for (size_t i = 0; name && i < MAIL_KINDS; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *kind = (enum mail_kind)i;
            return 0;
        }
    }
    return -1;
}

static int token_decode(const cJSON *tree, struct mail *mail)
{
    const char *token_id = json_text(tree, "token_id");
    return token_id ? hex_decode(token_id, strlen(token_id), mail->token_id, sizeof mail->token_id)
                    : -1;
}

/* What a person is shown: it has passed json_parse, and so is UTF-8. */
static int shown_decode(const cJSON *tree, const char *name, bool ascii, char *text, size_t size)
{
    const char *value = json_text(tree, name);
    if (!value)
        return -1;
    size_t length = strlen(value);
    if (length >= size)
        return -1;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c < ' ' || c == 0x7f || (ascii && c > 0x7f))
            return -1;
    }
    memcpy(text, value, length + 1);
    return 0;
}

static int job_decode(const cJSON *tree, struct mail *mail)
{
    bool warns = mail->kind == MAIL_PAUSE_WARNING;
    int64_t code;
    if (json_integer(tree, "job_id", 1, INT64_MAX, &mail->job) ||
        shown_decode(tree, "job_name", false, mail->job_name, sizeof mail->job_name) ||
        mail->job_name[0] == '\0' || json_integer(tree, "code", 0, 999, &code) ||
        shown_decode(tree, "error", true, mail->error, sizeof mail->error) ||
        json_integer(tree, "failed_ms", 1, MAIL_TIME_MAX_MS, &mail->failed_ms) ||
        json_integer(tree, "since_ms", 0, MAIL_TIME_MAX_MS, &mail->since_ms) ||
        json_integer(tree, "pause_ms", warns ? 1 : 0, MAIL_TIME_MAX_MS, &mail->pause_ms) ||
        json_integer(tree, "count", 0, INT64_MAX, &mail->count))
        return -1;
    mail->code = (int)code;
    return 0;
}

static int tree_decode(const cJSON *tree, struct mail *mail)
{
    int64_t version;
    if (json_integer(tree, "v", MAIL_VERSION, MAIL_VERSION, &version) ||
        kind_decode(tree, &mail->kind) || text_decode(tree, "id", mail->id, sizeof mail->id) ||
        text_decode(tree, "to", mail->to, sizeof mail->to) ||
        json_integer(tree, "created_ms", 0, INT64_MAX, &mail->created_ms) ||
        json_integer(tree, "expires_ms", 0, INT64_MAX, &mail->expires_ms))
        return -1;
    const char *at = strrchr(mail->to, '@');
    if (!at || at == mail->to || at[1] == '\0')
        return -1;
    return mail_about_job(mail->kind) ? job_decode(tree, mail) : token_decode(tree, mail);
}

int mail_decode(const void *bytes, size_t length, struct mail *mail)
{
    char error[JSON_ERROR_SIZE];
    cJSON *tree = json_parse(bytes, length, error);
    if (!tree)
        return -1;
    struct mail decoded = {.kind = MAIL_VERIFY};
    int status = tree_decode(tree, &decoded);
    cJSON_Delete(tree);
    if (!status)
        *mail = decoded;
    return status;
}
