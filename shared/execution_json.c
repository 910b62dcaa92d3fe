#include "shared/execution_json.h"

#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"

static void member(struct buffer *out, const char *name)
{
    buffer_format(out, ",\"%s\":", name);
}

static void write_string(struct buffer *out, const char *text)
{
    if (text)
        json_write_string(out, text, strlen(text));
    else
        buffer_text(out, "null");
}

static void write_number(struct buffer *out, int32_t number)
{
    if (number < 0)
        buffer_text(out, "null");
    else
        buffer_format(out, "%d", number);
}

static void write_time(struct buffer *out, int64_t time_ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (time_ms)
        buffer_format(out, "\"%s\"", clock_format_s(text, time_ms / 1000));
    else
        buffer_text(out, "null");
}

static void write_id(struct buffer *out, const struct run *run)
{
    char id[RUN_ID_SIZE];
    buffer_format(out, "\"%s\"", run_id(id, run));
}

void execution_json_begin(struct buffer *out, const struct execution_view *view)
{
    buffer_text(out, "{\"triggered_at\":");
    write_time(out, view->triggered_ms);
    member(out, "completed_at");
    write_time(out, view->completed_ms);
    member(out, "status");
    write_string(out, view->status);
    member(out, "response_code");
    write_number(out, view->response_code);
    member(out, "duration_ms");
    write_number(out, view->duration_ms);
    member(out, "error");
    write_string(out, view->error);
    member(out, "id");
    write_id(out, &view->run);
    member(out, "scheduled_at");
    write_time(out, view->run.slot_s * 1000);
    member(out, "attempts");
    write_number(out, view->attempts);
    member(out, "trigger");
    write_string(out, view->trigger);
    member(out, "replay_of");
    if (strcmp(view->trigger, "replay") == 0)
        write_id(out, &(struct run){.job = view->run.job, .slot_s = view->run.slot_s});
    else
        buffer_text(out, "null");
    member(out, "next_attempt_at");
    write_time(out, view->next_attempt_ms);
}

void execution_json_write(struct buffer *out, const struct execution_view *view)
{
    execution_json_begin(out, view);
    buffer_text(out, "}");
}

void attempt_json_write(struct buffer *out, const struct attempt_view *view)
{
    buffer_format(out, "{\"attempt\":%d", view->attempt);
    member(out, "started_at");
    write_time(out, view->started_ms);
    const struct {
        const char *name;
        int32_t value;
    } numbers[] = {{"duration_ms", view->duration_ms},     {"dns_ms", view->dns_ms},
                   {"connect_ms", view->connect_ms},       {"tls_ms", view->tls_ms},
                   {"first_byte_ms", view->first_byte_ms}, {"response_code", view->response_code}};
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        member(out, numbers[i].name);
        write_number(out, numbers[i].value);
    }
    member(out, "error");
    write_string(out, view->error);
    member(out, "response");
    if (view->response)
        json_write_bytes(out, view->response, view->response_bytes);
    else
        buffer_text(out, "null");
    buffer_text(out, "}");
}
