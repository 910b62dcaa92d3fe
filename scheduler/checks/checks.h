/*
 * The rules of checks, without I/O: pings, commands and the time come in as arguments; rows to
 * write come out. The leader's shell does the I/O around it, as with the core of the jobs
 * (scheduler/core/core.h), and like it this lives as long as a term of leadership: where a
 * transaction fails, it is thrown away and loaded again.
 *
 * Times of states are whole seconds since 1970 (UTC). What is due is found by scanning one array
 * of deadlines, four bytes a check, each second: a million take less than a millisecond.
 *
 *   checks.c          memory, and what a check is
 *   check_settings.c  loading, and what is said of a check
 *   check_commands.c  changes, pauses, removal
 *   check_schedule.c  when a ping is expected, and when time has something to do
 *   check_ping.c      pings
 *   check_starts.c    the runs of a check, between their pings
 *   check_evaluate.c  what time does
 *   check_state.c     one state becomes another
 *   check_family.c    parents and children
 *   check_alerts.c    what is owed to whom is told, and decided
 *   alert_group.c     what is told becomes rows, alone or with others
 *   check_collect.c   the rows of a transaction
 *
 * An alert is told once: that it is owed, and that it was told, are columns of the check's row. Of
 * an outage that nobody was told of nobody is told the end; an end that cannot be told yet (for
 * maintenance, a parent, a group) is owed like the outage was, and where the check fails again
 * before, the outage goes on. Down alerts and reminders of an account leave alone up to
 * ALERT_GROUP_FIRST in a minute of the clock.
 */
#ifndef SCHEDULER_CHECKS_CHECKS_H
#define SCHEDULER_CHECKS_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scheduler/checks/check_writing.h"
#include "shared/check.h"
#include "shared/compiler.h"
#include "shared/ping.h"

#define ALERT_GROUP_FIRST 5  /* down alerts and reminders of an account that leave alone in ... */
#define ALERT_GROUP_S     60 /* ... a minute of the clock; the others of it leave at its end */
#define CHECK_PING_LAG_S  7  /* so long after its arrival a ping is in PINGS, or never */

struct checks;

/* A column of the progress row each; ids move as rows are made. */
struct checks_progress {
    uint64_t pings_seq;
    int64_t next_ping, next_flip, next_alert;
};

struct checks *checks_create(const struct checks_progress *progress);
void checks_free(struct checks *checks);
/* Ids that are given out next, and the position that was set last. */
const struct checks_progress *checks_progress(const struct checks *checks);
/* Every ping of PINGS up to this sequence was given to checks_ping. */
void checks_set_pings_seq(struct checks *checks, uint64_t sequence);

/* What a command or a row says of a check. Borrowed; valid by form. */
struct check_settings {
    int32_t period_s;
    const char *cron_expression; /* NULL: the period */
    const char *timezone;
    int32_t grace_s;
    int64_t maint_start_s, maint_end_s; /* 0: none */
    const char *maint_schedule;         /* "" : none */
    int32_t alert_after, recover_after;
    int32_t reminder_s;     /* 0: none */
    const int64_t *parents; /* those that are not there (any more) are ignored */
    size_t parent_count;
    const int64_t *channels; /* the same; NULL: all of the account */
    size_t channel_count;
    int64_t job; /* whose executions are its pings; 0: none */
    bool paused;
    int64_t created_ms;
};

/* ---- loading: before anything else, in this order ---- */

struct channel_row {
    int64_t id, account;
    enum channel_kind kind;
    bool usable; /* enabled, and its address verified */
};
void checks_load_channel(struct checks *checks, const struct channel_row *row);
/* -1 where the expression, the zone or the schedule is wrong: such a check is there, for commands
 * to change or delete it, and never late. state NULL: it has no row. */
int checks_load(struct checks *checks, int64_t id, int64_t account,
                const struct check_settings *settings, const struct check_state_row *state);
void checks_load_start(struct checks *checks, const struct check_start_row *row);
/* In the order of ids: the alerts that wait, and all that were created in this minute of the clock
 * or later. */
void checks_load_alert(struct checks *checks, const struct alert_row *row);
void checks_loaded(struct checks *checks);

/* ---- pings and time ---- */

/*
 * In the order of PINGS. A check that is not there is no error: it was deleted.
 *
 * What is due for a check CHECK_PING_LAG_S before one of its pings has happened by then, also where
 * time was not evaluated up to there: so pings may be read after an outage as they come, and times
 * are evaluated behind them. A ping that comes after its time and before that time was evaluated
 * was not late: another one may have been on its way.
 */
void checks_ping(struct checks *checks, const struct ping *ping);
/* A final execution of a job; nothing where the job has no check. */
void checks_job_ended(struct checks *checks, int64_t job, bool success, int64_t started_ms,
                      int64_t ended_ms);
/*
 * Every ping that arrived before the beginning of this second was given to checks_ping: what is due
 * up to it, and not after, happens, each at its own second. Going backwards does nothing.
 */
void checks_evaluate(struct checks *checks, int64_t until_s);
/* The next second at which checks_evaluate has something to do, or that checks_collect waits for;
 * INT64_MAX: none. */
int64_t checks_next_s(const struct checks *checks);

/* ---- commands ---- */

uint32_t checks_count(const struct checks *checks, int64_t account); /* that are not paused */
uint32_t checks_stored(const struct checks *checks, int64_t account);
bool checks_has(const struct checks *checks, int64_t id, int64_t account);
enum check_status checks_status(const struct checks *checks, int64_t id);
/* The row of the check as it is now, written or not; false: it is not there. */
bool checks_state(const struct checks *checks, int64_t id, struct check_state_row *state);
/* When the next ping is expected, in s; 0: it is not. */
int64_t checks_expected_s(const struct checks *checks, int64_t id);
/* Parses the schedule and the maintenance. -1 with a sentence in error. */
#define CHECK_ERROR_SIZE 200
int checks_valid(const struct check_settings *settings,
                 char error[static CHECK_ERROR_SIZE]) MUST_CHECK;
/* The seconds between the next two times of a cron expression; the period where there is none. */
int32_t check_period_s(const struct check_settings *settings, int64_t now_s);
/* Whether the check (or one that is to be made, with that id) would be its own ancestor. */
bool checks_parents_cycle(struct checks *checks, int64_t id, const int64_t *parents, size_t count);
void checks_add(struct checks *checks, int64_t id, int64_t account,
                const struct check_settings *settings, int64_t now_ms);
/* Another schedule, other limits; paused or resumed where that differs. */
void checks_change(struct checks *checks, int64_t id, const struct check_settings *settings,
                   int64_t now_ms);
/* Its rows of check_state and check_starts go with it, in the same transaction. */
void checks_remove(struct checks *checks, int64_t id, int64_t now_ms);
/* All checks and channels of an account. */
void checks_remove_account(struct checks *checks, int64_t account);
/* The check of a job, or 0. */
int64_t checks_of_job(const struct checks *checks, int64_t job);
/* A plan that allows so many: the oldest of those that are not paused are ("plan"), the newest
 * stay. */
void checks_limit(struct checks *checks, int64_t account, uint32_t limit, int64_t now_ms);

/* The rules of jobs paused a job by themselves: its check is paused, too ("job"). Nothing where it
 * has none, or one that is paused. */
void checks_job_paused(struct checks *checks, int64_t job, int64_t now_ms);
/* Why the rules paused a check, where that is not written yet: "plan", "job". NULL: it is, or they
 * did not. */
const char *checks_pause_reason(const struct checks *checks, int64_t check);

bool channels_has(const struct checks *checks, int64_t channel, int64_t account);
uint32_t channels_count(const struct checks *checks, int64_t account);
void channels_add(struct checks *checks, const struct channel_row *row);
void channels_change(struct checks *checks, const struct channel_row *row);
void channels_remove(struct checks *checks, int64_t channel);
/* Sends a test to it; it is usable. */
void channels_test(struct checks *checks, int64_t channel);

/* ---- rows ---- */

/*
 * Takes the rows for one transaction. What is to be told is decided here, when all states are as
 * they are: of a parent and a child that went down since the last time the parent alone is told of.
 * Notices and mails of alerts get their ids from next_notice and next_outbox, which move. The
 * caller has each notice delivered (core_add_alert_notice).
 */
void checks_collect(struct checks *checks, int64_t now_ms, int64_t *next_notice,
                    int64_t *next_outbox, struct check_writing *writing);
bool checks_has_rows(const struct checks *checks, int64_t now_ms);

/* Bytes that all of it takes, for a metric. */
size_t checks_bytes(const struct checks *checks);
size_t checks_total(const struct checks *checks);

#endif
