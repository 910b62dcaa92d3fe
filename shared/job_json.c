#include "shared/job_json.h"

#include <string.h>

#include "shared/clock.h"
#include "shared/command.h"
#include "shared/cron.h"
#include "shared/json.h"
#include "shared/zone.h"

#define MINUTE_MS INT64_C(60000)

static void write_string(struct buffer *out, const char *text)
{
    if (text == NULL) {
        buffer_text(out, "null");
        return;
    }
    json_write_string(out, text, strlen(text));
}

/* 0: null */
static void write_time(struct buffer *out, int64_t time_ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (time_ms == 0)
        buffer_text(out, "null");
    else
        buffer_format(out, "\"%s\"", clock_format_s(text, time_ms / 1000));
}

static void member(struct buffer *out, const char *name)
{
    buffer_format(out, ",\"%s\":", name);
}

static void write_bool(struct buffer *out, bool value)
{
    buffer_text(out, value ? "true" : "false");
}

/* The first minute after a time that the job's schedule names, whatever its bounds. */
static int64_t scheduled_after(const struct job_view *view, int64_t after_ms)
{
    if (view->cron_expression == NULL) {
        int64_t minute = view->run_at_ms / MINUTE_MS;
        return minute > after_ms / MINUTE_MS ? minute : CRON_NEVER;
    }
    struct cron cron;
    char error[CRON_ERROR_SIZE];
    if (cron_parse(view->cron_expression, strlen(view->cron_expression), &cron, error) != 0)
        return CRON_NEVER;
    cron.zone = zone_find(view->timezone, strlen(view->timezone));
    if (cron.zone == ZONE_NONE)
        return CRON_NEVER;
    return cron_next(&cron, after_ms / MINUTE_MS);
}

/* 0: none */
static int64_t next_slot_ms(const struct job_view *view)
{
    if (!view->enabled)
        return 0;
    int64_t after_ms = view->now_ms > view->due_after_ms ? view->now_ms : view->due_after_ms;
    if (view->start_at_ms > after_ms) /* a slot at start_at counts */
        after_ms = view->start_at_ms - 1;
    int64_t minute = scheduled_after(view, after_ms);
    if (minute == CRON_NEVER || (view->end_at_ms != 0 && minute * MINUTE_MS > view->end_at_ms))
        return 0;
    return minute * MINUTE_MS;
}

static void write_options(struct buffer *out, const struct job_view *view)
{
    member(out, "timezone");
    write_string(out, view->timezone);
    member(out, "run_at");
    write_time(out, view->run_at_ms);
    member(out, "start_at");
    write_time(out, view->start_at_ms);
    member(out, "end_at");
    write_time(out, view->end_at_ms);
    member(out, "catch_up");
    write_string(out, view->catch_up);
    member(out, "catch_up_window_seconds");
    if (view->catch_up_window_s == CATCH_UP_WINDOW_NONE)
        buffer_text(out, "null");
    else
        buffer_format(out, "%d", view->catch_up_window_s);
    member(out, "allow_overlap");
    write_bool(out, view->allow_overlap);
    buffer_format(out, ",\"jitter_seconds\":%d,\"max_retries\":%d", view->jitter_s,
                  view->max_retries);
    member(out, "auto_pause");
    write_bool(out, view->auto_pause);
    member(out, "external_id");
    write_string(out, view->external_id);
    member(out, "paused_reason");
    write_string(out, view->paused_reason);
    member(out, "check");
    write_string(out, view->check);
}

void job_json_write(struct buffer *out, const struct job_view *view)
{
    buffer_format(out, "{\"id\":%lld", (long long)view->id);
    member(out, "name");
    write_string(out, view->name);
    member(out, "cron_expression");
    write_string(out, view->cron_expression);
    member(out, "webhook_url");
    write_string(out, view->webhook_url);
    member(out, "headers");
    buffer_text(out, view->headers != NULL ? view->headers : "null");
    member(out, "payload");
    buffer_text(out, view->payload != NULL ? view->payload : "null");
    member(out, "failure_webhook_url");
    write_string(out, view->failure_webhook_url);
    member(out, "enabled");
    write_bool(out, view->enabled);
    member(out, "last_run_at");
    write_time(out, view->last_run_ms);
    member(out, "next_run_at");
    write_time(out, next_slot_ms(view));
    member(out, "created_at");
    write_time(out, view->created_ms);
    write_options(out, view);
    buffer_text(out, "}");
}
