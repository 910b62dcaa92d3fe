#include <stdlib.h>
#include <string.h>

#include "scheduler/checks/checks_internal.h"
#include "shared/memory.h"

#define STARTS_ROOM 2 /* most checks have one run at a time */

static struct check_starts *starts_of(const struct checks *checks, const struct check *check)
{
    uint32_t place = check->has_starts ? place_table_find(&checks->starts, check->id) : PLACE_NONE;
    return place == PLACE_NONE ? NULL : place_table_at(&checks->starts, place);
}

/* Is made where it is not there. */
static struct check_starts *starts_get(struct checks *checks, struct check *check)
{
    struct check_starts *starts = starts_of(checks, check);
    if (starts)
        return starts;
    check->has_starts = true;
    return place_table_at(&checks->starts, place_table_add(&checks->starts, check->id));
}

static void start_changed(struct checks *checks, struct check_starts *starts, struct start *start)
{
    start->changed = true;
    if (starts->changed)
        return;
    starts->changed = true;
    id_list_add(&checks->changed_starts, starts->check);
}

static void rid_free(struct checks *checks, struct start *start)
{
    if (start->rid)
        side_resize(checks, start->rid, strlen(start->rid) + 1, 0, 1);
}

static void start_take(struct checks *checks, struct check_starts *starts, struct start *start)
{
    rid_free(checks, start);
    *start = starts->starts[--starts->count];
}

/* Its row, if it has one, is to be deleted. */
static void start_forget(struct checks *checks, struct check_starts *starts, struct start *start)
{
    if (!start->stored) {
        start_take(checks, starts, start);
        return;
    }
    start->gone = true;
    start->due_s = 0;
    start_changed(checks, starts, start);
}

/* Gone ones too: their rows have the key. */
static struct start *start_find(struct check_starts *starts, const char *rid, size_t length)
{
    for (uint16_t i = 0; starts && i < starts->count; i++) {
        const char *other = starts->starts[i].rid ? starts->starts[i].rid : "";
        if (strlen(other) == length && (!length || memcmp(other, rid, length) == 0))
            return &starts->starts[i];
    }
    return NULL;
}

/* Whether a is the one to make way, rather than b: who is missed already, then the older one. */
static bool makes_way(const struct start *a, const struct start *b)
{
    if (!a->due_s != !b->due_s)
        return !a->due_s;
    return a->started_ms < b->started_ms;
}

static void starts_make_room(struct checks *checks, struct check_starts *starts)
{
    struct start *first = NULL;
    unsigned count = 0;
    for (uint16_t i = 0; i < starts->count; i++) {
        struct start *start = &starts->starts[i];
        if (start->gone || start->ended_ms)
            continue;
        count++;
        if (!first || makes_way(start, first))
            first = start;
    }
    if (count >= STARTS_MAX)
        start_forget(checks, starts, first);
}

static struct start *start_add(struct checks *checks, struct check_starts *starts, const char *rid,
                               size_t length)
{
    struct start *start = start_find(starts, rid, length);
    if (start) {
        start->gone = false;
        start->ended_ms = 0;
    } else {
        if (starts->count == starts->room) {
            uint16_t room = starts->room ? (uint16_t)(2 * starts->room) : STARTS_ROOM;
            starts->starts =
                side_resize(checks, starts->starts, starts->room, room, sizeof(*starts->starts));
            starts->room = room;
        }
        start = &starts->starts[starts->count++];
        *start = (struct start){0};
        if (length) {
            start->rid = side_resize(checks, NULL, 0, length + 1, 1);
            memcpy(start->rid, rid, length);
            start->rid[length] = '\0';
        }
    }
    return start;
}

/* Whether the end of the run, or a later start of it, was read before this start. */
static bool overtaken(const struct check *check, const struct start *known, size_t rid_bytes,
                      int64_t time_ms)
{
    if (known && !known->gone)
        return (known->ended_ms ? known->ended_ms : known->started_ms) >= time_ms;
    bool ended = check->last_kind == PING_SUCCESS || check->last_kind == PING_FAIL;
    return !rid_bytes && ended && check->last_ping_ms >= time_ms;
}

void check_start(struct checks *checks, struct check *check, const char *rid, size_t length,
                 int64_t time_ms, uint32_t grace_s)
{
    const struct start *known = start_find(starts_of(checks, check), rid, length);
    if (overtaken(check, known, length, time_ms))
        return;
    struct check_starts *starts = starts_get(checks, check);
    if (!known || known->gone || known->ended_ms)
        starts_make_room(checks, starts);
    struct start *start = start_add(checks, starts, rid, length);
    start->started_ms = time_ms;
    start->due_s = grace_s ? seconds(time_ms / 1000 + grace_s) : 0;
    start_changed(checks, starts, start);
}

/* Of the runs that ended one is kept. */
static void ended_forget(struct checks *checks, struct check_starts *starts)
{
    for (uint16_t i = 0; i < starts->count; i++)
        if (starts->starts[i].ended_ms && !starts->starts[i].gone) {
            start_forget(checks, starts, &starts->starts[i]);
            return;
        }
}

int64_t check_end(struct checks *checks, struct check *check, const char *rid, size_t length,
                  int64_t time_ms, bool *again)
{
    struct check_starts *starts = starts_of(checks, check);
    struct start *start = start_find(starts, rid, length);
    bool known = start && !start->gone;
    *again = known && start->ended_ms;
    if (*again || (known && start->started_ms > time_ms) || (!known && !length))
        return NO_DURATION;
    int64_t duration_ms = known ? time_ms - start->started_ms : NO_DURATION;
    if (!length) {
        start_forget(checks, starts, start);
        return duration_ms;
    }
    int64_t started_ms = known ? start->started_ms : 0;
    starts = starts_get(checks, check);
    ended_forget(checks, starts);
    start = start_add(checks, starts, rid, length);
    start->started_ms = started_ms;
    start->ended_ms = time_ms;
    start->due_s = 0;
    start_changed(checks, starts, start);
    return duration_ms;
}

/* ---- time ---- */

uint32_t check_starts_due_s(const struct checks *checks, const struct check *check)
{
    const struct check_starts *starts = starts_of(checks, check);
    uint32_t due_s = NEVER;
    for (uint16_t i = 0; starts && i < starts->count; i++)
        if (starts->starts[i].due_s && starts->starts[i].due_s < due_s)
            due_s = starts->starts[i].due_s;
    return due_s;
}

void check_starts_miss(struct checks *checks, const struct check *check, uint32_t due_s)
{
    struct check_starts *starts = starts_of(checks, check);
    INVARIANT(starts);
    uint16_t i = 0;
    while (i < starts->count && starts->starts[i].due_s != due_s)
        i++;
    INVARIANT(i < starts->count);
    starts->starts[i].due_s = 0;
    start_changed(checks, starts, &starts->starts[i]);
}

void check_starts_pass(struct checks *checks, const struct check *check, uint32_t until_s)
{
    uint32_t due_s;
    while ((due_s = check_starts_due_s(checks, check)) <= until_s && due_s != NEVER)
        check_starts_miss(checks, check, due_s);
}

void check_starts_drop(struct checks *checks, struct check *check)
{
    struct check_starts *starts = starts_of(checks, check);
    for (uint16_t i = starts ? starts->count : 0; i-- > 0;)
        if (!starts->starts[i].gone)
            start_forget(checks, starts, &starts->starts[i]);
}

/* ---- memory and rows ---- */

static void starts_release(struct checks *checks, struct check_starts *starts)
{
    while (starts->count)
        start_take(checks, starts, &starts->starts[starts->count - 1]);
    side_resize(checks, starts->starts, starts->room, 0, sizeof(*starts->starts));
    place_table_remove(&checks->starts, place_table_find(&checks->starts, starts->check));
}

void check_starts_remove(struct checks *checks, const struct check *check)
{
    struct check_starts *starts = starts_of(checks, check);
    if (starts)
        starts_release(checks, starts);
}

void check_starts_free(struct checks *checks)
{
    for (uint32_t place = 0; place < checks->starts.length; place++) {
        struct check_starts *starts = place_table_at(&checks->starts, place);
        if (starts->check)
            starts_release(checks, starts);
    }
    place_table_free(&checks->starts);
}

void checks_load_start(struct checks *checks, const struct check_start_row *row)
{
    struct check *check = check_find(checks, row->check);
    if (!check)
        return;
    struct start *start = start_add(checks, starts_get(checks, check), row->rid, strlen(row->rid));
    start->started_ms = row->started_ms;
    start->ended_ms = row->ended_ms;
    start->due_s = seconds(row->due_s);
    start->stored = true;
    check_schedule(checks, check);
}

static void start_collect(struct checks *checks, struct check_starts *starts, struct start *start,
                          struct check_writing *writing)
{
    struct check_start_row *row = check_writing_add_start(writing);
    row->check = starts->check;
    if (start->rid)
        memcpy(row->rid, start->rid, strlen(start->rid) + 1);
    row->started_ms = start->started_ms;
    row->due_s = start->due_s;
    row->ended_ms = start->ended_ms;
    row->gone = start->gone;
    start->changed = false;
    start->stored = true;
    if (start->gone)
        start_take(checks, starts, start);
}

void check_starts_collect(struct checks *checks, struct check_writing *writing)
{
    for (size_t i = 0; i < checks->changed_starts.count; i++) {
        struct check *check = check_find(checks, checks->changed_starts.ids[i]);
        struct check_starts *starts = check ? starts_of(checks, check) : NULL;
        if (!starts || !starts->changed)
            continue;
        starts->changed = false;
        for (uint16_t at = starts->count; at-- > 0;)
            if (starts->starts[at].changed)
                start_collect(checks, starts, &starts->starts[at], writing);
        if (!starts->count) {
            starts_release(checks, starts);
            check->has_starts = false;
        }
    }
    checks->changed_starts.count = 0;
}
