/* What the files of the core have of each other; see core.h for who does what. */
#ifndef SCHEDULER_CORE_CORE_INTERNAL_H
#define SCHEDULER_CORE_CORE_INTERNAL_H

#include "scheduler/core/core.h"

#define MINUTE_MS INT64_C(60000)
#define MINUTE_S  INT64_C(60)

static inline uint32_t minute_of(int64_t time_ms)
{
    return (uint32_t)(time_ms / MINUTE_MS);
}

static inline const struct plan *plan_of(const struct core *core, const struct account *account)
{
    return &core->plans[account->plan];
}

static inline bool is_notice(const struct run *run)
{
    return run->replay == RUN_NOTICE;
}

/* A slot's own execution that nobody has tried yet. */
static inline bool is_new_slot(const struct open_run *open)
{
    return open->run.replay == 0 && open->run.attempt == 1;
}

/* Whether there is still somebody to do the run for. */
static inline bool has_owner(const struct core *core, const struct run *run)
{
    return is_notice(run) || place_table_find(&core->jobs, run->job) != PLACE_NONE;
}

/* ---- core.c ---- */

/* Months pass by this alone. */
void core_set_time(struct core *core, int64_t now_ms);
/* Its month is the present one from here on. */
static inline void account_roll(const struct core *core, struct account *account)
{
    if (account->month == core->month)
        return;
    account->month = core->month;
    account->used = account->recorded = 0;
}

/* How many executions it started in that minute; one more. */
static inline uint32_t account_starts(const struct account *account, uint32_t minute)
{
    return account->minute == minute ? account->starts : 0;
}

static inline void account_start(struct account *account, uint32_t minute)
{
    account->starts = account_starts(account, minute) + 1;
    account->minute = minute;
}

/* An attempt of it leaves. */
static inline void account_emit(const struct core *core, struct account *account)
{
    account_roll(core, account);
    account->used++;
    account->under_way++;
}

/* Its usage row is to be written. */
void account_changed(struct core *core, uint32_t place);
/* The run's attempt is told of by the row that is being collected. */
void attempt_recorded(struct core *core, struct open_run *open);
/* One more (or less, -1) of the job that is not FINISHED: for those that allow no overlap. */
void overlap_change(struct core *core, const struct run *run, int change);
static inline void overlap_count(struct core *core, const struct run *run, int change)
{
    if (core->policies.count)
        overlap_change(core, run, change);
}
/* The run is over, and waits for its row; it is HELD in no list, EMITTED or RECORDED. */
void run_finish(struct core *core, uint32_t place);
/* The run is written, or its job is gone: it is in no list, and leaves. */
void run_forget(struct core *core, uint32_t place);
/* A row, but for its status. */
struct execution *row_of(struct writing *writing, const struct open_run *open);

/* ---- held.c ---- */

/* A HELD run that is in no list: it waits for its row, and then until due_ms. */
void held_add(struct core *core, uint32_t place, int64_t due_ms);
/* The same for one whose row is in PostgreSQL, or in the transaction under way. */
void held_add_written(struct core *core, uint32_t place, int64_t due_ms);
void held_add_writing(struct core *core, uint32_t place, int64_t due_ms);
/* Takes a HELD run out of the list that it is in. */
void held_leave(struct core *core, uint32_t place);
/* A HELD run ends without another attempt: skipped, or failed if it had one. */
void held_give_up(struct core *core, uint32_t place, int64_t now_ms, const char *reason);
/* The account may start a run, if it has one that is ready. */
void account_line_up(struct core *core, uint32_t place);
void held_collect(struct core *core, size_t limit, struct writing *writing);
/* The oldest minute of which a slot is held without a row, or UINT32_MAX. */
uint32_t held_oldest_unwritten(const struct core *core);

/* ---- tick.c ---- */

void candidate_add(struct core *core, uint32_t place);
/* Sends what is in the lane's message; minute 0 where it belongs to no tick. */
uint64_t lane_send(struct core *core, unsigned lane, uint32_t minute);

/* ---- ending.c ---- */

void finished_collect(struct core *core, int64_t now_ms, struct writing *writing);
/* The job's slot behind this run, in ms; INT64_MAX: there is none. */
int64_t next_slot_ms(const struct core *core, const struct run *run, int64_t now_ms);

/* ---- jobs.c ---- */

/* By the rules themselves. The job is enabled, and was due up to minute. */
void job_pause(struct core *core, uint32_t place, enum pause_reason reason, uint32_t minute);

#endif
