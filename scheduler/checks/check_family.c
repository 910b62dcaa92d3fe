#include <string.h>

#include "scheduler/checks/checks_internal.h"

static struct check_family *family_of(const struct checks *checks, int64_t parent)
{
    uint32_t place = place_table_find(&checks->families, parent);
    return place == PLACE_NONE ? NULL : place_table_at(&checks->families, place);
}

static void family_free(struct checks *checks, struct check_family *family)
{
    side_resize(checks, family->children, family->room, 0, sizeof(*family->children));
    place_table_remove(&checks->families, place_table_find(&checks->families, family->parent));
}

static void child_add(struct checks *checks, int64_t parent, int64_t child)
{
    struct check_family *family = family_of(checks, parent);
    if (!family)
        family = place_table_at(&checks->families, place_table_add(&checks->families, parent));
    if (family->count == family->room) {
        uint32_t room = family->room ? 2 * family->room : 2;
        family->children =
            side_resize(checks, family->children, family->room, room, sizeof(*family->children));
        family->room = room;
    }
    family->children[family->count++] = child;
}

static void child_take(struct checks *checks, int64_t parent, int64_t child)
{
    struct check_family *family = family_of(checks, parent);
    INVARIANT(family);
    uint32_t at = 0;
    while (at < family->count && family->children[at] != child)
        at++;
    INVARIANT(at < family->count);
    family->children[at] = family->children[--family->count];
    if (!family->count)
        family_free(checks, family);
}

void family_join(struct checks *checks, const struct check_traits *traits)
{
    for (uint8_t i = 0; i < traits->parent_count; i++)
        child_add(checks, traits->parents[i], traits->check);
}

void family_leave(struct checks *checks, const struct check_traits *traits)
{
    for (uint8_t i = 0; i < traits->parent_count; i++)
        child_take(checks, traits->parents[i], traits->check);
}

void families_free(struct checks *checks)
{
    for (uint32_t place = 0; place < checks->families.length; place++) {
        struct check_family *family = place_table_at(&checks->families, place);
        if (family->parent)
            family_free(checks, family);
    }
    place_table_free(&checks->families);
}

/* ---- upwards: each parent once, with a list of those to come instead of a recursion ---- */

static void above_add(struct checks *checks, const int64_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        id_list_add(&checks->above, ids[i]);
}

static void walk_begin(struct checks *checks, const int64_t *parents, size_t count)
{
    checks->walk++;
    checks->above.count = 0;
    above_add(checks, parents, count);
}

/* The next one, whose parents then come too; NULL: there is none left. */
static const struct check *walk_on(struct checks *checks)
{
    while (checks->above.count) {
        const struct check *check = check_find(checks, checks->above.ids[--checks->above.count]);
        if (!check)
            continue;
        struct check_traits *traits = check_traits_of(checks, check);
        if (!traits)
            return check;
        if (traits->walk == checks->walk)
            continue;
        traits->walk = checks->walk;
        above_add(checks, traits->parents, traits->parent_count);
        return check;
    }
    return NULL;
}

bool check_is_below_outage(struct checks *checks, const struct check *check)
{
    const struct check_traits *traits = check_traits_of(checks, check);
    if (!traits || !traits->parent_count)
        return false;
    walk_begin(checks, traits->parents, traits->parent_count);
    while ((check = walk_on(checks)))
        if (check->status == CHECK_DOWN)
            return true;
    return false;
}

bool checks_parents_cycle(struct checks *checks, int64_t id, const int64_t *parents, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (parents[i] == id)
            return true;
    walk_begin(checks, parents, count);
    const struct check *check;
    while ((check = walk_on(checks)))
        if (check->id == id)
            return true;
    return false;
}

/* ---- downwards ---- */

static void below_find(struct checks *checks, int64_t parent)
{
    checks->walk++;
    checks->below.count = 0;
    id_list_add(&checks->below, parent);
    for (size_t at = 0; at < checks->below.count; at++) {
        struct check_family *family = family_of(checks, checks->below.ids[at]);
        if (!family || family->walk == checks->walk)
            continue;
        family->walk = checks->walk;
        for (uint32_t i = 0; i < family->count; i++)
            id_list_add(&checks->below, family->children[i]);
    }
}

static void owed_put_off(struct checks *checks, struct check *check, uint32_t at_s)
{
    if (check->owed) {
        uint32_t from_s = seconds((int64_t)at_s + check->grace_s);
        check->owed_from_s = from_s > check->owed_from_s ? from_s : check->owed_from_s;
        check_touch(checks, check);
    }
    check_schedule(checks, check);
}

void family_recovered(struct checks *checks, int64_t id, uint32_t at_s)
{
    below_find(checks, id);
    for (size_t i = 1; i < checks->below.count; i++) {
        struct check *child = check_find(checks, checks->below.ids[i]);
        INVARIANT(child);
        owed_put_off(checks, child, at_s);
    }
}

void family_freed(struct checks *checks, struct check *check, uint32_t at_s)
{
    owed_put_off(checks, check, at_s);
    family_recovered(checks, check->id, at_s);
}
