/*
 * The tail of RUNS behind the recorded sequence, up to the own marker: what was emitted and maybe
 * not recorded. Given to the core message by message, with what PostgreSQL knows of each run.
 */
#ifndef SCHEDULER_TAIL_LOAD_H
#define SCHEDULER_TAIL_LOAD_H

#include "scheduler/core/core.h"
#include "shared/bus.h"
#include "shared/db.h"

struct tail_load;

struct tail_load_options {
    struct bus *bus;
    struct db *db;
    struct core *core;
    uint64_t marker; /* sequence of the own marker: the end */
    void (*on_done)(void *arg);
    void (*on_failed)(void *arg, const char *reason);
    void *arg;
};

struct tail_load *tail_load_start(const struct tail_load_options *options);
/* At any time; the pool is closed first. */
void tail_load_free(struct tail_load *load);

#endif
