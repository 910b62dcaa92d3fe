#include <stdlib.h>
#include <string.h>

#include "scheduler/checks/checks_internal.h"

/* ---- order of keys ---- */

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int pings_compare(const void *left, const void *right)
{
    const struct ping_row *a = left, *b = right;
    int order = compare(a->check, b->check);
    order = order ? order : compare(a->time_ms, b->time_ms);
    return order ? order : compare(a->id, b->id);
}

static int states_compare(const void *left, const void *right)
{
    const struct check_state_row *a = left, *b = right;
    return compare(a->check, b->check);
}

static int starts_compare(const void *left, const void *right)
{
    const struct check_start_row *a = left, *b = right;
    int order = compare(a->check, b->check);
    return order ? order : strcmp(a->rid, b->rid);
}

static int flips_compare(const void *left, const void *right)
{
    const struct flip_row *a = left, *b = right;
    int order = compare(a->check, b->check);
    return order ? order : compare(a->id, b->id);
}

static int alerts_compare(const void *left, const void *right)
{
    const struct alert_row *a = left, *b = right;
    int order = compare(a->check, b->check);
    return order ? order : compare(a->id, b->id);
}

static int groups_compare(const void *left, const void *right)
{
    const struct alert_group_row *a = left, *b = right;
    int order = compare(a->account, b->account);
    return order ? order : compare(a->channel, b->channel);
}

static int pauses_compare(const void *left, const void *right)
{
    const struct check_pause_row *a = left, *b = right;
    return compare(a->check, b->check);
}

static void sort(void *rows, size_t count, size_t size, int (*order)(const void *, const void *))
{
    if (count)
        qsort(rows, count, size, order);
}

static void writing_sort(struct check_writing *writing)
{
    sort(writing->pings, writing->ping_count, sizeof(*writing->pings), pings_compare);
    sort(writing->states, writing->state_count, sizeof(*writing->states), states_compare);
    sort(writing->starts, writing->start_count, sizeof(*writing->starts), starts_compare);
    sort(writing->flips, writing->flip_count, sizeof(*writing->flips), flips_compare);
    sort(writing->alerts, writing->alert_count, sizeof(*writing->alerts), alerts_compare);
    sort(writing->groups, writing->group_count, sizeof(*writing->groups), groups_compare);
    sort(writing->pauses, writing->pause_count, sizeof(*writing->pauses), pauses_compare);
}

/* ---- rows ---- */

static void rows_move(struct checks *checks, struct check_writing *writing)
{
    struct check_writing *rows = &checks->rows;
    for (size_t i = 0; i < rows->ping_count; i++)
        *check_writing_add_ping(writing) = rows->pings[i];
    for (size_t i = 0; i < rows->flip_count; i++)
        *check_writing_add_flip(writing) = rows->flips[i];
    for (size_t i = 0; i < rows->pause_count; i++)
        if (place_table_find(&checks->table, rows->pauses[i].check) != PLACE_NONE)
            *check_writing_add_pause(writing) = rows->pauses[i];
    rows->ping_count = rows->flip_count = rows->pause_count = 0;
}

static void states_collect(struct checks *checks, struct check_writing *writing)
{
    for (size_t i = 0; i < checks->dirty.count; i++) {
        struct check *check = check_find(checks, checks->dirty.ids[i]);
        if (!check)
            continue;
        check->dirty = false;
        check_row(checks, check, check_writing_add_state(writing));
    }
    checks->dirty.count = 0;
}

void checks_collect(struct checks *checks, int64_t now_ms, int64_t *next_notice,
                    int64_t *next_outbox, struct check_writing *writing)
{
    checks_advance(checks);
    checks_decide(checks);
    alerts_collect(checks, now_ms, next_notice, next_outbox, writing);
    rows_move(checks, writing);
    states_collect(checks, writing);
    check_starts_collect(checks, writing);
    checks->advanced = 0;
    writing_sort(writing);
}

bool checks_has_rows(const struct checks *checks, int64_t now_ms)
{
    return checks->rows.ping_count || checks->rows.flip_count || checks->rows.pause_count ||
           checks->dirty.count || checks->changed_starts.count || checks->told_count ||
           checks->undecided.count || !checks_is_advanced(checks) || alerts_leave(checks, now_ms);
}
