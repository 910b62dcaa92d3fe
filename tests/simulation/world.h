/*
 * The simulated world: one clock, one source of chance, events in the order of their time. All that
 * happens follows from the seed.
 *
 * A failure of any check prints the seed, the events before it and the command that repeats it, and
 * ends the process.
 */
#ifndef SIMULATION_WORLD_H
#define SIMULATION_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define SCHEDULERS  3
#define DISPATCHERS 3
#define MINUTE_MS   INT64_C(60000)
#define HOUR_MS     (60 * MINUTE_MS)
#define TRACE_SIZE  50
#define PER_MILLION 1000000

struct world;
struct event;
typedef void event_run(struct world *world, struct event *event);

struct event {
    int64_t at_ms;
    uint64_t order; /* among events of the same time */
    event_run *run;
    unsigned target;     /* a process, for those that go to one */
    uint64_t life, term; /* of that process, when it was sent */
    uint64_t number;
    void *data; /* owned; what run leaves here goes through drop */
    void (*drop)(void *data);
    event_run *step; /* what run, the link or the process, hands it on to */
    bool timer;      /* of a process: comes in any order with what it receives */
};

/* How likely faults are, in a million; rises and falls with the weather (faults.h). */
struct chances {
    uint32_t scheduler_crash;  /* before or after a step, and between any two sends of it */
    uint32_t scheduler_stop;   /* as SIGSTOP, between any two sends of a step */
    uint32_t dispatcher_crash; /* at a step */
    uint32_t database_unknown; /* a transaction of which the leader learns nothing */
    uint32_t answer_lost;
};

struct trace {
    int64_t at_ms;
    const char *what;
    long long first, second;
    int who; /* scheduler, or -1 */
};

struct world {
    uint64_t seed, random;
    int64_t now_ms, begun_ms, end_ms;
    unsigned wanted_jobs, days; /* as on the command line */
    int64_t watched;            /* job whose history is printed; 0: none */
    struct chances chances;
    bool draining; /* no more faults, no more commands */

    struct event *heap; /* owned */
    size_t event_count, event_room;
    uint64_t next_order, events_run;

    struct trace ring[TRACE_SIZE];
    uint64_t traced;

    struct calendar *calendar;
    struct ledger *ledger;
    struct allowances *allowances;
    struct notices *notices;
    struct rows *rows;
    struct database *database;
    struct streams *streams;
    struct schedulers *schedulers;
    struct dispatchers *dispatchers;
    struct clients *clients;
    struct faults *faults;
};

void world_init(struct world *world, uint64_t seed, unsigned jobs, unsigned days);
void world_free(struct world *world);

/* Runs events until a time, or until none is left. */
void world_run(struct world *world, int64_t until_ms);
/* Adds an event in delay_ms; the caller fills in what run needs. Pointer ends with the next one. */
struct event *world_later(struct world *world, int64_t delay_ms, event_run *run);
/* Puts a whole event back, to another time; among those of that time it keeps its order. */
void world_again(struct world *world, struct event *event, int64_t at_ms);

uint64_t chance_next(struct world *world);
/* From low to high, both included. */
int64_t chance_between(struct world *world, int64_t low, int64_t high);
bool chance_of(struct world *world, uint32_t per_million);

/* Prints a piece of the history of a job, if that is wanted. */
PRINTF_LIKE(3, 4)
void trace_job(const struct world *world, int64_t job, const char *format, ...);
/* Remembers an event for the report of a failure; what is a constant. */
void trace_add(struct world *world, int who, const char *what, long long first, long long second);
PRINTF_LIKE(2, 3)
__attribute__((noreturn)) void world_fail(struct world *world, const char *format, ...);

#endif
