#include <stdlib.h>
#include <string.h>

#include "scheduler/checks/checks_internal.h"
#include "shared/memory.h"

/* ---- what few say ---- */

static int ids_compare(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Sorted: alerts of an outage are in the order of channels. */
static int64_t *ids_copy(struct checks *checks, const int64_t *ids, size_t count)
{
    if (!ids || !count)
        return NULL;
    int64_t *copy = side_resize(checks, NULL, 0, count, sizeof(*copy));
    memcpy(copy, ids, count * sizeof(*copy));
    qsort(copy, count, sizeof(*copy), ids_compare);
    return copy;
}

static void traits_clear(struct checks *checks, struct check *check)
{
    struct check_traits *traits = check_traits_of(checks, check);
    if (!traits)
        return;
    family_leave(checks, traits);
    side_resize(checks, traits->parents, traits->parent_count, 0, sizeof(*traits->parents));
    side_resize(checks, traits->channels, traits->channel_count, 0, sizeof(*traits->channels));
    if (traits->job)
        place_table_remove(&checks->jobs, place_table_find(&checks->jobs, traits->job));
    place_table_remove(&checks->traits, place_table_find(&checks->traits, check->id));
    check->has_traits = false;
}

static void job_set(struct checks *checks, int64_t job, int64_t check)
{
    INVARIANT(!checks_of_job(checks, job));
    struct job_check *own = place_table_at(&checks->jobs, place_table_add(&checks->jobs, job));
    own->check = check;
}

static void traits_set(struct checks *checks, struct check *check,
                       const struct check_settings *settings, const struct maintenance *maintenance)
{
    const struct check_traits *old = check_traits_of(checks, check);
    bool reminded = old && settings->reminder_s;
    uint32_t reminded_s = reminded ? old->reminded_s : 0;
    uint32_t reminders = reminded ? old->reminders : 0;
    traits_clear(checks, check);
    if (!settings->parent_count && !settings->channels && !settings->job && !settings->reminder_s &&
        maintenance_is_empty(maintenance))
        return;
    uint32_t place = place_table_add(&checks->traits, check->id);
    struct check_traits *traits = place_table_at(&checks->traits, place);
    check->has_traits = true;
    traits->parents = ids_copy(checks, settings->parents, settings->parent_count);
    traits->parent_count = (uint8_t)settings->parent_count;
    traits->some_channels = settings->channels != NULL;
    traits->channels = ids_copy(checks, settings->channels, settings->channel_count);
    traits->channel_count = (uint8_t)settings->channel_count;
    traits->maintenance = *maintenance;
    traits->reminder_s = (uint32_t)settings->reminder_s;
    traits->reminded_s = reminded_s;
    traits->reminders = reminders;
    traits->job = settings->job;
    if (traits->job)
        job_set(checks, traits->job, check->id);
    family_join(checks, traits);
}

static void cron_set(struct checks *checks, struct check *check, const struct check_times *times)
{
    if (check->has_cron && !times->has_cron)
        place_table_remove(&checks->crons, place_table_find(&checks->crons, check->id));
    check->has_cron = times->has_cron;
    if (!times->has_cron)
        return;
    uint32_t place = place_table_find(&checks->crons, check->id);
    if (place == PLACE_NONE)
        place = place_table_add(&checks->crons, check->id);
    ((struct check_cron *)place_table_at(&checks->crons, place))->cron = times->cron;
}

int check_set(struct checks *checks, struct check *check, const struct check_settings *settings)
{
    struct check_times times = {0};
    char error[CHECK_ERROR_SIZE];
    bool was_outage = check_is_outage(checks, check);
    int invalid = check_times_parse(settings, &times, error);
    check->stuck = invalid != 0;
    check->period_s = (uint32_t)settings->period_s;
    check->grace_s = (uint32_t)settings->grace_s;
    check->alert_after = (uint8_t)settings->alert_after;
    check->recover_after = (uint8_t)settings->recover_after;
    cron_set(checks, check, &times);
    traits_set(checks, check, settings, &times.maintenance);
    family_changed(checks, check, was_outage);
    return invalid;
}

void check_unset(struct checks *checks, struct check *check)
{
    traits_clear(checks, check);
    cron_set(checks, check, &(struct check_times){0});
}

/* ---- a new one ---- */

static struct check *check_add(struct checks *checks, int64_t id, int64_t account,
                               const struct check_settings *settings)
{
    uint32_t place = place_table_add(&checks->table, id);
    if (checks->deadline_room < checks->table.capacity) {
        checks->deadlines =
            memory_resize(checks->deadlines, checks->table.capacity, sizeof(*checks->deadlines));
        checks->deadline_room = checks->table.capacity;
    }
    checks->deadlines[place] = NEVER;
    struct check *check = check_at(checks, place);
    check->account = account_get(checks, account);
    check->created_s = check->since_s = seconds_of_ms(settings->created_ms);
    check->last_duration_ms = NO_DURATION;
    check->status = settings->paused ? CHECK_PAUSED : CHECK_NEW;
    struct check_account *owner = account_of(checks, check->account);
    owner->stored++;
    owner->active += !settings->paused;
    return check;
}

void checks_add(struct checks *checks, int64_t id, int64_t account,
                const struct check_settings *settings, int64_t now_ms)
{
    struct check *check = check_add(checks, id, account, settings);
    check->since_s = seconds_of_ms(now_ms);
    int invalid = check_set(checks, check, settings);
    INVARIANT(!invalid);
    if (settings->paused)
        check_touch(checks, check);
}

/* ---- loading ---- */

static void state_set(struct check *check, const struct check_state_row *state)
{
    /* Both are written by one transaction, so they say the same of a pause. */
    if (check->status != CHECK_PAUSED && state->status != CHECK_PAUSED)
        check->status = state->status & 7;
    check->since_s = seconds(state->status_since_s);
    check->base_s = seconds(state->base_s);
    check->last_ping_ms = state->last_ping_ms;
    check->last_kind = state->last_ping_kind & 3;
    check->last_duration_ms = state->last_duration_ms;
    check->ping_count = state->ping_count;
    check->alert_count = (uint32_t)state->alert_count;
    check->failures = (uint32_t)state->failures;
    check->successes = (uint8_t)state->successes;
    check->counted_s = seconds(state->counted_until_s);
    check->alerted = state->alerted;
    check->owed = state->owed;
    check->owed_from_s = seconds(state->owed_from_s);
}

int checks_load(struct checks *checks, int64_t id, int64_t account,
                const struct check_settings *settings, const struct check_state_row *state)
{
    struct check *check = check_add(checks, id, account, settings);
    int invalid = check_set(checks, check, settings);
    if (state)
        state_set(check, state);
    struct check_traits *traits = check_traits_of(checks, check);
    if (traits && traits->reminder_s && state) {
        traits->reminded_s = seconds(state->reminded_s);
        traits->reminders = (uint32_t)state->reminders;
    }
    check_schedule(checks, check);
    return invalid;
}

/* Deadlines are found as rows come, for in one go a million take longer than a lease: but for what
 * depends on outages of parents that came later. */
void checks_loaded(struct checks *checks)
{
    families_loaded(checks);
    for (uint32_t place = 0; place < checks->traits.length; place++) {
        const struct check_traits *traits = place_table_at(&checks->traits, place);
        const struct check *check = traits->parent_count ? check_find(checks, traits->check) : NULL;
        if (check && (check->owed || check->alerted))
            check_schedule(checks, check);
    }
}
