/* Reads the core's state and the checks' from PostgreSQL at the beginning of a term, slice by
 * slice. */
#ifndef SCHEDULER_LOAD_H
#define SCHEDULER_LOAD_H

#include "scheduler/checks/checks.h"
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
    /*
     * Core and checks are the receiver's. pings_stream is when the stream PINGS that was read last
     * was made; borrowed for the call.
     */
    void (*on_loaded)(void *arg, struct core *core, struct checks *checks,
                      const char *pings_stream);
    void (*on_failed)(void *arg, const char *reason);
    void *arg;
};

struct load *load_start(const struct load_options *options);
/* After on_loaded or on_failed, or in between: then no callback comes. The pool is closed first. */
void load_free(struct load *load);

#endif
