#include "tests/simulation/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"

/* Room for one more element in an array of the ledger. */
static void *with_room(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 8;
    return memory_resize(array, *room, size);
}

void ledger_open(struct world *world)
{
    world->ledger = memory_new(1, sizeof(*world->ledger));
    world->ledger->checked = (uint32_t)(world->begun_ms / MINUTE_MS);
}

void ledger_close(struct world *world)
{
    struct ledger *ledger = world->ledger;
    for (size_t i = 0; i < ledger->job_count; i++) {
        free(ledger->jobs[i].versions);
        free(ledger->jobs[i].slots);
    }
    free(ledger->jobs);
    free(ledger->pending);
    free(ledger->gaps);
    free(ledger);
}

static struct ledger_job *job_of(const struct world *world, int64_t job)
{
    struct ledger *ledger = world->ledger;
    return job >= 1 && (size_t)job <= ledger->job_count ? &ledger->jobs[job - 1] : NULL;
}

static struct ledger_job *job_known(struct world *world, int64_t id)
{
    struct ledger_job *job = job_of(world, id);
    if (!job)
        world_fail(world, "there is no job %lld", (long long)id);
    return job;
}

void ledger_changed(struct world *world, int64_t id, uint32_t after, uint32_t due_after,
                    bool enabled, const char *expression)
{
    struct ledger *ledger = world->ledger;
    while (ledger->job_count < (size_t)id) {
        ledger->jobs =
            with_room(ledger->jobs, ledger->job_count, &ledger->job_room, sizeof(*ledger->jobs));
        ledger->jobs[ledger->job_count++] = (struct ledger_job){0};
    }
    struct ledger_job *job = job_known(world, id);
    if (job->deleted)
        world_fail(world, "job %lld was changed after its deletion", (long long)id);
    job->versions =
        with_room(job->versions, job->version_count, &job->version_room, sizeof(*job->versions));
    struct ledger_version *version = &job->versions[job->version_count++];
    memset(version, 0, sizeof(*version));
    version->after = after;
    version->due_after = due_after;
    version->enabled = enabled;
    schedule_compile(expression, &version->schedule);
}

void ledger_deleted(struct world *world, int64_t id)
{
    job_known(world, id)->deleted = true;
}

/* Index of the first slot that is not before minute. */
static size_t slot_index(const struct ledger_job *job, uint32_t minute)
{
    size_t low = 0, high = job->slot_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (job->slots[middle].minute < minute)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct ledger_slot *ledger_find(const struct world *world, int64_t id, uint32_t minute)
{
    const struct ledger_job *job = job_of(world, id);
    if (!job)
        return NULL;
    size_t at = slot_index(job, minute);
    return at < job->slot_count && job->slots[at].minute == minute ? &job->slots[at] : NULL;
}

struct ledger_slot *ledger_slot(struct world *world, int64_t id, uint32_t minute)
{
    struct ledger_job *job = job_known(world, id);
    size_t at = slot_index(job, minute);
    if (at < job->slot_count && job->slots[at].minute == minute)
        return &job->slots[at];
    job->slots = with_room(job->slots, job->slot_count, &job->slot_room, sizeof(*job->slots));
    memmove(job->slots + at + 1, job->slots + at, (job->slot_count - at) * sizeof(*job->slots));
    job->slot_count++;
    job->slots[at] = (struct ledger_slot){.minute = minute};
    return &job->slots[at];
}

const struct ledger_version *ledger_version(const struct world *world, int64_t id, uint32_t minute)
{
    const struct ledger_job *job = job_of(world, id);
    for (size_t i = job ? job->version_count : 0; i > 0; i--)
        if (job->versions[i - 1].after < minute)
            return &job->versions[i - 1];
    return NULL;
}

static bool due(const struct world *world, int64_t id, const struct moment *moment)
{
    const struct ledger_version *version = ledger_version(world, id, moment->minute_of_epoch);
    return version && version->enabled && version->due_after < moment->minute_of_epoch &&
           schedule_matches(&version->schedule, moment);
}

static void check_due(struct world *world, int64_t id, uint32_t minute, const char *what)
{
    struct moment moment = moment_of(minute);
    if (!due(world, id, &moment))
        world_fail(world, "job %lld, minute %u: %s, and was not due", (long long)id, minute, what);
}

void ledger_emitted(struct world *world, int64_t id, uint32_t minute, uint32_t decided)
{
    struct ledger *ledger = world->ledger;
    struct ledger_slot *slot = ledger_slot(world, id, minute);
    ledger->emitted++;
    slot->emitted++;
    if (slot->emitted > 1)
        world_fail(world, "job %lld, minute %u is twice in RUNS", (long long)id, minute);
    check_due(world, id, minute, "is in RUNS");
    uint32_t next = schedule_next(&ledger_version(world, id, minute)->schedule, minute, decided);
    if (next)
        world_fail(world, "job %lld, minute %u was run at %u, though %u was due too", (long long)id,
                   minute, decided, next);
}

void ledger_row(struct world *world, int64_t id, uint32_t minute, enum row row, bool missed,
                uint32_t decided)
{
    struct ledger *ledger = world->ledger;
    if (job_known(world, id)->deleted)
        world_fail(world, "job %lld, minute %u: a row for a deleted job", (long long)id, minute);
    struct ledger_slot *slot = ledger_slot(world, id, minute);
    check_due(world, id, minute, "has a row");
    if (row != ROW_SKIPPED && !slot->emitted)
        world_fail(world, "job %lld, minute %u: a row of a run that is not in RUNS", (long long)id,
                   minute);
    if (row == ROW_SKIPPED && slot->emitted)
        world_fail(world, "job %lld, minute %u: skipped, and in RUNS", (long long)id, minute);
    if (missed && !schedule_next(&ledger_version(world, id, minute)->schedule, minute, decided))
        world_fail(world, "job %lld, minute %u: missed, and no newer one was due", (long long)id,
                   minute);
    if (slot->row == ROW_SUCCESS || slot->row == ROW_FAILURE)
        world_fail(world, "job %lld, minute %u: a row on top of a final one", (long long)id,
                   minute);
    if (slot->row == ROW_SKIPPED && row == ROW_SKIPPED)
        return; /* the same tick, dealt with by two leaders */
    ledger->skipped += row == ROW_SKIPPED;
    slot->row = (uint8_t)row;
    if (row == ROW_PENDING) {
        ledger->pending = with_room(ledger->pending, ledger->pending_count, &ledger->pending_room,
                                    sizeof(*ledger->pending));
        ledger->pending[ledger->pending_count++] = (struct ledger_run){.job = id, .minute = minute};
    }
}

void ledger_gap(struct world *world, uint32_t after, uint32_t to)
{
    struct ledger *ledger = world->ledger;
    ledger->gaps =
        with_room(ledger->gaps, ledger->gap_count, &ledger->gap_room, sizeof(*ledger->gaps));
    ledger->gaps[ledger->gap_count++] = (struct ledger_gap){after, to};
}

static bool in_gap(const struct ledger *ledger, uint32_t minute)
{
    for (size_t i = 0; i < ledger->gap_count; i++)
        if (ledger->gaps[i].after < minute && minute <= ledger->gaps[i].to)
            return true;
    return false;
}

/* Calls check for every due slot of a job that is there, in (after, to]. */
static void each_due(struct world *world, uint32_t after, uint32_t to,
                     void (*check)(struct world *world, int64_t job, uint32_t minute))
{
    for (uint32_t minute = after + 1; minute <= to; minute++) {
        struct moment moment = moment_of(minute);
        if (in_gap(world->ledger, minute))
            continue;
        for (size_t i = 0; i < world->ledger->job_count; i++)
            if (!world->ledger->jobs[i].deleted && due(world, (int64_t)i + 1, &moment))
                check(world, (int64_t)i + 1, minute);
    }
}

static void check_known(struct world *world, int64_t job, uint32_t minute)
{
    const struct ledger_slot *slot = ledger_find(world, job, minute);
    if (!slot || (!slot->emitted && slot->row == ROW_NONE))
        world_fail(world, "job %lld, minute %u is lost: last_tick is past it", (long long)job,
                   minute);
    world->ledger->slots++;
}

void ledger_complete(struct world *world, uint32_t last_tick)
{
    if (last_tick < world->ledger->checked)
        return;
    each_due(world, world->ledger->checked, last_tick, check_known);
    world->ledger->checked = last_tick;
}

static void check_final(struct world *world, int64_t job, uint32_t minute)
{
    const struct ledger_slot *slot = ledger_find(world, job, minute);
    if (!slot || slot->row == ROW_NONE || slot->row == ROW_PENDING)
        world_fail(world, "job %lld, minute %u has no final row at the end", (long long)job,
                   minute);
    if (slot->row == ROW_SKIPPED ? slot->posts != 0 : slot->posts < 1)
        world_fail(world, "job %lld, minute %u was POSTed %u times, row %u", (long long)job, minute,
                   slot->posts, slot->row);
}

void ledger_balance(struct world *world, uint32_t last_tick)
{
    struct ledger *ledger = world->ledger;
    each_due(world, (uint32_t)(world->begun_ms / MINUTE_MS), last_tick, check_final);
    for (size_t i = 0; i < ledger->job_count; i++) {
        for (size_t j = 0; j < ledger->jobs[i].slot_count; j++) {
            const struct ledger_slot *slot = &ledger->jobs[i].slots[j];
            ledger->posts += slot->posts;
            ledger->repeated += slot->posts > 1;
            if (slot->posts > 1u + slot->deaths)
                world_fail(world, "job %zu, minute %u was POSTed %u times, %u dispatchers died",
                           i + 1, slot->minute, slot->posts, slot->deaths);
        }
    }
}
