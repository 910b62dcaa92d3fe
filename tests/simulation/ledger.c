#include "tests/simulation/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"
#include "tests/simulation/allowances.h"
#include "tests/simulation/calendar.h"
#include "tests/simulation/database.h"
#include "tests/simulation/notices.h"
#include "tests/simulation/rows.h"

#define RETRIES_MAX  5
#define PAUSE_ROW_MS (10 * MINUTE_MS)

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
        free(ledger->jobs[i].slots);
        free(ledger->jobs[i].demands);
    }
    free(ledger->jobs);
    free(ledger->pending);
    free(ledger);
}

/* ---- executions ---- */

static struct ledger_job *job_of(struct world *world, int64_t id)
{
    struct ledger *ledger = world->ledger;
    (void)calendar_account(world, id); /* fails where there is none */
    while (ledger->job_count < (size_t)id) {
        ledger->jobs =
            with_room(ledger->jobs, ledger->job_count, &ledger->job_room, sizeof(*ledger->jobs));
        ledger->jobs[ledger->job_count++] = (struct ledger_job){0};
    }
    return &ledger->jobs[id - 1];
}

/* Index of the first slot that is not before a time. */
static size_t slot_index(const struct ledger_job *job, int64_t slot_s)
{
    size_t low = 0, high = job->slot_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (job->slots[middle].slot_s < slot_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct delivery *slot_find(struct world *world, int64_t id, int64_t slot_s)
{
    struct ledger_job *job = job_of(world, id);
    size_t at = slot_index(job, slot_s);
    return at < job->slot_count && job->slots[at].slot_s == slot_s ? &job->slots[at] : NULL;
}

/* The slot's execution, made where there is none. */
static struct delivery *slot_make(struct world *world, int64_t id, int64_t slot_s)
{
    struct delivery *found = slot_find(world, id, slot_s);
    if (found)
        return found;
    struct ledger_job *job = job_of(world, id);
    size_t at = slot_index(job, slot_s);
    job->slots = with_room(job->slots, job->slot_count, &job->slot_room, sizeof(*job->slots));
    memmove(job->slots + at + 1, job->slots + at, (job->slot_count - at) * sizeof(*job->slots));
    job->slot_count++;
    job->slots[at] = (struct delivery){.job = id, .slot_s = slot_s};
    return &job->slots[at];
}

/* Index of the first demand of a job that is not before replay. */
static size_t demand_index(const struct ledger_job *job, uint32_t replay)
{
    size_t at = job->demand_count;
    while (at > 0 && job->demands[at - 1].replay >= replay)
        at--;
    return at;
}

static struct delivery *demand_find(struct world *world, int64_t id, int64_t slot_s,
                                    uint32_t replay)
{
    struct ledger_job *job = job_of(world, id);
    size_t at = demand_index(job, replay);
    bool found = at < job->demand_count && job->demands[at].replay == replay &&
                 job->demands[at].slot_s == slot_s;
    return found ? &job->demands[at] : NULL;
}

static struct delivery *demand_add(struct world *world, const struct execution *row)
{
    struct ledger_job *job = job_of(world, row->job);
    size_t at = demand_index(job, row->replay);
    if (at < job->demand_count && job->demands[at].replay == row->replay)
        world_fail(world, "job %lld: replay %u is there twice", (long long)row->job, row->replay);
    job->demands =
        with_room(job->demands, job->demand_count, &job->demand_room, sizeof(*job->demands));
    memmove(job->demands + at + 1, job->demands + at,
            (job->demand_count++ - at) * sizeof(*job->demands));
    job->demands[at] =
        (struct delivery){.job = row->job, .slot_s = row->slot_s, .replay = row->replay};
    world->ledger->demands++;
    return &job->demands[at];
}

struct delivery *ledger_delivery(struct world *world, int64_t job, int64_t slot_s, uint32_t replay)
{
    if (replay == RUN_NOTICE) {
        struct notice *notice = notices_find(world, job);
        return notice ? &notice->delivery : NULL;
    }
    if (!calendar_has(world, job))
        return NULL;
    return replay ? demand_find(world, job, slot_s, replay) : slot_find(world, job, slot_s);
}

/* ---- rules of slots ---- */

static void due_check(struct world *world, const struct delivery *slot, const char *what)
{
    if (!calendar_due(world, slot->job, (uint32_t)(slot->slot_s / 60)))
        world_fail(world, "%s %s, and was not due", delivery_name(slot), what);
}

/* Whether the job does not want a slot that is dealt with at a later minute. */
static bool too_late(const struct version *version, uint32_t minute, uint32_t now)
{
    if (now <= minute)
        return false;
    if (version->catch_up == CATCH_UP_NONE)
        return true;
    if (version->window_s != CATCH_UP_WINDOW_NONE &&
        now - minute > (uint32_t)version->window_s / 60)
        return true;
    return version->catch_up == CATCH_UP_LATEST && version_next(version, minute, now);
}

/* A slot's execution leaves with its tick, or is tried again. */
static void slot_emitted(struct world *world, const struct delivery *slot, const struct run *run,
                         int64_t decided_ms)
{
    uint32_t minute = (uint32_t)(slot->slot_s / 60), decided = (uint32_t)(decided_ms / MINUTE_MS);
    const struct version *version = calendar_version(world, slot->job, minute);
    const char *name = delivery_name(slot);
    due_check(world, slot, "is in RUNS");
    if (run->attempt == 1 && slot->row != ROW_PENDING && too_late(version, minute, decided))
        world_fail(world, "%s was run at minute %u, too late", name, decided);
    if (run->attempt > 1 && version == calendar_newest(world, slot->job) &&
        version_next(version, minute, decided))
        world_fail(world, "%s: attempt %u at minute %u, past the next slot", name, run->attempt,
                   decided);
}

/* Of a job that allows no overlap no two slots are under way at once. */
static void overlap_check(struct world *world, const struct delivery *slot)
{
    const struct ledger_job *job = job_of(world, slot->job);
    const struct version *version =
        calendar_version(world, slot->job, (uint32_t)(slot->slot_s / 60));
    if (!version->no_overlap)
        return;
    for (size_t i = slot_index(job, slot->slot_s); i > 0 && &job->slots[i - 1] != slot; i--) {
        const struct delivery *other = &job->slots[i - 1];
        if (calendar_version(world, slot->job, (uint32_t)(other->slot_s / 60)) != version)
            return;
        if (other->in_flight)
            world_fail(world, "%s is in RUNS, and the one of minute %lld is under way",
                       delivery_name(slot), (long long)other->slot_s / 60);
    }
}

static enum skip_reason reason_of(struct world *world, const struct execution *row)
{
    static const char *const texts[SKIP_REASONS] = {
        [SKIP_MISSED] = "missed",
        [SKIP_OVERLAP] = "overlap",
        [SKIP_MONTH] = "monthly limit reached",
        [SKIP_BURST] = "burst limit reached",
        [SKIP_CONCURRENCY] = "concurrency limit: the next run came first",
        [SKIP_PAUSED] = "paused",
        [SKIP_CAPACITY] = "capacity"};
    for (int i = 0; i < SKIP_REASONS; i++)
        if (row->end.error && strcmp(row->end.error, texts[i]) == 0)
            return (enum skip_reason)i;
    world_fail(world, "job %lld is skipped for no known reason: %s", (long long)row->job,
               row->end.error ? row->end.error : "none");
}

static void skip_check(struct world *world, const struct delivery *slot,
                       const struct execution *row, int64_t now_ms)
{
    uint32_t minute = (uint32_t)(slot->slot_s / 60), now = (uint32_t)(now_ms / MINUTE_MS);
    enum skip_reason reason = reason_of(world, row);
    world->ledger->skipped[reason]++;
    const char *name = delivery_name(slot);
    if (slot->replay) {
        if (reason != SKIP_MONTH)
            world_fail(world, "%s is skipped: %s", name, row->end.error);
        return;
    }
    const struct version *version = calendar_version(world, slot->job, minute);
    const struct fact_job *job = database_job(world, slot->job);
    bool unchanged = version == calendar_newest(world, slot->job);
    bool possible = true;
    switch (reason) {
    case SKIP_MISSED: possible = too_late(version, minute, now); break;
    case SKIP_OVERLAP: possible = version->no_overlap; break;
    case SKIP_CONCURRENCY:
        possible =
            !unchanged || (version->catch_up != CATCH_UP_ALL && version_next(version, minute, now));
        break;
    case SKIP_PAUSED:
        /* A job that is over is not paused: what is held of it runs. */
        possible = !(job->paused_reason && strcmp(job->paused_reason, "finished") == 0) ||
                   calendar_newest(world, slot->job)->last != version->last;
        break;
    case SKIP_MONTH:
    case SKIP_BURST:
    case SKIP_CAPACITY:
    case SKIP_REASONS: break;
    }
    if (!possible)
        world_fail(world, "%s cannot be skipped for this: %s (enabled %d, %s)", name,
                   row->end.error, job->enabled,
                   job->paused_reason ? job->paused_reason : "by its user");
}

/* That a run will be tried again must come before the job's next slot. */
static void retry_check(struct world *world, const struct delivery *delivery,
                        const struct execution *row, int64_t now_ms)
{
    const struct version *version = calendar_newest(world, delivery->job);
    uint32_t after = (uint32_t)((row->replay ? now_ms / 1000 : row->slot_s) / 60);
    const char *name = delivery_name(delivery);
    if (row->attempts > RETRIES_MAX)
        world_fail(world, "%s: a retry behind %u attempts", name, row->attempts);
    if (!version->enabled || version->after + 1 >= (uint32_t)(row->slot_s / 60) ||
        version->after + 1 >= (uint32_t)(now_ms / MINUTE_MS))
        return; /* changed meanwhile */
    if (now_ms - rows_state(world, row->job)->pause_told_ms < PAUSE_ROW_MS)
        return; /* paused already, and its row comes later */
    if (row->attempts > version->max_retries)
        world_fail(world, "%s: a retry behind %u attempts, %u retries are wanted", name,
                   row->attempts, version->max_retries);
    if (version_next(version, after, (uint32_t)(row->next_attempt_ms / MINUTE_MS)))
        world_fail(world, "%s: a retry at %lld, past the next slot", name,
                   (long long)row->next_attempt_ms);
}

/* ---- events ---- */

void ledger_emitted(struct world *world, const struct run *run, int64_t decided_ms)
{
    struct ledger *ledger = world->ledger;
    bool notice = run->replay == RUN_NOTICE;
    if (notice ? !notices_find(world, run->job) : !calendar_has(world, run->job)) {
        if (!notice)
            allowances_untold(world, calendar_account(world, run->job), decided_ms);
        return;
    }
    struct delivery *delivery = !notice && !run->replay
                                    ? slot_make(world, run->job, run->slot_s)
                                    : ledger_delivery(world, run->job, run->slot_s, run->replay);
    if (!delivery)
        world_fail(world, "job %lld, replay %u is in RUNS without a row", (long long)run->job,
                   run->replay);
    if (run->replay == 0)
        slot_emitted(world, delivery, run, decided_ms);
    trace_job(world, run->job, "%s: attempt %u is in RUNS", delivery_name(delivery), run->attempt);
    delivery_emitted(world, delivery, run, decided_ms);
    ledger->emitted++;
    ledger->retries += run->attempt > 1;
    if (notice) {
        notices_emitted(world, run);
        return;
    }
    if (run->replay == 0 && run->attempt == 1)
        overlap_check(world, delivery);
    bool start = run->attempt == 1 && delivery->trigger != TRIGGER_REPLAY;
    allowances_emitted(world, calendar_account(world, run->job), run, start, decided_ms);
}

void ledger_reported(struct world *world, const struct run *run, enum result_outcome outcome,
                     uint16_t code)
{
    struct delivery *delivery = ledger_delivery(world, run->job, run->slot_s, run->replay);
    trace_job(world, run->job, "%lld, replay %u: result of attempt %u is in RESULTS",
              (long long)run->slot_s / 60, run->replay, run->attempt);
    if (!delivery || !delivery_reported(world, delivery, run->attempt, outcome == RESULT_GONE))
        return;
    if (run->replay == RUN_NOTICE)
        notices_reported(world, run->job, outcome, code);
    else
        allowances_ended(world, calendar_account(world, run->job));
}

static void pending_list(struct ledger *ledger, struct delivery *delivery)
{
    if (delivery->listed)
        return;
    delivery->listed = true;
    ledger->pending = with_room(ledger->pending, ledger->pending_count, &ledger->pending_room,
                                sizeof(*ledger->pending));
    ledger->pending[ledger->pending_count++] =
        (struct ledger_key){delivery->job, delivery->slot_s, delivery->replay};
}

void ledger_row(struct world *world, const struct execution *row, int64_t now_ms)
{
    if (!calendar_has(world, row->job))
        world_fail(world, "job %lld: a row for a deleted job", (long long)row->job);
    struct delivery *delivery = row->replay ? demand_find(world, row->job, row->slot_s, row->replay)
                                            : slot_make(world, row->job, row->slot_s);
    if (!delivery)
        delivery = demand_add(world, row);
    if ((row->trigger == TRIGGER_SCHEDULE) != (row->replay == 0))
        world_fail(world, "%s: trigger %u", delivery_name(delivery), row->trigger);
    trace_job(world, row->job, "%s: row %u (before %u), attempts %u, next at %lld, %s",
              delivery_name(delivery), row->status, delivery->row, row->attempts,
              (long long)row->next_attempt_ms, row->end.error ? row->end.error : "no error");
    if (!row->replay)
        due_check(world, delivery, "has a row");
    if (delivery->row == ROW_SKIPPED && row->status == EXECUTION_SKIPPED)
        return; /* the same tick, dealt with by two leaders */
    if (row->status == EXECUTION_SKIPPED)
        skip_check(world, delivery, row, now_ms);
    if (row->status == EXECUTION_PENDING && row->next_attempt_ms && row->attempts)
        retry_check(world, delivery, row, now_ms);
    world->ledger->failures += row->status == EXECUTION_FAILURE;
    for (uint8_t more = delivery_row(world, delivery, row); more > 0; more--)
        allowances_told(world, calendar_account(world, row->job), delivery->decided_ms, now_ms);
    if (row->status == EXECUTION_PENDING)
        pending_list(world->ledger, delivery);
}

void ledger_attempt(struct world *world, const struct attempt *row)
{
    struct delivery *delivery = ledger_delivery(world, row->job, row->slot_s, row->replay);
    if (!delivery)
        world_fail(world, "job %lld: an attempt of nothing", (long long)row->job);
    if (row->number != delivery->logged + 1 || row->number > delivery->told)
        world_fail(world, "%s: row of attempt %u behind %u, the execution tells of %u",
                   delivery_name(delivery), row->number, delivery->logged, delivery->told);
    if (row->end.success)
        world_fail(world, "%s: attempt %u is tried again, and succeeded", delivery_name(delivery),
                   row->number);
    delivery->logged = row->number;
}

static void forget(struct world *world, struct delivery *delivery, int64_t account)
{
    if (delivery->in_flight)
        allowances_ended(world, account);
    if (delivery->emitted > delivery->told)
        allowances_untold(world, account, delivery->decided_ms);
    delivery->in_flight = false;
}

void ledger_deleted(struct world *world, int64_t id)
{
    struct ledger_job *job = job_of(world, id);
    int64_t account = calendar_account(world, id);
    for (size_t i = 0; i < job->slot_count; i++)
        forget(world, &job->slots[i], account);
    for (size_t i = 0; i < job->demand_count; i++)
        forget(world, &job->demands[i], account);
    calendar_deleted(world, id);
}

void ledger_promised(struct world *world, const char *id, size_t length)
{
    struct run run;
    if (run_id_parse(id, length, &run) != 0)
        world_fail(world, "%.*s is no id of an execution", (int)length, id);
    if (!calendar_has(world, run.job))
        return;
    struct delivery *delivery = ledger_delivery(world, run.job, run.slot_s, run.replay);
    if (!delivery || delivery->row == ROW_NONE)
        world_fail(world, "%.*s was answered, and has no row", (int)length, id);
    delivery->promised = true;
    world->ledger->promised++;
}

static bool slot_in(const struct facts *facts, int64_t job, int64_t slot_s)
{
    for (size_t i = 0; i < facts->slot_count; i++)
        if (facts->slots[i].job == job && facts->slots[i].slot_s == slot_s)
            return true;
    return false;
}

void ledger_window(struct world *world, int64_t id, const struct replay_window *window,
                   struct facts *facts)
{
    const struct ledger_job *job = job_of(world, id);
    size_t limit = REPLAY_MAX + 1;
    for (size_t i = slot_index(job, window->from_s);
         i < job->slot_count && job->slots[i].slot_s <= window->to_s && limit; i++) {
        const struct delivery *slot = &job->slots[i];
        bool wanted = (slot->row == ROW_SUCCESS && window->success) ||
                      (slot->row == ROW_FAILURE && window->failure) ||
                      (slot->row == ROW_SKIPPED && window->skipped);
        limit -= wanted;
        if (wanted && !slot_in(facts, id, slot->slot_s))
            *facts_add_slot(facts) =
                (struct fact_slot){.job = id, .slot_s = slot->slot_s, .status = slot->row - 1};
    }
}

void ledger_each_pending(struct world *world, void *arg,
                         void (*call)(void *arg, const struct delivery *row))
{
    struct ledger *ledger = world->ledger;
    size_t kept = 0;
    for (size_t i = 0; i < ledger->pending_count; i++) {
        const struct ledger_key *key = &ledger->pending[i];
        struct delivery *delivery = ledger_delivery(world, key->job, key->slot_s, key->replay);
        if (!delivery)
            continue;
        delivery->listed = delivery->row == ROW_PENDING;
        if (!delivery->listed)
            continue;
        ledger->pending[kept++] = *key;
        call(arg, delivery);
    }
    ledger->pending_count = kept;
}

/* ---- balances ---- */

static void check_known(struct world *world, int64_t job, uint32_t minute)
{
    const struct delivery *slot = slot_find(world, job, (int64_t)minute * 60);
    if (!slot || (!slot->emitted && slot->row == ROW_NONE))
        world_fail(world, "job %lld, minute %u is lost: last_tick is past it (enabled %d, %s)",
                   (long long)job, minute, database_job(world, job)->enabled,
                   database_job(world, job)->paused_reason);
    world->ledger->slots++;
}

void ledger_complete(struct world *world, uint32_t last_tick)
{
    if (last_tick < world->ledger->checked)
        return;
    calendar_each_due(world, world->ledger->checked, last_tick, check_known);
    world->ledger->checked = last_tick;
}

static void check_final(struct world *world, int64_t job, uint32_t minute)
{
    const struct delivery *slot = slot_find(world, job, (int64_t)minute * 60);
    if (!slot)
        world_fail(world, "job %lld, minute %u has no row at the end", (long long)job, minute);
}

static void execution_balance(struct world *world, const struct delivery *delivery)
{
    struct ledger *ledger = world->ledger;
    if (delivery->row == ROW_PENDING && delivery->next_attempt_ms > world->now_ms)
        return; /* its jitter is not over */
    delivery_balance(world, delivery);
    bool all_logged = delivery->logged == delivery->told; /* then a last one was given up */
    if (delivery->emitted && !all_logged && delivery->logged + 1 != delivery->told)
        world_fail(world, "%s: %u attempts, %u of them have rows", delivery_name(delivery),
                   delivery->told, delivery->logged);
    ledger->posts += delivery->emitted;
    ledger->repeated += delivery->repeated;
}

void ledger_balance(struct world *world, uint32_t last_tick)
{
    struct ledger *ledger = world->ledger;
    calendar_each_due(world, (uint32_t)(world->begun_ms / MINUTE_MS), last_tick, check_final);
    for (size_t i = 0; i < ledger->job_count; i++) {
        if (!calendar_has(world, (int64_t)i + 1))
            continue;
        for (size_t j = 0; j < ledger->jobs[i].slot_count; j++)
            if ((uint32_t)(ledger->jobs[i].slots[j].slot_s / 60) <= last_tick)
                execution_balance(world, &ledger->jobs[i].slots[j]);
        for (size_t j = 0; j < ledger->jobs[i].demand_count; j++)
            execution_balance(world, &ledger->jobs[i].demands[j]);
    }
}
