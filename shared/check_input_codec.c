#include "shared/check_input_codec.h"

#include <inttypes.h>
#include <string.h>

#include "shared/cron.h"
#include "shared/json.h"
#include "shared/memory.h"
#include "shared/public_id.h"
#include "shared/secret.h"
#include "shared/zone.h"

#define NAME_MAX_BYTES 400 /* 100 characters of at most 4 bytes */
#define ID_SIZE        8   /* bytes */

/* What is null says so, apart from what is not there. */
static const struct {
    const char *name;
    size_t offset;
    size_t length_max;
    enum check_field field;
    bool nullable;
} texts[] = {
    {"name", offsetof(struct check_input, name), NAME_MAX_BYTES, CHECK_NAME, false},
    {"cron_expression", offsetof(struct check_input, cron_expression), CRON_TEXT_MAX, CHECK_CRON,
     true},
    {"timezone", offsetof(struct check_input, timezone), ZONE_NAME_MAX, CHECK_TIMEZONE, false},
    {"tags", offsetof(struct check_input, tags), CHECK_TAGS_MAX, CHECK_TAGS, false},
    {"group", offsetof(struct check_input, group), NAME_MAX_BYTES, CHECK_GROUP, false},
    {"slug", offsetof(struct check_input, slug), CHECK_SLUG_MAX, CHECK_SLUG, true},
    {"maint_schedule", offsetof(struct check_input, maint_schedule), CHECK_MAINT_SCHEDULE_MAX,
     CHECK_MAINT_SCHEDULE, false},
};

static const struct {
    const char *name;
    size_t offset;
    int32_t least, most;
    enum check_field field;
} integers[] = {
    {"period", offsetof(struct check_input, period_s), CHECK_SECONDS_MIN, CHECK_SECONDS_MAX,
     CHECK_PERIOD},
    {"grace", offsetof(struct check_input, grace_s), CHECK_SECONDS_MIN, CHECK_SECONDS_MAX,
     CHECK_GRACE},
    {"alert_after", offsetof(struct check_input, alert_after), 1, CHECK_IN_A_ROW_MAX,
     CHECK_ALERT_AFTER},
    {"recover_after", offsetof(struct check_input, recover_after), 1, CHECK_IN_A_ROW_MAX,
     CHECK_RECOVER_AFTER},
    {"reminder_seconds", offsetof(struct check_input, reminder_s), 0, CHECK_REMINDER_MAX_S,
     CHECK_REMINDER},
};

static const struct {
    const char *name;
    size_t offset;
    enum check_field field;
} times[] = {
    {"maint_start", offsetof(struct check_input, maint_start_s), CHECK_MAINT_START},
    {"maint_end", offsetof(struct check_input, maint_end_s), CHECK_MAINT_END},
};

const struct check_input check_input_defaults = {
    .name = "Unnamed Check",
    .period_s = 3600,
    .timezone = "UTC",
    .grace_s = 300,
    .tags = "",
    .group = "",
    .maint_schedule = "",
    .alert_after = 1,
    .recover_after = 1,
    .all_channels = true,
};

bool check_slug_valid(const char *slug, size_t length)
{
    if (length == 0 || length > CHECK_SLUG_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = slug[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* ---- encoding ---- */

void check_id_encode(int64_t id, struct buffer *out)
{
    buffer_format(out, "\"%016" PRIx64 "\"", (uint64_t)id);
}

/* Begins a member of the object that is being written. */
static void member(struct buffer *out, const char *name)
{
    buffer_format(out, "%s\"%s\":", out->data[out->length - 1] == '{' ? "" : ",", name);
}

static void texts_encode(const struct check_input *check, struct buffer *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        if (!(check->fields & texts[i].field))
            continue;
        const char *value;
        memcpy(&value, (const char *)check + texts[i].offset, sizeof value);
        INVARIANT(value || texts[i].nullable);
        member(out, texts[i].name);
        if (value)
            json_write_string(out, value, strlen(value));
        else
            buffer_text(out, "null");
    }
}

static void numbers_encode(const struct check_input *check, struct buffer *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(integers); i++) {
        if (!(check->fields & integers[i].field))
            continue;
        int32_t value;
        memcpy(&value, (const char *)check + integers[i].offset, sizeof value);
        member(out, integers[i].name);
        buffer_format(out, "%" PRId32, value);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(times); i++) {
        if (!(check->fields & times[i].field))
            continue;
        int64_t value;
        memcpy(&value, (const char *)check + times[i].offset, sizeof value);
        member(out, times[i].name);
        buffer_format(out, "%" PRId64, value);
    }
}

static void parents_encode(const struct check_input *check, struct buffer *out)
{
    INVARIANT(check->parent_count <= CHECK_PARENTS_MAX);
    member(out, "parents");
    buffer_text(out, "[");
    for (size_t i = 0; i < check->parent_count; i++) {
        if (i > 0)
            buffer_text(out, ",");
        check_id_encode(check->parents[i], out);
    }
    buffer_text(out, "]");
}

static void channels_encode(const struct check_input *check, struct buffer *out)
{
    INVARIANT(check->channel_count <= CHECK_CHANNELS_MAX);
    member(out, "channels");
    if (check->all_channels) {
        buffer_text(out, "null");
        return;
    }
    buffer_text(out, "[");
    for (size_t i = 0; i < check->channel_count; i++)
        buffer_format(out, "%s%" PRId64, i > 0 ? "," : "", check->channels[i]);
    buffer_text(out, "]");
}

void check_input_encode(const struct check_input *check, struct buffer *out)
{
    buffer_text(out, "{");
    texts_encode(check, out);
    numbers_encode(check, out);
    if (check->fields & CHECK_PARENTS)
        parents_encode(check, out);
    if (check->fields & CHECK_CHANNELS)
        channels_encode(check, out);
    buffer_text(out, "}");
}

void check_items_encode(const struct check_item *items, size_t count, struct buffer *out)
{
    buffer_text(out, "[");
    for (size_t i = 0; i < count; i++) {
        buffer_format(out, "%s{\"public_id\":\"%s\",\"check\":", i > 0 ? "," : "",
                      items[i].public_id);
        check_input_encode(&items[i].input, out);
        buffer_text(out, "}");
    }
    buffer_text(out, "]");
}

/* ---- decoding ---- */

int check_id_decode(const cJSON *item, int64_t *id)
{
    const char *text = cJSON_GetStringValue(item);
    uint8_t bytes[ID_SIZE];
    if (!text || hex_decode(text, strlen(text), bytes, sizeof bytes))
        return -1;
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        value = value << 8 | bytes[i];
    if (value == 0 || value > INT64_MAX)
        return -1;
    *id = (int64_t)value;
    return 0;
}

static const char *texts_decode(const cJSON *object, struct check_input *check)
{
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, texts[i].name);
        if (!item)
            continue;
        const char *value = cJSON_GetStringValue(item);
        if (!value && !(cJSON_IsNull(item) && texts[i].nullable))
            return "a text field of check is not a string";
        if (value && strlen(value) > texts[i].length_max)
            return "a text field of check is too long";
        memcpy((char *)check + texts[i].offset, &value, sizeof value);
        check->fields |= texts[i].field;
    }
    if (check->name[0] == '\0')
        return "the name of check is empty";
    if (check->slug && !check_slug_valid(check->slug, strlen(check->slug)))
        return "the slug of check is malformed";
    return NULL;
}

static const char *numbers_decode(const cJSON *object, struct check_input *check)
{
    int64_t value;
    for (size_t i = 0; i < ARRAY_LENGTH(integers); i++) {
        if (!cJSON_GetObjectItemCaseSensitive(object, integers[i].name))
            continue;
        if (json_integer(object, integers[i].name, integers[i].least, integers[i].most, &value))
            return "a number of check is none, or out of range";
        memcpy((char *)check + integers[i].offset, &(int32_t){(int32_t)value}, sizeof(int32_t));
        check->fields |= integers[i].field;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(times); i++) {
        if (!cJSON_GetObjectItemCaseSensitive(object, times[i].name))
            continue;
        if (json_integer(object, times[i].name, 0, CHECK_TIME_MAX_S, &value))
            return "a time of check is none, or out of range";
        memcpy((char *)check + times[i].offset, &value, sizeof value);
        check->fields |= times[i].field;
    }
    if (check->reminder_s && check->reminder_s < CHECK_REMINDER_MIN_S)
        return "reminder_seconds of check is out of range";
    return NULL;
}

static bool is_among(const int64_t *ids, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static const char *parents_decode(const cJSON *list, struct check_input *check)
{
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > CHECK_PARENTS_MAX)
        return "parents is not a list of at most 10";
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        int64_t id;
        if (check_id_decode(item, &id) || is_among(check->parents, check->parent_count, id))
            return "a parent is no id, or there twice";
        check->parents[check->parent_count++] = id;
    }
    check->fields |= CHECK_PARENTS;
    return NULL;
}

static const char *channels_decode(const cJSON *list, struct check_input *check)
{
    check->fields |= CHECK_CHANNELS;
    if (cJSON_IsNull(list))
        return NULL;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > CHECK_CHANNELS_MAX)
        return "channels is not null or a list of at most 20";
    check->all_channels = false;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        double id = cJSON_GetNumberValue(item);
        if (!(id >= 1 && id <= JSON_INTEGER_MAX) || id != (double)(int64_t)id ||
            is_among(check->channels, check->channel_count, (int64_t)id))
            return "a channel is no id, or there twice";
        check->channels[check->channel_count++] = (int64_t)id;
    }
    return NULL;
}

const char *check_input_decode(const cJSON *object, struct check_input *check)
{
    *check = check_input_defaults;
    if (!cJSON_IsObject(object))
        return "check is not an object";
    const cJSON *parents = cJSON_GetObjectItemCaseSensitive(object, "parents");
    const cJSON *channels = cJSON_GetObjectItemCaseSensitive(object, "channels");
    const char *error = texts_decode(object, check);
    if (!error)
        error = numbers_decode(object, check);
    if (!error && parents)
        error = parents_decode(parents, check);
    if (!error && channels)
        error = channels_decode(channels, check);
    return error;
}

static const char *item_decode(const cJSON *object, struct check_item *item)
{
    struct public_id name;
    item->public_id = json_text(object, "public_id");
    if (!item->public_id ||
        public_id_parse(PUBLIC_ID_CHECK, item->public_id, strlen(item->public_id), &name))
        return "the public_id of an item is missing or malformed";
    item->id = name.id;
    const char *error =
        check_input_decode(cJSON_GetObjectItemCaseSensitive(object, "check"), &item->input);
    if (!error && (item->input.fields & (CHECK_PARENTS | CHECK_CHANNELS)))
        error = "an item has parents or channels";
    return error;
}

const char *check_items_decode(const cJSON *list, size_t most, struct check_item **items,
                               size_t *count)
{
    *items = NULL;
    *count = 0;
    if (!cJSON_IsArray(list) || (size_t)cJSON_GetArraySize(list) > most)
        return "items is no list, or too long";
    *items = memory_new((size_t)cJSON_GetArraySize(list) + 1, sizeof **items);
    const cJSON *object;
    cJSON_ArrayForEach(object, list)
    {
        const char *error = item_decode(object, &(*items)[(*count)++]);
        if (error)
            return error;
    }
    return NULL;
}
