#include "scheduler/checks/checks_internal.h"

#define BLOCK 4096 /* deadlines whose least one is found at once: in the fastest cache */

/* ---- one check ---- */

static void check_missed(struct checks *checks, struct check *check, uint32_t at_s)
{
    int64_t counted_s = check->status == CHECK_DOWN ? check->counted_s : check->base_s;
    counted_s = check_next_s(checks, check, counted_s);
    check_failed(checks, check, at_s, "missed");
    check->counted_s = seconds(counted_s);
}

void check_advance(struct checks *checks, struct check *check, uint32_t until_s)
{
    for (;;) {
        uint32_t due_s = check_due_s(checks, check);
        uint32_t start_s = check_starts_due_s(checks, check);
        if (due_s > until_s && start_s > until_s)
            break;
        if (start_s < due_s) {
            check_starts_miss(checks, check, start_s);
            check_failed(checks, check, start_s, "not finished");
        } else if (check->status == CHECK_UP) {
            check_turn_late(checks, check, due_s);
        } else {
            check_missed(checks, check, due_s);
        }
    }
    if (!check->undecided) {
        uint32_t alert_s = check_alert_s(checks, check);
        if (alert_s <= until_s)
            check_undecided(checks, check, alert_s, until_s);
    }
    check_schedule(checks, check);
}

/* ---- all of them ---- */

/* The compiler makes vectors of it. */
static uint32_t least(const uint32_t *deadlines, uint32_t count)
{
    uint32_t least = NEVER;
    for (uint32_t i = 0; i < count; i++)
        least = deadlines[i] < least ? deadlines[i] : least;
    return least;
}

static void block_advance(struct checks *checks, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count && checks->advanced < DUE_AT_ONCE; i++) {
        if (checks->deadlines[first + i] > checks->until_s)
            continue;
        check_advance(checks, check_at(checks, first + i), checks->until_s);
        checks->advanced++;
    }
}

void checks_advance(struct checks *checks)
{
    if (checks_is_advanced(checks))
        return;
    uint32_t soonest = NEVER;
    for (uint32_t first = 0; first < checks->table.length; first += BLOCK) {
        uint32_t rest = checks->table.length - first, count = rest < BLOCK ? rest : BLOCK;
        uint32_t block = least(checks->deadlines + first, count);
        if (block <= checks->until_s) {
            block_advance(checks, first, count);
            block = least(checks->deadlines + first, count);
        }
        soonest = block < soonest ? block : soonest;
        if (soonest <= checks->until_s)
            break; /* the rest is for the next time */
    }
    checks->soonest = soonest;
}

void checks_evaluate(struct checks *checks, int64_t until_s)
{
    if (seconds(until_s) > checks->until_s)
        checks->until_s = seconds(until_s);
    checks_advance(checks);
}

int64_t checks_next_s(const struct checks *checks)
{
    int64_t next_s = checks->soonest == NEVER ? INT64_MAX : checks->soonest;
    int64_t leave_s = alerts_next_s(checks);
    return leave_s < next_s ? leave_s : next_s;
}
