#include "shared/channel_input_codec.h"

#include <string.h>
#include <strings.h>

#include "shared/json.h"
#include "shared/url.h"

#define NAME_MAX_BYTES 400 /* 100 characters of at most 4 bytes */

bool channel_target_is_address(const char *target)
{
    return strncasecmp(target, "http://", 7) != 0 && strncasecmp(target, "https://", 8) != 0;
}

/* Begins a member of the object that is being written. */
static void member(struct buffer *out, const char *name)
{
    buffer_format(out, "%s\"%s\":", out->data[out->length - 1] == '{' ? "" : ",", name);
}

void channel_input_encode(const struct channel_input *channel, bool whole, struct buffer *out)
{
    buffer_text(out, "{");
    if (whole) {
        member(out, "kind");
        buffer_format(out, "\"%s\"", channel_kind_name(channel->kind));
    }
    if (channel->fields & CHANNEL_NAME) {
        member(out, "name");
        json_write_string(out, channel->name, strlen(channel->name));
    }
    if (channel->fields & CHANNEL_TARGET) {
        member(out, "target");
        json_write_string(out, channel->target, strlen(channel->target));
    }
    if (channel->fields & CHANNEL_ENABLED) {
        member(out, "enabled");
        buffer_text(out, channel->enabled ? "true" : "false");
    }
    buffer_text(out, "}");
}

/* A text that is there: not empty, and of at most so many bytes. */
static bool text_decode(const cJSON *item, size_t most, const char **text)
{
    *text = cJSON_GetStringValue(item);
    return *text && **text && strlen(*text) <= most;
}

static const char *target_decode(const cJSON *item, struct channel_input *channel)
{
    if (!text_decode(item, URL_MAX, &channel->target))
        return "the target of channel is no string, empty or too long";
    channel->fields |= CHANNEL_TARGET;
    return NULL;
}

static const char *whole_decode(const cJSON *object, struct channel_input *channel)
{
    const char *kind = json_text(object, "kind");
    channel->kind = kind ? channel_kind_of(kind) : CHANNEL_KINDS;
    if (channel->kind == CHANNEL_KINDS)
        return "the kind of channel is none that is known";
    if (!channel->name || !channel->target)
        return "a new channel lacks name or target";
    if (channel_target_is_address(channel->target) != (channel->kind == CHANNEL_EMAIL))
        return "the target of channel is not of its kind";
    return NULL;
}

const char *channel_input_decode(const cJSON *object, bool whole, struct channel_input *channel)
{
    *channel = (struct channel_input){.enabled = true};
    if (!cJSON_IsObject(object))
        return "channel is not an object";
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "name");
    const cJSON *target = cJSON_GetObjectItemCaseSensitive(object, "target");
    const cJSON *enabled = cJSON_GetObjectItemCaseSensitive(object, "enabled");
    if (name) {
        if (!text_decode(name, NAME_MAX_BYTES, &channel->name))
            return "the name of channel is no string, empty or too long";
        channel->fields |= CHANNEL_NAME;
    }
    const char *error = target ? target_decode(target, channel) : NULL;
    if (error)
        return error;
    if (enabled) {
        if (!cJSON_IsBool(enabled))
            return "enabled of channel is not a boolean";
        channel->enabled = cJSON_IsTrue(enabled);
        channel->fields |= CHANNEL_ENABLED;
    }
    return whole ? whole_decode(object, channel) : NULL;
}
