#include "scheduler/core/job_declaration.h"

#include <string.h>

struct job_input job_declared(const struct fact_job *fact)
{
    return (struct job_input){.name = fact->name,
                              .cron_expression = fact->cron_expression,
                              .webhook_url = fact->webhook_url,
                              .headers = fact->headers,
                              .payload = fact->payload,
                              .failure_webhook_url = fact->failure_webhook_url,
                              .enabled = fact->enabled,
                              .timezone = fact->timezone,
                              .run_at_s = fact->run_at_s,
                              .start_at_s = fact->start_at_s,
                              .end_at_s = fact->end_at_s,
                              .catch_up = fact->catch_up,
                              .catch_up_window_s = fact->catch_up_window_s,
                              .allow_overlap = fact->allow_overlap,
                              .jitter_s = fact->jitter_s,
                              .max_retries = fact->max_retries,
                              .auto_pause = fact->auto_pause,
                              .external_id = fact->external_id};
}

void job_declare(struct job_input *declared, const struct job_input *input)
{
    unsigned fields = input->fields;
    if (fields & JOB_NAME)
        declared->name = input->name;
    if (fields & (JOB_CRON | JOB_RUN_AT)) {
        declared->cron_expression = fields & JOB_CRON ? input->cron_expression : NULL;
        declared->run_at_s = fields & JOB_RUN_AT ? input->run_at_s : 0;
    }
    if (fields & JOB_WEBHOOK_URL)
        declared->webhook_url = input->webhook_url;
    if (fields & JOB_HEADERS)
        declared->headers = input->headers;
    if (fields & JOB_PAYLOAD)
        declared->payload = input->payload;
    if (fields & JOB_FAILURE_URL)
        declared->failure_webhook_url = input->failure_webhook_url;
    if (fields & JOB_ENABLED)
        declared->enabled = input->enabled;
    if (fields & JOB_TIMEZONE)
        declared->timezone = input->timezone;
    if (fields & JOB_START_AT)
        declared->start_at_s = input->start_at_s;
    if (fields & JOB_END_AT)
        declared->end_at_s = input->end_at_s;
    if (fields & JOB_CATCH_UP)
        declared->catch_up = input->catch_up;
    if (fields & JOB_CATCH_UP_WINDOW)
        declared->catch_up_window_s = input->catch_up_window_s;
    if (fields & JOB_ALLOW_OVERLAP)
        declared->allow_overlap = input->allow_overlap;
    if (fields & JOB_JITTER)
        declared->jitter_s = input->jitter_s;
    if (fields & JOB_MAX_RETRIES)
        declared->max_retries = input->max_retries;
    if (fields & JOB_AUTO_PAUSE)
        declared->auto_pause = input->auto_pause;
    if (fields & JOB_EXTERNAL_ID)
        declared->external_id = input->external_id;
    if (fields & JOB_CHECK)
        declared->check = input->check;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool job_schedules_same(const struct job_input *a, const struct job_input *b)
{
    return same_text(a->cron_expression, b->cron_expression) &&
           same_text(a->timezone, b->timezone) && a->run_at_s == b->run_at_s &&
           a->start_at_s == b->start_at_s && a->end_at_s == b->end_at_s;
}

bool job_declares_same(const struct job_input *a, const struct job_input *b)
{
    return job_schedules_same(a, b) && same_text(a->name, b->name) &&
           same_text(a->webhook_url, b->webhook_url) && same_text(a->headers, b->headers) &&
           same_text(a->payload, b->payload) &&
           same_text(a->failure_webhook_url, b->failure_webhook_url) &&
           a->catch_up == b->catch_up && a->catch_up_window_s == b->catch_up_window_s &&
           a->allow_overlap == b->allow_overlap && a->jitter_s == b->jitter_s &&
           a->max_retries == b->max_retries && a->auto_pause == b->auto_pause &&
           same_text(a->external_id, b->external_id) && a->check == b->check;
}

void job_take_declaration(struct fact_job *fact, const struct job_input *declared)
{
    fact->renamed |= !same_text(fact->external_id, declared->external_id);
    fact_set(&fact->name, declared->name);
    fact_set(&fact->cron_expression, declared->cron_expression);
    fact_set(&fact->webhook_url, declared->webhook_url);
    fact_set(&fact->headers, declared->headers);
    fact_set(&fact->payload, declared->payload);
    fact_set(&fact->failure_webhook_url, declared->failure_webhook_url);
    fact_set(&fact->timezone, declared->timezone);
    fact_set(&fact->external_id, declared->external_id);
    fact->run_at_s = declared->run_at_s;
    fact->start_at_s = declared->start_at_s;
    fact->end_at_s = declared->end_at_s;
    fact->catch_up = declared->catch_up;
    fact->catch_up_window_s = declared->catch_up_window_s;
    fact->allow_overlap = declared->allow_overlap;
    fact->jitter_s = declared->jitter_s;
    fact->max_retries = declared->max_retries;
    fact->auto_pause = declared->auto_pause;
}

struct job_settings job_settings_of(const struct fact_job *fact)
{
    return (struct job_settings){.cron_expression = fact->cron_expression,
                                 .timezone = fact->timezone,
                                 .run_at_s = fact->run_at_s,
                                 .start_at_s = fact->start_at_s,
                                 .end_at_s = fact->end_at_s,
                                 .catch_up = fact->catch_up,
                                 .catch_up_window_s = fact->catch_up_window_s,
                                 .allow_overlap = fact->allow_overlap,
                                 .jitter_s = fact->jitter_s,
                                 .max_retries = fact->max_retries,
                                 .auto_pause = fact->auto_pause,
                                 .has_failure_webhook = fact->failure_webhook_url != NULL,
                                 .enabled = fact->enabled,
                                 .due_after_ms = fact->due_after_ms,
                                 .version = fact->version};
}
