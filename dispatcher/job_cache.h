/*
 * Job details by job id: the newest version seen, least recently used out first. No I/O (that is
 * loader.h).
 */
#ifndef DISPATCHER_JOB_CACHE_H
#define DISPATCHER_JOB_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "dispatcher/job_details.h"

struct job_cache;

/* capacity_bytes bounds the memory of what is kept, apart from what deliveries still hold. */
struct job_cache *job_cache_create(size_t capacity_bytes);
void job_cache_free(struct job_cache *cache);

/* The job's details if they are of this version or a later one, else NULL; borrowed. */
struct job_details *job_cache_find(struct job_cache *cache, int64_t job, uint32_t version);

/* Takes the caller's reference. What is there in a later version stays. */
void job_cache_put(struct job_cache *cache, struct job_details *details);

size_t job_cache_bytes(const struct job_cache *cache);
size_t job_cache_count(const struct job_cache *cache);

#endif
