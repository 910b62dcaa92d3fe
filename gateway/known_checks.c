#include "gateway/known_checks.h"

#include <stdlib.h>

#include "shared/memory.h"

#define WAYS 8 /* entries that a check may lie in */
#define SETS (KNOWN_CHECKS / WAYS)
/* Accounts share these, by their last bits; sharing costs look-ups. */
#define DOUBTS 65536

struct known {
    int64_t id;      /* 0: empty */
    int64_t account; /* 0: the check is gone */
    int64_t since_ms;
    uint32_t mac;
};

struct known_checks {
    int64_t doubted_ms; /* what was looked up by then is doubtful */
    int64_t accounts_doubted_ms[DOUBTS];
    struct known entries[SETS * WAYS];
};

struct known_checks *known_checks_new(void)
{
    struct known_checks *known = memory_new(1, sizeof *known);
    known->doubted_ms = INT64_MIN;
    for (size_t i = 0; i < DOUBTS; i++)
        known->accounts_doubted_ms[i] = INT64_MIN;
    return known;
}

void known_checks_free(struct known_checks *known)
{
    free(known);
}

/* Ids are random, so they are evenly spread already. */
static struct known *set_of(struct known_checks *known, int64_t id)
{
    return &known->entries[((uint64_t)id % SETS) * WAYS];
}

static struct known *find(struct known_checks *known, int64_t id)
{
    struct known *set = set_of(known, id);
    for (struct known *entry = set; entry < set + WAYS; entry++)
        if (entry->id == id)
            return entry;
    return NULL;
}

static int64_t *doubt_of(struct known_checks *known, int64_t account)
{
    return &known->accounts_doubted_ms[(uint64_t)account % DOUBTS];
}

enum known_check known_checks_find(struct known_checks *known, const struct public_id *name,
                                   int64_t now_ms)
{
    const struct known *entry = find(known, name->id);
    if (entry == NULL || entry->mac != name->mac)
        return CHECK_NOT_KNOWN;
    int64_t age_ms = now_ms - entry->since_ms;
    if (entry->account == 0)
        return age_ms < KNOWN_CHECK_GONE_MS ? CHECK_GONE : CHECK_NOT_KNOWN;
    bool fresh = age_ms < KNOWN_CHECK_FRESH_MS && entry->since_ms > known->doubted_ms &&
                 entry->since_ms > *doubt_of(known, entry->account);
    return fresh ? CHECK_EXISTS : CHECK_DOUBTFUL;
}

void known_checks_put(struct known_checks *known, const struct public_id *name, int64_t account,
                      int64_t now_ms)
{
    struct known *place = find(known, name->id);
    if (place == NULL) {
        place = set_of(known, name->id);
        for (struct known *entry = place + 1; entry < set_of(known, name->id) + WAYS; entry++)
            if (place->id != 0 && (entry->id == 0 || entry->since_ms < place->since_ms))
                place = entry;
    }
    *place = (struct known){name->id, account, now_ms, name->mac};
}

void known_checks_delete(struct known_checks *known, int64_t id, int64_t now_ms)
{
    struct known *entry = find(known, id);
    if (entry == NULL)
        return;
    entry->account = 0;
    entry->since_ms = now_ms;
}

void known_checks_doubt_account(struct known_checks *known, int64_t account, int64_t now_ms)
{
    *doubt_of(known, account) = now_ms;
}

void known_checks_doubt(struct known_checks *known, int64_t now_ms)
{
    known->doubted_ms = now_ms;
}
