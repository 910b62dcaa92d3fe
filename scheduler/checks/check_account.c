#include <stdlib.h>

#include "scheduler/checks/checks_internal.h"

uint32_t account_get(struct checks *checks, int64_t id)
{
    uint32_t place = place_table_find(&checks->accounts, id);
    return place == PLACE_NONE ? place_table_add(&checks->accounts, id) : place;
}

void account_release(struct checks *checks, uint32_t place)
{
    struct check_account *account = account_of(checks, place);
    if (account->stored || account->channel_count || account->wait_count)
        return;
    free(account->channels);
    free(account->waits);
    free(account->waiters);
    place_table_remove(&checks->accounts, place);
}

static const struct check_account *account_find(const struct checks *checks, int64_t id)
{
    uint32_t place = place_table_find(&checks->accounts, id);
    return place == PLACE_NONE ? NULL : account_of(checks, place);
}

uint32_t checks_count(const struct checks *checks, int64_t account)
{
    const struct check_account *found = account_find(checks, account);
    return found ? found->active : 0;
}

uint32_t checks_stored(const struct checks *checks, int64_t account)
{
    const struct check_account *found = account_find(checks, account);
    return found ? found->stored : 0;
}

uint32_t channels_count(const struct checks *checks, int64_t account)
{
    const struct check_account *found = account_find(checks, account);
    return found ? found->channel_count : 0;
}
