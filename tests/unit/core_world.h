/*
 * The scheduler's core with what lies around it: RUNS, the results, and PostgreSQL, each as arrays.
 * A leader may die at any time, and the next one is loaded from what was committed and stored. What
 * no transaction may do to a row is asserted at every commit.
 */
#ifndef TESTS_UNIT_CORE_WORLD_H
#define TESTS_UNIT_CORE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scheduler/core/core.h"

#define WORLD_MINUTE_MS INT64_C(60000)
#define WORLD_ACCOUNTS  64
#define WORLD_JOBS      4096
#define WORLD_ROWS      (1u << 17)
#define WORLD_MESSAGES  (1u << 15)
#define WORLD_RESULTS   (1u << 17)
#define WORLD_LETTERS   8192
#define WORLD_NOTICES   8192
#define WORLD_ALERTS    16
#define WORLD_OUTGOING  2048
#define WORLD_CHANGES   64
#define WORLD_HOUR      UINT32_C(30030480) /* 2027-02-05T12:00Z, in minutes */

struct world_account {
    int64_t id;
    bool there, mails;
    const char *plan;
    struct usage_row usage; /* account 0: none */
};

struct world_job {
    int64_t id, account;
    bool there;
    struct job_settings settings;
    const char *paused; /* NULL: enabled, or by its user */
    struct failing_row failing;
};

struct world_row {
    struct execution row; /* without what end owns */
    char error[64];
    uint32_t attempt_rows; /* of the table attempts: a bit each */
    bool there;
};

struct world_notice {
    int64_t id, job, account, created_s, next_attempt_ms;
    uint16_t timeout_s, code;
    uint8_t status, attempts;
    bool there;
    bool alert;     /* of a check; of no job */
    char error[64]; /* of the newest attempt that has ended */
};

struct world_letter {
    enum mail_kind kind;
    int64_t job, count, at_ms, pause_ms;
    uint16_t code;
};

struct world_message {
    struct run_batch batch;
    uint64_t number;
    unsigned lane;
};

enum change_kind {
    CHANGE_ACCOUNT_ADD,
    CHANGE_ACCOUNT_REMOVE,
    CHANGE_PLAN,
    CHANGE_JOB_ADD,
    CHANGE_JOB_SET,
    CHANGE_JOB_REMOVE
};

struct change {
    enum change_kind kind;
    int64_t id, account;
    const char *plan;
    struct job_settings settings;
};

struct world {
    struct core *core; /* NULL: nobody leads */
    struct core_limits limits;
    struct core_collect_limits collect;
    int64_t now_ms;
    uint64_t epoch;

    struct plan plans[4];
    size_t plan_count;
    struct world_account accounts[WORLD_ACCOUNTS];
    struct world_job jobs[WORLD_JOBS]; /* by id */
    struct world_row rows[WORLD_ROWS];
    uint32_t index[2 * WORLD_ROWS];
    size_t row_count;
    struct world_letter letters[WORLD_LETTERS];
    size_t letter_count;
    struct world_notice notices[WORLD_NOTICES]; /* by id */
    struct core_progress progress;              /* as committed */

    struct change changes[WORLD_CHANGES]; /* with the next commit */
    size_t change_count;
    struct world_notice alerts[WORLD_ALERTS]; /* with the transaction under way */
    size_t alert_count;
    struct writing writing;
    struct core_progress next; /* with the transaction under way */
    int64_t collected_ms;
    bool under_way; /* a transaction is */

    struct world_message outgoing[WORLD_OUTGOING]; /* published, not stored */
    size_t outgoing_count;
    struct world_message messages[WORLD_MESSAGES]; /* RUNS: sequence is place + 1 */
    size_t message_count;
    struct result results[WORLD_RESULTS];
    size_t result_count, applied;

    void (*on_emitted)(const struct run *run, unsigned lane);
    unsigned revived; /* rows of skipped slots that ran after all */
};

extern struct world world;

/* A world with plan "big", which allows everything, at WORLD_HOUR; nobody leads. */
void world_begin(void);
void world_end(void);
int world_set_up(void **state);
int world_tear_down(void **state);

/* It must be there. */
struct world_account *world_account(int64_t id);
/* NULL: no such row. */
struct world_row *world_row(int64_t job, int64_t slot_s, uint32_t replay);
struct world_row *world_slot(int64_t job, uint32_t minute);
/* What a job says that says only this; due behind now_ms. */
struct job_settings world_settings(const char *cron);
/* A command: the core knows at once (where somebody leads), PostgreSQL with the next commit. */
void world_apply(const struct change *change);
void world_add_account(int64_t id, const char *plan);
void world_add_job(int64_t id, int64_t account, const struct job_settings *settings);
void world_add(int64_t id, int64_t account, const char *cron);
void world_set(int64_t id, const struct job_settings *settings);

/* A new leader, which loads what there is. */
void world_lead(void);
/* The leader dies: so many of the messages on their way are stored yet; committed says whether the
 * transaction under way was. */
void world_die(size_t stored, bool committed);
void world_store(size_t count);
void world_collect(void);
/* An alert of a check of that account, with the transaction under way. Returns its notice. */
int64_t world_add_alert(int64_t account);
void world_commit(void);
/* All messages are stored, everything due is collected and committed. */
void world_settle(void);
/* now_ms is minute's first moment, and all ticks to it are done. */
void world_tick_to(uint32_t minute);
void world_pass_ms(int64_t ms);
/* The dispatcher reports on the newest attempt of the run; the core knows. Returns what it says. */
bool world_result(int64_t job, int64_t slot_s, uint32_t replay, uint8_t attempt,
                  enum result_outcome outcome, uint16_t code);
bool world_ends(int64_t job, uint32_t minute, uint8_t attempt, uint16_t code);
/* Applies up to so many of the results that nobody applied. */
void world_results_apply(size_t count);
void world_result_add(const struct run *run, enum result_outcome outcome, uint16_t code,
                      uint16_t retry_after_s);

/* How often a run was published by anybody (stored or on its way). */
size_t world_published(int64_t job, int64_t slot_s, uint32_t replay, uint8_t attempt);
size_t world_runs(void);
size_t world_letters(int64_t job, enum mail_kind kind);
uint32_t world_place(int64_t job);

#endif
