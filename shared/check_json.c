#include "shared/check_json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shared/channel_json.h"
#include "shared/cron.h"
#include "shared/json.h"
#include "shared/zone.h"

#define MINUTE_S 60

static void member(struct buffer *out, const char *name)
{
    buffer_format(out, ",\"%s\":", name);
}

static void write_text(struct buffer *out, const char *name, const char *text)
{
    member(out, name);
    if (text == NULL)
        buffer_text(out, "null");
    else
        json_write_string(out, text, strlen(text));
}

static void write_integer(struct buffer *out, const char *name, int64_t value)
{
    member(out, name);
    buffer_format(out, "%" PRId64, value);
}

static void write_or_null(struct buffer *out, const char *name, int64_t value, bool null)
{
    if (null)
        write_text(out, name, NULL);
    else
        write_integer(out, name, value);
}

/* 0: null */
static void write_time(struct buffer *out, const char *name, int64_t time_s)
{
    write_or_null(out, name, time_s, time_s == 0);
}

int64_t check_view_expected_s(const struct check_view *view)
{
    if (view->status == CHECK_NEW || view->status == CHECK_PAUSED || view->base_s == 0)
        return 0;
    if (view->cron_expression == NULL)
        return view->base_s + view->period_s;
    struct cron cron;
    char error[CRON_ERROR_SIZE];
    if (cron_parse(view->cron_expression, strlen(view->cron_expression), &cron, error) != 0)
        return 0;
    cron.zone = zone_find(view->timezone, strlen(view->timezone));
    if (cron.zone == ZONE_NONE)
        return 0;
    int64_t minute = cron_next(&cron, view->base_s / MINUTE_S);
    return minute == CRON_NEVER ? 0 : minute * MINUTE_S;
}

/* A list of strings from one that is separated by commas; of channels each as the API names it. */
static void write_list(struct buffer *out, const char *name, const char *list, bool channels)
{
    const char *separator = "";
    member(out, name);
    buffer_text(out, "[");
    while (*list) {
        size_t length = strcspn(list, ",");
        buffer_format(out, "%s\"", separator);
        if (channels) {
            char id[CHANNEL_ID_SIZE];
            buffer_text(out, channel_id_write(strtoll(list, NULL, 10), id));
        } else {
            buffer_append(out, list, length);
        }
        buffer_text(out, "\"");
        separator = ",";
        list += length + (list[length] == ',');
    }
    buffer_text(out, "]");
}

static void write_options(struct buffer *out, const struct check_view *view)
{
    write_text(out, "tags", view->tags);
    write_text(out, "group", view->group);
    write_text(out, "slug", view->slug);
    write_time(out, "maint_start", view->maint_start_s);
    write_time(out, "maint_end", view->maint_end_s);
    write_text(out, "maint_schedule", view->maint_schedule);
    write_text(out, "cron_expression", view->cron_expression);
    write_text(out, "timezone", view->timezone);
    write_integer(out, "alert_after", view->alert_after);
    write_integer(out, "recover_after", view->recover_after);
    write_integer(out, "reminder_seconds", view->reminder_s);
    write_list(out, "parents", view->parents, false);
    if (view->channels == NULL)
        write_text(out, "channels", NULL);
    else
        write_list(out, "channels", view->channels, true);
    write_or_null(out, "job_id", view->job, view->job == 0);
    write_text(out, "paused_reason", view->paused_reason);
    write_or_null(out, "last_duration_ms", view->last_duration_ms, view->last_duration_ms < 0);
}

void check_json_write(struct buffer *out, const struct check_view *view)
{
    buffer_text(out, "{\"id\":");
    json_write_string(out, view->public_id, strlen(view->public_id));
    write_text(out, "name", view->name);
    write_integer(out, "period", view->period_s);
    write_integer(out, "grace", view->grace_s);
    write_text(out, "status", check_status_name(view->status));
    write_time(out, "last_ping_at", view->last_ping_s);
    write_time(out, "next_expected_at", check_view_expected_s(view));
    write_integer(out, "alert_count", view->alert_count);
    write_integer(out, "ping_count", view->ping_count);
    write_integer(out, "created_at", view->created_s);
    write_integer(out, "updated_at", view->updated_s);
    write_options(out, view);
    buffer_text(out, "}");
}
