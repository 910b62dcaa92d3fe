#include <stdlib.h>
#include <string.h>

#include "scheduler/checks/checks_internal.h"
#include "shared/memory.h"

#define TOLD_INITIAL 64

/* ---- what is told ---- */

static void told_add(struct checks *checks, const struct told *told)
{
    if (checks->told_count == checks->told_room) {
        checks->told_room = checks->told_room ? 2 * checks->told_room : TOLD_INITIAL;
        checks->told = memory_resize(checks->told, checks->told_room, sizeof(*checks->told));
    }
    checks->told[checks->told_count++] = *told;
}

static void tell(struct checks *checks, struct check *check, enum alert_type type, uint32_t number)
{
    told_add(checks, &(struct told){.check = check->id,
                                    .last_ping_s = check->last_ping_ms / 1000,
                                    .type = type,
                                    .reminder = (int32_t)number});
    check_touch(checks, check);
}

void channels_test(struct checks *checks, int64_t channel, int64_t now_ms)
{
    (void)now_ms;
    told_add(checks, &(struct told){.channel = channel, .type = ALERT_TEST});
}

/* ---- what is owed ---- */

static bool is_reminded(const struct check *check, const struct check_traits *traits)
{
    return check->status == CHECK_DOWN && check->alerted && traits && traits->reminder_s;
}

uint32_t check_alert_s(struct checks *checks, const struct check *check)
{
    const struct check_traits *traits = check_traits_of(checks, check);
    int64_t at_s;
    if (check->owed)
        at_s = check->owed_from_s;
    else if (is_reminded(check, traits))
        at_s = (int64_t)traits->reminded_s + traits->reminder_s;
    else
        return NEVER;
    if (!traits)
        return seconds(at_s);
    if (check_is_below_outage(checks, check))
        return NEVER; /* family_recovered comes back */
    at_s = maintenance_over_s(&traits->maintenance, at_s);
    return at_s < NEVER ? (uint32_t)at_s : NEVER;
}

void check_owe(struct checks *checks, struct check *check, uint32_t at_s)
{
    check->owed = true;
    check->owed_from_s = at_s;
    if (check->grouped) {
        /* Its end is told behind the notice that tells of it. */
        uint32_t end_s = account_group_end_s(account_of(checks, check->account));
        check->owed_from_s = end_s > at_s ? end_s : at_s;
    }
    check_touch(checks, check);
    check_undecided(checks, check, check->owed_from_s, at_s);
}

static void outage_tell(struct checks *checks, struct check *check, uint32_t told_s)
{
    check->owed = false;
    check->owed_from_s = 0;
    check_touch(checks, check);
    if (!check_has_channel(checks, check))
        return;
    check->alerted = true;
    check->alert_count++;
    struct check_traits *traits = check_traits_of(checks, check);
    if (traits && traits->reminder_s)
        traits->reminded_s = told_s;
    tell(checks, check, ALERT_DOWN, 0);
}

static void remind(struct checks *checks, struct check *check, uint32_t upto_s)
{
    struct check_traits *traits = check_traits_of(checks, check);
    INVARIANT(traits);
    /* What was missed meanwhile is one reminder. */
    uint32_t missed = (upto_s - traits->reminded_s) / traits->reminder_s;
    traits->reminded_s += missed * traits->reminder_s;
    tell(checks, check, ALERT_REMINDER, ++traits->reminders);
}

static void decide(struct checks *checks, struct check *check, uint32_t upto_s)
{
    if (check_alert_s(checks, check) > upto_s)
        return;
    if (!check->owed) {
        remind(checks, check, upto_s);
    } else if (check->status == CHECK_DOWN) {
        outage_tell(checks, check, upto_s);
    } else {
        check_alerts_forget(checks, check);
        tell(checks, check, ALERT_UP, 0);
    }
}

void check_alerts_forget(struct checks *checks, struct check *check)
{
    if (check->undecided) {
        check->undecided = false;
        place_table_remove(&checks->undecided, place_table_find(&checks->undecided, check->id));
    }
    check->alerted = check->owed = check->grouped = false;
    check->owed_from_s = 0;
    struct check_traits *traits = check_traits_of(checks, check);
    if (traits)
        traits->reminded_s = traits->reminders = 0;
}

/* ---- deciding ---- */

void check_undecided(struct checks *checks, struct check *check, uint32_t at_s, uint32_t upto_s)
{
    uint32_t place = place_table_find(&checks->undecided, check->id);
    if (place == PLACE_NONE) {
        place = place_table_add(&checks->undecided, check->id);
        id_list_add(&checks->undecided_ids, check->id);
        check->undecided = true;
    }
    struct undecided *undecided = place_table_at(&checks->undecided, place);
    undecided->at_s = at_s;
    undecided->upto_s = upto_s;
}

void check_decide(struct checks *checks, struct check *check)
{
    if (!check->undecided)
        return;
    uint32_t place = place_table_find(&checks->undecided, check->id);
    uint32_t upto_s = ((const struct undecided *)place_table_at(&checks->undecided, place))->upto_s;
    place_table_remove(&checks->undecided, place);
    check->undecided = false;
    decide(checks, check, upto_s > checks->until_s ? upto_s : checks->until_s);
    check_schedule(checks, check);
}

static int first_due_first(const void *left, const void *right)
{
    const struct undecided *a = left, *b = right;
    if (a->at_s != b->at_s)
        return a->at_s < b->at_s ? -1 : 1;
    return (a->check > b->check) - (a->check < b->check);
}

void checks_decide(struct checks *checks)
{
    /* While states are behind the time, a parent may be among those. */
    if (!checks_is_advanced(checks))
        return;
    struct undecided *queue = memory_new(checks->undecided_ids.count, sizeof(*queue));
    size_t count = 0, decided = 0;
    for (size_t i = 0; i < checks->undecided_ids.count; i++) {
        uint32_t place = place_table_find(&checks->undecided, checks->undecided_ids.ids[i]);
        if (place != PLACE_NONE)
            memcpy(&queue[count++], place_table_at(&checks->undecided, place), sizeof(*queue));
    }
    qsort(queue, count, sizeof(*queue), first_due_first);
    for (; decided < count && decided < DECIDED_AT_ONCE; decided++) {
        struct check *check = check_find(checks, queue[decided].check);
        INVARIANT(check);
        check_decide(checks, check);
    }
    checks->undecided_ids.count = 0;
    for (size_t i = decided; i < count; i++)
        id_list_add(&checks->undecided_ids, queue[i].check);
    free(queue);
}
