#include "dispatcher/job_cache.h"

#include <stdlib.h>

#include "dispatcher/recent_table.h"
#include "shared/compiler.h"
#include "shared/memory.h"

struct cached_job {
    struct recent_entry entry; /* by last use */
    struct job_details *details;
};

struct job_cache {
    size_t capacity_bytes;
    size_t bytes;
    struct recent_table jobs;
};

struct job_cache *job_cache_create(size_t capacity_bytes)
{
    struct job_cache *cache = memory_new(1, sizeof(*cache));
    cache->capacity_bytes = capacity_bytes;
    recent_table_init(&cache->jobs);
    return cache;
}

static size_t job_bytes(const struct cached_job *job)
{
    return sizeof(*job) + job->details->memory_bytes;
}

static void job_remove(struct job_cache *cache, struct cached_job *job)
{
    recent_table_remove(&cache->jobs, &job->entry);
    cache->bytes -= job_bytes(job);
    job_details_release(job->details);
    free(job);
}

static struct cached_job *job_oldest(const struct job_cache *cache)
{
    return (struct cached_job *)cache->jobs.oldest;
}

void job_cache_free(struct job_cache *cache)
{
    while (job_oldest(cache))
        job_remove(cache, job_oldest(cache));
    recent_table_free(&cache->jobs);
    free(cache);
}

static struct cached_job *job_find(const struct job_cache *cache, int64_t job)
{
    return (struct cached_job *)recent_table_find(&cache->jobs, job);
}

struct job_details *job_cache_find(struct job_cache *cache, int64_t job, uint32_t version)
{
    struct cached_job *found = job_find(cache, job);
    if (!found || found->details->version < version)
        return NULL;
    recent_table_use(&cache->jobs, &found->entry);
    return found->details;
}

void job_cache_put(struct job_cache *cache, struct job_details *details)
{
    struct cached_job *job = job_find(cache, details->job);
    if (job && job->details->version > details->version) {
        job_details_release(details);
        return;
    }
    if (job)
        job_remove(cache, job);
    job = memory_new(1, sizeof(*job));
    job->entry.id = details->job;
    job->details = details;
    recent_table_add(&cache->jobs, &job->entry);
    cache->bytes += job_bytes(job);
    /* What was put last stays, however large: its run is about to ask for it. */
    while (cache->bytes > cache->capacity_bytes && job_oldest(cache) != job)
        job_remove(cache, job_oldest(cache));
}

size_t job_cache_bytes(const struct job_cache *cache)
{
    return cache->bytes;
}

size_t job_cache_count(const struct job_cache *cache)
{
    return cache->jobs.count;
}
