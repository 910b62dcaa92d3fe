#include "scheduler/checks/checks_internal.h"

static void flip(struct checks *checks, struct check *check, enum check_status to, uint32_t at_s,
                 const char *reason)
{
    INVARIANT(check->status != to);
    if (at_s < check->since_s)
        at_s = check->since_s; /* read late: the history of a check goes forward */
    *check_writing_add_flip(&checks->rows) =
        (struct flip_row){.check = check->id,
                          .id = checks->progress.next_flip++,
                          .at_s = at_s,
                          .from = (enum check_status)check->status,
                          .to = to,
                          .reason = reason};
    bool was_outage = check_is_outage(checks, check);
    check->status = to & 7;
    check->since_s = at_s;
    family_changed(checks, check, was_outage);
    check_touch(checks, check);
}

void check_turn_late(struct checks *checks, struct check *check, uint32_t at_s)
{
    flip(checks, check, CHECK_LATE, at_s, "late");
}

void check_failed(struct checks *checks, struct check *check, uint32_t at_s, const char *reason)
{
    check->successes = 0;
    if (check->failures < INT32_MAX)
        check->failures++;
    check_touch(checks, check);
    if (check->status != CHECK_DOWN) {
        flip(checks, check, CHECK_DOWN, at_s, reason);
        check->counted_s = check->base_s;
        if (check->alerted)
            check->owed = false; /* nobody knows of its end: it goes on */
    }
    if (!check->alerted && !check->owed && check->failures >= check->alert_after)
        check_owe(checks, check, at_s);
}

static void recover(struct checks *checks, struct check *check, uint32_t at_s)
{
    check_decide(checks, check);
    flip(checks, check, CHECK_UP, at_s, "ping");
    check->successes = 0;
    family_recovered(checks, at_s);
    if (check->alerted)
        check_owe(checks, check, at_s);
    else
        check_alerts_forget(checks, check);
}

void check_succeeded(struct checks *checks, struct check *check, uint32_t at_s)
{
    check->failures = 0;
    check_starts_pass(checks, check, at_s);
    if (check->status == CHECK_DOWN) {
        if (++check->successes >= check->recover_after)
            recover(checks, check, at_s);
    } else if (check->status != CHECK_UP) {
        flip(checks, check, CHECK_UP, at_s, "ping");
    }
    check_touch(checks, check);
}

void check_turn_up(struct checks *checks, struct check *check, uint32_t at_s)
{
    flip(checks, check, CHECK_UP, at_s, "changed");
}

void check_turn_paused(struct checks *checks, struct check *check, uint32_t at_s,
                       const char *reason)
{
    check_decide(checks, check);
    flip(checks, check, CHECK_PAUSED, at_s, reason);
    check->failures = 0;
    check->successes = 0;
    check_alerts_forget(checks, check);
    check_starts_pass(checks, check, NEVER - 1);
    family_recovered(checks, at_s);
    check_schedule(checks, check);
}

void check_turn_new(struct checks *checks, struct check *check, uint32_t at_s)
{
    flip(checks, check, CHECK_NEW, at_s, "resumed");
    check->base_s = check->counted_s = 0;
    check_starts_drop(checks, check);
}
