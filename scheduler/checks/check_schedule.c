#include <stdio.h>
#include <string.h>

#include "scheduler/checks/checks_internal.h"

#define MINUTE_S INT64_C(60)

/* ---- settings ---- */

static int cron_of(const struct check_settings *settings, struct cron *cron,
                   char error[static CHECK_ERROR_SIZE])
{
    uint16_t zone = zone_find(settings->timezone, strlen(settings->timezone));
    if (zone == ZONE_NONE) {
        snprintf(error, CHECK_ERROR_SIZE, "timezone: %.64s is not known", settings->timezone);
        return -1;
    }
    char reason[CRON_ERROR_SIZE];
    if (cron_parse(settings->cron_expression, strlen(settings->cron_expression), cron, reason)) {
        snprintf(error, CHECK_ERROR_SIZE, "cron_expression: %s", reason);
        return -1;
    }
    cron->zone = zone;
    return 0;
}

int check_times_parse(const struct check_settings *settings, struct check_times *times,
                      char error[static CHECK_ERROR_SIZE])
{
    struct check_times parsed = {
        .has_cron = settings->cron_expression != NULL,
        .maintenance = {.once_begin_s = settings->maint_start_s,
                        .once_end_s = settings->maint_end_s},
    };
    if (parsed.has_cron && cron_of(settings, &parsed.cron, error))
        return -1;
    char reason[MAINTENANCE_ERROR_SIZE];
    if (maintenance_parse(settings->maint_schedule, strlen(settings->maint_schedule),
                          &parsed.maintenance.week, reason)) {
        snprintf(error, CHECK_ERROR_SIZE, "maint_schedule: %s", reason);
        return -1;
    }
    *times = parsed;
    return 0;
}

int checks_valid(const struct check_settings *settings, char error[static CHECK_ERROR_SIZE])
{
    struct check_times times;
    return check_times_parse(settings, &times, error);
}

int32_t check_period_s(const struct check_settings *settings, int64_t now_s)
{
    struct cron cron;
    char error[CHECK_ERROR_SIZE];
    if (!settings->cron_expression || cron_of(settings, &cron, error))
        return settings->period_s;
    int64_t next = cron_next(&cron, now_s / MINUTE_S);
    int64_t later = next == CRON_NEVER ? CRON_NEVER : cron_next(&cron, next);
    int64_t period_s = later == CRON_NEVER ? INT32_MAX : (later - next) * MINUTE_S;
    return period_s < INT32_MAX ? (int32_t)period_s : INT32_MAX;
}

/* ---- times ---- */

int64_t check_next_s(const struct checks *checks, const struct check *check, int64_t after_s)
{
    if (check->stuck || !after_s)
        return INT64_MAX;
    if (!check->has_cron)
        return after_s + check->period_s;
    uint32_t place = place_table_find(&checks->crons, check->id);
    const struct check_cron *own = place_table_at(&checks->crons, place);
    int64_t minute = cron_next(&own->cron, after_s / MINUTE_S);
    return minute == CRON_NEVER ? INT64_MAX : minute * MINUTE_S;
}

static int64_t grace_after(const struct check *check, int64_t time_s)
{
    return time_s == INT64_MAX ? INT64_MAX : time_s + check->grace_s;
}

int64_t check_expected_s(const struct checks *checks, const struct check *check)
{
    return check_next_s(checks, check, check->base_s);
}

int64_t check_missed_s(const struct checks *checks, const struct check *check)
{
    return grace_after(check, check_expected_s(checks, check));
}

/* Nothing depends on further failures of a check that is told of, but for what its recovery has of
 * successes one after the other. */
static bool counts(const struct check *check)
{
    return check->successes ||
           (!check->alerted && !check->owed && check->failures < check->alert_after);
}

uint32_t check_due_s(const struct checks *checks, const struct check *check)
{
    int64_t due_s = INT64_MAX;
    if (check->status == CHECK_UP)
        due_s = check_expected_s(checks, check);
    else if (check->status == CHECK_LATE)
        due_s = check_missed_s(checks, check);
    else if (check->status == CHECK_DOWN && counts(check))
        due_s = grace_after(check, check_next_s(checks, check, check->counted_s));
    return due_s < NEVER ? (uint32_t)due_s : NEVER;
}

void check_schedule(struct checks *checks, const struct check *check)
{
    uint32_t due_s = check_due_s(checks, check);
    uint32_t start_s = check_starts_due_s(checks, check);
    due_s = start_s < due_s ? start_s : due_s;
    uint32_t alert_s = check->undecided ? NEVER : check_alert_s(checks, check);
    due_s = alert_s < due_s ? alert_s : due_s;
    checks->deadlines[check_place(checks, check)] = due_s;
    if (due_s < checks->soonest)
        checks->soonest = due_s;
}

int64_t checks_expected_s(const struct checks *checks, int64_t id)
{
    const struct check *check = check_find(checks, id);
    if (!check || check->status == CHECK_NEW || check->status == CHECK_PAUSED)
        return 0;
    int64_t expected_s = check_expected_s(checks, check);
    return expected_s == INT64_MAX ? 0 : expected_s;
}
