/* A job as the API shows it. Gateways (GET) and the leader (answers to POST, PATCH) write it alike.
 */
#ifndef SHARED_JOB_JSON_H
#define SHARED_JOB_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buffer.h"

/* Everything is borrowed for the duration of the call. */
struct job_view {
    int64_t id;
    const char *name;
    const char *cron_expression; /* one that cron_parse accepts; NULL: null, and run_at_ms is set */
    const char *webhook_url;
    const char *headers;             /* JSON text; NULL: null */
    const char *payload;             /* JSON text; NULL: null */
    const char *failure_webhook_url; /* NULL: null */
    bool enabled;
    const char *timezone;
    int64_t run_at_ms, start_at_ms, end_at_ms; /* 0: null */
    const char *catch_up;
    int32_t catch_up_window_s; /* CATCH_UP_WINDOW_NONE: null */
    bool allow_overlap;
    int32_t jitter_s;
    int32_t max_retries;
    bool auto_pause;
    const char *external_id;   /* NULL: null */
    const char *paused_reason; /* NULL: null */
    const char *check;         /* public id of its own; NULL: null */
    int64_t last_run_ms;       /* 0: never ran */
    int64_t due_after_ms;      /* slots after this one count */
    int64_t created_ms;
    int64_t now_ms; /* next_run_at is the first slot after this and after due_after_ms */
};

/* Appends the JSON object. next_run_at is null for a job that is disabled or never fires again. */
void job_json_write(struct buffer *out, const struct job_view *view);

#endif
