/* A check as the API shows it. Gateways (GET) and the leader (answers to POST, PATCH) write it
 * alike. */
#ifndef SHARED_CHECK_JSON_H
#define SHARED_CHECK_JSON_H

#include <stdint.h>

#include "shared/buffer.h"
#include "shared/check.h"

/* Everything is borrowed for the duration of the call. Times are 0 where there is none. */
struct check_view {
    const char *public_id;
    const char *name;
    int32_t period_s, grace_s;
    enum check_status status;
    int64_t base_s; /* from which the next ping is expected */
    int64_t last_ping_s;
    int64_t alert_count, ping_count;
    int64_t created_s, updated_s;
    const char *tags;
    const char *group;
    const char *slug; /* NULL: null */
    int64_t maint_start_s, maint_end_s;
    const char *maint_schedule;
    const char *cron_expression; /* NULL: null; the period counts */
    const char *timezone;
    int32_t alert_after, recover_after, reminder_s;
    const char *parents;       /* their public ids, separated by commas */
    const char *channels;      /* their ids, separated by commas; NULL: null */
    int64_t job;               /* 0: null */
    const char *paused_reason; /* NULL: null */
    int64_t last_duration_ms;  /* -1: null */
};

/* Appends the JSON object. */
void check_json_write(struct buffer *out, const struct check_view *view);

/* When the next ping is expected: null (0) for a check that is new or paused. */
int64_t check_view_expected_s(const struct check_view *view);

#endif
