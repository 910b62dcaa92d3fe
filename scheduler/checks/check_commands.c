#include <stdlib.h>
#include <string.h>

#include "scheduler/checks/checks_internal.h"
#include "shared/memory.h"

/* ---- pauses ---- */

static void pause_forget(struct checks *checks, int64_t check)
{
    struct check_writing *rows = &checks->rows;
    for (size_t i = 0; i < rows->pause_count; i++)
        if (rows->pauses[i].check == check)
            rows->pauses[i--] = rows->pauses[--rows->pause_count];
}

const char *checks_pause_reason(const struct checks *checks, int64_t check)
{
    for (size_t i = 0; i < checks->rows.pause_count; i++)
        if (checks->rows.pauses[i].check == check)
            return checks->rows.pauses[i].reason;
    return NULL;
}

static void pause(struct checks *checks, struct check *check, uint32_t at_s, const char *reason)
{
    check_turn_paused(checks, check, at_s, reason);
    account_of(checks, check->account)->active--;
}

static void resume(struct checks *checks, struct check *check, uint32_t at_s)
{
    check_turn_new(checks, check, at_s);
    account_of(checks, check->account)->active++;
}

/* By the rules themselves. */
static void pause_with_row(struct checks *checks, struct check *check, uint32_t at_s,
                           const char *reason)
{
    pause(checks, check, at_s, reason);
    *check_writing_add_pause(&checks->rows) =
        (struct check_pause_row){.check = check->id, .reason = reason};
}

void checks_job_paused(struct checks *checks, int64_t job, int64_t now_ms)
{
    struct check *check = check_find(checks, checks_of_job(checks, job));
    if (check && check->status != CHECK_PAUSED)
        pause_with_row(checks, check, seconds_of_ms(now_ms), "job");
}

static int newest_first(const void *left, const void *right)
{
    const struct check *a = *(const struct check *const *)left;
    const struct check *b = *(const struct check *const *)right;
    if (a->created_s != b->created_s)
        return a->created_s > b->created_s ? -1 : 1;
    return (a->id < b->id) - (a->id > b->id);
}

void checks_limit(struct checks *checks, int64_t account, uint32_t limit, int64_t now_ms)
{
    uint32_t active = checks_count(checks, account), count = 0;
    if (active <= limit)
        return;
    uint32_t owner = place_table_find(&checks->accounts, account);
    struct check **found = memory_new(active, sizeof(struct check *));
    for (uint32_t place = 0; place < checks->table.length; place++) {
        struct check *check = check_at(checks, place);
        if (check->id && check->account == owner && check->status != CHECK_PAUSED)
            found[count++] = check;
    }
    qsort(found, count, sizeof(struct check *), newest_first);
    for (uint32_t i = limit; i < count; i++)
        pause_with_row(checks, found[i], seconds_of_ms(now_ms), "plan");
    free(found);
}

/* ---- other settings ---- */

/* What is asked of a check before it changes. */
struct former {
    uint32_t period_s, grace_s, reminder_s;
    bool has_cron, below_outage;
    struct cron cron;
};

static const struct cron *cron_of(const struct checks *checks, const struct check *check)
{
    uint32_t place = place_table_find(&checks->crons, check->id);
    return &((const struct check_cron *)place_table_at(&checks->crons, place))->cron;
}

static struct former former_of(struct checks *checks, const struct check *check)
{
    const struct check_traits *traits = check_traits_of(checks, check);
    struct former former = {.period_s = check->period_s,
                            .grace_s = check->grace_s,
                            .reminder_s = traits ? traits->reminder_s : 0,
                            .has_cron = check->has_cron,
                            .below_outage = check_is_below_outage(checks, check)};
    if (former.has_cron)
        former.cron = *cron_of(checks, check);
    return former;
}

static bool cron_differs(const struct cron *a, const struct cron *b)
{
    return a->minutes != b->minutes || a->hours != b->hours || a->days != b->days ||
           a->months != b->months || a->weekdays != b->weekdays || a->either_day != b->either_day ||
           a->zone != b->zone || a->elapsed != b->elapsed;
}

static bool times_differ(const struct checks *checks, const struct check *check,
                         const struct former *former)
{
    if (check->grace_s != former->grace_s || check->has_cron != former->has_cron)
        return true;
    return check->has_cron ? cron_differs(cron_of(checks, check), &former->cron)
                           : check->period_s != former->period_s;
}

/* By other times it would have been late, or down, before anybody asked for them: they begin now.
 */
static void times_begin(struct checks *checks, struct check *check, uint32_t at_s)
{
    if (check->status == CHECK_DOWN) {
        uint32_t from_s = at_s > check->grace_s ? at_s - check->grace_s : 0;
        check->counted_s = check->base_s && from_s > check->counted_s ? from_s : check->counted_s;
    } else if (check->status == CHECK_UP || check->status == CHECK_LATE) {
        bool past = check->status == CHECK_UP ? check_expected_s(checks, check) < at_s
                                              : check_missed_s(checks, check) <= at_s;
        if (past)
            check->base_s = check->has_cron ? at_s - 1 : at_s - check->period_s;
        check->counted_s = check->base_s;
        if (check->status == CHECK_LATE && check_expected_s(checks, check) > at_s)
            check_turn_up(checks, check, at_s);
    }
}

static void alerts_change(struct checks *checks, struct check *check, const struct former *former,
                          uint32_t at_s)
{
    struct check_traits *traits = check_traits_of(checks, check);
    if (traits && traits->reminder_s && !former->reminder_s && check->alerted)
        traits->reminded_s = at_s;
    if (check->status == CHECK_DOWN && !check->alerted && !check->owed &&
        check->failures >= check->alert_after)
        check_owe(checks, check, at_s);
    if (former->below_outage && !check_is_below_outage(checks, check))
        family_freed(checks, check, at_s);
}

void checks_change(struct checks *checks, int64_t id, const struct check_settings *settings,
                   int64_t now_ms)
{
    struct check *check = check_find(checks, id);
    INVARIANT(check);
    uint32_t at_s = seconds_of_ms(now_ms);
    bool was_paused = check->status == CHECK_PAUSED;
    pause_forget(checks, id);
    if (settings->paused && !was_paused)
        pause(checks, check, at_s, "paused");
    const struct former former = former_of(checks, check);
    /* One that could not be scheduled when it was loaded may change otherwise. */
    (void)check_set(checks, check, settings);
    if (!settings->paused && was_paused)
        resume(checks, check, at_s);
    if (times_differ(checks, check, &former))
        times_begin(checks, check, at_s);
    alerts_change(checks, check, &former, at_s);
    check_touch(checks, check);
    check_schedule(checks, check);
}

/* ---- removal ---- */

void checks_remove(struct checks *checks, int64_t id, int64_t now_ms)
{
    struct check *check = check_find(checks, id);
    INVARIANT(check);
    /* Its own, or that of a check above it. */
    bool outage = check_is_outage(checks, check);
    uint32_t owner = check->account;
    struct check_account *account = account_of(checks, owner);
    account->stored--;
    account->active -= check->status != CHECK_PAUSED;
    check_alerts_forget(checks, check);
    check_starts_remove(checks, check);
    check_unset(checks, check);
    uint32_t place = check_place(checks, check);
    checks->deadlines[place] = NEVER;
    place_table_remove(&checks->table, place);
    if (outage)
        family_left(checks, id, seconds_of_ms(now_ms));
    account_release(checks, owner);
}

void checks_remove_account(struct checks *checks, int64_t account)
{
    uint32_t owner = place_table_find(&checks->accounts, account);
    if (owner == PLACE_NONE)
        return;
    account_of(checks, owner)->wait_count = 0;
    account_of(checks, owner)->waiter_count = 0;
    uint32_t left = account_of(checks, owner)->stored;
    for (uint32_t place = 0; place < checks->table.length && left; place++) {
        const struct check *check = check_at(checks, place);
        if (!check->id || check->account != owner)
            continue;
        checks_remove(checks, check->id, 0);
        left--;
    }
    while ((owner = place_table_find(&checks->accounts, account)) != PLACE_NONE) {
        const struct check_account *rest = account_of(checks, owner);
        if (rest->channel_count)
            channels_remove(checks, rest->channels[0]);
        else
            account_release(checks, owner);
    }
}
