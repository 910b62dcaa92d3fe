#include "shared/mail.h"

#include <stdbool.h>
#include <string.h>

#include "shared/json.h"

#define MAIL_VERSION 1

static const char *const kind_names[MAIL_KINDS] = {
    [MAIL_VERIFY] = "verify",
    [MAIL_KNOWN] = "known",
    [MAIL_ROTATE] = "rotate",
    [MAIL_DELETE] = "delete",
};

const char *mail_kind_name(enum mail_kind kind)
{
    INVARIANT(kind < MAIL_KINDS);
    return kind_names[kind];
}

void mail_encode(const struct mail *mail, struct buffer *out)
{
    char token_id[HEX_SIZE(TOKEN_ID_SIZE)];
    buffer_format(out, "{\"v\":%d,\"kind\":\"%s\",\"id\":", MAIL_VERSION,
                  mail_kind_name(mail->kind));
    json_write_string(out, mail->id, strnlen(mail->id, sizeof mail->id - 1));
    buffer_text(out, ",\"to\":");
    json_write_string(out, mail->to, strnlen(mail->to, sizeof mail->to - 1));
    buffer_format(out, ",\"token_id\":\"%s\",\"created_ms\":%lld,\"expires_ms\":%lld}",
                  hex_encode(mail->token_id, sizeof mail->token_id, token_id),
                  (long long)mail->created_ms, (long long)mail->expires_ms);
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

static int tree_decode(const cJSON *tree, struct mail *mail)
{
    int64_t version;
    if (json_integer(tree, "v", MAIL_VERSION, MAIL_VERSION, &version) ||
        kind_decode(tree, &mail->kind) || text_decode(tree, "id", mail->id, sizeof mail->id) ||
        text_decode(tree, "to", mail->to, sizeof mail->to) ||
        json_integer(tree, "created_ms", 0, INT64_MAX, &mail->created_ms) ||
        json_integer(tree, "expires_ms", 0, INT64_MAX, &mail->expires_ms))
        return -1;
    const char *token_id = json_text(tree, "token_id");
    if (!token_id || hex_decode(token_id, strlen(token_id), mail->token_id, sizeof mail->token_id))
        return -1;
    const char *at = strrchr(mail->to, '@');
    return at && at != mail->to && at[1] != '\0' ? 0 : -1;
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
