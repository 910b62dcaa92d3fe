/*
 * The scheduler's rules, without I/O: time, commands and results come in as arguments; runs to
 * publish, rows to write and answers come out. The leader's shell (term.c) does the I/O around it,
 * and the simulation does the same with a clock, a bus and a database of its own.
 *
 * A core lives as long as a term of leadership. What it holds may run ahead of PostgreSQL by what
 * the turn under way writes; where a turn fails, the core is thrown away and loaded again.
 */
#ifndef SCHEDULER_CORE_CORE_H
#define SCHEDULER_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scheduler/core/account.h"
#include "scheduler/core/address_limit.h"
#include "scheduler/core/execution.h"
#include "scheduler/core/job_table.h"
#include "scheduler/core/open_runs.h"
#include "scheduler/core/place_table.h"
#include "scheduler/core/run_log.h"
#include "shared/bus_streams.h"
#include "shared/result.h"
#include "shared/run.h"

struct core_limits {
    uint32_t open_runs;         /* runs under way before slots are skipped */
    uint32_t catch_up_window_s; /* how far back missed slots are looked for */
    uint32_t address_per_hour;  /* mails that one address may ask for */
};

/* A column of the progress row each. */
struct core_progress {
    bool has_last_tick;
    uint32_t last_tick; /* minute */
    uint64_t runs_seq;
    uint64_t commands_seq;
    uint64_t results_seq;
    int64_t next_account;
    int64_t next_job;
    int64_t next_outbox;
};

struct core_found {
    int64_t job;
    uint32_t minute;
};

/* Publishes a message of runs; number is its place in the order of emission. */
typedef void core_emit_cb(void *arg, uint64_t number, unsigned lane, const struct run_batch *batch);

struct fresh_run {
    struct run run;
    uint64_t message; /* number in the run log */
};

struct core {
    struct core_limits limits;
    uint64_t epoch;
    core_emit_cb *emit;
    void *emit_arg;

    struct place_table jobs;     /* struct job */
    struct place_table accounts; /* struct account */
    struct plan plans[PLANS_MAX];
    uint8_t plan_count;
    struct address_limit *addresses;

    struct open_runs open;
    struct run_log log;
    struct core_progress progress; /* as of the last core_collect; ids move with the commands */
    uint32_t emitted;              /* newest minute that was dealt with */

    /* Slots behind last_tick that are in RUNS already, in the order of minutes, until their tick.
     */
    struct core_found *found;
    uint32_t found_first, found_count, found_capacity;

    /* Slots that are not run and whose rows are not written: first .. count of a FIFO. */
    struct execution_batch skipped;
    size_t skipped_first;

    /* The minute ahead: places of the jobs that were due at the scan, in the order of emission. */
    uint32_t prepared; /* minute; 0: none */
    uint32_t *candidates;
    uint32_t candidate_count, candidate_capacity;

    struct run_batch lanes[LANES]; /* messages being filled */
    struct fresh_run *fresh;       /* emitted by the tick under way, not yet among the open */
    uint32_t fresh_count, fresh_capacity;
};

struct core *core_create(const struct core_limits *limits, uint64_t epoch,
                         const struct core_progress *progress, core_emit_cb *emit, void *arg);
void core_free(struct core *core);

/*
 * Loading, before anything else. Plans come before accounts, accounts before jobs, jobs before
 * runs.
 */
void core_load_plan(struct core *core, const struct plan *plan);
/* -1 where the plan is unknown. */
int core_load_account(struct core *core, int64_t id, const char *plan);
/*
 * due_after_ms: slots behind it count. -1 where the account is unknown, or the expression wrong:
 * such a job is there, for commands to change or delete it, and never due.
 */
int core_load_job(struct core *core, int64_t id, int64_t account, uint32_t version,
                  const char *cron_expression, bool enabled, int64_t due_after_ms);
/* A pending row. */
void core_load_pending(struct core *core, const struct run *run);
/*
 * A message of RUNS behind runs_seq, in order: final[i] says that run i has a final row already.
 * The own marker comes last, as a message of no runs.
 */
void core_load_message(struct core *core, uint64_t sequence, const struct run_batch *batch,
                       const bool *final, int64_t now_ms);
/*
 * Before the first message, where the streams were made anew: positions in the old ones say
 * nothing. What is read twice then does no harm: commands are known by their answers, and results
 * by their runs.
 */
void core_load_anew(struct core *core);
/* After loading. Without a last tick on record the first minute to be dealt with is the next one.
 */
void core_loaded(struct core *core, int64_t now_ms);

/*
 * Scans for what is due at minute, so that its runs can leave at its first millisecond. Changes of
 * jobs between the scan and the minute are taken into account.
 */
void core_prepare(struct core *core, uint32_t minute);
/* The next minute to be dealt with. */
uint32_t core_next_minute(const struct core *core);
/*
 * Deals with the next minute, which must have come: every due slot is emitted or skipped. Minutes
 * missed are dealt with one after the other in the same way; of a job's missed slots the newest
 * runs. Returns the number of runs emitted.
 */
uint32_t core_tick(struct core *core, int64_t now_ms);

/*
 * Whether commands may be applied at now_ms: every minute that has come is dealt with, its runs are
 * in RUNS, and its skipped slots are taken. A transaction that changes jobs
 * then leaves no minute behind for the next leader, who would judge it by the jobs as changed.
 */
bool core_settled(const struct core *core, int64_t now_ms);

/* JetStream has message number at sequence. */
void core_acknowledged(struct core *core, uint64_t number, uint64_t sequence);

/* A result; false where the run is not open (a repetition, a deleted job). */
bool core_result(struct core *core, const struct result *result);
/*
 * Ends as failures the runs of messages before that number in the run log, and those found in rows,
 * that are still open: the caller knows that no result of theirs will come. Returns how many.
 */
uint32_t core_close_lost(struct core *core, uint64_t before);
/* Whether a run still waits for its result. */
bool core_is_open(const struct core *core, int64_t job, int64_t slot_s, uint32_t replay,
                  uint8_t attempt);

/*
 * Takes the rows for one transaction and moves progress to what holds once it has committed.
 * Results first, all of them; then up to slots skipped; then pending rows of runs that have been
 * under way for pending_age_ms, up to pending of them.
 */
struct core_collect_limits {
    size_t skipped;
    size_t pending;
    int64_t pending_age_ms;
};
void core_collect(struct core *core, int64_t now_ms, const struct core_collect_limits *limits,
                  struct execution_batch *batch);
/* Whether core_collect would have rows, now or after pending_age_ms. */
bool core_has_rows(const struct core *core);

/* A job that a command added or changed: is it due in the minute that was scanned already? */
void core_job_changed(struct core *core, uint32_t place);

/* The index of a plan, or -1. */
int core_plan(const struct core *core, const char *name);

#endif
