#include "dispatcher/job_cache.h"

#include <stdlib.h>

#include "shared/compiler.h"
#include "shared/memory.h"

#define BUCKETS_FIRST 1024 /* a power of two; doubled as the cache fills */

struct entry {
    struct entry *next_in_bucket;
    struct entry *newer, *older; /* by last use */
    struct job_details *details;
};

struct job_cache {
    size_t capacity_bytes;
    size_t bytes;
    size_t count;
    struct entry *newest, *oldest;
    struct entry **buckets;
    size_t bucket_count;
};

struct job_cache *job_cache_create(size_t capacity_bytes)
{
    struct job_cache *cache = memory_new(1, sizeof(*cache));
    cache->capacity_bytes = capacity_bytes;
    cache->bucket_count = BUCKETS_FIRST;
    cache->buckets = memory_new(cache->bucket_count, sizeof(struct entry *));
    return cache;
}

/* Ids are dense, so the low bits spread them best. */
static struct entry **bucket_of(struct job_cache *cache, int64_t job)
{
    return &cache->buckets[(uint64_t)job & (cache->bucket_count - 1)];
}

static void use_unlink(struct job_cache *cache, struct entry *entry)
{
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        cache->newest = entry->older;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        cache->oldest = entry->newer;
}

static void use_link(struct job_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (entry->older)
        entry->older->newer = entry;
    else
        cache->oldest = entry;
    cache->newest = entry;
}

static size_t entry_bytes(const struct entry *entry)
{
    return sizeof(*entry) + entry->details->memory_bytes;
}

static void entry_remove(struct job_cache *cache, struct entry *entry)
{
    struct entry **link = bucket_of(cache, entry->details->job);
    while (*link != entry)
        link = &(*link)->next_in_bucket;
    *link = entry->next_in_bucket;
    use_unlink(cache, entry);
    cache->bytes -= entry_bytes(entry);
    cache->count--;
    job_details_release(entry->details);
    free(entry);
}

void job_cache_free(struct job_cache *cache)
{
    struct entry *older;
    for (struct entry *entry = cache->newest; entry; entry = older) {
        older = entry->older;
        job_details_release(entry->details);
        free(entry);
    }
    free(cache->buckets);
    free(cache);
}

static struct entry *entry_find(struct job_cache *cache, int64_t job)
{
    struct entry *entry = *bucket_of(cache, job);
    while (entry && entry->details->job != job)
        entry = entry->next_in_bucket;
    return entry;
}

struct job_details *job_cache_find(struct job_cache *cache, int64_t job, uint32_t version)
{
    struct entry *entry = entry_find(cache, job);
    if (!entry || entry->details->version < version)
        return NULL;
    use_unlink(cache, entry);
    use_link(cache, entry);
    return entry->details;
}

static void grow(struct job_cache *cache)
{
    free(cache->buckets);
    cache->bucket_count *= 2;
    cache->buckets = memory_new(cache->bucket_count, sizeof(struct entry *));
    for (struct entry *entry = cache->newest; entry; entry = entry->older) {
        struct entry **bucket = bucket_of(cache, entry->details->job);
        entry->next_in_bucket = *bucket;
        *bucket = entry;
    }
}

void job_cache_put(struct job_cache *cache, struct job_details *details)
{
    struct entry *entry = entry_find(cache, details->job);
    if (entry && entry->details->version > details->version) {
        job_details_release(details);
        return;
    }
    if (entry)
        entry_remove(cache, entry);
    if (cache->count == cache->bucket_count)
        grow(cache);

    entry = memory_new(1, sizeof(*entry));
    entry->details = details;
    struct entry **bucket = bucket_of(cache, details->job);
    entry->next_in_bucket = *bucket;
    *bucket = entry;
    use_link(cache, entry);
    cache->bytes += entry_bytes(entry);
    cache->count++;
    /* What was put last stays, however large: its run is about to ask for it. */
    while (cache->bytes > cache->capacity_bytes && cache->oldest != entry)
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): entry_remove moves cache->oldest on
        entry_remove(cache, cache->oldest);
}

size_t job_cache_bytes(const struct job_cache *cache)
{
    return cache->bytes;
}

size_t job_cache_count(const struct job_cache *cache)
{
    return cache->count;
}
