/*
 * What every job was, from when on, and when it was due: in the order in which PostgreSQL committed
 * it. Written against the API's words, not the core's.
 */
#ifndef SIMULATION_CALENDAR_H
#define SIMULATION_CALENDAR_H

#include "scheduler/core/facts.h"
#include "tests/simulation/schedule.h"
#include "tests/simulation/world.h"

#define NO_END UINT32_MAX

/* What holds for the slots behind after. */
struct version {
    uint32_t after, due_after; /* minutes */
    uint32_t first, last;      /* slots outside do not count; NO_END */
    int32_t window_s;          /* of catching up; CATCH_UP_WINDOW_NONE */
    enum catch_up catch_up;
    uint8_t zone; /* of schedule_zones */
    uint8_t max_retries;
    uint16_t jitter_s;
    bool enabled, one_shot, no_overlap;
    struct schedule schedule;
};

struct calendar_job {
    int64_t account;
    struct version *versions; /* owned */
    size_t count, room;
    bool deleted;
};

struct gap {
    uint32_t after, to;
};

struct calendar {
    struct calendar_job *jobs; /* owned: by id - 1 */
    size_t count, room;
    struct gap *gaps; /* owned: minutes behind the catch-up window */
    size_t gap_count, gap_room;
};

void calendar_open(struct world *world);
void calendar_close(struct world *world);

/* A committed change of a job, known or the next new one: holds for slots behind after. */
void calendar_changed(struct world *world, const struct fact_job *fact, uint32_t after);
/* The rules paused it. */
void calendar_paused(struct world *world, int64_t id, uint32_t after);
void calendar_deleted(struct world *world, int64_t id);
/* No leader looks at the minutes in (after, to] any more: they are out of the window. */
void calendar_gap(struct world *world, uint32_t after, uint32_t to);

/* Whether the job is there. */
bool calendar_has(const struct world *world, int64_t id);
/* The account of a job, there or deleted. */
int64_t calendar_account(struct world *world, int64_t id);
/* What held for a slot, or NULL; the newest one. */
const struct version *calendar_version(const struct world *world, int64_t id, uint32_t minute);
const struct version *calendar_newest(const struct world *world, int64_t id);
bool calendar_due(const struct world *world, int64_t id, uint32_t minute);
/* The first slot of the version's schedule and bounds in (after, until], or 0. */
uint32_t version_next(const struct version *version, uint32_t after, uint32_t until);

/* Calls check for every slot of a job that is there that is due in (after, to]. */
void calendar_each_due(struct world *world, uint32_t after, uint32_t to,
                       void (*check)(struct world *world, int64_t job, uint32_t minute));

#endif
