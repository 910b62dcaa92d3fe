#include "shared/command.h"

#include <inttypes.h>
#include <string.h>

#include "shared/cron.h"
#include "shared/json.h"
#include "shared/url.h"

#define REPLY_MAX       128
#define EMAIL_MAX       254 /* RFC 5321 */
#define PLAN_MAX        32
#define NAME_MAX_BYTES  400     /* 100 characters of at most 4 bytes */
#define TEXT_MAX        65536   /* headers and payload come from a body of at most 64 KiB */
#define RETRY_AFTER_MAX 2678400 /* 31 days */
#define JOB_REQUIRED    (JOB_NAME | JOB_CRON | JOB_WEBHOOK_URL)

/* Which arguments a kind has; each of them is required but the failure e-mail switch. */
enum argument {
    ARG_EMAIL = 1,
    ARG_PLAN = 2,
    ARG_TOKEN_ID = 4,
    ARG_KEY_HASH = 8,
    ARG_FAILURE_EMAIL = 16,
    ARG_JOB_ID = 32,
    ARG_JOB = 64,
    ARG_ACCOUNT = 128 /* not an argument: the request needs a key */
};

static const struct {
    const char *subject;
    unsigned arguments;
} kinds[COMMAND_KINDS] = {
    [COMMAND_ACCOUNT_REGISTER] = {"cmd.account.register", ARG_EMAIL},
    [COMMAND_ACCOUNT_VERIFY] = {"cmd.account.verify", ARG_TOKEN_ID | ARG_KEY_HASH},
    [COMMAND_ACCOUNT_REQUEST_ROTATION] = {"cmd.account.request_rotation", ARG_EMAIL},
    [COMMAND_ACCOUNT_ROTATE] = {"cmd.account.rotate", ARG_TOKEN_ID | ARG_KEY_HASH},
    [COMMAND_ACCOUNT_REQUEST_DELETION] = {"cmd.account.request_deletion", ARG_EMAIL},
    [COMMAND_ACCOUNT_DELETE] = {"cmd.account.delete", ARG_TOKEN_ID | ARG_EMAIL},
    [COMMAND_ACCOUNT_UPDATE] = {"cmd.account.update", ARG_FAILURE_EMAIL | ARG_ACCOUNT},
    [COMMAND_ACCOUNT_SET_PLAN] = {"cmd.account.set_plan", ARG_EMAIL | ARG_PLAN},
    [COMMAND_JOB_CREATE] = {"cmd.job.create", ARG_JOB | ARG_ACCOUNT},
    [COMMAND_JOB_UPDATE] = {"cmd.job.update", ARG_JOB_ID | ARG_JOB | ARG_ACCOUNT},
    [COMMAND_JOB_DELETE] = {"cmd.job.delete", ARG_JOB_ID | ARG_ACCOUNT},
};

/* The text fields of a job: what is null says so, apart from what is not there. */
static const struct {
    const char *name;
    size_t offset;
    size_t length_max;
    enum job_field field;
    bool nullable;
} job_texts[] = {
    {"name", offsetof(struct job_input, name), NAME_MAX_BYTES, JOB_NAME, false},
    {"cron_expression", offsetof(struct job_input, cron_expression), CRON_TEXT_MAX, JOB_CRON,
     false},
    {"webhook_url", offsetof(struct job_input, webhook_url), URL_MAX, JOB_WEBHOOK_URL, false},
    {"headers", offsetof(struct job_input, headers), TEXT_MAX, JOB_HEADERS, true},
    {"payload", offsetof(struct job_input, payload), TEXT_MAX, JOB_PAYLOAD, true},
    {"failure_webhook_url", offsetof(struct job_input, failure_webhook_url), URL_MAX,
     JOB_FAILURE_URL, true},
};

const char *command_subject(enum command_kind kind)
{
    INVARIANT(kind < COMMAND_KINDS);
    return kinds[kind].subject;
}

static void member_text(struct buffer *out, const char *separator, const char *name,
                        const char *value)
{
    buffer_format(out, "%s\"%s\":", separator, name);
    if (value)
        json_write_string(out, value, strlen(value));
    else
        buffer_text(out, "null");
}

static const char **job_text_at(struct job_input *job, size_t offset)
{
    return (const char **)(void *)((char *)job + offset);
}

static void job_encode(const struct job_input *job, struct buffer *out)
{
    struct job_input copy = *job;
    const char *separator = "";
    buffer_text(out, "{");
    for (size_t i = 0; i < ARRAY_LENGTH(job_texts); i++) {
        if (!(job->fields & job_texts[i].field))
            continue;
        const char *value = *job_text_at(&copy, job_texts[i].offset);
        INVARIANT(value || job_texts[i].nullable);
        member_text(out, separator, job_texts[i].name, value);
        separator = ",";
    }
    if (job->fields & JOB_ENABLED)
        buffer_format(out, "%s\"enabled\":%s", separator, job->enabled ? "true" : "false");
    buffer_text(out, "}");
}

static void arguments_encode(const struct command *command, struct buffer *out)
{
    unsigned arguments = kinds[command->kind].arguments;
    const char *separator = "";
    buffer_text(out, "{");
    if (arguments & ARG_EMAIL) {
        member_text(out, separator, "email", command->email);
        separator = ",";
    }
    if (arguments & ARG_PLAN) {
        member_text(out, separator, "plan", command->plan);
        separator = ",";
    }
    if (arguments & ARG_TOKEN_ID) {
        char hex[HEX_SIZE(TOKEN_ID_SIZE)];
        member_text(out, separator, "token_id", hex_encode(command->token_id, TOKEN_ID_SIZE, hex));
        separator = ",";
    }
    if (arguments & ARG_KEY_HASH) {
        char hex[HEX_SIZE(HASH_SIZE)];
        member_text(out, separator, "key_hash", hex_encode(command->key_hash, HASH_SIZE, hex));
        separator = ",";
    }
    if ((arguments & ARG_FAILURE_EMAIL) && command->has_failure_email) {
        buffer_format(out, "%s\"failure_email_enabled\":%s", separator,
                      command->failure_email_enabled ? "true" : "false");
        separator = ",";
    }
    if (arguments & ARG_JOB_ID) {
        buffer_format(out, "%s\"job_id\":%" PRId64, separator, command->job_id);
        separator = ",";
    }
    if (arguments & ARG_JOB) {
        buffer_format(out, "%s\"job\":", separator);
        job_encode(&command->job, out);
    }
    buffer_text(out, "}");
}

void command_encode(const struct command *command, struct buffer *out)
{
    char fingerprint[HEX_SIZE(HASH_SIZE)];
    INVARIANT(command->kind < COMMAND_KINDS && command->id && command->reply);
    buffer_format(out, "{\"v\":%d", COMMAND_VERSION);
    member_text(out, ",", "id", command->id);
    member_text(out, ",", "fp", hex_encode(command->fingerprint, HASH_SIZE, fingerprint));
    buffer_format(out, ",\"at\":%" PRId64 ",\"account\":%" PRId64, command->received_ms,
                  command->account);
    member_text(out, ",", "reply", command->reply);
    buffer_text(out, ",\"args\":");
    arguments_encode(command, out);
    buffer_text(out, "}");
}

static int kind_of(const char *subject, enum command_kind *kind)
{
    for (size_t i = 0; i < COMMAND_KINDS; i++) {
        if (strcmp(subject, kinds[i].subject) == 0) {
            *kind = (enum command_kind)i;
            return 0;
        }
    }
    return -1;
}

static bool id_valid(const char *id, size_t length)
{
    if (length == 0 || length > COMMAND_ID_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (id[i] < 0x20 || id[i] > 0x7e)
            return false;
    }
    return true;
}

/* The leader publishes to this subject, and cnats checks none: "a b" or "*" would do harm. */
static bool reply_valid(const char *reply)
{
    size_t length = strlen(reply);
    if (length == 0 || length > REPLY_MAX || reply[0] == '.' || reply[length - 1] == '.' ||
        strstr(reply, ".."))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (reply[i] <= 0x20 || reply[i] > 0x7e || reply[i] == '*' || reply[i] == '>')
            return false;
    }
    return true;
}

static bool email_valid(const char *email)
{
    size_t length = strlen(email);
    const char *at = strchr(email, '@');
    if (length > EMAIL_MAX || !at || at == email || at[1] == '\0' || strchr(at + 1, '@'))
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)email[i];
        if (c <= ' ' || c == 0x7f || c == '<' || c == '>' || (c >= 'A' && c <= 'Z'))
            return false;
    }
    return true;
}

static bool plan_valid(const char *plan)
{
    size_t length = strlen(plan);
    return length > 0 && length <= PLAN_MAX &&
           strspn(plan, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static int hex_member(const cJSON *object, const char *name, uint8_t *bytes, size_t size)
{
    const char *text = json_text(object, name);
    return text ? hex_decode(text, strlen(text), bytes, size) : -1;
}

static const char *job_decode(const cJSON *object, struct job_input *job)
{
    if (!cJSON_IsObject(object))
        return "job is not an object";
    for (size_t i = 0; i < ARRAY_LENGTH(job_texts); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, job_texts[i].name);
        if (!item)
            continue;
        const char *value = cJSON_GetStringValue(item);
        if (!value && !(cJSON_IsNull(item) && job_texts[i].nullable))
            return "a text field of job is not a string";
        if (value && strlen(value) > job_texts[i].length_max)
            return "a text field of job is too long";
        *job_text_at(job, job_texts[i].offset) = value;
        job->fields |= job_texts[i].field;
    }
    const cJSON *enabled = cJSON_GetObjectItemCaseSensitive(object, "enabled");
    if (enabled) {
        if (!cJSON_IsBool(enabled))
            return "enabled is not a boolean";
        job->enabled = cJSON_IsTrue(enabled);
        job->fields |= JOB_ENABLED;
    }
    return NULL;
}

/* NULL, or what is wrong. */
static const char *arguments_decode(const cJSON *args, struct command *command)
{
    unsigned arguments = kinds[command->kind].arguments;
    if (!cJSON_IsObject(args))
        return "args is not an object";
    if (arguments & ARG_EMAIL) {
        command->email = json_text(args, "email");
        if (!command->email || !email_valid(command->email))
            return "email is missing or malformed";
    }
    if (arguments & ARG_PLAN) {
        command->plan = json_text(args, "plan");
        if (!command->plan || !plan_valid(command->plan))
            return "plan is missing or malformed";
    }
    if ((arguments & ARG_TOKEN_ID) &&
        hex_member(args, "token_id", command->token_id, sizeof command->token_id))
        return "token_id is missing or malformed";
    if ((arguments & ARG_KEY_HASH) &&
        hex_member(args, "key_hash", command->key_hash, sizeof command->key_hash))
        return "key_hash is missing or malformed";
    if ((arguments & ARG_JOB_ID) && json_integer(args, "job_id", 1, INT64_MAX, &command->job_id))
        return "job_id is missing or out of range";
    if (arguments & ARG_FAILURE_EMAIL) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(args, "failure_email_enabled");
        if (item && !cJSON_IsBool(item))
            return "failure_email_enabled is not a boolean";
        command->has_failure_email = item != NULL;
        command->failure_email_enabled = cJSON_IsTrue(item);
    }
    if (!(arguments & ARG_JOB))
        return NULL;
    const char *error = job_decode(cJSON_GetObjectItemCaseSensitive(args, "job"), &command->job);
    if (!error && command->kind == COMMAND_JOB_CREATE &&
        (command->job.fields & JOB_REQUIRED) != JOB_REQUIRED)
        error = "a new job lacks name, cron_expression or webhook_url";
    return error;
}

/* NULL, or what is wrong. */
static const char *tree_decode(const cJSON *tree, struct command *command)
{
    int64_t version;
    if (json_integer(tree, "v", COMMAND_VERSION, COMMAND_VERSION, &version))
        return "unknown version";
    command->id = json_text(tree, "id");
    if (!command->id || !id_valid(command->id, strlen(command->id)))
        return "id is missing or malformed";
    if (hex_member(tree, "fp", command->fingerprint, sizeof command->fingerprint))
        return "fp is missing or malformed";
    if (json_integer(tree, "at", 0, INT64_MAX, &command->received_ms))
        return "at is missing or out of range";
    int64_t account_least = kinds[command->kind].arguments & ARG_ACCOUNT ? 1 : 0;
    if (json_integer(tree, "account", account_least, INT64_MAX, &command->account))
        return "account is missing or out of range";
    command->reply = json_text(tree, "reply");
    if (!command->reply || !reply_valid(command->reply))
        return "reply is missing or malformed";
    return arguments_decode(cJSON_GetObjectItemCaseSensitive(tree, "args"), command);
}

int command_decode(const char *subject, const void *bytes, size_t length, struct command *command,
                   const char **error)
{
    char json_error[JSON_ERROR_SIZE];
    struct command decoded = {.kind = COMMAND_KINDS};
    if (kind_of(subject, &decoded.kind)) {
        *error = "unknown subject";
        return -1;
    }
    decoded.tree = json_parse(bytes, length, json_error);
    if (!decoded.tree) {
        *error = "not JSON";
        return -1;
    }
    const char *wrong = tree_decode(decoded.tree, &decoded);
    if (wrong) {
        cJSON_Delete(decoded.tree);
        *error = wrong;
        return -1;
    }
    *command = decoded;
    return 0;
}

void command_release(struct command *command)
{
    cJSON_Delete(command->tree);
    *command = (struct command){.kind = COMMAND_KINDS};
}

void answer_encode(const struct answer *answer, struct buffer *out)
{
    INVARIANT(id_valid(answer->id, answer->id_length));
    INVARIANT(answer->status >= 100 && answer->status <= 599);
    INVARIANT(answer->retry_after_s >= 0 && answer->retry_after_s <= RETRY_AFTER_MAX);
    buffer_format(out, "1 %d %d ", answer->status, answer->retry_after_s);
    buffer_append(out, answer->id, answer->id_length);
    buffer_append(out, "\n", 1);
    buffer_append(out, answer->body, answer->body_length);
}

/* A decimal number without leading zeros and the space behind it; -1 where there is none. */
static int number_take(const char **at, const char *end, int most)
{
    const char *from = *at;
    int value = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        value = value * 10 + (**at - '0');
        (*at)++;
        if (value > most)
            return -1;
    }
    if (*at == from || *at == end || **at != ' ' || (*from == '0' && *at - from > 1))
        return -1;
    (*at)++;
    return value;
}

int answer_decode(const void *bytes, size_t length, struct answer *answer)
{
    const char *at = bytes;
    if (length < 2 || at[0] != '1' || at[1] != ' ')
        return -1;
    const char *end = at + length;
    at += 2;
    int status = number_take(&at, end, 599);
    if (status < 100)
        return -1;
    int retry_after_s = number_take(&at, end, RETRY_AFTER_MAX);
    if (retry_after_s < 0)
        return -1;
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    if (!line_end || !id_valid(at, (size_t)(line_end - at)))
        return -1;
    answer->status = status;
    answer->retry_after_s = retry_after_s;
    answer->id = at;
    answer->id_length = (size_t)(line_end - at);
    answer->body = line_end + 1;
    answer->body_length = (size_t)(end - line_end - 1);
    return 0;
}
