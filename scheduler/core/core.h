/*
 * The scheduler's rules, without I/O: time, commands and results come in as arguments; runs to
 * publish, rows to write and answers come out. The leader's shell (term.c) does the I/O around it,
 * and the simulation does the same with a clock, a bus and a database of its own.
 *
 * A core lives as long as a term of leadership. What it holds may run ahead of PostgreSQL by what
 * the turn under way writes; where a turn fails, the core is thrown away and loaded again.
 *
 *   core.c     loading, positions, what is given to a transaction
 *   tick.c     which slots are due, and what becomes of each
 *   held.c     runs that wait: for their row, their time, their account's concurrency
 *   ending.c   results: success, another attempt, or failure and whom to tell
 *   jobs.c     what commands do to jobs: settings, runs on demand, pauses, removal
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
#include "scheduler/core/policy.h"
#include "scheduler/core/run_log.h"
#include "scheduler/core/writing.h"
#include "shared/bus_streams.h"
#include "shared/result.h"
#include "shared/run.h"

struct core_limits {
    uint32_t open_runs;         /* executions that are not final before slots are skipped */
    uint32_t catch_up_window_s; /* how far back missed slots are looked for */
    uint32_t address_per_hour;  /* mails that one address may ask for */
    int64_t failure_mail_interval_ms;
    int64_t auto_pause_after_ms;
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
    int64_t next_notice;
    int64_t next_replay;
    int64_t next_channel;
};

/* Publishes a message of runs; number is its place in the order of emission. */
typedef void core_emit_cb(void *arg, uint64_t number, unsigned lane, const struct run_batch *batch);

/* A slot that is dealt with before its tick. */
struct core_found {
    int64_t job;
    uint32_t minute;
};

struct fresh_run {
    struct run run;
    uint64_t message; /* number in the run log */
    uint32_t account; /* place */
};

/* A job whose newest executions failed, or about which a mail went out a short while ago. */
struct failing {
    int64_t job;
    int64_t since_ms;  /* 0: it does not fail */
    int64_t mailed_ms; /* 0: never */
    uint32_t unmailed;
    bool warned;
    bool changed; /* its row is to be written */
};

/* The newest slot of a job that is held and was never attempted. */
struct held_slot {
    int64_t job;
    uint32_t run; /* place */
};

/* A message that is being filled. */
struct core_lane {
    struct run_batch batch;
    uint32_t places[RUN_BATCH_MAX]; /* of its runs: in a tick their accounts', else their own */
};

struct core {
    struct core_limits limits;
    uint64_t epoch;
    core_emit_cb *emit;
    void *emit_arg;

    struct place_table jobs;     /* struct job */
    struct place_table accounts; /* struct account */
    struct place_table policies; /* struct policy, by job */
    struct place_table failing;  /* struct failing, by job */
    struct plan plans[PLANS_MAX];
    uint8_t plan_count;
    struct address_limit *addresses;

    struct open_runs open;
    struct run_log log;
    struct core_progress progress; /* as of the last core_collect; ids move with the commands */
    uint32_t emitted;              /* newest minute that was dealt with */
    uint16_t month;                /* the present one, since January 1970, and its bounds */
    int64_t month_begin_ms, month_end_ms;

    /* The held runs: see open_runs.h. */
    struct run_list unwritten_slots, unwritten, writing; /* new slots; all others */
    struct place_table held_slots;                       /* struct held_slot, by job */
    uint32_t *waiting;                                   /* owned: a heap of places by due_ms */
    uint32_t waiting_count, waiting_capacity;
    uint32_t *line; /* owned: a ring of accounts that have ready runs, and may start one */
    uint32_t line_head, line_count, line_capacity;

    uint32_t *dirty; /* owned: accounts whose usage row is to be written */
    uint32_t dirty_count, dirty_capacity;
    struct pause_row *pauses; /* owned: not yet written */
    size_t pause_count, pause_capacity;

    /* Slots behind last_tick that are in RUNS or held already, in the order of minutes, until their
     * tick. */
    struct core_found *found;
    uint32_t found_first, found_count, found_capacity;

    /* Slots that are not run and whose rows are not written: first .. count of a FIFO. */
    struct execution_batch skipped;
    size_t skipped_first;

    /* The minute ahead: places of the jobs that were due at the scan, in the order of emission. */
    uint32_t prepared;         /* minute; 0: none */
    struct cron_minute *times; /* owned: that minute in the zones of the jobs */
    uint32_t *candidates;
    uint32_t candidate_count, candidate_capacity;

    struct core_lane lanes[LANES];
    struct fresh_run *fresh; /* emitted by the tick under way, not yet among the open */
    uint32_t fresh_count, fresh_capacity;
};

struct core *core_create(const struct core_limits *limits, uint64_t epoch,
                         const struct core_progress *progress, core_emit_cb *emit, void *arg);
void core_free(struct core *core);

/* ---- loading: before anything else, in this order ---- */

void core_load_plan(struct core *core, const struct plan *plan);

/* A row of accounts, and of usage where there is one (month 0: none). -1: the plan is unknown. */
struct account_row {
    int64_t id;
    const char *plan;
    bool failure_email_enabled;
    uint16_t month; /* since January 1970 */
    uint32_t executions;
    uint32_t minute;
    uint32_t starts;
};
int core_load_account(struct core *core, const struct account_row *row, int64_t now_ms);

/* What a command or a row says of a job's schedule and policy. */
struct job_settings {
    const char *cron_expression; /* NULL: run_at_s */
    const char *timezone;
    int64_t run_at_s, start_at_s, end_at_s; /* 0: none */
    enum catch_up catch_up;
    int32_t catch_up_window_s; /* CATCH_UP_WINDOW_NONE */
    bool allow_overlap;
    uint16_t jitter_s;
    uint8_t max_retries;
    bool auto_pause;
    bool has_failure_webhook;
    bool enabled;
    int64_t due_after_ms; /* slots behind it count */
    uint32_t version;
};
/*
 * -1 where the account is unknown, or the expression or the zone wrong: such a job is there, for
 * commands to change or delete it, and never due.
 */
int core_load_job(struct core *core, int64_t id, int64_t account,
                  const struct job_settings *settings);
void core_load_failing(struct core *core, const struct failing_row *row);
/* A pending row of executions, or of notices. attempts were emitted; next_attempt_ms 0: the newest
 * of them is under way. */
struct pending_row {
    struct run run;  /* but for its attempt */
    int64_t account; /* of a notice */
    bool alert;      /* a notice that is the alert of a check */
    uint8_t attempts;
    uint8_t trigger; /* enum run_trigger */
    int64_t next_attempt_ms;
};
void core_load_pending(struct core *core, const struct pending_row *row);
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

/* ---- ticks ---- */

/*
 * Scans for what is due at minute, so that its runs can leave at its first millisecond. Changes of
 * jobs between the scan and the minute are taken into account.
 */
void core_prepare(struct core *core, uint32_t minute);
/* The next minute to be dealt with. */
uint32_t core_next_minute(const struct core *core);
/*
 * Deals with the next minute, which must have come: every due slot is emitted, held or skipped.
 * Minutes missed are dealt with one after the other in the same way; what becomes of missed slots
 * is the job's policy. Returns the number of runs emitted.
 */
uint32_t core_tick(struct core *core, int64_t now_ms);
/*
 * Emits held runs whose time has come, as far as their accounts' concurrency goes, account by
 * account in turn. Returns the number of runs emitted. Not while commands are uncommitted.
 */
uint32_t core_release(struct core *core, int64_t now_ms);
/* When core_release has something to do by time alone; INT64_MAX: never. now_ms: at once. */
int64_t core_next_release_ms(const struct core *core, int64_t now_ms);

/*
 * Whether commands may be applied at now_ms: every minute that has come is dealt with, its runs are
 * in RUNS, and its skipped and held slots are taken. A transaction that changes jobs
 * then leaves no minute behind for the next leader, who would judge it by the jobs as changed.
 */
bool core_settled(const struct core *core, int64_t now_ms);

/* JetStream has message number at sequence. */
void core_acknowledged(struct core *core, uint64_t number, uint64_t sequence);

/* ---- results ---- */

/* A result; false where the run is not open (a repetition, a deleted job). */
bool core_result(struct core *core, const struct result *result, int64_t now_ms);
/*
 * Ends as failures the runs of messages before that number in the run log, and those found in rows,
 * that are still open: the caller knows that no result of theirs will come. Returns how many.
 */
uint32_t core_close_lost(struct core *core, uint64_t before);
/* Whether a run still waits for its result. */
bool core_is_open(const struct core *core, int64_t job, int64_t slot_s, uint32_t replay,
                  uint8_t attempt);

/* ---- alerts of checks ---- */

/*
 * A new row of notices (kind alert, pending, no attempt yet) that the transaction about to be sent
 * writes, with the second of now_ms as created_at: it leaves once that has committed. Between
 * core_collect and core_committed. Neither the account's month, nor its burst, nor its concurrency
 * is asked. The account is there.
 */
void core_add_alert_notice(struct core *core, int64_t account, int64_t notice, int64_t now_ms);

/* ---- rows ---- */

/*
 * Takes the rows for one transaction and moves progress to what holds once it has committed.
 * Results first, all of them, and what commands asked for; then up to skipped slots skipped, and
 * held slots; then pending rows of runs that have been under way for pending_age_ms, up to pending
 * of them.
 */
struct core_collect_limits {
    size_t skipped;
    size_t held;
    size_t pending;
    int64_t pending_age_ms;
};
void core_collect(struct core *core, int64_t now_ms, const struct core_collect_limits *limits,
                  struct writing *writing);
/* The rows of the last core_collect are committed: the held runs among them may leave. */
void core_committed(struct core *core);
/* Whether core_collect would have rows, now or after pending_age_ms. */
bool core_has_rows(const struct core *core);

/* ---- what commands do ---- */

/* The index of a plan, or -1. */
int core_plan(const struct core *core, const char *name);
/* An account that a command made. Returns its place. */
uint32_t core_add_account(struct core *core, int64_t id, int plan);
/* The account at that place, with its jobs and what runs of them is open. */
void core_remove_account(struct core *core, uint32_t owner);
/*
 * Another plan for the account at that place: where more jobs are active than it allows, the oldest
 * are paused ("plan"), the newest stay.
 */
void core_change_plan(struct core *core, uint32_t owner, int plan);

/* Parses the schedule. -1 with a sentence in error. *cron is complete with its zone. */
int core_schedule(const struct job_settings *settings, struct cron *cron,
                  char error[static CRON_ERROR_SIZE]) MUST_CHECK;
/* Adds a job to an account (place); counts it. settings are valid. Returns its place. */
uint32_t core_add_job(struct core *core, int64_t id, uint32_t account,
                      const struct job_settings *settings);
/* Another schedule, policy, version; paused or resumed. settings are valid. */
void core_change_job(struct core *core, uint32_t place, const struct job_settings *settings);
void core_remove_job(struct core *core, uint32_t place);
static inline bool core_job_enabled(const struct core *core, uint32_t place)
{
    return job_at(&core->jobs, place)->due_after != JOB_PAUSED;
}
/* The reason why the rules paused a job, where that is not written yet; -1: it is. */
int core_pause_reason(const struct core *core, int64_t job);

enum run_refusal { RUN_ACCEPTED, RUN_OVER_MONTH, RUN_OVER_BURST, RUN_OVER_CAPACITY };
/*
 * A run on demand, of the second now_ms lies in; it is held, so its row comes with this turn, and
 * it leaves after the commit.
 */
enum run_refusal core_run_now(struct core *core, uint32_t place, int64_t now_ms, struct run *run);
/* A slot again. Waits for concurrency like any; limits of starts are not asked. Always accepted
 * unless over capacity. */
enum run_refusal core_replay(struct core *core, uint32_t place, int64_t slot_s, int64_t now_ms,
                             struct run *run);

#endif
