#include "tests/simulation/allowances.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/memory.h"
#include "tests/simulation/database.h"

#define SEND_MS (2 * MINUTE_MS) /* longer than a message to RUNS may take */

static void *with_room(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 8;
    return memory_resize(array, *room, size);
}

/* Months since January 1970. */
static unsigned month_of(int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    return (unsigned)(parts.tm_year - 70) * 12 + (unsigned)parts.tm_mon;
}

void allowances_open(struct world *world)
{
    world->allowances = memory_new(1, sizeof(*world->allowances));
    world->allowances->first_month = month_of(world->begun_ms);
}

void allowances_close(struct world *world)
{
    struct allowances *allowances = world->allowances;
    for (size_t i = 0; i < allowances->count; i++) {
        free(allowances->all[i].plans);
        free(allowances->all[i].starts);
    }
    free(allowances->all);
    free(allowances);
}

static struct allowance *allowance_of(struct world *world, int64_t account)
{
    struct allowances *allowances = world->allowances;
    if (account < 1 || (size_t)account > allowances->count)
        world_fail(world, "there is no account %lld", (long long)account);
    return &allowances->all[account - 1];
}

void allowances_plan(struct world *world, int64_t account, const char *plan)
{
    struct allowances *allowances = world->allowances;
    while (allowances->count < (size_t)account) {
        allowances->all = with_room(allowances->all, allowances->count, &allowances->room,
                                    sizeof(*allowances->all));
        allowances->all[allowances->count++] = (struct allowance){0};
    }
    struct allowance *allowance = allowance_of(world, account);
    const struct plan *named = plan_named(plan);
    if (allowance->plan_count && allowance->plans[allowance->plan_count - 1].plan == named)
        return;
    allowance->plans = with_room(allowance->plans, allowance->plan_count, &allowance->plan_room,
                                 sizeof(*allowance->plans));
    allowance->plans[allowance->plan_count++] = (struct plan_since){named, world->now_ms};
}

void allowances_deleted(struct world *world, int64_t account)
{
    allowance_of(world, account)->deleted = true;
}

const struct usage_row *allowances_usage(const struct world *world, int64_t account)
{
    return &world->allowances->all[account - 1].usage;
}

/* ---- limits ---- */

/* The widest of the plans that held since a time. */
static struct plan widest(const struct allowance *allowance, int64_t since_ms)
{
    struct plan widest = {0};
    int64_t until_ms = INT64_MAX;
    for (size_t i = allowance->plan_count; i > 0 && until_ms >= since_ms; i--) {
        const struct plan *plan = allowance->plans[i - 1].plan;
        if (plan->concurrency > widest.concurrency)
            widest.concurrency = plan->concurrency;
        if (plan->burst_per_minute > widest.burst_per_minute)
            widest.burst_per_minute = plan->burst_per_minute;
        if (plan->executions_per_month > widest.executions_per_month)
            widest.executions_per_month = plan->executions_per_month;
        until_ms = allowance->plans[i - 1].since_ms;
    }
    return widest;
}

static struct month_count *month_at(struct world *world, struct allowance *allowance,
                                    int64_t time_ms)
{
    unsigned at = month_of(time_ms) - world->allowances->first_month;
    INVARIANT(at < MONTHS_MAX);
    return &allowance->months[at];
}

static void start_count(struct world *world, int64_t account, uint32_t minute)
{
    struct allowance *allowance = allowance_of(world, account);
    size_t at = allowance->start_count;
    while (at > 0 && allowance->starts[at - 1].minute >= minute)
        at--;
    if (at == allowance->start_count || allowance->starts[at].minute != minute) {
        allowance->starts = with_room(allowance->starts, allowance->start_count,
                                      &allowance->start_room, sizeof(*allowance->starts));
        memmove(allowance->starts + at + 1, allowance->starts + at,
                (allowance->start_count++ - at) * sizeof(*allowance->starts));
        allowance->starts[at] = (struct minute_starts){.minute = minute};
    }
    uint32_t limit = widest(allowance, (int64_t)minute * MINUTE_MS - MINUTE_MS).burst_per_minute;
    if (++allowance->starts[at].count > limit)
        world_fail(world, "account %lld: %u executions of minute %u, %u are allowed",
                   (long long)account, allowance->starts[at].count, minute, limit);
}

void allowances_emitted(struct world *world, int64_t account, const struct run *run, bool start,
                        int64_t decided_ms)
{
    struct allowance *allowance = allowance_of(world, account);
    struct plan limits = widest(allowance, world->now_ms - SEND_MS);
    if (++allowance->in_flight > limits.concurrency)
        world_fail(world, "account %lld: %u attempts are under way, %u are allowed",
                   (long long)account, allowance->in_flight, limits.concurrency);
    struct month_count *month = month_at(world, allowance, decided_ms);
    if (++month->emitted > limits.executions_per_month + month->open)
        world_fail(world, "account %lld: %u attempts in a month, %u are allowed",
                   (long long)account, month->emitted, limits.executions_per_month);
    if (start)
        start_count(world, account, (uint32_t)(run->slot_s / 60));
}

void allowances_ended(struct world *world, int64_t account)
{
    struct allowance *allowance = allowance_of(world, account);
    INVARIANT(allowance->in_flight > 0);
    allowance->in_flight--;
}

/* ---- rows ---- */

void allowances_told(struct world *world, int64_t account, int64_t decided_ms, int64_t told_ms)
{
    struct allowance *allowance = allowance_of(world, account);
    if (month_of(decided_ms) == month_of(told_ms))
        month_at(world, allowance, told_ms)->told++;
    else
        month_at(world, allowance, told_ms)->open++;
    allowance->told_by = world->database->transactions;
}

void allowances_untold(struct world *world, int64_t account, int64_t decided_ms)
{
    struct month_count *month = month_at(world, allowance_of(world, account), decided_ms);
    month->open++;
    month[1].open++;
}

void allowances_write(struct world *world, const struct usage_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct allowance *allowance = allowance_of(world, rows[i].account);
        if (allowance->deleted)
            continue;
        if (allowance->usage_by == world->database->transactions)
            world_fail(world, "account %lld: two rows of usage in one transaction",
                       (long long)rows[i].account);
        allowance->usage = rows[i];
        allowance->usage_by = world->database->transactions;
    }
}

void allowances_check(struct world *world, int64_t told_ms)
{
    uint64_t transaction = world->database->transactions;
    for (size_t i = 0; i < world->allowances->count; i++) {
        struct allowance *allowance = &world->allowances->all[i];
        if (allowance->deleted ||
            (allowance->told_by != transaction && allowance->usage_by != transaction))
            continue;
        const struct usage_row *row = &allowance->usage;
        const struct month_count *month = month_at(world, allowance, told_ms);
        if (row->month != month_of(told_ms))
            world_fail(world, "account %zu: usage is of month %u", i + 1, row->month);
        if (row->executions < month->told || row->executions > month->told + month->open)
            world_fail(world, "account %zu: usage says %u, rows tell of %u attempts (%u open)",
                       i + 1, row->executions, month->told, month->open);
    }
}
