#include <string.h>

#include "gateway/check_parse.h"
#include "shared/channel_json.h"
#include "shared/json.h"
#include "shared/public_id.h"

/* Whether a list of words separated by commas has that one. */
static bool has_tag(const struct buffer *tags, const char *tag, size_t length)
{
    const char *next = tags->length > 0 ? tags->data : "";
    while (*next != '\0') {
        size_t each = strcspn(next, ",");
        if (each == length && memcmp(next, tag, length) == 0)
            return true;
        next += each + (next[each] == ',');
    }
    return false;
}

static void add_tag(struct buffer *tags, const char *tag, size_t length)
{
    while (length > 0 && *tag == ' ') {
        tag++;
        length--;
    }
    while (length > 0 && tag[length - 1] == ' ')
        length--;
    if (length == 0 || has_tag(tags, tag, length))
        return;
    if (tags->length > 0)
        buffer_text(tags, ",");
    buffer_append(tags, tag, length);
}

/* One or several, separated by commas. */
static int add_tags(struct check_parse *parse, const cJSON *item)
{
    if (!cJSON_IsString(item))
        return check_parse_fail(parse, "tags", "must be a string or a list of strings");
    for (const char *c = item->valuestring; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return check_parse_fail(parse, "tags", "must not have control characters");
    for (const char *next = item->valuestring; *next != '\0';) {
        size_t length = strcspn(next, ",");
        add_tag(&parse->form->tags, next, length);
        if (parse->form->tags.length > CHECK_TAGS_MAX)
            return check_parse_fail(parse, "tags", "at most 500 bytes");
        next += length + (next[length] == ',');
    }
    return 0;
}

int check_parse_tags(struct check_parse *parse, const cJSON *value)
{
    if (cJSON_IsArray(value)) {
        const cJSON *item;
        cJSON_ArrayForEach(item, value)
        {
            if (add_tags(parse, item) != 0)
                return -1;
        }
    } else if (add_tags(parse, value) != 0) {
        return -1;
    }
    parse->form->input.tags = parse->form->tags.length > 0 ? parse->form->tags.data : "";
    return 0;
}

static bool contains(const int64_t *ids, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

int check_parse_parents(struct check_parse *parse, const cJSON *value)
{
    struct check_input *input = &parse->form->input;
    if (!cJSON_IsArray(value))
        return check_parse_fail(parse, "parents", "must be a list of ids of checks");
    const cJSON *item;
    cJSON_ArrayForEach(item, value)
    {
        struct public_id parent;
        const char *text = cJSON_GetStringValue(item);
        if (text == NULL || public_id_parse(PUBLIC_ID_CHECK, text, strlen(text), &parent) != 0)
            return check_parse_fail(parse, "parents", "must be a list of ids of checks");
        if (contains(input->parents, input->parent_count, parent.id))
            return check_parse_fail(parse, "parents", "one is given twice");
        if (input->parent_count == CHECK_PARENTS_MAX)
            return check_parse_fail(parse, "parents", "at most 10");
        input->parents[input->parent_count++] = parent.id;
    }
    return 0;
}

int check_parse_channels(struct check_parse *parse, const cJSON *value)
{
    struct check_input *input = &parse->form->input;
    if (cJSON_IsNull(value))
        return 0;
    if (!cJSON_IsArray(value))
        return check_parse_fail(parse, "channels", "must be null or a list of ids of channels");
    input->all_channels = false;
    const cJSON *item;
    cJSON_ArrayForEach(item, value)
    {
        int64_t channel;
        const char *text = cJSON_GetStringValue(item);
        if (text == NULL || channel_id_parse(text, strlen(text), &channel) != 0)
            return check_parse_fail(parse, "channels", "must be null or a list of ids of channels");
        if (contains(input->channels, input->channel_count, channel))
            return check_parse_fail(parse, "channels", "one is given twice");
        if (input->channel_count == CHECK_CHANNELS_MAX)
            return check_parse_fail(parse, "channels", "at most 20");
        input->channels[input->channel_count++] = channel;
    }
    return 0;
}
