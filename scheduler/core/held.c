#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/core/core_internal.h"
#include "shared/compiler.h"
#include "shared/memory.h"

/* ---- the heap of those that wait for their time ---- */

static struct open_run *run_at(struct core *core, uint32_t place)
{
    return &core->open.runs[place];
}

static void heap_set(struct core *core, uint32_t at, uint32_t place)
{
    core->waiting[at] = place;
    run_at(core, place)->heap_place = at;
}

static bool heap_before(struct core *core, uint32_t left, uint32_t right)
{
    return run_at(core, core->waiting[left])->due_ms < run_at(core, core->waiting[right])->due_ms;
}

static void heap_swap(struct core *core, uint32_t left, uint32_t right)
{
    uint32_t place = core->waiting[left];
    heap_set(core, left, core->waiting[right]);
    heap_set(core, right, place);
}

static void heap_up(struct core *core, uint32_t at)
{
    for (; at > 0 && heap_before(core, at, (at - 1) / 2); at = (at - 1) / 2)
        heap_swap(core, at, (at - 1) / 2);
}

static void heap_down(struct core *core, uint32_t at)
{
    for (;;) {
        uint32_t least = at, child = 2 * at + 1;
        if (child < core->waiting_count && heap_before(core, child, least))
            least = child;
        if (child + 1 < core->waiting_count && heap_before(core, child + 1, least))
            least = child + 1;
        if (least == at)
            return;
        heap_swap(core, at, least);
        at = least;
    }
}

static void heap_push(struct core *core, uint32_t place)
{
    if (core->waiting_count == core->waiting_capacity) {
        core->waiting_capacity = core->waiting_capacity ? 2 * core->waiting_capacity : 256;
        core->waiting =
            memory_resize(core->waiting, core->waiting_capacity, sizeof(*core->waiting));
    }
    heap_set(core, core->waiting_count, place);
    heap_up(core, core->waiting_count++);
}

static void heap_take(struct core *core, uint32_t place)
{
    uint32_t at = run_at(core, place)->heap_place;
    INVARIANT(at < core->waiting_count && core->waiting[at] == place);
    uint32_t last = core->waiting[--core->waiting_count];
    if (last == place)
        return;
    heap_set(core, at, last);
    heap_up(core, at);
    heap_down(core, run_at(core, last)->heap_place);
}

/* ---- lists ---- */

/* A job's newest slot that is held, so that the next one finds it. */
static void held_slot_set(struct core *core, const struct open_run *open, uint32_t place)
{
    uint32_t at = place_table_find(&core->held_slots, open->run.job);
    if (at == PLACE_NONE)
        at = place_table_add(&core->held_slots, open->run.job);
    ((struct held_slot *)place_table_at(&core->held_slots, at))->run = place;
}

static void held_slot_clear(struct core *core, const struct open_run *open, uint32_t place)
{
    uint32_t at = place_table_find(&core->held_slots, open->run.job);
    if (at != PLACE_NONE &&
        ((const struct held_slot *)place_table_at(&core->held_slots, at))->run == place)
        place_table_remove(&core->held_slots, at);
}

static struct open_run *held_begin(struct core *core, uint32_t place, int64_t due_ms,
                                   enum held_list list)
{
    struct open_run *open = run_at(core, place);
    INVARIANT(open->state == OPEN_RUN_HELD && open->list == HELD_NOWHERE);
    open->due_ms = due_ms;
    open->list = (uint8_t)list;
    if (is_new_slot(open))
        held_slot_set(core, open, place);
    return open;
}

static struct run_list *unwritten_of(struct core *core, const struct open_run *open)
{
    return is_new_slot(open) ? &core->unwritten_slots : &core->unwritten;
}

void held_add(struct core *core, uint32_t place, int64_t due_ms)
{
    const struct open_run *open = held_begin(core, place, due_ms, HELD_UNWRITTEN);
    run_list_append(unwritten_of(core, open), &core->open, place);
}

void held_add_writing(struct core *core, uint32_t place, int64_t due_ms)
{
    held_begin(core, place, due_ms, HELD_WRITING);
    run_list_append(&core->writing, &core->open, place);
}

void held_add_written(struct core *core, uint32_t place, int64_t due_ms)
{
    held_begin(core, place, due_ms, HELD_WAITING);
    heap_push(core, place);
}

void held_leave(struct core *core, uint32_t place)
{
    struct open_run *open = run_at(core, place);
    INVARIANT(open->state == OPEN_RUN_HELD);
    switch ((enum held_list)open->list) {
    case HELD_UNWRITTEN: run_list_take(unwritten_of(core, open), &core->open, place); break;
    case HELD_WRITING: run_list_take(&core->writing, &core->open, place); break;
    case HELD_WAITING: heap_take(core, place); break;
    case HELD_READY:
        run_list_take(&account_at(&core->accounts, open->account)->ready, &core->open, place);
        break;
    case HELD_NOWHERE: INVARIANT(false);
    }
    open->list = HELD_NOWHERE;
    if (is_new_slot(open))
        held_slot_clear(core, open, place);
}

/* The attempt's error, if it is known here, and why there is no other. */
static void error_append(struct attempt_end *end, const char *why)
{
    char text[RESULT_ERROR_SIZE]; /* as long as one of a dispatcher */
    snprintf(text, sizeof(text), "%.60s; %.60s", end->error ? end->error : "", why);
    free(end->error);
    end->error = memory_text(text, strlen(text));
}

void held_give_up(struct core *core, uint32_t place, int64_t now_ms, const char *reason)
{
    char why[64];
    held_leave(core, place);
    struct open_run *open = run_at(core, place);
    open->run.attempt--; /* the next one will not be */
    open->skipped = open->run.attempt == 0;
    open->given_up = !open->skipped && !open->end;
    snprintf(why, sizeof(why), "%s%s", open->skipped ? "" : "not tried again: ", reason);
    if (open->end)
        error_append(open->end, why);
    else
        open->end = attempt_end_none(now_ms, why);
    run_finish(core, place);
}

uint32_t held_oldest_unwritten(const struct core *core)
{
    if (!core->unwritten_slots.count)
        return UINT32_MAX;
    return (uint32_t)(core->open.runs[core->unwritten_slots.first].run.slot_s / MINUTE_S);
}

/* ---- rows ---- */

/* The attempt before the one that is held, if it is not written yet: a notice has one row alone. */
static void attempt_collect(struct open_run *open, struct writing *writing, struct execution *of)
{
    if (!open->end)
        return;
    if (is_notice(&open->run)) {
        of->ended = true;
        of->end = *open->end;
    } else {
        struct attempt *row = writing_add_attempt(writing);
        row->job = open->run.job;
        row->slot_s = open->run.slot_s;
        row->replay = open->run.replay;
        row->number = (uint8_t)(open->run.attempt - 1);
        row->end = *open->end;
    }
    free(open->end);
    open->end = NULL;
}

static void unwritten_collect(struct core *core, struct run_list *unwritten, size_t limit,
                              struct writing *writing)
{
    for (size_t i = 0; i < limit && unwritten->count; i++) {
        uint32_t place = run_list_pop(unwritten, &core->open);
        struct open_run *open = run_at(core, place);
        open->list = HELD_NOWHERE;
        attempt_recorded(core, open);
        if (!has_owner(core, &open->run)) {
            run_forget(core, place);
            continue;
        }
        open->list = HELD_WRITING;
        run_list_append(&core->writing, &core->open, place);
        struct execution *row = row_of(writing, open);
        row->status = EXECUTION_PENDING;
        row->attempts = (uint8_t)(open->run.attempt - 1);
        row->next_attempt_ms = open->due_ms;
        if (open->end)
            row->triggered_ms = open->end->started_ms;
        attempt_collect(open, writing, row);
    }
}

/* Retries and runs on demand all: the positions of results and commands move behind theirs. */
void held_collect(struct core *core, size_t limit, struct writing *writing)
{
    unwritten_collect(core, &core->unwritten, SIZE_MAX, writing);
    unwritten_collect(core, &core->unwritten_slots, limit, writing);
}

void core_committed(struct core *core)
{
    uint32_t place;
    while ((place = run_list_pop(&core->writing, &core->open)) != OPEN_RUN_NONE) {
        run_at(core, place)->list = HELD_WAITING;
        heap_push(core, place);
    }
}

/* ---- leaving ---- */

void account_line_up(struct core *core, uint32_t place)
{
    struct account *account = account_at(&core->accounts, place);
    if (account->lined_up || !account->ready.count ||
        account->under_way >= plan_of(core, account)->concurrency)
        return;
    account->lined_up = true;
    if (core->line_count == core->line_capacity) {
        uint32_t capacity = core->line_capacity ? 2 * core->line_capacity : 256;
        uint32_t *line = memory_new(capacity, sizeof(*line));
        for (uint32_t i = 0; i < core->line_count; i++)
            line[i] = core->line[(core->line_head + i) % core->line_capacity];
        free(core->line);
        core->line = line;
        core->line_capacity = capacity;
        core->line_head = 0;
    }
    core->line[(core->line_head + core->line_count++) % core->line_capacity] = place;
}

static void release_send(struct core *core, unsigned lane, int64_t now_ms)
{
    struct core_lane *filled = &core->lanes[lane];
    if (!filled->batch.count)
        return;
    uint64_t number = lane_send(core, lane, 0);
    uint32_t newest = 0;
    for (size_t i = 0; i < filled->batch.count; i++) {
        const struct open_run *open = run_at(core, filled->places[i]);
        uint32_t minute = (uint32_t)(open->run.slot_s / MINUTE_S);
        if (is_new_slot(open) && minute > newest)
            newest = minute;
        open_runs_emit(&core->open, filled->places[i], number, now_ms);
    }
    run_log_keep(&core->log, number, newest);
    filled->batch.count = 0;
}

/* The run has left its list. */
static void release_emit(struct core *core, uint32_t place, int64_t now_ms)
{
    const struct open_run *open = run_at(core, place);
    unsigned lane = (unsigned)(account_at(&core->accounts, open->account)->id % LANES);
    struct core_lane *filling = &core->lanes[lane];
    filling->places[filling->batch.count] = place;
    filling->batch.runs[filling->batch.count++] = open->run;
    if (filling->batch.count == RUN_BATCH_MAX)
        release_send(core, lane, now_ms);
}

/* Why a held run is not wanted any more; NULL: it is. */
static const char *held_objection(const struct core *core, const struct open_run *open,
                                  int64_t now_ms)
{
    if (open->run.attempt > 1 && now_ms >= next_slot_ms(core, &open->run, now_ms))
        return "the next run came first";
    const struct account *account = account_at(&core->accounts, open->account);
    if (account->used >= plan_of(core, account)->executions_per_month)
        return "monthly limit reached";
    const struct job *job = job_at(&core->jobs, place_table_find(&core->jobs, open->run.job));
    if (job->due_after != JOB_PAUSED || open->run.replay ||
        policy_of(&core->policies, job->id, job->has_policy)->finished)
        return NULL;
    return "paused";
}

/* The first ready run of an account: leaves, is given up, or is gone. */
static bool account_release(struct core *core, uint32_t place, int64_t now_ms)
{
    struct account *account = account_at(&core->accounts, place);
    uint32_t run = account->ready.first;
    struct open_run *open = run_at(core, run);
    if (!has_owner(core, &open->run)) {
        held_leave(core, run);
        run_forget(core, run);
        return false;
    }
    account_roll(core, account);
    const char *objection = held_objection(core, open, now_ms);
    if (objection) {
        held_give_up(core, run, now_ms, objection);
        return false;
    }
    held_leave(core, run);
    account_emit(core, account);
    release_emit(core, run, now_ms);
    return true;
}

/* Those whose time has come line up with their account; notices are in nobody's way. */
static uint32_t waiting_wake(struct core *core, int64_t now_ms)
{
    uint32_t emitted = 0;
    while (core->waiting_count && run_at(core, core->waiting[0])->due_ms <= now_ms) {
        uint32_t place = core->waiting[0];
        heap_take(core, place);
        struct open_run *open = run_at(core, place);
        if (is_notice(&open->run)) {
            open->list = HELD_NOWHERE;
            release_emit(core, place, now_ms);
            emitted++;
            continue;
        }
        open->list = HELD_READY;
        run_list_append(&account_at(&core->accounts, open->account)->ready, &core->open, place);
        account_line_up(core, open->account);
    }
    return emitted;
}

uint32_t core_release(struct core *core, int64_t now_ms)
{
    core_set_time(core, now_ms);
    uint32_t emitted = waiting_wake(core, now_ms);
    while (core->line_count) {
        uint32_t place = core->line[core->line_head];
        core->line_head = (core->line_head + 1) % core->line_capacity;
        core->line_count--;
        struct account *account = account_at(&core->accounts, place);
        if (!account->lined_up)
            continue; /* removed, its place perhaps another's */
        account->lined_up = false;
        if (account->ready.count && account->under_way < plan_of(core, account)->concurrency)
            emitted += account_release(core, place, now_ms);
        account_line_up(core, place);
    }
    for (unsigned lane = 0; lane < LANES; lane++)
        release_send(core, lane, now_ms);
    return emitted;
}

int64_t core_next_release_ms(const struct core *core, int64_t now_ms)
{
    if (core->line_count)
        return now_ms;
    return core->waiting_count ? core->open.runs[core->waiting[0]].due_ms : INT64_MAX;
}
