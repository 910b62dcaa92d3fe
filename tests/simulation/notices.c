#include "tests/simulation/notices.h"

#include <stdlib.h>

#include "shared/memory.h"
#include "tests/simulation/calendar.h"

void notices_open(struct world *world)
{
    world->notices = memory_new(1, sizeof(*world->notices));
}

void notices_close(struct world *world)
{
    free(world->notices->all);
    free(world->notices);
}

void notices_add(struct world *world, const struct notice_row *row)
{
    struct notices *notices = world->notices;
    if ((size_t)row->id != notices->count + 1)
        world_fail(world, "notice %lld comes after %zu", (long long)row->id, notices->count);
    if (notices->count == notices->room) {
        notices->room = notices->room ? 2 * notices->room : 256;
        notices->all = memory_resize(notices->all, notices->room, sizeof(*notices->all));
    }
    notices->all[notices->count++] =
        (struct notice){.account = calendar_account(world, row->job),
                        .delivery = {.job = row->id,
                                     .slot_s = row->created_s,
                                     .next_attempt_ms = row->created_s * 1000,
                                     .replay = RUN_NOTICE,
                                     .version = 1,
                                     .timeout_s = row->timeout_s,
                                     .row = ROW_PENDING}};
}

struct notice *notices_find(const struct world *world, int64_t id)
{
    struct notices *notices = world->notices;
    bool there = id >= 1 && (size_t)id <= notices->count && !notices->all[id - 1].deleted;
    return there ? &notices->all[id - 1] : NULL;
}

void notices_deleted(struct world *world, int64_t account)
{
    for (size_t i = 0; i < world->notices->count; i++)
        world->notices->all[i].deleted |= world->notices->all[i].account == account;
}

void notices_balance(struct world *world)
{
    for (size_t i = 0; i < world->notices->count; i++)
        if (!world->notices->all[i].deleted)
            delivery_balance(world, &world->notices->all[i].delivery);
}
