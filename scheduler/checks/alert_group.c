#include <string.h>

#include "scheduler/checks/checks_internal.h"
#include "shared/memory.h"

#define WAITS_INITIAL 4

static uint32_t minute_of_ms(int64_t now_ms)
{
    return seconds_of_ms(now_ms) / ALERT_GROUP_S;
}

uint32_t account_group_end_s(const struct check_account *account)
{
    return (account->wait_minute + 1) * ALERT_GROUP_S;
}

/* ---- those that wait ---- */

static struct alert_wait *wait_of(struct check_account *account, int64_t channel)
{
    for (uint32_t i = 0; i < account->wait_count; i++)
        if (account->waits[i].channel == channel)
            return &account->waits[i];
    if (account->wait_count == account->wait_room) {
        account->wait_room = account->wait_room ? 2 * account->wait_room : WAITS_INITIAL;
        account->waits = memory_resize(account->waits, account->wait_room, sizeof(*account->waits));
    }
    struct alert_wait *wait = &account->waits[account->wait_count++];
    *wait = (struct alert_wait){.channel = channel};
    return wait;
}

static void alert_wait(struct checks *checks, struct check_account *account,
                       const struct alert_row *row)
{
    if (!account->wait_count) {
        id_list_add(&checks->waiting, account->id);
        account->wait_minute = seconds(row->created_s) / ALERT_GROUP_S;
    }
    struct alert_wait *wait = wait_of(account, row->channel);
    wait->kind = row->channel_kind;
    wait->first_alert = wait->first_alert ? wait->first_alert : row->id;
    wait->last_alert = row->id;
}

static void waiter_add(struct checks *checks, struct check_account *account, int64_t id)
{
    struct check *check = check_find(checks, id);
    if (!check || check->grouped)
        return;
    check->grouped = true;
    if (account->waiter_count == account->waiter_room) {
        account->waiter_room = account->waiter_room ? 2 * account->waiter_room : WAITS_INITIAL;
        account->waiters =
            memory_resize(account->waiters, account->waiter_room, sizeof(*account->waiters));
    }
    account->waiters[account->waiter_count++] = id;
}

/* What one call of alerts_collect knows. */
struct leaving {
    struct checks *checks;
    int64_t now_ms;
    int64_t *next_notice, *next_outbox;
    struct check_writing *writing;
};

static void account_leave(const struct leaving *leaving, uint32_t place)
{
    struct checks *checks = leaving->checks;
    struct check_account *account = account_of(checks, place);
    for (uint32_t i = 0; i < account->wait_count; i++) {
        const struct alert_wait *wait = &account->waits[i];
        struct alert_group_row *row = check_writing_add_group(leaving->writing);
        *row = (struct alert_group_row){.account = account->id,
                                        .channel = wait->channel,
                                        .channel_kind = wait->kind,
                                        .created_s = leaving->now_ms / 1000,
                                        .first_alert = wait->first_alert,
                                        .last_alert = wait->last_alert};
        if (!channel_usable(checks, wait->channel, place))
            continue;
        if (wait->kind == CHANNEL_EMAIL)
            row->outbox = (*leaving->next_outbox)++;
        else
            row->notice = (*leaving->next_notice)++;
    }
    for (uint32_t i = 0; i < account->waiter_count; i++) {
        struct check *check = check_find(checks, account->waiters[i]);
        if (check)
            check->grouped = false;
    }
    account->wait_count = account->waiter_count = 0;
    account_release(checks, place);
}

static bool account_leaves(const struct checks *checks, int64_t id, uint32_t minute)
{
    uint32_t place = place_table_find(&checks->accounts, id);
    return place == PLACE_NONE || account_of(checks, place)->wait_minute != minute;
}

bool alerts_leave(const struct checks *checks, int64_t now_ms)
{
    for (size_t i = 0; i < checks->waiting.count; i++)
        if (account_leaves(checks, checks->waiting.ids[i], minute_of_ms(now_ms)))
            return true;
    return false;
}

int64_t alerts_next_s(const struct checks *checks)
{
    int64_t next_s = INT64_MAX;
    for (size_t i = 0; i < checks->waiting.count; i++) {
        uint32_t place = place_table_find(&checks->accounts, checks->waiting.ids[i]);
        if (place == PLACE_NONE)
            continue;
        int64_t end_s = account_group_end_s(account_of(checks, place));
        next_s = end_s < next_s ? end_s : next_s;
    }
    return next_s;
}

/* ---- those that are told now ---- */

/* Whether an alert of this kind waits with others; if not, one more has left alone. */
static bool told_waits(struct check_account *account, enum alert_type type, uint32_t minute)
{
    if (type != ALERT_DOWN && type != ALERT_REMINDER)
        return false;
    if (account->minute != minute) {
        account->minute = minute;
        account->alone = 0;
    }
    if (account->alone >= ALERT_GROUP_FIRST)
        return true;
    account->alone++;
    return false;
}

static void told_write(const struct leaving *leaving, const struct told *told, uint32_t place,
                       const struct channel *channel, bool waits)
{
    struct checks *checks = leaving->checks;
    struct check_account *account = account_of(checks, place);
    struct alert_row *row = check_writing_add_alert(leaving->writing);
    *row = (struct alert_row){.check = told->check,
                              .id = checks->progress.next_alert++,
                              .account = account->id,
                              .channel = channel->id,
                              .channel_kind = (enum channel_kind)channel->kind,
                              .type = told->type,
                              .created_s = leaving->now_ms / 1000,
                              .last_ping_s = told->last_ping_s,
                              .reminder = told->reminder,
                              .waiting = waits};
    if (waits)
        alert_wait(checks, account, row);
    else if (channel->kind == CHANNEL_EMAIL)
        row->outbox = (*leaving->next_outbox)++;
    else
        row->notice = (*leaving->next_notice)++;
}

static void test_leave(const struct leaving *leaving, const struct told *told)
{
    const struct checks *checks = leaving->checks;
    uint32_t at = place_table_find(&checks->channels, told->channel);
    if (at == PLACE_NONE)
        return; /* removed since */
    const struct channel *channel = place_table_at(&checks->channels, at);
    told_write(leaving, told, channel->account, channel, false);
}

static void told_leave(const struct leaving *leaving, const struct told *told)
{
    struct checks *checks = leaving->checks;
    const struct check *check = check_find(checks, told->check);
    if (!check || !check_has_channel(checks, check))
        return; /* removed since */
    struct check_account *account = account_of(checks, check->account);
    /* An outage that is over is told alone, before its end. */
    bool waits = told_waits(account, told->type, minute_of_ms(leaving->now_ms)) &&
                 check->status == CHECK_DOWN;
    size_t count;
    const int64_t *channels = check_channels(checks, check, &count);
    for (size_t i = 0; i < count; i++) {
        const struct channel *channel = channel_usable(checks, channels[i], check->account);
        if (channel)
            told_write(leaving, told, check->account, channel, waits);
    }
    if (waits)
        waiter_add(checks, account, told->check);
}

void alerts_collect(struct checks *checks, int64_t now_ms, int64_t *next_notice,
                    int64_t *next_outbox, struct check_writing *writing)
{
    const struct leaving leaving = {checks, now_ms, next_notice, next_outbox, writing};
    size_t kept = 0;
    for (size_t i = 0; i < checks->waiting.count; i++) {
        int64_t id = checks->waiting.ids[i];
        uint32_t place = place_table_find(&checks->accounts, id);
        if (!account_leaves(checks, id, minute_of_ms(now_ms)))
            checks->waiting.ids[kept++] = id;
        else if (place != PLACE_NONE)
            account_leave(&leaving, place);
    }
    checks->waiting.count = kept;
    for (size_t i = 0; i < checks->told_count; i++)
        if (checks->told[i].type == ALERT_TEST)
            test_leave(&leaving, &checks->told[i]);
        else
            told_leave(&leaving, &checks->told[i]);
    checks->told_count = 0;
}

/* ---- loading ---- */

/* Rows of one alert follow each other, by channel. */
static bool is_same_alert(const struct alert_row *row, const struct alert_row *before)
{
    return row->check == before->check && row->type == before->type &&
           row->created_s == before->created_s && row->id == before->id + 1 &&
           row->channel > before->channel;
}

void checks_load_alert(struct checks *checks, const struct alert_row *row)
{
    bool same = is_same_alert(row, &checks->loaded);
    checks->loaded = *row;
    uint32_t place = place_table_find(&checks->accounts, row->account);
    if (place == PLACE_NONE)
        return;
    struct check_account *account = account_of(checks, place);
    if (row->waiting) {
        alert_wait(checks, account, row);
        waiter_add(checks, account, row->check);
    }
    if (!same)
        (void)told_waits(account, row->type, seconds(row->created_s) / ALERT_GROUP_S);
}
