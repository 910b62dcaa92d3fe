#include "shared/mail.h"

#include <stdbool.h>
#include <string.h>

#include "shared/json.h"

#define MAIL_VERSION 1
#define ALPHANUMERIC "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
/* The year 10000, up to which a date has a fixed width. */
#define MAIL_TIME_MAX_MS 253402300799999

static const char *const kind_names[MAIL_KINDS] = {
    [MAIL_VERIFY] = "verify",         [MAIL_KNOWN] = "known",
    [MAIL_ROTATE] = "rotate",         [MAIL_DELETE] = "delete",
    [MAIL_FAILURE] = "failure",       [MAIL_PAUSE_WARNING] = "pause_warning",
    [MAIL_PAUSED] = "paused",         [MAIL_GONE] = "gone",
    [MAIL_CHANNEL] = "channel",       [MAIL_CHECK_DOWN] = "check_down",
    [MAIL_CHECK_UP] = "check_up",     [MAIL_CHECK_REMINDER] = "check_reminder",
    [MAIL_CHECK_TEST] = "check_test",
};

const char *mail_kind_name(enum mail_kind kind)
{
    INVARIANT(kind < MAIL_KINDS);
    return kind_names[kind];
}

enum mail_topic mail_topic(enum mail_kind kind)
{
    INVARIANT(kind < MAIL_KINDS);
    if (kind >= MAIL_CHECK_DOWN)
        return MAIL_ABOUT_CHECKS;
    return kind >= MAIL_FAILURE ? MAIL_ABOUT_JOB : MAIL_ABOUT_TOKEN;
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

static void token_encode(const struct mail *mail, struct buffer *out)
{
    char token_id[HEX_SIZE(TOKEN_ID_SIZE)];
    buffer_format(out, ",\"token_id\":\"%s\"",
                  hex_encode(mail->token_id, sizeof mail->token_id, token_id));
    if (mail->kind == MAIL_CHANNEL)
        buffer_format(out, ",\"channel\":%lld", (long long)mail->channel);
}

static void checks_encode(const struct mail *mail, struct buffer *out)
{
    buffer_format(out, ",\"channel\":%lld,\"at_ms\":%lld,\"since_ms\":%lld",
                  (long long)mail->channel, (long long)mail->at_ms, (long long)mail->since_ms);
    text_encode("reason", mail->reason, sizeof mail->reason, out);
    buffer_format(out, ",\"period_s\":%d,\"grace_s\":%d", mail->period_s, mail->grace_s);
    text_encode("schedule", mail->schedule, sizeof mail->schedule, out);
    buffer_format(out, ",\"reminder\":%d,\"count\":%lld,\"checks\":[", mail->reminder,
                  (long long)mail->count);
    for (size_t i = 0; i < mail->named; i++) {
        const struct mail_check *check = &mail->checks[i];
        buffer_format(out, "%s{\"id\":\"%s\"", i ? "," : "", check->id);
        text_encode("name", check->name, sizeof check->name, out);
        buffer_format(out, ",\"last_ping_ms\":%lld}", (long long)check->last_ping_ms);
    }
    buffer_text(out, "]");
}

void mail_encode(const struct mail *mail, struct buffer *out)
{
    buffer_format(out, "{\"v\":%d,\"kind\":\"%s\"", MAIL_VERSION, mail_kind_name(mail->kind));
    text_encode("id", mail->id, sizeof mail->id, out);
    text_encode("to", mail->to, sizeof mail->to, out);
    if (mail_topic(mail->kind) == MAIL_ABOUT_TOKEN)
        token_encode(mail, out);
    buffer_format(out, ",\"created_ms\":%lld,\"expires_ms\":%lld", (long long)mail->created_ms,
                  (long long)mail->expires_ms);
    if (mail_topic(mail->kind) == MAIL_ABOUT_JOB)
        job_encode(mail, out);
    if (mail_topic(mail->kind) == MAIL_ABOUT_CHECKS)
        checks_encode(mail, out);
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
    if (!token_id || hex_decode(token_id, strlen(token_id), mail->token_id, sizeof mail->token_id))
        return -1;
    return mail->kind == MAIL_CHANNEL ? json_integer(tree, "channel", 1, INT64_MAX, &mail->channel)
                                      : 0;
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

/* ASCII, as it was given: with spaces or tabs between its fields. */
static int schedule_decode(const cJSON *tree, struct mail *mail)
{
    const char *value = json_text(tree, "schedule");
    size_t length = value ? strlen(value) : sizeof mail->schedule;
    if (length >= sizeof mail->schedule)
        return -1;
    for (size_t i = 0; i < length; i++) {
        char c = value[i] == '\t' ? ' ' : value[i];
        if (c < ' ' || c > '~')
            return -1;
        mail->schedule[i] = c;
    }
    mail->schedule[length] = '\0';
    return 0;
}

static int small_decode(const cJSON *tree, const char *name, int32_t *number)
{
    int64_t value;
    if (json_integer(tree, name, 0, INT32_MAX, &value))
        return -1;
    *number = (int32_t)value;
    return 0;
}

static int check_decode(const cJSON *tree, struct mail_check *check)
{
    return text_decode(tree, "id", check->id, sizeof check->id) ||
                   strspn(check->id, ALPHANUMERIC) != strlen(check->id) ||
                   shown_decode(tree, "name", false, check->name, sizeof check->name) ||
                   check->name[0] == '\0' ||
                   json_integer(tree, "last_ping_ms", 0, MAIL_TIME_MAX_MS, &check->last_ping_ms)
               ? -1
               : 0;
}

/* All that the mail tells of, or as many as it names. */
static int each_check_decode(const cJSON *tree, struct mail *mail)
{
    const cJSON *checks = cJSON_GetObjectItemCaseSensitive(tree, "checks"), *check;
    int64_t expected = mail->count < MAIL_CHECKS_MAX ? mail->count : MAIL_CHECKS_MAX;
    if (!cJSON_IsArray(checks) || cJSON_GetArraySize(checks) != expected)
        return -1;
    cJSON_ArrayForEach(check, checks)
    {
        if (!cJSON_IsObject(check) || check_decode(check, &mail->checks[mail->named++]))
            return -1;
    }
    return 0;
}

static int checks_decode(const cJSON *tree, struct mail *mail)
{
    int64_t least = mail->kind == MAIL_CHECK_TEST ? 0 : 1;
    int64_t most = mail->kind == MAIL_CHECK_DOWN ? INT64_MAX : least;
    if (json_integer(tree, "channel", 1, INT64_MAX, &mail->channel) ||
        json_integer(tree, "at_ms", 1, MAIL_TIME_MAX_MS, &mail->at_ms) ||
        json_integer(tree, "since_ms", 0, MAIL_TIME_MAX_MS, &mail->since_ms) ||
        shown_decode(tree, "reason", true, mail->reason, sizeof mail->reason) ||
        small_decode(tree, "period_s", &mail->period_s) ||
        small_decode(tree, "grace_s", &mail->grace_s) || schedule_decode(tree, mail) ||
        small_decode(tree, "reminder", &mail->reminder) ||
        json_integer(tree, "count", least, most, &mail->count))
        return -1;
    return each_check_decode(tree, mail);
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
    switch (mail_topic(mail->kind)) {
    case MAIL_ABOUT_TOKEN: return token_decode(tree, mail);
    case MAIL_ABOUT_JOB: return job_decode(tree, mail);
    case MAIL_ABOUT_CHECKS: return checks_decode(tree, mail);
    }
    return -1;
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
