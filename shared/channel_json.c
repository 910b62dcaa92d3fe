#include "shared/channel_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/json.h"

#define PREFIX     "ch_"
#define DIGITS_MIN 3 /* padded with zeros */
#define DIGITS_MAX 15

void channel_json_write(struct buffer *out, const struct channel_view *view)
{
    char id[CHANNEL_ID_SIZE];
    buffer_format(out, "{\"id\":\"%s\",\"kind\":\"%s\",\"name\":", channel_id_write(view->id, id),
                  channel_kind_name(view->kind));
    json_write_string(out, view->name, strlen(view->name));
    buffer_text(out, ",\"target\":");
    json_write_string(out, view->target, strlen(view->target));
    buffer_format(out, ",\"enabled\":%s,\"verified\":%s,\"created_at\":%" PRId64,
                  view->enabled ? "true" : "false", view->verified ? "true" : "false",
                  view->created_s);
    buffer_format(out, ",\"updated_at\":%" PRId64 "}", view->updated_s);
}

char *channel_id_write(int64_t id, char text[static CHANNEL_ID_SIZE])
{
    snprintf(text, CHANNEL_ID_SIZE, PREFIX "%0*" PRId64, DIGITS_MIN, id);
    return text;
}

int channel_id_parse(const char *text, size_t length, int64_t *id)
{
    size_t prefix = strlen(PREFIX);
    if (length < prefix + DIGITS_MIN || length > prefix + DIGITS_MAX ||
        memcmp(text, PREFIX, prefix) != 0)
        return -1;
    int64_t value = 0;
    for (size_t i = prefix; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    if (value == 0 || (text[prefix] == '0' && length > prefix + DIGITS_MIN))
        return -1;
    *id = value;
    return 0;
}
