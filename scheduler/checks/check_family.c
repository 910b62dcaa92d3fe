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

void family_join(struct checks *checks, struct check_traits *traits)
{
    for (uint8_t i = 0; i < traits->parent_count; i++) {
        const struct check *parent = check_find(checks, traits->parents[i]);
        child_add(checks, traits->parents[i], traits->check);
        if (parent && check_is_outage(checks, parent))
            traits->outages++;
    }
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

/* ---- downwards: each check knows how many of its parents are an outage for it ---- */

bool check_is_below_outage(const struct checks *checks, const struct check *check)
{
    const struct check_traits *traits = check_traits_of(checks, check);
    return traits && traits->outages;
}

bool check_is_outage(const struct checks *checks, const struct check *check)
{
    return check->status == CHECK_DOWN || check_is_below_outage(checks, check);
}

/* Returns whether the child is below an outage since now, or none any more. */
static bool child_told(struct check_traits *traits, bool outage)
{
    INVARIANT(outage || traits->outages);
    return outage ? traits->outages++ == 0 : --traits->outages == 0;
}

/* The check is an outage for those below it, or none any more, and so may they be for others. */
static void outage_spread(struct checks *checks, int64_t id, bool outage)
{
    checks->above.count = 0;
    id_list_add(&checks->above, id);
    while (checks->above.count) {
        const struct check_family *family =
            family_of(checks, checks->above.ids[--checks->above.count]);
        for (uint32_t i = 0; family && i < family->count; i++) {
            const struct check *child = check_find(checks, family->children[i]);
            INVARIANT(child);
            if (!child_told(check_traits_of(checks, child), outage))
                continue;
            if (!outage)
                id_list_add(&checks->freed, child->id);
            if (child->status != CHECK_DOWN)
                id_list_add(&checks->above, child->id);
        }
    }
}

void family_changed(struct checks *checks, const struct check *check, bool was_outage)
{
    if (check_is_outage(checks, check) != was_outage)
        outage_spread(checks, check->id, !was_outage);
}

void families_loaded(struct checks *checks)
{
    for (uint32_t place = 0; place < checks->traits.length; place++)
        ((struct check_traits *)place_table_at(&checks->traits, place))->outages = 0;
    for (uint32_t place = 0; place < checks->table.length; place++) {
        const struct check *check = check_at(checks, place);
        if (check->id && check->status == CHECK_DOWN)
            outage_spread(checks, check->id, true);
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

void family_recovered(struct checks *checks, uint32_t at_s)
{
    for (size_t i = 0; i < checks->freed.count; i++) {
        struct check *check = check_find(checks, checks->freed.ids[i]);
        INVARIANT(check);
        owed_put_off(checks, check, at_s);
    }
    checks->freed.count = 0;
}

void family_freed(struct checks *checks, struct check *check, uint32_t at_s)
{
    owed_put_off(checks, check, at_s);
    family_recovered(checks, at_s);
}

void family_left(struct checks *checks, int64_t id, uint32_t at_s)
{
    outage_spread(checks, id, false);
    family_recovered(checks, at_s);
}
