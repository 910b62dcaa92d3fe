#include "checks_model.h"

#include <stdlib.h>
#include <string.h>

#include "shared/compiler.h"
#include "shared/cron.h"
#include "shared/maintenance.h"

#define NONE INT64_MAX

struct model model;
struct model_flip model_flips[MODEL_CHECKS + 1][MODEL_FLIPS];
struct model_told model_told[MODEL_CHECKS + 1][MODEL_FLIPS];

/* What is told with the next transaction, in order. */
static struct {
    int64_t check;
    struct model_told told;
} queue[4096];

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct model_check *check_of(int64_t id)
{
    bool there = id > 0 && id <= MODEL_CHECKS && model.checks[id].there;
    return there ? &model.checks[id] : NULL;
}

static int64_t id_of(const struct model_check *check)
{
    return check - model.checks;
}

void model_begin(void)
{
    memset(&model, 0, sizeof(model));
}

void model_lead(void)
{
    model.until_s = 0;
    model.waiting_told = 0;
    for (int64_t id = 1; id <= MODEL_CHECKS; id++)
        model.checks[id].undecided = false;
}

/* ---- times ---- */

static int64_t next_s(const struct model_check *check, int64_t after_s)
{
    const struct check_settings *settings = &check->settings;
    if (!after_s)
        return NONE;
    if (!settings->cron_expression)
        return after_s + settings->period_s;
    struct cron cron;
    char error[CRON_ERROR_SIZE];
    INVARIANT(
        !cron_parse(settings->cron_expression, strlen(settings->cron_expression), &cron, error));
    cron.zone = zone_find(settings->timezone, strlen(settings->timezone));
    for (int64_t minute = after_s / 60 + 1;; minute++) {
        struct cron_time time = cron_time_in(cron.zone, minute);
        if (cron_matches(&cron, &time))
            return minute * 60;
    }
}

static bool in_maintenance(const struct model_check *check, int64_t at_s)
{
    struct maintenance maintenance = {
        check->settings.maint_start_s, check->settings.maint_end_s, {0}};
    char error[MAINTENANCE_ERROR_SIZE];
    const char *schedule = check->settings.maint_schedule;
    INVARIANT(!maintenance_parse(schedule, strlen(schedule), &maintenance.week, error));
    return maintenance_at(&maintenance, at_s);
}

static bool is_above(const struct model_check *check, int64_t id)
{
    for (size_t i = 0; i < check->settings.parent_count; i++) {
        const struct model_check *parent = check_of(check->parents[i]);
        if (check->parents[i] == id || (parent && is_above(parent, id)))
            return true;
    }
    return false;
}

static bool is_below_outage(const struct model_check *check)
{
    for (int64_t id = 1; id <= MODEL_CHECKS; id++)
        if (check_of(id) && check_of(id)->state.status == CHECK_DOWN && is_above(check, id))
            return true;
    return false;
}

/* ---- states ---- */

static void flip(struct model_check *check, enum check_status to, int64_t at_s)
{
    struct check_state_row *state = &check->state;
    at_s = max(at_s, state->status_since_s);
    INVARIANT(check->flip_count < MODEL_FLIPS);
    model_flips[id_of(check)][check->flip_count++] = (struct model_flip){at_s, state->status, to};
    state->status = to;
    state->status_since_s = at_s;
}

static void owe(struct model_check *check, int64_t at_s)
{
    check->state.owed = true;
    check->state.owed_from_s = at_s;
    if (check->grouped)
        check->state.owed_from_s = max(at_s, (model.accounts[check->account].wait_minute + 1) * 60);
    check->at_s = check->state.owed_from_s;
    check->upto_s = check->undecided ? max(check->upto_s, at_s) : at_s;
    check->undecided = true;
}

static void fails(struct model_check *check, int64_t at_s)
{
    struct check_state_row *state = &check->state;
    state->successes = 0;
    state->failures++;
    if (state->status != CHECK_DOWN) {
        flip(check, CHECK_DOWN, at_s);
        state->counted_until_s = state->base_s;
        if (state->alerted)
            state->owed = false;
    }
    if (!state->alerted && !state->owed && state->failures >= check->settings.alert_after)
        owe(check, at_s);
}

static void put_off(struct model_check *check, int64_t at_s)
{
    if (check->state.owed)
        check->state.owed_from_s = max(check->state.owed_from_s, at_s + check->settings.grace_s);
}

/* Those that another outage is still above are put off by its end. */
static void put_off_below(int64_t id, int64_t at_s)
{
    for (int64_t other = 1; other <= MODEL_CHECKS; other++)
        if (check_of(other) && is_above(check_of(other), id) && !is_below_outage(check_of(other)))
            put_off(check_of(other), at_s);
}

static void forget_alerts(struct model_check *check)
{
    struct check_state_row *state = &check->state;
    check->undecided = check->grouped = false;
    state->alerted = state->owed = false;
    state->owed_from_s = state->reminded_s = 0;
    state->reminders = 0;
}

/* ---- alerts ---- */

static void tell(const struct model_check *check, enum alert_type type, int32_t reminder)
{
    INVARIANT(model.waiting_told < ARRAY_LENGTH(queue));
    queue[model.waiting_told].check = id_of(check);
    queue[model.waiting_told++].told = (struct model_told){type, reminder, false};
}

static bool has_channel(const struct model_check *check)
{
    const struct check_settings *settings = &check->settings;
    for (int64_t id = 1; id < WORLD_CHANNELS; id++) {
        bool named = !settings->channels;
        for (size_t i = 0; i < settings->channel_count; i++)
            named |= check->channels[i] == id;
        if (named && model.channels[id].account == check->account && model.channels[id].usable)
            return true;
    }
    return false;
}

/* Second by second. */
static int64_t alert_s(const struct model_check *check, int64_t until_s)
{
    const struct check_state_row *state = &check->state;
    int64_t at_s = NONE;
    if (state->owed)
        at_s = state->owed_from_s;
    else if (state->status == CHECK_DOWN && state->alerted && check->settings.reminder_s)
        at_s = state->reminded_s + check->settings.reminder_s;
    if (at_s == NONE || is_below_outage(check))
        return NONE;
    while (at_s <= until_s && in_maintenance(check, at_s))
        at_s++;
    return at_s <= until_s ? at_s : NONE;
}

static void decide(struct model_check *check)
{
    struct check_state_row *state = &check->state;
    if (!check->undecided)
        return;
    check->undecided = false;
    int64_t upto_s = max(check->upto_s, model.until_s);
    if (alert_s(check, upto_s) == NONE)
        return;
    if (!state->owed) {
        while (state->reminded_s + check->settings.reminder_s <= upto_s)
            state->reminded_s += check->settings.reminder_s;
        tell(check, ALERT_REMINDER, ++state->reminders);
    } else if (state->status == CHECK_DOWN) {
        state->owed = false;
        state->owed_from_s = 0;
        if (!has_channel(check))
            return;
        state->alerted = true;
        state->alert_count++;
        state->reminded_s = check->settings.reminder_s ? upto_s : 0;
        tell(check, ALERT_DOWN, 0);
    } else {
        forget_alerts(check);
        tell(check, ALERT_UP, 0);
    }
}

/* ---- time ---- */

static struct model_start *due_start(struct model_check *check)
{
    struct model_start *first = NULL;
    for (int i = 0; i < MODEL_RIDS; i++)
        if (check->starts[i].open && check->starts[i].due_s &&
            (!first || check->starts[i].due_s < first->due_s))
            first = &check->starts[i];
    return first;
}

static int64_t state_due_s(const struct model_check *check)
{
    const struct check_state_row *state = &check->state;
    int64_t grace_s = check->settings.grace_s;
    switch (state->status) {
    case CHECK_UP: return next_s(check, state->base_s);
    case CHECK_LATE: return next_s(check, state->base_s) + grace_s;
    case CHECK_DOWN:
        if (!state->counted_until_s ||
            (!state->successes &&
             (state->alerted || state->owed || state->failures >= check->settings.alert_after)))
            return NONE;
        return next_s(check, state->counted_until_s) + grace_s;
    default: return NONE;
    }
}

static void advance(struct model_check *check, int64_t until_s)
{
    struct check_state_row *state = &check->state;
    for (;;) {
        int64_t due_s = state_due_s(check);
        struct model_start *start = due_start(check);
        if (start && start->due_s < due_s && start->due_s <= until_s) {
            int64_t at_s = start->due_s;
            start->due_s = 0;
            fails(check, at_s);
        } else if (due_s <= until_s && state->status == CHECK_UP) {
            flip(check, CHECK_LATE, due_s);
        } else if (due_s <= until_s) {
            fails(check, due_s);
            state->counted_until_s = due_s - check->settings.grace_s;
        } else {
            break;
        }
    }
    int64_t at_s = alert_s(check, until_s);
    if (at_s != NONE && !check->undecided) {
        check->undecided = true;
        check->at_s = at_s;
        check->upto_s = until_s;
    }
}

void model_evaluate(int64_t until_s)
{
    model.until_s = max(model.until_s, until_s);
    for (int64_t id = 1; id <= MODEL_CHECKS; id++)
        if (check_of(id))
            advance(check_of(id), model.until_s);
}

/* ---- pings ---- */

static void start_begins(struct model_check *check, int rid, int64_t time_ms)
{
    struct model_start *start = &check->starts[rid];
    const struct check_state_row *state = &check->state;
    bool ended = state->last_ping_kind == PING_SUCCESS || state->last_ping_kind == PING_FAIL;
    if (start->open && start->started_ms >= time_ms)
        return;
    if (start->ended && start->ended_ms >= time_ms)
        return;
    if (!start->open && !start->ended && !rid && ended && state->last_ping_ms >= time_ms)
        return;
    int64_t due_s = time_ms / 1000 + check->settings.grace_s;
    *start = (struct model_start){
        .open = true, .started_ms = time_ms, .due_s = state->status == CHECK_PAUSED ? 0 : due_s};
}

static int64_t start_ends(struct model_check *check, int rid, int64_t time_ms)
{
    struct model_start *start = &check->starts[rid];
    if (start->ended || (start->open && start->started_ms > time_ms))
        return -1;
    int64_t duration_ms = start->open ? time_ms - start->started_ms : -1;
    if (rid)
        for (int i = 0; i < MODEL_RIDS; i++)
            if (check->starts[i].ended)
                check->starts[i] = (struct model_start){0};
    *start = (struct model_start){.ended = rid != 0, .ended_ms = time_ms};
    return duration_ms;
}

static void succeeds(struct model_check *check, int64_t at_s)
{
    struct check_state_row *state = &check->state;
    state->failures = 0;
    for (int i = 0; i < MODEL_RIDS; i++)
        if (check->starts[i].due_s <= at_s)
            check->starts[i].due_s = 0;
    if (state->status == CHECK_UP)
        return;
    if (state->status != CHECK_DOWN) {
        flip(check, CHECK_UP, at_s);
        return;
    }
    if (++state->successes < check->settings.recover_after)
        return;
    decide(check);
    flip(check, CHECK_UP, at_s);
    state->successes = 0;
    put_off_below(id_of(check), at_s);
    if (state->alerted)
        owe(check, at_s);
    else
        forget_alerts(check);
}

void model_ping(const struct ping *ping)
{
    struct model_check *check = check_of(ping->check);
    if (!check)
        return;
    struct check_state_row *state = &check->state;
    int64_t at_s = ping->time_ms / 1000, duration_ms = -1;
    int rid = ping->rid_bytes ? ping->rid[0] - 'a' + 1 : 0;
    advance(check, max(at_s - CHECK_PING_LAG_S, min(at_s, model.until_s)));
    state->ping_count++;
    if (ping->kind == PING_LOG)
        return;
    if (ping->kind == PING_START) {
        start_begins(check, rid, ping->time_ms);
    } else {
        duration_ms = start_ends(check, rid, ping->time_ms);
        state->last_duration_ms = duration_ms;
    }
    if (ping->time_ms >= state->last_ping_ms) {
        state->last_ping_ms = ping->time_ms;
        state->last_ping_kind = ping->kind;
    }
    if (state->status == CHECK_PAUSED || (ping->kind == PING_START && state->base_s))
        return;
    if (ping->kind == PING_SUCCESS && at_s < state->base_s)
        return;
    bool overtaken = at_s <= state->base_s && ping->time_ms < state->last_ping_ms &&
                     state->last_ping_kind == PING_SUCCESS;
    state->base_s = state->counted_until_s = max(state->base_s, at_s);
    if (ping->kind == PING_SUCCESS)
        succeeds(check, at_s);
    else if (ping->kind == PING_FAIL)
        fails(check, at_s);
    if (ping->kind == PING_FAIL && overtaken)
        succeeds(check, state->last_ping_ms / 1000);
}

/* ---- commands ---- */

static void settings_take(struct model_check *check, const struct check_settings *settings)
{
    check->settings = *settings;
    for (size_t i = 0; i < settings->parent_count; i++)
        check->parents[i] = settings->parents[i];
    for (size_t i = 0; i < settings->channel_count; i++)
        check->channels[i] = settings->channels[i];
}

void model_add(int64_t id, int64_t account, const struct check_settings *settings, int64_t now_s)
{
    struct model_check *check = &model.checks[id];
    size_t flips = check->flip_count, told = check->told_count;
    *check = (struct model_check){.there = true, .account = account};
    check->flip_count = flips; /* of one with that id before */
    check->told_count = told;
    check->state = (struct check_state_row){.check = id,
                                            .status = settings->paused ? CHECK_PAUSED : CHECK_NEW,
                                            .status_since_s = now_s,
                                            .last_duration_ms = -1};
    settings_take(check, settings);
}

static void pauses(struct model_check *check, int64_t now_s)
{
    bool down = check->state.status == CHECK_DOWN;
    decide(check);
    flip(check, CHECK_PAUSED, now_s);
    check->state.failures = check->state.successes = 0;
    forget_alerts(check);
    for (int i = 0; i < MODEL_RIDS; i++)
        check->starts[i].due_s = 0;
    if (down)
        put_off_below(id_of(check), now_s);
}

static bool same_times(const struct check_settings *a, const struct check_settings *b)
{
    if (a->grace_s != b->grace_s || !a->cron_expression != !b->cron_expression)
        return false;
    return a->cron_expression ? strcmp(a->cron_expression, b->cron_expression) == 0 &&
                                    strcmp(a->timezone, b->timezone) == 0
                              : a->period_s == b->period_s;
}

static void times_begin(struct model_check *check, int64_t now_s)
{
    struct check_state_row *state = &check->state;
    if (state->status == CHECK_DOWN && state->base_s)
        state->counted_until_s = max(state->counted_until_s, now_s - check->settings.grace_s);
    if (state->status != CHECK_UP && state->status != CHECK_LATE)
        return;
    int64_t expected_s = next_s(check, state->base_s);
    bool past = state->status == CHECK_UP ? expected_s < now_s
                                          : expected_s + check->settings.grace_s <= now_s;
    if (past)
        state->base_s = now_s - (check->settings.cron_expression ? 1 : check->settings.period_s);
    state->counted_until_s = state->base_s;
    if (state->status == CHECK_LATE && next_s(check, state->base_s) > now_s)
        flip(check, CHECK_UP, now_s);
}

void model_set(int64_t id, const struct check_settings *settings, int64_t now_s)
{
    struct model_check *check = &model.checks[id];
    struct check_state_row *state = &check->state;
    bool was_paused = state->status == CHECK_PAUSED;
    if (settings->paused && !was_paused)
        pauses(check, now_s);
    const struct check_settings before = check->settings;
    bool was_below = is_below_outage(check);
    settings_take(check, settings);
    if (!settings->paused && was_paused) {
        flip(check, CHECK_NEW, now_s);
        state->base_s = state->counted_until_s = 0;
        memset(check->starts, 0, sizeof(check->starts));
    }
    if (!same_times(settings, &before))
        times_begin(check, now_s);
    if (!settings->reminder_s)
        state->reminded_s = state->reminders = 0;
    else if (!before.reminder_s && state->alerted)
        state->reminded_s = now_s;
    if (state->status == CHECK_DOWN && !state->alerted && !state->owed &&
        state->failures >= settings->alert_after)
        owe(check, now_s);
    if (was_below && !is_below_outage(check)) {
        put_off(check, now_s);
        put_off_below(id, now_s);
    }
}

void model_remove(int64_t id, int64_t now_s)
{
    const struct model_check *check = &model.checks[id];
    bool outage = check->state.status == CHECK_DOWN || is_below_outage(check);
    model.checks[id].there = false;
    if (outage)
        put_off_below(id, now_s);
}

void model_limit(int64_t account, uint32_t limit, int64_t now_s)
{
    for (;;) {
        struct model_check *oldest = NULL;
        uint32_t active = 0;
        for (int64_t id = 1; id <= MODEL_CHECKS; id++) {
            struct model_check *check = check_of(id);
            if (!check || check->account != account || check->state.status == CHECK_PAUSED)
                continue;
            active++;
            if (!oldest || check->settings.created_ms / 1000 < oldest->settings.created_ms / 1000)
                oldest = check;
        }
        if (active <= limit)
            return;
        pauses(oldest, now_s);
        oldest->settings.paused = true;
    }
}

void model_channel(int64_t id, int64_t account, bool usable, bool gone)
{
    model.channels[id] =
        gone ? (struct channel_row){0} : (struct channel_row){id, account, 0, usable};
}

/* ---- transactions ---- */

static void leave(struct model_check *check, struct model_told *told, int64_t minute)
{
    struct model_account *account = &model.accounts[check->account];
    if (told->type != ALERT_UP && has_channel(check)) {
        if (account->minute != minute) {
            account->minute = minute;
            account->alone = 0;
        }
        told->waits = account->alone >= ALERT_GROUP_FIRST && check->state.status == CHECK_DOWN;
        account->alone += account->alone < ALERT_GROUP_FIRST;
    }
    if (!has_channel(check))
        return;
    if (told->waits) {
        account->wait_minute = minute;
        check->grouped = true;
    }
    INVARIANT(check->told_count < MODEL_FLIPS);
    model_told[id_of(check)][check->told_count++] = *told;
}

static int first_due_first(const void *left, const void *right)
{
    const struct model_check *a = *(struct model_check *const *)left;
    const struct model_check *b = *(struct model_check *const *)right;
    if (a->at_s != b->at_s)
        return a->at_s < b->at_s ? -1 : 1;
    return (a > b) - (a < b);
}

void model_collect(int64_t now_s)
{
    struct model_check *undecided[MODEL_CHECKS];
    size_t count = 0;
    model_evaluate(model.until_s);
    for (int64_t id = 1; id <= MODEL_CHECKS; id++)
        if (check_of(id) && check_of(id)->undecided)
            undecided[count++] = check_of(id);
    qsort(undecided, count, sizeof(struct model_check *), first_due_first);
    for (size_t i = 0; i < count; i++)
        decide(undecided[i]);
    for (int64_t id = 1; id <= MODEL_ACCOUNTS; id++) {
        if (!model.accounts[id].wait_minute || model.accounts[id].wait_minute == now_s / 60)
            continue;
        model.accounts[id].wait_minute = 0;
        for (int64_t check = 1; check <= MODEL_CHECKS; check++)
            if (model.checks[check].account == id)
                model.checks[check].grouped = false;
    }
    for (size_t i = 0; i < model.waiting_told; i++)
        if (check_of(queue[i].check))
            leave(check_of(queue[i].check), &queue[i].told, now_s / 60);
    model.waiting_told = 0;
}
