/* What the files of the rules of checks have of each other; see checks.h for who does what. */
#ifndef SCHEDULER_CHECKS_CHECKS_INTERNAL_H
#define SCHEDULER_CHECKS_CHECKS_INTERNAL_H

#include "scheduler/checks/checks.h"
#include "scheduler/core/place_table.h"
#include "shared/cron.h"
#include "shared/maintenance.h"

#define NEVER           UINT32_MAX /* as a deadline */
#define NO_DURATION     INT64_C(-1)
#define STARTS_MAX      32    /* of a check: a further one takes the place of the oldest */
#define DUE_AT_ONCE     16384 /* checks that one transaction makes late or down */
#define DECIDED_AT_ONCE 4096  /* checks that one transaction tells of */

/* Seconds since 1970 fit 32 bits until 2106. */
struct check {
    int64_t id;
    int64_t ping_count;
    int64_t last_ping_ms;     /* but of logs; 0: none */
    int64_t last_duration_ms; /* NO_DURATION */
    uint32_t account;         /* place */
    uint32_t period_s, grace_s;
    uint32_t created_s;
    uint32_t base_s; /* from which the next ping is expected; 0: none */
    uint32_t since_s;
    uint32_t counted_s;   /* DOWN: expected times up to here are counted */
    uint32_t owed_from_s; /* when what is owed became due, or may be told */
    uint32_t alert_count; /* outages that were told */
    uint32_t failures;    /* one after the other */
    uint8_t alert_after, recover_after;
    uint8_t successes; /* one after the other, while DOWN */
    uint8_t status : 3;
    uint8_t last_kind : 2;
    bool alerted : 1;    /* the outage was told, and its end was not */
    bool owed : 1;       /* the outage is to be told, or its end where it was */
    bool undecided : 1;  /* among checks.undecided */
    bool grouped : 1;    /* an alert of the outage waits for its group */
    bool dirty : 1;      /* in checks.dirty: its row is to be written */
    bool has_cron : 1;   /* in checks.crons */
    bool has_traits : 1; /* in checks.traits */
    bool has_starts : 1; /* in checks.starts */
    bool stuck : 1;      /* it cannot be scheduled */
};

_Static_assert(sizeof(struct check) == 80, "a million are held");

struct check_cron {
    int64_t check;
    struct cron cron;
};

/* What few checks say. */
struct check_traits {
    int64_t check;
    int64_t *parents;  /* owned */
    int64_t *channels; /* owned */
    uint8_t parent_count, channel_count;
    uint8_t outages;    /* parents that are down, or below one that is */
    bool some_channels; /* these; false: all of the account */
    uint64_t walk;      /* the last one that came by */
    struct maintenance maintenance;
    int64_t job;                                /* 0: none */
    uint32_t reminder_s, reminded_s, reminders; /* reminders: of the outage */
};

/* A run of a check; see check_start_row. */
struct start {
    char *rid; /* owned; NULL: none was given */
    int64_t started_ms, ended_ms;
    uint32_t due_s;
    bool changed; /* its row is to be written, or deleted where it is gone */
    bool stored;  /* it may have a row */
    bool gone;
};

struct check_starts {
    int64_t check;
    struct start *starts; /* owned */
    uint16_t count, room;
    bool changed; /* in checks.changed_starts */
};

/* The checks that have this one for a parent. */
struct check_family {
    int64_t parent;
    int64_t *children; /* owned */
    uint32_t count, room;
};

struct job_check {
    int64_t job, check;
};

struct channel {
    int64_t id;
    uint32_t account; /* place */
    uint8_t kind;
    bool usable;
};

/* Alerts of a channel that wait for the end of their minute. */
struct alert_wait {
    int64_t channel;
    enum channel_kind kind;
    int64_t first_alert, last_alert;
};

struct check_account {
    int64_t id;
    uint32_t active, stored; /* checks that are not paused; all */
    int64_t *channels;       /* owned: ids, in order */
    uint32_t channel_count, channel_room;
    uint32_t minute, alone; /* in this minute so many alerts left alone */
    uint32_t wait_minute;   /* in which those that wait were created */
    struct alert_wait *waits;
    int64_t *waiters; /* owned: checks that they tell of */
    uint32_t wait_count, wait_room, waiter_count, waiter_room;
};

/* A check that is to be told of, once all states are as they are. */
struct undecided {
    int64_t check;
    uint32_t at_s;   /* when it became due */
    uint32_t upto_s; /* it is told if it may be by then */
};

/* Its turn among them: who became due first is told first. One that says otherwise is void. */
struct undecided_turn {
    int64_t check;
    uint32_t at_s;
};

/* An alert without its rows. */
struct told {
    int64_t check; /* 0: a test */
    int64_t channel;
    int64_t last_ping_s;
    enum alert_type type;
    int32_t reminder;
};

/* A growing array of ids. */
struct id_list {
    int64_t *ids; /* owned */
    size_t count, room;
};

struct checks {
    struct checks_progress progress;
    struct place_table table; /* struct check */
    uint32_t *deadlines;      /* owned: by place in the table; NEVER */
    uint32_t deadline_room;
    uint32_t soonest;            /* none is earlier */
    uint32_t until_s;            /* time was evaluated up to here */
    uint32_t advanced;           /* checks that were due, of the transaction to come */
    struct place_table crons;    /* struct check_cron */
    struct place_table traits;   /* struct check_traits */
    struct place_table starts;   /* struct check_starts */
    struct place_table families; /* struct check_family, by the parent */
    struct place_table jobs;     /* struct job_check, by the job */
    struct place_table accounts; /* struct check_account */
    struct place_table channels; /* struct channel */
    size_t side_bytes;           /* behind their pointers */

    struct place_table undecided; /* struct undecided, by check */
    struct undecided_turn *turns; /* owned: a heap; some are void */
    size_t turn_count, turn_room;
    struct told *told; /* owned: a FIFO that empties at once */
    size_t told_count, told_room;
    struct id_list waiting;        /* accounts that have alerts that wait */
    struct id_list dirty;          /* checks */
    struct id_list changed_starts; /* checks */
    struct check_writing rows;     /* pings, flips and pauses that wait */
    struct alert_row loaded;       /* the alert that was loaded last */

    uint64_t walk;        /* number of the last one among parents */
    struct id_list above; /* of the walk under way: who is still to come */
    struct id_list freed; /* who is below no outage any more, until family_recovered */
};

void id_list_add(struct id_list *list, int64_t id);

/* ---- seconds ---- */

static inline uint32_t seconds(int64_t time_s)
{
    if (time_s < 0)
        return 0;
    return time_s < NEVER ? (uint32_t)time_s : NEVER - 1;
}

static inline uint32_t seconds_of_ms(int64_t time_ms)
{
    return seconds(time_ms / 1000);
}

/* ---- elements ---- */

static inline struct check *check_at(const struct checks *checks, uint32_t place)
{
    return place_table_at(&checks->table, place);
}

/* NULL: it is not there. Borrowed until a check is added. */
static inline struct check *check_find(const struct checks *checks, int64_t id)
{
    uint32_t place = place_table_find(&checks->table, id);
    return place == PLACE_NONE ? NULL : check_at(checks, place);
}

static inline uint32_t check_place(const struct checks *checks, const struct check *check)
{
    return (uint32_t)(check - (const struct check *)(const void *)checks->table.elements);
}

static inline struct check_account *account_of(const struct checks *checks, uint32_t place)
{
    return place_table_at(&checks->accounts, place);
}

/* What the check says that few do; NULL: nothing. */
static inline struct check_traits *check_traits_of(const struct checks *checks,
                                                   const struct check *check)
{
    uint32_t place = check->has_traits ? place_table_find(&checks->traits, check->id) : PLACE_NONE;
    return place == PLACE_NONE ? NULL : place_table_at(&checks->traits, place);
}

/* ---- checks.c ---- */

/* Its row is to be written. */
void check_touch(struct checks *checks, struct check *check);
void check_row(const struct checks *checks, const struct check *check, struct check_state_row *row);
/* A block of so many elements becomes one of another number; to 0: frees it. Its bytes count. */
void *side_resize(struct checks *checks, void *block, size_t from, size_t to, size_t size);

/* ---- check_settings.c ---- */

/* -1: it cannot be scheduled, and is stuck. */
int check_set(struct checks *checks, struct check *check, const struct check_settings *settings);
/* Forgets what side tables hold of its settings. */
void check_unset(struct checks *checks, struct check *check);

/* ---- check_account.c ---- */

/* The place of the account, which is made where it is not there. */
uint32_t account_get(struct checks *checks, int64_t id);
/* Forgets the account at this place where nothing is left of it. */
void account_release(struct checks *checks, uint32_t place);

/* ---- channels.c ---- */

/* The ids of the channels that alerts of the check go to, those that cannot be used included. */
const int64_t *check_channels(const struct checks *checks, const struct check *check,
                              size_t *count);
/* NULL: it is not there, is another account's, or cannot be used. */
const struct channel *channel_usable(const struct checks *checks, int64_t channel,
                                     uint32_t account);
bool check_has_channel(const struct checks *checks, const struct check *check);

/* ---- check_schedule.c ---- */

/* What the settings say of times. */
struct check_times {
    bool has_cron;
    struct cron cron;
    struct maintenance maintenance;
};
int check_times_parse(const struct check_settings *settings, struct check_times *times,
                      char error[static CHECK_ERROR_SIZE]) MUST_CHECK;
/* The first second behind after_s for which a ping is expected; INT64_MAX: none. */
int64_t check_next_s(const struct checks *checks, const struct check *check, int64_t after_s);
/* When the next ping is expected, and since when it is missed; INT64_MAX. */
int64_t check_expected_s(const struct checks *checks, const struct check *check);
int64_t check_missed_s(const struct checks *checks, const struct check *check);
/* When time changes the state next, but for the runs of the check; NEVER. */
uint32_t check_due_s(const struct checks *checks, const struct check *check);
/* Sets the deadline anew. */
void check_schedule(struct checks *checks, const struct check *check);

/* ---- check_starts.c ---- */

/* A run begins. grace_s 0: it makes nobody late. */
void check_start(struct checks *checks, struct check *check, const char *rid, size_t length,
                 int64_t time_ms, uint32_t grace_s);
/* A run ends. Returns how long it took, or NO_DURATION. again: it had ended before. */
int64_t check_end(struct checks *checks, struct check *check, const char *rid, size_t length,
                  int64_t time_ms, bool *again);
/* The next second at which a run has not ended in time; NEVER. */
uint32_t check_starts_due_s(const struct checks *checks, const struct check *check);
/* Nobody waits any more for the end of a run that was due at this second, or of all up to it. */
void check_starts_miss(struct checks *checks, const struct check *check, uint32_t due_s);
void check_starts_pass(struct checks *checks, const struct check *check, uint32_t until_s);
/* Forgets them all; their rows are to be deleted. */
void check_starts_drop(struct checks *checks, struct check *check);
/* Forgets them with their check. */
void check_starts_remove(struct checks *checks, const struct check *check);
/* Their rows that are to be written, or deleted. */
void check_starts_collect(struct checks *checks, struct check_writing *writing);
void check_starts_free(struct checks *checks);

/* ---- check_state.c: what becomes of a check; at_s is when ---- */

void check_succeeded(struct checks *checks, struct check *check, uint32_t at_s);
void check_failed(struct checks *checks, struct check *check, uint32_t at_s, const char *reason);
void check_turn_late(struct checks *checks, struct check *check, uint32_t at_s);
/* reason is of the flip: "paused", "plan", "job". */
void check_turn_paused(struct checks *checks, struct check *check, uint32_t at_s,
                       const char *reason);
void check_turn_new(struct checks *checks, struct check *check, uint32_t at_s);
/* For the schedule changed. */
void check_turn_up(struct checks *checks, struct check *check, uint32_t at_s);

/* ---- check_evaluate.c ---- */

/* What is due for the check up to this second happens. */
void check_advance(struct checks *checks, struct check *check, uint32_t until_s);
/* Goes on up to checks.until_s, with some checks at once. */
void checks_advance(struct checks *checks);
static inline bool checks_is_advanced(const struct checks *checks)
{
    return checks->soonest > checks->until_s;
}

/* ---- check_family.c ---- */

void family_join(struct checks *checks, struct check_traits *traits);
void family_leave(struct checks *checks, const struct check_traits *traits);
/* Whether a check that is above this one is down. */
bool check_is_below_outage(const struct checks *checks, const struct check *check);
/* Whether it is for those below it: it is down, or a check above it is. */
bool check_is_outage(const struct checks *checks, const struct check *check);
/* Its state, or its parents: those below it learn of it. */
void family_changed(struct checks *checks, const struct check *check, bool was_outage);
/* All checks are there. */
void families_loaded(struct checks *checks);
/* Of those for whom an outage ended with this, what is owed is told a grace later, of each its own.
 */
void family_recovered(struct checks *checks, uint32_t at_s);
/* No check above this one is down any more, by its parents: the same for it, too. */
void family_freed(struct checks *checks, struct check *check, uint32_t at_s);
/* The check that had this id, and was an outage, is gone: the same for those below it. */
void family_left(struct checks *checks, int64_t id, uint32_t at_s);
void families_free(struct checks *checks);

/* ---- check_alerts.c ---- */

/* The outage, or its end, is to be told; it became so at this second. */
void check_owe(struct checks *checks, struct check *check, uint32_t at_s);
/* When the check is to be looked at for what is to be told; NEVER. */
uint32_t check_alert_s(struct checks *checks, const struct check *check);
/* It is to be told of if it may be up to this second. */
void check_undecided(struct checks *checks, struct check *check, uint32_t at_s, uint32_t upto_s);
/* Decides now, where that is not done: the outage ends. */
void check_decide(struct checks *checks, struct check *check);
/* Decides some of those that are left. */
void checks_decide(struct checks *checks);
/* Neither the outage nor its end is to be told any more. */
void check_alerts_forget(struct checks *checks, struct check *check);

/* ---- alert_group.c ---- */

/* The end of the minute in which the alerts of the account that wait were created. */
uint32_t account_group_end_s(const struct check_account *account);
void alerts_collect(struct checks *checks, int64_t now_ms, int64_t *next_notice,
                    int64_t *next_outbox, struct check_writing *writing);
/* Whether alerts that waited leave at this time; and the next second at which some do. */
bool alerts_leave(const struct checks *checks, int64_t now_ms);
int64_t alerts_next_s(const struct checks *checks);

#endif
