#include "scheduler/core/address_limit.h"

#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"
#include "shared/secret.h"

#define ENTRIES 65536 /* a power of two */
#define PROBES  8
#define HOUR_MS 3600000

struct entry {
    uint64_t address;   /* a part of its hash; 0: free */
    int64_t full_at_ms; /* when the bucket is full again: the whole state of a leaky bucket */
};

struct address_limit {
    int64_t refill_ms; /* one token */
    int64_t burst_ms;  /* a whole bucket */
    struct entry entries[ENTRIES];
};

struct address_limit *address_limit_create(uint32_t per_hour)
{
    struct address_limit *limit = memory_new(1, sizeof(*limit));
    limit->refill_ms = HOUR_MS / (per_hour ? per_hour : 1);
    limit->burst_ms = limit->refill_ms * (per_hour ? per_hour : 1);
    return limit;
}

void address_limit_free(struct address_limit *limit)
{
    free(limit);
}

static uint64_t address_of(const char *email)
{
    /* Cryptographic, so that nobody can aim at somebody else's bucket. */
    uint8_t hash[HASH_SIZE];
    secret_hash(email, strlen(email), hash);
    uint64_t address;
    memcpy(&address, hash, sizeof(address));
    return address ? address : 1;
}

/* The entry of an address, its own or one that gives way to it. */
static struct entry *entry_of(struct address_limit *limit, uint64_t address)
{
    struct entry *fullest = NULL;
    for (size_t probe = 0; probe < PROBES; probe++) {
        struct entry *entry = &limit->entries[(address + probe) & (ENTRIES - 1)];
        if (entry->address == address)
            return entry;
        if (!fullest || entry->full_at_ms < fullest->full_at_ms)
            fullest = entry;
    }
    *fullest = (struct entry){.address = address};
    return fullest;
}

uint32_t address_limit_take(struct address_limit *limit, const char *email, int64_t now_ms)
{
    struct entry *entry = entry_of(limit, address_of(email));
    int64_t full_at_ms = entry->full_at_ms > now_ms ? entry->full_at_ms : now_ms;
    int64_t excess_ms = full_at_ms + limit->refill_ms - now_ms - limit->burst_ms;
    if (excess_ms > 0)
        return (uint32_t)((excess_ms + 999) / 1000);
    entry->full_at_ms = full_at_ms + limit->refill_ms;
    return 0;
}
