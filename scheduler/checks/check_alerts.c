#include "scheduler/checks/checks_internal.h"
#include "shared/memory.h"

#define TOLD_INITIAL  64
#define TURNS_INITIAL 64

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

void channels_test(struct checks *checks, int64_t channel)
{
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

/* ---- the heap of those whose turn comes ---- */

static bool turn_before(const struct undecided_turn *left, const struct undecided_turn *right)
{
    return left->at_s != right->at_s ? left->at_s < right->at_s : left->check < right->check;
}

static void turn_add(struct checks *checks, int64_t check, uint32_t at_s)
{
    if (checks->turn_count == checks->turn_room) {
        checks->turn_room = checks->turn_room ? 2 * checks->turn_room : TURNS_INITIAL;
        checks->turns = memory_resize(checks->turns, checks->turn_room, sizeof(*checks->turns));
    }
    struct undecided_turn turn = {.check = check, .at_s = at_s}, *turns = checks->turns;
    size_t at = checks->turn_count++;
    for (; at > 0 && turn_before(&turn, &turns[(at - 1) / 2]); at = (at - 1) / 2)
        turns[at] = turns[(at - 1) / 2];
    turns[at] = turn;
}

static struct undecided_turn turn_take(struct checks *checks)
{
    struct undecided_turn *turns = checks->turns;
    struct undecided_turn first = turns[0], last = turns[--checks->turn_count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < checks->turn_count) {
        if (child + 1 < checks->turn_count && turn_before(&turns[child + 1], &turns[child]))
            child++;
        if (!turn_before(&turns[child], &last))
            break;
        turns[at] = turns[child];
        at = child;
    }
    turns[at] = last;
    return first;
}

/* ---- deciding ---- */

static struct undecided *undecided_of(const struct checks *checks, int64_t check)
{
    uint32_t place = place_table_find(&checks->undecided, check);
    return place == PLACE_NONE ? NULL : place_table_at(&checks->undecided, place);
}

void check_undecided(struct checks *checks, struct check *check, uint32_t at_s, uint32_t upto_s)
{
    struct undecided *undecided = undecided_of(checks, check->id);
    if (!undecided)
        undecided =
            place_table_at(&checks->undecided, place_table_add(&checks->undecided, check->id));
    if (!check->undecided || undecided->at_s != at_s)
        turn_add(checks, check->id, at_s);
    check->undecided = true;
    undecided->at_s = at_s;
    undecided->upto_s = upto_s;
}

void check_decide(struct checks *checks, struct check *check)
{
    const struct undecided *undecided = undecided_of(checks, check->id);
    if (!undecided)
        return;
    uint32_t upto_s = undecided->upto_s;
    place_table_remove(&checks->undecided, place_table_find(&checks->undecided, check->id));
    check->undecided = false;
    decide(checks, check, upto_s > checks->until_s ? upto_s : checks->until_s);
    check_schedule(checks, check);
}

void checks_decide(struct checks *checks)
{
    /* While states are behind the time, a parent may be among those. */
    if (!checks_is_advanced(checks))
        return;
    for (int decided = 0; decided < DECIDED_AT_ONCE && checks->turn_count;) {
        struct undecided_turn turn = turn_take(checks);
        const struct undecided *undecided = undecided_of(checks, turn.check);
        struct check *check = check_find(checks, turn.check);
        if (!check || !undecided || undecided->at_s != turn.at_s)
            continue;
        check_decide(checks, check);
        decided++;
    }
}
