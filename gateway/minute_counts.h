/*
 * How many requests each account has made in a clock minute, in a table of fixed size: where it has
 * no room the account whose last request lies furthest back is forgotten. The same calls in the
 * same order give the same numbers, wherever they are made.
 */
#ifndef GATEWAY_MINUTE_COUNTS_H
#define GATEWAY_MINUTE_COUNTS_H

#include <stddef.h>
#include <stdint.h>

struct minute_counts;

/* capacity: accounts, at least 8. */
struct minute_counts *minute_counts_new(size_t capacity);
void minute_counts_free(struct minute_counts *counts);

/*
 * Counts one request of the account in a minute (since 1970), and returns how many there are in it
 * now. Of each account its newest minute is counted and the one before; a request of an earlier one
 * is counted in the newest.
 */
int64_t minute_counts_add(struct minute_counts *counts, int64_t account, int64_t minute);

#endif
