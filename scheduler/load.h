/* Reads the core's state from PostgreSQL at the beginning of a term, slice by slice. */
#ifndef SCHEDULER_LOAD_H
#define SCHEDULER_LOAD_H

#include "scheduler/core/core.h"
#include "scheduler/outbox.h"
#include "shared/db.h"

struct load;

struct load_options {
    struct db *db; /* a pool of one connection */
    struct outbox *outbox;
    struct core_limits limits;
    uint64_t epoch;
    core_emit_cb *emit; /* of the core, with arg */
    /* The core is the receiver's. */
    void (*on_loaded)(void *arg, struct core *core);
    void (*on_failed)(void *arg, const char *reason);
    void *arg;
};

struct load *load_start(const struct load_options *options);
/* After on_loaded or on_failed, or in between: then no callback comes. The pool is closed first. */
void load_free(struct load *load);

#endif
