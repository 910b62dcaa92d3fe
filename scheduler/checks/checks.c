#include <stdlib.h>
#include <string.h>

#include "scheduler/checks/checks_internal.h"
#include "shared/memory.h"

#define IDS_INITIAL 64

/* ---- memory ---- */

void id_list_add(struct id_list *list, int64_t id)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : IDS_INITIAL;
        list->ids = memory_resize(list->ids, list->room, sizeof(*list->ids));
    }
    list->ids[list->count++] = id;
}

void *side_resize(struct checks *checks, void *block, size_t from, size_t to, size_t size)
{
    checks->side_bytes += (to - from) * size;
    if (to)
        return memory_resize(block, to, size);
    free(block);
    return NULL;
}

struct checks *checks_create(const struct checks_progress *progress)
{
    struct checks *checks = memory_new(1, sizeof(*checks));
    checks->progress = *progress;
    checks->soonest = NEVER;
    place_table_init(&checks->table, sizeof(struct check));
    place_table_init(&checks->crons, sizeof(struct check_cron));
    place_table_init(&checks->traits, sizeof(struct check_traits));
    place_table_init(&checks->starts, sizeof(struct check_starts));
    place_table_init(&checks->families, sizeof(struct check_family));
    place_table_init(&checks->jobs, sizeof(struct job_check));
    place_table_init(&checks->accounts, sizeof(struct check_account));
    place_table_init(&checks->channels, sizeof(struct channel));
    place_table_init(&checks->undecided, sizeof(struct undecided));
    return checks;
}

void checks_free(struct checks *checks)
{
    if (!checks)
        return;
    for (uint32_t place = 0; place < checks->traits.length; place++) {
        const struct check_traits *traits = place_table_at(&checks->traits, place);
        if (traits->check) {
            free(traits->parents);
            free(traits->channels);
        }
    }
    for (uint32_t place = 0; place < checks->accounts.length; place++) {
        const struct check_account *account = account_of(checks, place);
        if (account->id) {
            free(account->channels);
            free(account->waits);
            free(account->waiters);
        }
    }
    check_starts_free(checks);
    families_free(checks);
    struct place_table *tables[] = {&checks->table,    &checks->crons,    &checks->traits,
                                    &checks->jobs,     &checks->accounts, &checks->channels,
                                    &checks->undecided};
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
        place_table_free(tables[i]);
    struct id_list *lists[] = {&checks->waiting, &checks->dirty, &checks->changed_starts,
                               &checks->above, &checks->freed};
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
        free(lists[i]->ids);
    check_writing_free(&checks->rows);
    free(checks->deadlines);
    free(checks->told);
    free(checks->turns);
    free(checks);
}

size_t checks_bytes(const struct checks *checks)
{
    const struct place_table *tables[] = {&checks->table,    &checks->crons,    &checks->traits,
                                          &checks->starts,   &checks->families, &checks->jobs,
                                          &checks->accounts, &checks->channels, &checks->undecided};
    size_t bytes = checks->deadline_room * sizeof(*checks->deadlines) + checks->side_bytes;
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
        bytes += place_table_bytes(tables[i]);
    return bytes;
}

size_t checks_total(const struct checks *checks)
{
    return checks->table.count;
}

const struct checks_progress *checks_progress(const struct checks *checks)
{
    return &checks->progress;
}

void checks_set_pings_seq(struct checks *checks, uint64_t sequence)
{
    checks->progress.pings_seq = sequence;
}

/* ---- what it is ---- */

void check_touch(struct checks *checks, struct check *check)
{
    if (check->dirty)
        return;
    check->dirty = true;
    id_list_add(&checks->dirty, check->id);
}

void check_row(const struct checks *checks, const struct check *check, struct check_state_row *row)
{
    const struct check_traits *traits = check_traits_of(checks, check);
    *row = (struct check_state_row){.check = check->id,
                                    .status = (enum check_status)check->status,
                                    .status_since_s = check->since_s,
                                    .base_s = check->base_s,
                                    .last_ping_ms = check->last_ping_ms,
                                    .last_ping_kind = (enum ping_kind)check->last_kind,
                                    .last_duration_ms = check->last_duration_ms,
                                    .ping_count = check->ping_count,
                                    .alert_count = check->alert_count,
                                    .failures = (int32_t)check->failures,
                                    .successes = check->successes,
                                    .counted_until_s = check->counted_s,
                                    .alerted = check->alerted,
                                    .owed = check->owed,
                                    .owed_from_s = check->owed_from_s,
                                    .reminded_s = traits ? traits->reminded_s : 0,
                                    .reminders = traits ? (int32_t)traits->reminders : 0};
}

bool checks_state(const struct checks *checks, int64_t id, struct check_state_row *state)
{
    const struct check *check = check_find(checks, id);
    if (check)
        check_row(checks, check, state);
    return check != NULL;
}

enum check_status checks_status(const struct checks *checks, int64_t id)
{
    const struct check *check = check_find(checks, id);
    INVARIANT(check);
    return (enum check_status)check->status;
}

bool checks_has(const struct checks *checks, int64_t id, int64_t account)
{
    const struct check *check = check_find(checks, id);
    return check && account_of(checks, check->account)->id == account;
}

int64_t checks_of_job(const struct checks *checks, int64_t job)
{
    uint32_t place = job > 0 ? place_table_find(&checks->jobs, job) : PLACE_NONE;
    return place == PLACE_NONE
               ? 0
               : ((const struct job_check *)place_table_at(&checks->jobs, place))->check;
}
