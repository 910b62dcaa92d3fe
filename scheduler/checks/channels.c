#include <string.h>

#include "scheduler/checks/checks_internal.h"
#include "shared/memory.h"

static struct channel *channel_find(const struct checks *checks, int64_t id)
{
    uint32_t place = place_table_find(&checks->channels, id);
    return place == PLACE_NONE ? NULL : place_table_at(&checks->channels, place);
}

/* ---- of an account ---- */

static void account_insert(struct check_account *account, int64_t channel)
{
    if (account->channel_count == account->channel_room) {
        account->channel_room = account->channel_room ? 2 * account->channel_room : 2;
        account->channels =
            memory_resize(account->channels, account->channel_room, sizeof(*account->channels));
    }
    uint32_t at = account->channel_count++;
    for (; at > 0 && account->channels[at - 1] > channel; at--)
        account->channels[at] = account->channels[at - 1];
    account->channels[at] = channel;
}

static void account_take(struct check_account *account, int64_t channel)
{
    uint32_t at = 0;
    while (account->channels[at] != channel)
        at++;
    account->channel_count--;
    memmove(&account->channels[at], &account->channels[at + 1],
            (account->channel_count - at) * sizeof(*account->channels));
}

bool channels_has(const struct checks *checks, int64_t channel, int64_t account)
{
    const struct channel *found = channel_find(checks, channel);
    return found && account_of(checks, found->account)->id == account;
}

/* ---- of a check ---- */

const int64_t *check_channels(const struct checks *checks, const struct check *check, size_t *count)
{
    const struct check_traits *traits = check_traits_of(checks, check);
    if (traits && traits->some_channels) {
        *count = traits->channel_count;
        return traits->channels;
    }
    const struct check_account *account = account_of(checks, check->account);
    *count = account->channel_count;
    return account->channels;
}

const struct channel *channel_usable(const struct checks *checks, int64_t channel, uint32_t account)
{
    const struct channel *found = channel_find(checks, channel);
    return found && found->usable && found->account == account ? found : NULL;
}

bool check_has_channel(const struct checks *checks, const struct check *check)
{
    size_t count;
    const int64_t *channels = check_channels(checks, check, &count);
    for (size_t i = 0; i < count; i++)
        if (channel_usable(checks, channels[i], check->account))
            return true;
    return false;
}

/* ---- commands ---- */

void channels_add(struct checks *checks, const struct channel_row *row)
{
    INVARIANT(!channel_find(checks, row->id));
    uint32_t account = account_get(checks, row->account);
    account_insert(account_of(checks, account), row->id);
    struct channel *channel =
        place_table_at(&checks->channels, place_table_add(&checks->channels, row->id));
    channel->account = account;
    channel->kind = (uint8_t)row->kind;
    channel->usable = row->usable;
}

void checks_load_channel(struct checks *checks, const struct channel_row *row)
{
    channels_add(checks, row);
}

void channels_change(struct checks *checks, const struct channel_row *row)
{
    struct channel *channel = channel_find(checks, row->id);
    INVARIANT(channel && account_of(checks, channel->account)->id == row->account);
    channel->kind = (uint8_t)row->kind;
    channel->usable = row->usable;
}

void channels_remove(struct checks *checks, int64_t channel)
{
    uint32_t place = place_table_find(&checks->channels, channel);
    INVARIANT(place != PLACE_NONE);
    uint32_t account = ((const struct channel *)place_table_at(&checks->channels, place))->account;
    account_take(account_of(checks, account), channel);
    place_table_remove(&checks->channels, place);
    account_release(checks, account);
}
