/*
 * Finds what runs' deliveries need: details of the job or the notice, and the account's keys; from
 * the caches, or from PostgreSQL, all misses of a turn of the loop in one query. While PostgreSQL
 * is away runs wait, as long as it takes: that something could not be read is no result of a run.
 *
 * A row that is missing, or older than the run, may be on its way: the leader may emit a run while
 * the transaction that made its job commits. It is looked for a few times more before the run is
 * taken for gone, or is delivered with what is there.
 */
#ifndef DISPATCHER_LOADER_H
#define DISPATCHER_LOADER_H

#include <uv.h>

#include "dispatcher/account_keys.h"
#include "dispatcher/job_cache.h"
#include "dispatcher/message.h"
#include "shared/db.h"

struct loader;

/* run->details and run->keys are set, or NULL: it is gone. Never from inside loader_add. */
typedef void loader_done_cb(void *arg, struct held_run *run);

/* All kept by the caller. */
struct loader_options {
    struct db *db;
    struct job_cache *jobs;
    struct job_cache *notices; /* apart, for their ids are others */
    struct account_key_cache *keys;
    const char *signing_secret; /* WEBHOOK_SIGNING_SECRET */
    loader_done_cb *on_done;
    void *arg;
};

struct loader *loader_open(uv_loop_t *loop, const struct loader_options *options);
/* The memory goes with the next turns of the loop. The db must be closed before. */
void loader_close(struct loader *loader);

void loader_add(struct loader *loader, struct held_run *run);

/* Once a turn of the loop, behind its events: serves what the caches have, asks for the rest. */
void loader_turn(struct loader *loader);

#endif
