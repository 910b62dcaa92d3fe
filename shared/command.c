#include "shared/command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/billing_input_codec.h"
#include "shared/channel_input_codec.h"
#include "shared/check_input_codec.h"
#include "shared/job_input_codec.h"
#include "shared/json.h"
#include "shared/public_id.h"
#include "shared/reply_subject.h"

#define EMAIL_MAX    254 /* RFC 5321 */
#define PLAN_MAX     32
#define JOB_REQUIRED (JOB_NAME | JOB_WEBHOOK_URL)

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
    ARG_CHECK_ID = 2048,
    ARG_CHECK = 4096,
    ARG_PUBLIC_ID = 8192,
    ARG_PING_URL = 16384,
    ARG_ITEMS = 32768,
    ARG_CHANNEL_ID = 65536,
    ARG_CHANNEL = 131072,
    ARG_PING_KEY = 262144,
    ARG_ACCOUNT = 524288 /* not an argument: the request needs a key */
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
    [COMMAND_CHECK_CREATE] = {"cmd.check.create",
                              ARG_PUBLIC_ID | ARG_CHECK | ARG_PING_URL | ARG_ACCOUNT},
    [COMMAND_CHECK_UPDATE] = {"cmd.check.update", ARG_CHECK_ID | ARG_CHECK | ARG_ACCOUNT},
    [COMMAND_CHECK_DELETE] = {"cmd.check.delete", ARG_CHECK_ID | ARG_ACCOUNT},
    [COMMAND_CHECK_PAUSE] = {"cmd.check.pause", ARG_CHECK_ID | ARG_ACCOUNT},
    [COMMAND_CHECK_RESUME] = {"cmd.check.resume", ARG_CHECK_ID | ARG_ACCOUNT},
    [COMMAND_CHECK_IMPORT] = {"cmd.check.import", ARG_ITEMS | ARG_PING_URL | ARG_ACCOUNT},
    [COMMAND_CHANNEL_CREATE] = {"cmd.channel.create", ARG_CHANNEL | ARG_ACCOUNT},
    [COMMAND_CHANNEL_UPDATE] = {"cmd.channel.update", ARG_CHANNEL_ID | ARG_CHANNEL | ARG_ACCOUNT},
    [COMMAND_CHANNEL_DELETE] = {"cmd.channel.delete", ARG_CHANNEL_ID | ARG_ACCOUNT},
    [COMMAND_CHANNEL_TEST] = {"cmd.channel.test", ARG_CHANNEL_ID | ARG_ACCOUNT},
    [COMMAND_CHANNEL_REQUEST_TOKEN] = {"cmd.channel.request_token", ARG_CHANNEL_ID | ARG_ACCOUNT},
    [COMMAND_CHANNEL_VERIFY] = {"cmd.channel.verify", ARG_CHANNEL_ID | ARG_TOKEN_ID | ARG_ACCOUNT},
    [COMMAND_PING_KEY_ROTATE] = {"cmd.ping_key.rotate", ARG_PING_KEY | ARG_ACCOUNT},
    [COMMAND_CHECK_KEY_CREATE] = {"cmd.check_key.create",
                                  ARG_SECRET_ID | ARG_KEY_HASH | ARG_ACCOUNT},
    [COMMAND_CHECK_KEY_DELETE] = {"cmd.check_key.delete", ARG_ACCOUNT},
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

/* What is drawn for a check that is to be made travels with it. */
static bool has_public_id(const struct command *command)
{
    unsigned arguments = kinds[command->kind].arguments;
    return (arguments & ARG_PUBLIC_ID) ||
           ((arguments & ARG_JOB) && (command->job.fields & JOB_CHECK) && command->job.check);
}

/* Whether the channel of a command is a whole one. */
static bool has_new_channel(const struct command *command)
{
    return command->kind == COMMAND_CHANNEL_CREATE;
}

static void check_arguments_encode(const struct command *command, struct buffer *out)
{
    unsigned arguments = kinds[command->kind].arguments;
    if (arguments & ARG_CHECK_ID) {
        member(out, "check_id");
        check_id_encode(command->check_id, out);
    }
    if (has_public_id(command))
        member_text(out, "public_id", command->public_id);
    if (arguments & ARG_CHECK) {
        member(out, "check");
        check_input_encode(&command->check, out);
    }
    if (arguments & ARG_PING_URL)
        member_text(out, "ping_url", command->ping_url);
    if (arguments & ARG_ITEMS) {
        member(out, "items");
        check_items_encode(command->items, command->item_count, out);
    }
    if (arguments & ARG_CHANNEL_ID)
        member_integer(out, "channel_id", command->channel_id);
    if (arguments & ARG_CHANNEL) {
        member(out, "channel");
        channel_input_encode(&command->channel, has_new_channel(command), out);
    }
    if (arguments & ARG_PING_KEY)
        member_text(out, "ping_key", command->ping_key);
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
    check_arguments_encode(command, out);
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
    if (command->under_v1)
        member_bool(out, "under_v1", true);
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

bool command_id_valid(const char *id, size_t length)
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

/* A name that has its id in it. */
static int public_id_decode(const cJSON *args, const char *member_name, enum public_id_kind kind,
                            const char **text, int64_t *id)
{
    struct public_id name;
    *text = json_text(args, member_name);
    if (!*text || public_id_parse(kind, *text, strlen(*text), &name))
        return -1;
    *id = name.id;
    return 0;
}

static const char *channel_decode(const cJSON *object, struct command *command)
{
    struct channel_input *channel = &command->channel;
    const char *error = channel_input_decode(object, has_new_channel(command), channel);
    if (!error && channel->target && channel_target_is_address(channel->target) &&
        !email_valid(channel->target))
        error = "the target of channel is neither a URL nor an address";
    return error;
}

static const char *check_arguments_decode(const cJSON *args, struct command *command)
{
    unsigned arguments = kinds[command->kind].arguments;
    if ((arguments & ARG_CHECK_ID) &&
        check_id_decode(cJSON_GetObjectItemCaseSensitive(args, "check_id"), &command->check_id))
        return "check_id is missing or malformed";
    if (has_public_id(command) && public_id_decode(args, "public_id", PUBLIC_ID_CHECK,
                                                   &command->public_id, &command->check_id))
        return "public_id is missing or malformed";
    if ((arguments & ARG_PING_KEY) && public_id_decode(args, "ping_key", PUBLIC_ID_PING_KEY,
                                                       &command->ping_key, &command->ping_key_id))
        return "ping_key is missing or malformed";
    if (arguments & ARG_PING_URL) {
        command->ping_url = json_text(args, "ping_url");
        if (!command->ping_url || strlen(command->ping_url) > COMMAND_PING_URL_MAX)
            return "ping_url is missing or too long";
    }
    if ((arguments & ARG_CHANNEL_ID) &&
        json_integer(args, "channel_id", 1, INT64_MAX, &command->channel_id))
        return "channel_id is missing or out of range";
    const char *error = NULL;
    if (arguments & ARG_CHECK)
        error =
            check_input_decode(cJSON_GetObjectItemCaseSensitive(args, "check"), &command->check);
    if (!error && (arguments & ARG_ITEMS))
        error = check_items_decode(cJSON_GetObjectItemCaseSensitive(args, "items"),
                                   COMMAND_ITEMS_MAX, &command->items, &command->item_count);
    if (!error && (arguments & ARG_CHANNEL))
        error = channel_decode(cJSON_GetObjectItemCaseSensitive(args, "channel"), command);
    return error;
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
    return error ? error : check_arguments_decode(args, command);
}

/* NULL, or what is wrong. */
static const char *tree_decode(const cJSON *tree, struct command *command)
{
    int64_t version;
    if (json_integer(tree, "v", COMMAND_VERSION, COMMAND_VERSION, &version))
        return "unknown version";
    command->id = json_text(tree, "id");
    if (!command->id || !command_id_valid(command->id, strlen(command->id)))
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
    const cJSON *under_v1 = cJSON_GetObjectItemCaseSensitive(tree, "under_v1");
    if (under_v1 && !cJSON_IsBool(under_v1))
        return "under_v1 is not a boolean";
    command->under_v1 = cJSON_IsTrue(under_v1);
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
        command_release(&decoded);
        *error = wrong;
        return -1;
    }
    *command = decoded;
    return 0;
}

void command_release(struct command *command)
{
    if (command->tree) /* decoded, and so the owner of what it has */
        free(command->items);
    cJSON_Delete(command->tree);
    *command = (struct command){.kind = COMMAND_KINDS};
}
