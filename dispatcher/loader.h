/*
 * Finds the details of runs' jobs: from the cache, or from PostgreSQL, all misses of a turn of the
 * loop in one query. While PostgreSQL is away runs wait, as long as it takes: that the details
 * could not be read is no result of a run.
 *
 * A row that is missing, or older than the run, may be on its way: the leader may emit a run while
 * the transaction that made its job commits. It is looked for a few times more before the run is
 * taken for gone, or is delivered with what is there.
 */
#ifndef DISPATCHER_LOADER_H
#define DISPATCHER_LOADER_H

#include <uv.h>

#include "dispatcher/job_cache.h"
#include "dispatcher/message.h"
#include "shared/db.h"

struct loader;

/* run->details is set, or NULL: there is no such job. Never from inside loader_add. */
typedef void loader_done_cb(void *arg, struct held_run *run);

struct loader *loader_open(uv_loop_t *loop, struct db *db, struct job_cache *cache,
                           loader_done_cb *on_done, void *arg);
/* The memory goes with the next turns of the loop. The db must be closed before. */
void loader_close(struct loader *loader);

void loader_add(struct loader *loader, struct held_run *run);

/* Once a turn of the loop, behind its events: serves what the cache has, asks for the rest. */
void loader_turn(struct loader *loader);

#endif
