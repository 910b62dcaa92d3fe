#include "tests/simulation/notices.h"

#include <stdlib.h>

#include "shared/memory.h"
#include "tests/simulation/calendar.h"
#include "tests/simulation/database.h"

#define NOTICE_RETRIES        3
#define ALERT_TIMEOUT_S       5
#define ALERT_RETRY_TIMEOUT_S 10

void notices_open(struct world *world)
{
    world->notices = memory_new(1, sizeof(*world->notices));
}

void notices_close(struct world *world)
{
    free(world->notices->all);
    free(world->notices);
}

static struct notice *add(struct world *world, int64_t id)
{
    struct notices *notices = world->notices;
    if ((size_t)id != notices->count + 1)
        world_fail(world, "notice %lld comes after %zu", (long long)id, notices->count);
    if (notices->count == notices->room) {
        notices->room = notices->room ? 2 * notices->room : 256;
        notices->all = memory_resize(notices->all, notices->room, sizeof(*notices->all));
    }
    struct notice *added = &notices->all[notices->count++];
    *added = (struct notice){
        .delivery = {.job = id, .replay = RUN_NOTICE, .version = 1, .row = ROW_PENDING}};
    return added;
}

void notices_add(struct world *world, const struct notice_row *row)
{
    struct notice *added = add(world, row->id);
    added->account = calendar_account(world, row->job);
    added->delivery.slot_s = row->created_s;
    added->delivery.next_attempt_ms = row->created_s * 1000;
    added->delivery.timeout_s = row->timeout_s;
}

void notices_add_alert(struct world *world, const struct new_alert *alert, int64_t now_ms)
{
    const struct fact_account *account = facts_account(&world->database->rows, alert->account);
    if (!account || account->change == FACT_DELETED)
        world_fail(world, "alert %lld of account %lld, which is not there", (long long)alert->id,
                   (long long)alert->account);
    struct notice *added = add(world, alert->id);
    added->account = alert->account;
    added->alert = true;
    added->delivery.slot_s = now_ms / 1000;
    added->delivery.next_attempt_ms = now_ms;
    added->delivery.timeout_s = ALERT_TIMEOUT_S;
}

bool notices_alert(const struct world *world, const struct run *run)
{
    const struct notice *notice = run->replay == RUN_NOTICE ? notices_find(world, run->job) : NULL;
    return notice && notice->alert;
}

void notices_emitted(struct world *world, const struct run *run)
{
    uint16_t expected = run->attempt == 1 ? ALERT_TIMEOUT_S : ALERT_RETRY_TIMEOUT_S;
    if (notices_alert(world, run) && run->timeout_s != expected)
        world_fail(world, "alert %lld: attempt %u may take %u s", (long long)run->job, run->attempt,
                   run->timeout_s);
}

void notices_reported(struct world *world, int64_t id, enum result_outcome outcome, uint16_t code)
{
    struct notice *notice = notices_find(world, id);
    if (!notice)
        return;
    notice->outcome = (uint8_t)outcome;
    notice->code = code;
}

/* Sent where the answer was 2xx; failed for good behind the last retry, or where nobody may go. */
static void alert_check(struct world *world, const struct notice *alert,
                        const struct execution *row)
{
    bool arrived = alert->outcome == RESULT_SUCCESS && alert->code >= 200 && alert->code < 300;
    bool last = row->attempts > NOTICE_RETRIES || alert->outcome == RESULT_BLOCKED;
    bool ended = row->status != EXECUTION_PENDING || row->next_attempt_ms;
    enum execution_status expected = arrived ? EXECUTION_SUCCESS
                                     : last  ? EXECUTION_FAILURE
                                             : EXECUTION_PENDING;
    if (ended && row->status != expected)
        world_fail(world, "alert %lld: status %u after attempt %u, outcome %u, code %u",
                   (long long)row->job, row->status, row->attempts, alert->outcome, alert->code);
}

void notices_row(struct world *world, const struct execution *row)
{
    struct notice *notice = notices_find(world, row->job);
    if (row->next_attempt_ms && row->attempts > NOTICE_RETRIES)
        world_fail(world, "notice %lld: a retry behind %u attempts", (long long)row->job,
                   row->attempts);
    if (!notice)
        return;
    if (notice->alert)
        alert_check(world, notice, row);
    (void)delivery_row(world, &notice->delivery, row);
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
