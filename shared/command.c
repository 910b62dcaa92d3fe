#include "shared/command.h"

#include <inttypes.h>
#include <string.h>

#include "shared/billing_input_codec.h"
#include "shared/job_input_codec.h"
#include "shared/json.h"
#include "shared/reply_subject.h"

#define EMAIL_MAX       254 /* RFC 5321 */
#define PLAN_MAX        32
#define RETRY_AFTER_MAX 2678400 /* 31 days */
#define JOB_REQUIRED    (JOB_NAME | JOB_WEBHOOK_URL)

/* Which arguments a kind has; each of them is required but the failure e-mail switch. */
enum argument {
    ARG_EMAIL = 1,
    ARG_PLAN = 2,
    ARG_TOKEN_ID = 4,
    ARG_KEY_HASH = 8,
    ARG_FAILURE_EMAIL = 16,
    ARG_JOB_ID = 32,
    ARG_JOB = 64,
    ARG_WINDOW = 128,
    ARG_SLOTS = 256,
    ARG_SECRET_ID = 512,
    ARG_BILLING = 1024,
    ARG_ACCOUNT = 2048 /* not an argument: the request needs a key */
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
    [COMMAND_JOB_PUT] = {"cmd.job.put", ARG_JOB | ARG_ACCOUNT},
    [COMMAND_JOB_RUN] = {"cmd.job.run", ARG_JOB_ID | ARG_ACCOUNT},
    [COMMAND_JOB_REPLAY] = {"cmd.job.replay", ARG_JOB_ID | ARG_WINDOW | ARG_ACCOUNT},
    [COMMAND_JOB_REPLAY_SLOTS] = {"cmd.job.replay_slots", ARG_SLOTS},
    [COMMAND_SECRET_CREATE] = {"cmd.secret.create", ARG_SECRET_ID | ARG_ACCOUNT},
    [COMMAND_SECRET_ROTATE] = {"cmd.secret.rotate", ARG_SECRET_ID | ARG_ACCOUNT},
    [COMMAND_SECRET_DELETE] = {"cmd.secret.delete", ARG_ACCOUNT},
    [COMMAND_ACCOUNT_SET_BILLING] = {"cmd.account.set_billing", ARG_BILLING | ARG_ACCOUNT},
};

/* Arguments that are bytes, as hexadecimal digits. */
static const struct {
    const char *name;
    size_t offset, size;
    enum argument argument;
    const char *error;
} hexes[] = {
    {"token_id", offsetof(struct command, token_id), TOKEN_ID_SIZE, ARG_TOKEN_ID,
     "token_id is missing or malformed"},
    {"key_hash", offsetof(struct command, key_hash), HASH_SIZE, ARG_KEY_HASH,
     "key_hash is missing or malformed"},
    {"secret_id", offsetof(struct command, secret_id), TOKEN_ID_SIZE, ARG_SECRET_ID,
     "secret_id is missing or malformed"},
};

/* Statuses of executions that may be run again. */
static const struct {
    const char *name;
    size_t offset;
} replayed[] = {
    {"failure", offsetof(struct replay_window, failure)},
    {"skipped", offsetof(struct replay_window, skipped)},
    {"success", offsetof(struct replay_window, success)},
};

const char *command_subject(enum command_kind kind)
{
    INVARIANT(kind < COMMAND_KINDS);
    return kinds[kind].subject;
}

/* Begins a member of the object that is being written. */
static void member(struct buffer *out, const char *name)
{
    buffer_format(out, "%s\"%s\":", out->data[out->length - 1] == '{' ? "" : ",", name);
}

static void member_text(struct buffer *out, const char *name, const char *value)
{
    INVARIANT(value);
    member(out, name);
    json_write_string(out, value, strlen(value));
}

static void member_bool(struct buffer *out, const char *name, bool value)
{
    member(out, name);
    buffer_text(out, value ? "true" : "false");
}

static void member_integer(struct buffer *out, const char *name, int64_t value)
{
    member(out, name);
    buffer_format(out, "%" PRId64, value);
}

static void window_encode(const struct replay_window *window, struct buffer *out)
{
    buffer_text(out, "{");
    member_integer(out, "from", window->from_s);
    member_integer(out, "to", window->to_s);
    for (size_t i = 0; i < ARRAY_LENGTH(replayed); i++) {
        bool value;
        memcpy(&value, (const char *)window + replayed[i].offset, sizeof value);
        member_bool(out, replayed[i].name, value);
    }
    buffer_text(out, "}");
}

static void slots_encode(const struct command *command, struct buffer *out)
{
    INVARIANT(command->slot_count <= COMMAND_SLOTS_MAX);
    buffer_text(out, "[");
    for (size_t i = 0; i < command->slot_count; i++)
        buffer_format(out, "%s{\"job\":%" PRId64 ",\"slot\":%" PRId64 "}", i > 0 ? "," : "",
                      command->slots[i].job, command->slots[i].slot_s);
    buffer_text(out, "]");
}

static void arguments_encode(const struct command *command, struct buffer *out)
{
    unsigned arguments = kinds[command->kind].arguments;
    buffer_text(out, "{");
    if (arguments & ARG_EMAIL)
        member_text(out, "email", command->email);
    if (arguments & ARG_PLAN)
        member_text(out, "plan", command->plan);
    for (size_t i = 0; i < ARRAY_LENGTH(hexes); i++) {
        if (!(arguments & hexes[i].argument))
            continue;
        char hex[HEX_SIZE(HASH_SIZE)];
        const char *bytes = (const char *)command + hexes[i].offset;
        member_text(out, hexes[i].name, hex_encode(bytes, hexes[i].size, hex));
    }
    if ((arguments & ARG_FAILURE_EMAIL) && command->has_failure_email)
        member_bool(out, "failure_email_enabled", command->failure_email_enabled);
    if (arguments & ARG_JOB_ID)
        member_integer(out, "job_id", command->job_id);
    if (arguments & ARG_JOB) {
        member(out, "job");
        job_input_encode(&command->job, out);
    }
    if (arguments & ARG_WINDOW) {
        member(out, "window");
        window_encode(&command->window, out);
    }
    if (arguments & ARG_SLOTS) {
        member(out, "slots");
        slots_encode(command, out);
    }
    if (arguments & ARG_BILLING) {
        member(out, "billing");
        billing_input_encode(&command->billing, out);
    }
    buffer_text(out, "}");
}

void command_encode(const struct command *command, struct buffer *out)
{
    char fingerprint[HEX_SIZE(HASH_SIZE)];
    INVARIANT(command->kind < COMMAND_KINDS && command->id && command->reply);
    buffer_format(out, "{\"v\":%d", COMMAND_VERSION);
    member_text(out, "id", command->id);
    member_text(out, "fp", hex_encode(command->fingerprint, HASH_SIZE, fingerprint));
    member_integer(out, "at", command->received_ms);
    member_integer(out, "account", command->account);
    member_text(out, "reply", command->reply);
    member(out, "args");
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

static const char *window_decode(const cJSON *object, struct replay_window *window)
{
    bool any = false;
    if (json_integer(object, "from", 0, INT64_MAX, &window->from_s) ||
        json_integer(object, "to", window->from_s, window->from_s + REPLAY_WINDOW_MAX_S,
                     &window->to_s))
        return "window is missing or out of range";
    for (size_t i = 0; i < ARRAY_LENGTH(replayed); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, replayed[i].name);
        bool value = cJSON_IsTrue(item);
        if (!cJSON_IsBool(item))
            return "a status of window is not a boolean";
        memcpy((char *)window + replayed[i].offset, &value, sizeof value);
        any = any || value;
    }
    return any ? NULL : "window has no status";
}

static const char *slots_decode(const cJSON *list, struct command *command)
{
    if (!cJSON_IsArray(list) || !list->child || cJSON_GetArraySize(list) > COMMAND_SLOTS_MAX)
        return "slots is not a list of 1 to 64";
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        struct command_slot *slot = &command->slots[command->slot_count++];
        if (json_integer(item, "job", 1, INT64_MAX, &slot->job) ||
            json_integer(item, "slot", 0, INT64_MAX, &slot->slot_s))
            return "a slot is not a job and a time";
    }
    return NULL;
}

/* A new job, or one that is declared, must be whole. */
static const char *job_decode(const cJSON *object, struct command *command)
{
    const char *error = job_input_decode(object, &command->job);
    if (error || command->kind == COMMAND_JOB_UPDATE)
        return error;
    if ((command->job.fields & JOB_REQUIRED) != JOB_REQUIRED ||
        !job_input_has_schedule(&command->job))
        return "a new job lacks name, webhook_url, cron_expression or run_at";
    if (command->kind == COMMAND_JOB_PUT && !command->job.external_id)
        return "a job that is put lacks external_id";
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
    for (size_t i = 0; i < ARRAY_LENGTH(hexes); i++) {
        uint8_t *bytes = (uint8_t *)command + hexes[i].offset;
        if ((arguments & hexes[i].argument) &&
            hex_member(args, hexes[i].name, bytes, hexes[i].size))
            return hexes[i].error;
    }
    if ((arguments & ARG_JOB_ID) && json_integer(args, "job_id", 1, INT64_MAX, &command->job_id))
        return "job_id is missing or out of range";
    if (arguments & ARG_FAILURE_EMAIL) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(args, "failure_email_enabled");
        if (item && !cJSON_IsBool(item))
            return "failure_email_enabled is not a boolean";
        command->has_failure_email = item != NULL;
        command->failure_email_enabled = cJSON_IsTrue(item);
    }
    const char *error = NULL;
    if (arguments & ARG_JOB)
        error = job_decode(cJSON_GetObjectItemCaseSensitive(args, "job"), command);
    if (!error && (arguments & ARG_WINDOW))
        error = window_decode(cJSON_GetObjectItemCaseSensitive(args, "window"), &command->window);
    if (!error && (arguments & ARG_SLOTS))
        error = slots_decode(cJSON_GetObjectItemCaseSensitive(args, "slots"), command);
    if (!error && (arguments & ARG_BILLING))
        error = billing_input_decode(cJSON_GetObjectItemCaseSensitive(args, "billing"),
                                     &command->billing);
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
    if (!command->reply || !reply_subject_valid(command->reply, strlen(command->reply)))
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
