#include "cli/check_view.h"

#include <string.h>

#include "shared/json.h"

#define SPACE " \t"

static const char *text_of(const cJSON *check, const char *name)
{
    const char *text = json_text(check, name);
    return text ? text : "";
}

static int64_t number_of(const cJSON *check, const char *name, int64_t otherwise)
{
    int64_t number = otherwise;
    return json_integer(check, name, 0, INT64_MAX, &number) == 0 ? number : otherwise;
}

void check_view_read(const cJSON *check, struct check_view *view)
{
    *view = (struct check_view){
        .id = text_of(check, "id"),
        .name = text_of(check, "name"),
        .group = text_of(check, "group"),
        .cron_expression = text_of(check, "cron_expression"),
        .timezone = text_of(check, "timezone"),
        .status_text = text_of(check, "status"),
        .period_s = number_of(check, "period", 0),
        .grace_s = number_of(check, "grace", 0),
        .last_ping_s = number_of(check, "last_ping_at", 0),
        .expected_s = number_of(check, "next_expected_at", 0),
        .created_s = number_of(check, "created_at", 0),
        .duration_ms = number_of(check, "last_duration_ms", -1),
        .pings = number_of(check, "ping_count", 0),
        .alerts = number_of(check, "alert_count", 0),
        .tags = cJSON_GetObjectItemCaseSensitive(check, "tags"),
    };
    view->status = check_status_of(view->status_text);
}

typedef bool tag_cb(void *arg, const char *tag, size_t length);

/* Calls on_tag with each tag, until it says that it is enough; returns whether it did. */
static bool each_of_text(const char *text, tag_cb *on_tag, void *arg)
{
    while (*text) {
        text += strspn(text, SPACE);
        size_t span = strcspn(text, ",");
        size_t length = span;
        while (length > 0 && strchr(SPACE, text[length - 1]))
            length--;
        if (length > 0 && on_tag(arg, text, length))
            return true;
        text += span + (text[span] == ',');
    }
    return false;
}

static bool each_tag(const struct check_view *view, tag_cb *on_tag, void *arg)
{
    const char *text = cJSON_GetStringValue(view->tags);
    if (text)
        return each_of_text(text, on_tag, arg);
    const cJSON *item;
    cJSON_ArrayForEach(item, view->tags)
    {
        text = cJSON_GetStringValue(item);
        if (text && each_of_text(text, on_tag, arg))
            return true;
    }
    return false;
}

struct search {
    const char *tag;
};

static bool is_wanted(void *arg, const char *tag, size_t length)
{
    const struct search *search = arg;
    return strlen(search->tag) == length && memcmp(search->tag, tag, length) == 0;
}

bool check_view_has_tag(const struct check_view *view, const char *tag)
{
    struct search search = {tag};
    return each_tag(view, is_wanted, &search);
}

static bool append_tag(void *arg, const char *tag, size_t length)
{
    struct buffer *out = arg;
    if (out->length > 0)
        buffer_text(out, ", ");
    buffer_append(out, tag, length);
    return false;
}

void check_view_tags(const struct check_view *view, struct buffer *out)
{
    struct buffer tags = BUFFER_EMPTY;
    each_tag(view, append_tag, &tags);
    buffer_append(out, tags.data, tags.length);
    buffer_free(&tags);
}
