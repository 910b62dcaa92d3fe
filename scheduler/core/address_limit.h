/*
 * How many mails an address may ask for: a token bucket an address, in a table of fixed size. The
 * address is known or not: that makes no difference here.
 */
#ifndef SCHEDULER_CORE_ADDRESS_LIMIT_H
#define SCHEDULER_CORE_ADDRESS_LIMIT_H

#include <stddef.h>
#include <stdint.h>

struct address_limit;

/* per_hour: size of a bucket, and what flows into it in an hour. */
struct address_limit *address_limit_create(uint32_t per_hour);
void address_limit_free(struct address_limit *limit);

/*
 * Takes one from the bucket of an address. Returns 0, or the seconds until there is one. Where the
 * table is full, the fullest bucket nearby makes room.
 */
uint32_t address_limit_take(struct address_limit *limit, const char *email, int64_t now_ms);

#endif
