#include "shared/job_json.h"

#include <string.h>

#include "shared/clock.h"
#include "shared/cron.h"
#include "shared/json.h"

#define MINUTE_MS INT64_C(60000)
#define MINUTE_S  INT64_C(60)

static void write_string(struct buffer *out, const char *text)
{
    if (text == NULL) {
        buffer_text(out, "null");
        return;
    }
    json_write_string(out, text, strlen(text));
}

static void write_time(struct buffer *out, int64_t time_s)
{
    char text[CLOCK_TEXT_SIZE];
    buffer_format(out, "\"%s\"", clock_format_s(text, time_s));
}

static int64_t next_slot(const struct job_view *view)
{
    struct cron cron;
    char error[CRON_ERROR_SIZE];
    if (!view->enabled)
        return CRON_NEVER;
    if (cron_parse(view->cron_expression, strlen(view->cron_expression), &cron, error) != 0)
        return CRON_NEVER;
    int64_t after_ms = view->now_ms > view->due_after_ms ? view->now_ms : view->due_after_ms;
    return cron_next(&cron, after_ms / MINUTE_MS);
}

void job_json_write(struct buffer *out, const struct job_view *view)
{
    buffer_format(out, "{\"id\":%lld,\"name\":", (long long)view->id);
    write_string(out, view->name);
    buffer_text(out, ",\"cron_expression\":");
    write_string(out, view->cron_expression);
    buffer_text(out, ",\"webhook_url\":");
    write_string(out, view->webhook_url);
    buffer_text(out, ",\"headers\":");
    buffer_text(out, view->headers != NULL ? view->headers : "null");
    buffer_text(out, ",\"payload\":");
    buffer_text(out, view->payload != NULL ? view->payload : "null");
    buffer_text(out, ",\"failure_webhook_url\":");
    write_string(out, view->failure_webhook_url);
    buffer_format(out, ",\"enabled\":%s,\"last_run_at\":", view->enabled ? "true" : "false");
    if (view->last_run_ms == 0)
        buffer_text(out, "null");
    else
        write_time(out, view->last_run_ms / 1000);
    buffer_text(out, ",\"next_run_at\":");
    int64_t next = next_slot(view);
    if (next == CRON_NEVER)
        buffer_text(out, "null");
    else
        write_time(out, next * MINUTE_S);
    buffer_text(out, ",\"created_at\":");
    write_time(out, view->created_ms / 1000);
    buffer_text(out, "}");
}
