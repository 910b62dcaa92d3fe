/*
 * A check as the API shows it. Only what the API documents is counted on, and even that may be
 * missing or of another type: then it reads as nothing.
 */
#ifndef CLI_CHECK_VIEW_H
#define CLI_CHECK_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "shared/buffer.h"
#include "shared/check.h"

/* Strings are borrowed from the tree, and "" where there is nothing; numbers are 0. */
struct check_view {
    const char *id, *name, *group, *cron_expression, *timezone;
    const char *status_text;  /* as the server says it */
    enum check_status status; /* CHECK_STATUSES: none that is known */
    int64_t period_s, grace_s;
    int64_t last_ping_s, expected_s, created_s;
    int64_t duration_ms; /* of the last run; -1: unknown */
    int64_t pings, alerts;
    const cJSON *tags; /* "a, b" or ["a", "b"]; NULL: none */
};

void check_view_read(const cJSON *check, struct check_view *view);
bool check_view_has_tag(const struct check_view *view, const char *tag);
/* Appends "a, b". */
void check_view_tags(const struct check_view *view, struct buffer *out);

#endif
