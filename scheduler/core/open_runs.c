#include "scheduler/core/open_runs.h"

#include <stdlib.h>
#include <string.h>

#include "shared/compiler.h"
#include "shared/memory.h"

#define RUNS_INITIAL 1024

static uint32_t hash_of(int64_t job, int64_t slot_s, uint32_t replay)
{
    /* The finalizer of splitmix64 over the three, each spread by an odd constant. */
    uint64_t x = (uint64_t)job * 0x9e3779b97f4a7c15ULL + (uint64_t)slot_s * 0xc2b2ae3d27d4eb4fULL +
                 (uint64_t)replay * 0x165667b19e3779f9ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return (uint32_t)(x >> 32);
}

static uint32_t home_of(const struct open_runs *runs, uint32_t place)
{
    const struct run *run = &runs->runs[place].run;
    return hash_of(run->job, run->slot_s, run->replay) & runs->index_mask;
}

struct attempt_end *attempt_end_none(int64_t at_ms, const char *error)
{
    struct attempt_end *end = memory_new(1, sizeof(*end));
    *end = (struct attempt_end){.started_ms = at_ms,
                                .dns_ms = RESULT_NO_TIME,
                                .connect_ms = RESULT_NO_TIME,
                                .tls_ms = RESULT_NO_TIME,
                                .first_byte_ms = RESULT_NO_TIME,
                                .error = memory_text(error, strlen(error))};
    return end;
}

struct attempt_end *attempt_end_of(const struct result *result)
{
    struct attempt_end *end = memory_new(1, sizeof(*end));
    *end = (struct attempt_end){.started_ms = result->started_ms,
                                .duration_ms = result->duration_ms,
                                .dns_ms = result->dns_ms,
                                .connect_ms = result->connect_ms,
                                .tls_ms = result->tls_ms,
                                .first_byte_ms = result->first_byte_ms,
                                .code = result->code,
                                .body_bytes = result->body_bytes,
                                .success = result->outcome == RESULT_SUCCESS};
    if (result->error[0])
        end->error = memory_text(result->error, strnlen(result->error, sizeof(result->error)));
    if (result->body_bytes)
        end->body = memory_text(result->body, result->body_bytes);
    return end;
}

void attempt_end_free(struct attempt_end *end)
{
    if (!end)
        return;
    free(end->error);
    free(end->body);
    free(end);
}

void open_runs_init(struct open_runs *runs)
{
    *runs = (struct open_runs){.capacity = RUNS_INITIAL,
                               .free_run = OPEN_RUN_NONE,
                               .index_mask = 2 * RUNS_INITIAL - 1,
                               .emitted_capacity = RUNS_INITIAL};
    runs->runs = memory_new(runs->capacity, sizeof(struct open_run));
    runs->index = memory_new((size_t)runs->index_mask + 1, sizeof(uint32_t));
    runs->emitted = memory_new(runs->emitted_capacity, sizeof(uint32_t));
}

void open_runs_free(struct open_runs *runs)
{
    for (uint32_t place = 0; place < runs->length; place++)
        attempt_end_free(runs->runs[place].end);
    free(runs->runs);
    free(runs->index);
    free(runs->emitted);
    *runs = (struct open_runs){0};
}

void open_runs_expect(const struct open_runs *runs, const struct run *run)
{
    __builtin_prefetch(&runs->index[hash_of(run->job, run->slot_s, run->replay) & runs->index_mask],
                       1);
}

uint32_t open_runs_find(const struct open_runs *runs, int64_t job, int64_t slot_s, uint32_t replay)
{
    for (uint32_t at = hash_of(job, slot_s, replay) & runs->index_mask; runs->index[at];
         at = (at + 1) & runs->index_mask) {
        uint32_t place = runs->index[at] - 1;
        const struct run *run = &runs->runs[place].run;
        if (run->job == job && run->slot_s == slot_s && run->replay == replay)
            return place;
    }
    return OPEN_RUN_NONE;
}

static void index_put(struct open_runs *runs, uint32_t place)
{
    uint32_t at = home_of(runs, place);
    while (runs->index[at])
        at = (at + 1) & runs->index_mask;
    runs->index[at] = place + 1;
}

/* An index of size places, a power of two. */
static void index_rebuild(struct open_runs *runs, uint32_t size)
{
    free(runs->index);
    runs->index_mask = size - 1;
    runs->index = memory_new(size, sizeof(uint32_t));
    for (uint32_t place = 0; place < runs->length; place++)
        if (runs->runs[place].state != OPEN_RUN_FREE)
            index_put(runs, place);
}

static void emitted_resize(struct open_runs *runs, uint32_t capacity)
{
    uint32_t *ring = memory_new(capacity, sizeof(uint32_t));
    for (uint32_t i = 0; i < runs->emitted_count; i++)
        ring[i] = runs->emitted[(runs->emitted_head + i) % runs->emitted_capacity];
    free(runs->emitted);
    runs->emitted = ring;
    runs->emitted_capacity = capacity;
    runs->emitted_head = 0;
}

void open_runs_reserve(struct open_runs *runs, uint32_t more)
{
    uint64_t count = (uint64_t)runs->count + more;
    INVARIANT(count <= UINT32_MAX / 8);
    uint32_t size = runs->index_mask + 1;
    while (count * 3 > (uint64_t)size * 2)
        size *= 2;
    if (size > runs->index_mask + 1)
        index_rebuild(runs, size);
    if (count > runs->capacity) {
        uint32_t half_more = runs->capacity + runs->capacity / 2;
        runs->capacity = count > half_more ? (uint32_t)count : half_more;
        runs->runs = memory_resize(runs->runs, runs->capacity, sizeof(struct open_run));
        /* Touches the pages now: a fault each in a tick would be a tenth of its time. */
        memset(runs->runs + runs->length, 0,
               (runs->capacity - runs->length) * sizeof(struct open_run));
    }
    if (runs->emitted_count + more > runs->emitted_capacity)
        emitted_resize(runs, 2 * (runs->emitted_count + more));
}

/* Linear probing without tombstones (Knuth, TAOCP 3, 6.4, algorithm R). */
static void index_remove(struct open_runs *runs, uint32_t place)
{
    uint32_t hole = home_of(runs, place);
    while (runs->index[hole] != place + 1)
        hole = (hole + 1) & runs->index_mask;
    for (uint32_t at = (hole + 1) & runs->index_mask; runs->index[at];
         at = (at + 1) & runs->index_mask) {
        uint32_t home = home_of(runs, runs->index[at] - 1);
        if (((at - home) & runs->index_mask) >= ((at - hole) & runs->index_mask)) {
            runs->index[hole] = runs->index[at];
            hole = at;
        }
    }
    runs->index[hole] = 0;
}

/* The number of the place's entry among the emitted. */
static inline uint32_t emitted_push(struct open_runs *runs, uint32_t place)
{
    if (runs->emitted_count == runs->emitted_capacity)
        emitted_resize(runs, 2 * runs->emitted_capacity);
    uint32_t at = runs->emitted_head + runs->emitted_count;
    runs->emitted[at < runs->emitted_capacity ? at : at - runs->emitted_capacity] = place;
    return runs->emitted_first + runs->emitted_count++;
}

/* A free place, which counts from here on. */
static inline uint32_t place_take(struct open_runs *runs)
{
    open_runs_reserve(runs, 1);
    runs->count++;
    uint32_t place = runs->free_run;
    if (place == OPEN_RUN_NONE)
        return runs->length++;
    runs->free_run = runs->runs[place].next;
    if (runs->free_run != OPEN_RUN_NONE)
        __builtin_prefetch(&runs->runs[runs->free_run], 1);
    return place;
}

uint32_t open_runs_add(struct open_runs *runs, const struct run *run, enum open_run_state state,
                       uint32_t account)
{
    uint32_t place = place_take(runs);
    runs->runs[place] = (struct open_run){.run = *run, .account = account, .state = (uint8_t)state};
    index_put(runs, place);
    return place;
}

uint32_t open_runs_add_emitted(struct open_runs *runs, const struct run *run, uint32_t account,
                               uint64_t message, int64_t emitted_ms)
{
    uint32_t place = place_take(runs);
    runs->runs[place] = (struct open_run){.run = *run,
                                          .message = message,
                                          .emitted_ms = emitted_ms,
                                          .account = account,
                                          .next = emitted_push(runs, place),
                                          .state = OPEN_RUN_EMITTED,
                                          .in_log = true};
    index_put(runs, place);
    return place;
}

void open_runs_emit(struct open_runs *runs, uint32_t place, uint64_t message, int64_t emitted_ms)
{
    struct open_run *run = &runs->runs[place];
    INVARIANT(run->state == OPEN_RUN_HELD && run->list == HELD_NOWHERE && !run->in_log);
    attempt_end_free(run->end);
    run->end = NULL;
    run->state = OPEN_RUN_EMITTED;
    run->message = message;
    run->emitted_ms = emitted_ms;
    run->in_log = true;
    run->next = emitted_push(runs, place);
}

void open_runs_finish(struct open_runs *runs, uint32_t place)
{
    struct open_run *run = &runs->runs[place];
    INVARIANT(run->state == OPEN_RUN_EMITTED || run->state == OPEN_RUN_RECORDED ||
              (run->state == OPEN_RUN_HELD && run->list == HELD_NOWHERE));
    run->state = OPEN_RUN_FINISHED;
    run_list_append(&runs->finished, runs, place);
}

void open_runs_record(struct open_runs *runs, uint32_t place)
{
    struct open_run *run = &runs->runs[place];
    INVARIANT(run->state == OPEN_RUN_EMITTED);
    run->state = OPEN_RUN_RECORDED;
    run->in_log = false;
}

uint32_t open_runs_next_finished(struct open_runs *runs)
{
    return run_list_pop(&runs->finished, runs);
}

uint32_t open_runs_oldest_emitted(struct open_runs *runs)
{
    while (runs->emitted_count) {
        uint32_t place = runs->emitted[runs->emitted_head];
        const struct open_run *run = &runs->runs[place];
        if (run->state == OPEN_RUN_EMITTED && run->next == runs->emitted_first)
            return place;
        runs->emitted_first++;
        runs->emitted_head = (runs->emitted_head + 1) % runs->emitted_capacity;
        runs->emitted_count--;
    }
    return OPEN_RUN_NONE;
}

void open_runs_remove(struct open_runs *runs, uint32_t place)
{
    struct open_run *run = &runs->runs[place];
    INVARIANT(run->state != OPEN_RUN_FREE && run->list == HELD_NOWHERE);
    index_remove(runs, place);
    attempt_end_free(run->end);
    *run = (struct open_run){.next = runs->free_run};
    runs->free_run = place;
    runs->count--;
}

void run_list_append(struct run_list *list, struct open_runs *runs, uint32_t place)
{
    struct open_run *run = &runs->runs[place];
    run->next = OPEN_RUN_NONE;
    run->previous = list->count ? list->last : OPEN_RUN_NONE;
    if (list->count)
        runs->runs[list->last].next = place;
    else
        list->first = place;
    list->last = place;
    list->count++;
}

void run_list_take(struct run_list *list, struct open_runs *runs, uint32_t place)
{
    const struct open_run *run = &runs->runs[place];
    INVARIANT(list->count);
    if (run->previous == OPEN_RUN_NONE)
        list->first = run->next;
    else
        runs->runs[run->previous].next = run->next;
    if (run->next == OPEN_RUN_NONE)
        list->last = run->previous;
    else
        runs->runs[run->next].previous = run->previous;
    list->count--;
}

uint32_t run_list_pop(struct run_list *list, struct open_runs *runs)
{
    if (!list->count)
        return OPEN_RUN_NONE;
    uint32_t place = list->first;
    run_list_take(list, runs, place);
    return place;
}
