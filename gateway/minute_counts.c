#include "gateway/minute_counts.h"

#include <stdlib.h>

#include "shared/compiler.h"
#include "shared/memory.h"

#define WAYS 8 /* places that an account may have */

struct count {
    int64_t account; /* 0: free */
    int64_t minute;
    int64_t used;
    int64_t used_before; /* in the minute before */
};

struct minute_counts {
    size_t sets;
    struct count *places;
};

struct minute_counts *minute_counts_new(size_t capacity)
{
    INVARIANT(capacity >= WAYS);
    struct minute_counts *counts = memory_new(1, sizeof *counts);
    counts->sets = capacity / WAYS;
    counts->places = memory_new(counts->sets * WAYS, sizeof *counts->places);
    return counts;
}

void minute_counts_free(struct minute_counts *counts)
{
    free(counts->places);
    free(counts);
}

/* Accounts are numbered one after the other, and so spread evenly. */
static struct count *find(struct minute_counts *counts, int64_t account)
{
    struct count *set = &counts->places[((uint64_t)account % counts->sets) * WAYS];
    struct count *oldest = set;
    for (struct count *count = set; count < set + WAYS; count++) {
        if (count->account == account)
            return count;
        if (count->minute < oldest->minute)
            oldest = count;
    }
    *oldest = (struct count){.account = account};
    return oldest;
}

int64_t minute_counts_add(struct minute_counts *counts, int64_t account, int64_t minute)
{
    INVARIANT(account > 0 && minute > 0);
    struct count *count = find(counts, account);
    if (minute > count->minute) {
        count->used_before = minute == count->minute + 1 ? count->used : 0;
        count->used = 0;
        count->minute = minute;
    }
    return minute == count->minute - 1 ? ++count->used_before : ++count->used;
}
