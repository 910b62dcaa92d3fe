#include "tests/simulation/calendar.h"

#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"

static void *with_room(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 4;
    return memory_resize(array, *room, size);
}

void calendar_open(struct world *world)
{
    world->calendar = memory_new(1, sizeof(*world->calendar));
}

void calendar_close(struct world *world)
{
    struct calendar *calendar = world->calendar;
    for (size_t i = 0; i < calendar->count; i++)
        free(calendar->jobs[i].versions);
    free(calendar->jobs);
    free(calendar->gaps);
    free(calendar);
}

/* ---- what jobs were ---- */

static struct calendar_job *job_of(struct world *world, int64_t id)
{
    struct calendar *calendar = world->calendar;
    if (id < 1 || (size_t)id > calendar->count)
        world_fail(world, "there is no job %lld", (long long)id);
    return &calendar->jobs[id - 1];
}

static struct version *version_add(struct calendar_job *job, uint32_t after)
{
    job->versions = with_room(job->versions, job->count, &job->room, sizeof(*job->versions));
    struct version *version = &job->versions[job->count++];
    *version = job->count > 1 ? job->versions[job->count - 2] : (struct version){0};
    version->after = after;
    return version;
}

void calendar_changed(struct world *world, const struct fact_job *fact, uint32_t after)
{
    struct calendar *calendar = world->calendar;
    while (calendar->count < (size_t)fact->id) {
        calendar->jobs =
            with_room(calendar->jobs, calendar->count, &calendar->room, sizeof(*calendar->jobs));
        calendar->jobs[calendar->count++] = (struct calendar_job){.account = fact->account};
    }
    struct calendar_job *job = job_of(world, fact->id);
    if (job->deleted)
        world_fail(world, "job %lld was changed after its deletion", (long long)fact->id);
    struct version *version = version_add(job, after);
    version->due_after = (uint32_t)(fact->due_after_ms / MINUTE_MS);
    version->enabled = fact->enabled;
    version->one_shot = fact->cron_expression == NULL;
    version->zone = (uint8_t)schedule_zone(fact->timezone);
    version->first = 0;
    version->last = NO_END;
    if (version->one_shot) {
        version->first = version->last = (uint32_t)(fact->run_at_s / 60);
    } else {
        schedule_compile(fact->cron_expression, &version->schedule);
        if (fact->start_at_s)
            version->first = (uint32_t)((fact->start_at_s + 59) / 60);
        if (fact->end_at_s)
            version->last = (uint32_t)(fact->end_at_s / 60);
    }
    version->catch_up = fact->catch_up;
    version->window_s = fact->catch_up_window_s;
    version->no_overlap = !fact->allow_overlap;
    version->jitter_s = fact->jitter_s;
    version->max_retries = fact->max_retries;
    trace_job(world, fact->id,
              "changed after minute %u: %s in %s, enabled %d, bounds %u to %u, catch_up %u, "
              "no_overlap %d, jitter %u",
              after, fact->cron_expression ? fact->cron_expression : "once", fact->timezone,
              fact->enabled, version->first, version->last, version->catch_up, version->no_overlap,
              version->jitter_s);
}

void calendar_paused(struct world *world, int64_t id, uint32_t after)
{
    version_add(job_of(world, id), after)->enabled = false;
    trace_job(world, id, "paused by the rules after minute %u", after);
}

void calendar_deleted(struct world *world, int64_t id)
{
    job_of(world, id)->deleted = true;
}

void calendar_gap(struct world *world, uint32_t after, uint32_t to)
{
    struct calendar *calendar = world->calendar;
    calendar->gaps = with_room(calendar->gaps, calendar->gap_count, &calendar->gap_room,
                               sizeof(*calendar->gaps));
    calendar->gaps[calendar->gap_count++] = (struct gap){after, to};
}

bool calendar_has(const struct world *world, int64_t id)
{
    const struct calendar *calendar = world->calendar;
    return id >= 1 && (size_t)id <= calendar->count && !calendar->jobs[id - 1].deleted;
}

int64_t calendar_account(struct world *world, int64_t id)
{
    return job_of(world, id)->account;
}

/* ---- when they were due ---- */

const struct version *calendar_version(const struct world *world, int64_t id, uint32_t minute)
{
    const struct calendar *calendar = world->calendar;
    if (id < 1 || (size_t)id > calendar->count)
        return NULL;
    const struct calendar_job *job = &calendar->jobs[id - 1];
    for (size_t i = job->count; i > 0; i--)
        if (job->versions[i - 1].after < minute)
            return &job->versions[i - 1];
    return NULL;
}

const struct version *calendar_newest(const struct world *world, int64_t id)
{
    return calendar_version(world, id, UINT32_MAX);
}

static bool matches(const struct version *version, uint32_t minute, const struct moment *local)
{
    return minute >= version->first && minute <= version->last &&
           (version->one_shot || schedule_matches(&version->schedule, local));
}

static bool is_due(const struct version *version, uint32_t minute, const struct moment *local)
{
    return version && version->enabled && version->due_after < minute &&
           matches(version, minute, local);
}

bool calendar_due(const struct world *world, int64_t id, uint32_t minute)
{
    const struct version *version = calendar_version(world, id, minute);
    struct moment local = moment_of(minute, version ? version->zone : 0);
    return is_due(version, minute, &local);
}

uint32_t version_next(const struct version *version, uint32_t after, uint32_t until)
{
    for (uint32_t minute = after + 1; minute <= until && minute <= version->last; minute++) {
        struct moment local = moment_of(minute, version->zone);
        if (matches(version, minute, &local))
            return minute;
    }
    return 0;
}

static bool in_gap(const struct calendar *calendar, uint32_t minute)
{
    for (size_t i = 0; i < calendar->gap_count; i++)
        if (calendar->gaps[i].after < minute && minute <= calendar->gaps[i].to)
            return true;
    return false;
}

void calendar_each_due(struct world *world, uint32_t after, uint32_t to,
                       void (*check)(struct world *world, int64_t job, uint32_t minute))
{
    const struct calendar *calendar = world->calendar;
    for (uint32_t minute = after + 1; minute <= to; minute++) {
        if (in_gap(calendar, minute))
            continue;
        struct moment local[SCHEDULE_ZONES];
        for (unsigned zone = 0; zone < SCHEDULE_ZONES; zone++)
            local[zone] = moment_of(minute, zone);
        for (size_t i = 0; i < calendar->count; i++) {
            const struct version *version = calendar_version(world, (int64_t)i + 1, minute);
            if (!calendar->jobs[i].deleted && version &&
                is_due(version, minute, &local[version->zone]))
                check(world, (int64_t)i + 1, minute);
        }
    }
}
