#include "tests/simulation/delivery.h"

#include <stdio.h>

const char *delivery_name(const struct delivery *delivery)
{
    static char text[96];
    if (delivery->replay == RUN_NOTICE)
        snprintf(text, sizeof(text), "notice %lld", (long long)delivery->job);
    else
        snprintf(text, sizeof(text), "job %lld, minute %lld (%lld), replay %u",
                 (long long)delivery->job, (long long)delivery->slot_s / 60,
                 (long long)delivery->slot_s, delivery->replay);
    return text;
}

bool delivery_is_final(const struct delivery *delivery)
{
    return delivery->row >= ROW_SUCCESS;
}

void delivery_emitted(struct world *world, struct delivery *delivery, const struct run *run,
                      int64_t decided_ms)
{
    const char *name = delivery_name(delivery);
    if (run->attempt != delivery->emitted + 1)
        world_fail(world, "%s: attempt %u is in RUNS behind attempt %u", name, run->attempt,
                   delivery->emitted);
    if (delivery->in_flight)
        world_fail(world, "%s: attempt %u is in RUNS, the one before has no result", name,
                   run->attempt);
    if (delivery->row == ROW_SUCCESS || delivery->row == ROW_FAILURE)
        world_fail(world, "%s: attempt %u is in RUNS, its row is final", name, run->attempt);
    bool held = run->attempt > 1 || run->replay != 0 || delivery->row == ROW_PENDING;
    if (held && (delivery->row != ROW_PENDING || !delivery->next_attempt_ms ||
                 delivery->told != run->attempt - 1))
        world_fail(world, "%s: attempt %u left before its row said that it waits", name,
                   run->attempt);
    if (held && decided_ms < delivery->next_attempt_ms)
        world_fail(world, "%s: attempt %u left %lld ms too early", name, run->attempt,
                   (long long)(delivery->next_attempt_ms - decided_ms));
    delivery->emitted = run->attempt;
    delivery->in_flight = true;
    delivery->decided_ms = decided_ms;
}

void delivery_posted(struct world *world, struct delivery *delivery, const struct run *run)
{
    const char *name = delivery_name(delivery);
    if (delivery->posting)
        world_fail(world, "%s: attempt %u is POSTed while one is under way", name, run->attempt);
    if (run->attempt < delivery->posted)
        world_fail(world, "%s: attempt %u is POSTed behind attempt %u", name, run->attempt,
                   delivery->posted);
    if (run->attempt > delivery->posted) {
        delivery->posted = run->attempt;
        delivery->posts = delivery->deaths = 0;
    }
    delivery->posting = true;
    delivery->repeated |= delivery->posts > 0;
    if (++delivery->posts > 1 + delivery->deaths)
        world_fail(world, "%s: attempt %u is POSTed %u times, %u dispatchers died", name,
                   run->attempt, delivery->posts, delivery->deaths);
}

void delivery_over(struct delivery *delivery, uint8_t attempt)
{
    if (delivery->posted == attempt)
        delivery->posting = false;
}

void delivery_died(struct delivery *delivery, uint8_t attempt)
{
    if (delivery->posted == attempt) {
        delivery->posting = false;
        delivery->deaths++;
    }
}

bool delivery_reported(struct world *world, struct delivery *delivery, uint8_t attempt, bool gone)
{
    if (attempt != delivery->emitted || !delivery->in_flight)
        return false;
    if (!gone && delivery->posted != attempt)
        world_fail(world, "%s: attempt %u has a result, and was not POSTed",
                   delivery_name(delivery), attempt);
    delivery->in_flight = false;
    return true;
}

/* What a row may say of the attempts. */
static void attempts_check(struct world *world, const struct delivery *delivery,
                           const struct execution *row)
{
    const char *name = delivery_name(delivery);
    bool final = row->status != EXECUTION_PENDING, skipped = row->status == EXECUTION_SKIPPED;
    bool held = !final && row->next_attempt_ms;
    if (row->attempts > delivery->emitted)
        world_fail(world, "%s: a row of attempt %u that is not in RUNS", name, row->attempts);
    if (row->attempts < delivery->told)
        world_fail(world, "%s: attempts go back from %u to %u", name, delivery->told,
                   row->attempts);
    if (skipped && delivery->emitted)
        world_fail(world, "%s: skipped, and in RUNS", name);
    if (row->attempts < delivery->emitted)
        world_fail(world, "%s: a row that does not know attempt %u", name, delivery->emitted);
    if (!final && !held && !row->attempts)
        world_fail(world, "%s: pending, without an attempt and not waiting", name);
    if ((final || held) && delivery->in_flight)
        world_fail(world, "%s: a row of the end of attempt %u, which has no result", name,
                   delivery->emitted);
}

uint8_t delivery_row(struct world *world, struct delivery *delivery, const struct execution *row)
{
    static const enum row rows[] = {[EXECUTION_PENDING] = ROW_PENDING,
                                    [EXECUTION_SUCCESS] = ROW_SUCCESS,
                                    [EXECUTION_FAILURE] = ROW_FAILURE,
                                    [EXECUTION_SKIPPED] = ROW_SKIPPED};
    const char *name = delivery_name(delivery);
    if (delivery->row == ROW_SUCCESS || delivery->row == ROW_FAILURE)
        world_fail(world, "%s: a row on top of a final one", name);
    /* A slot that one leader skipped may run when the next one deals with its minute again. */
    if (delivery->row == ROW_SKIPPED && row->replay)
        world_fail(world, "%s: was skipped, and goes on", name);
    attempts_check(world, delivery, row);
    bool final = row->status != EXECUTION_PENDING;
    if (final != (row->completed_ms != 0))
        world_fail(world, "%s: status %u, completed %lld", name, row->status,
                   (long long)row->completed_ms);
    if (row->triggered_ms < row->slot_s * 1000 - 1000)
        world_fail(world, "%s: triggered %lld, before its slot", name,
                   (long long)row->triggered_ms);
    if (final && row->next_attempt_ms)
        world_fail(world, "%s: final, and waits", name);
    uint8_t more = (uint8_t)(row->attempts - delivery->told);
    delivery->told = row->attempts;
    delivery->row = (uint8_t)rows[row->status];
    delivery->next_attempt_ms = row->next_attempt_ms;
    delivery->trigger = row->trigger;
    delivery->version = row->version;
    delivery->timeout_s = row->timeout_s;
    return more;
}

void delivery_balance(struct world *world, const struct delivery *delivery)
{
    const char *name = delivery_name(delivery);
    if (!delivery_is_final(delivery))
        world_fail(world, "%s has no final row at the end", name);
    if (delivery->told != delivery->emitted || delivery->posted != delivery->emitted)
        world_fail(world, "%s: %u attempts in RUNS, %u POSTed, %u in the row", name,
                   delivery->emitted, delivery->posted, delivery->told);
    if ((delivery->row == ROW_SKIPPED) != (delivery->emitted == 0))
        world_fail(world, "%s: row %u, %u attempts", name, delivery->row, delivery->emitted);
}
