/*
 * What checks_collect gives one transaction to write. Arrays only grow, and are used again for the
 * next one. Each kind of row is in the order of its table's key, each key once.
 */
#ifndef SCHEDULER_CHECKS_CHECK_WRITING_H
#define SCHEDULER_CHECKS_CHECK_WRITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/check.h"
#include "shared/ping.h"

enum ping_mark { PING_UNMARKED, PING_EARLY, PING_DUPLICATE };

/* A row of pings. */
struct ping_row {
    int64_t id;
    int64_t check;
    int64_t time_ms;
    int64_t duration_ms; /* -1: none */
    enum ping_kind kind;
    enum ping_mark mark;
    bool of_job; /* no client sent it: no address, no method */
    enum ping_method method;
    int16_t exit_code; /* PING_NO_EXIT */
    uint8_t source_bytes, rid_bytes;
    uint16_t body_bytes;
    uint8_t source[16];
    char *rid;  /* owned by the writing; NULL: none; not NUL-terminated */
    char *body; /* owned by the writing; NULL: none */
};

/* A row of check_state. Times are 0 where there is none. */
struct check_state_row {
    int64_t check;
    int64_t status_since_s;
    int64_t base_s;
    int64_t last_ping_ms;
    enum check_status status;
    enum ping_kind last_ping_kind;
    int64_t last_duration_ms; /* -1: none */
    int64_t ping_count;
    int64_t alert_count; /* outages that were told */
    int32_t failures, successes;
    int64_t counted_until_s;
    int64_t owed_from_s;
    int64_t reminded_s;
    int32_t reminders;
    bool alerted, owed;
};

/*
 * A row of check_starts: a run that has begun, or the run with a rid that ended last, which is kept
 * to know a second end of it. Also what is loaded again. gone: it is to be deleted.
 */
struct check_start_row {
    int64_t check;
    char rid[PING_RID_MAX + 1];
    int64_t started_ms; /* 0: it ended, and no start was seen */
    int64_t due_s;      /* it makes the check down unless it ended; 0: it did, or has ended */
    int64_t ended_ms;   /* 0: it has not */
    bool gone;
};

/* A row of check_flips. */
struct flip_row {
    int64_t check;
    int64_t id;
    int64_t at_s;
    enum check_status from, to;
    const char *reason; /* a constant: "ping", "late", "missed", "failed", "not finished",
                           "changed" (its settings), "paused", "resumed", "plan", "job" */
};

/*
 * A new row of alerts. For a webhook or Slack it is pending, and delivered by its notice; for an
 * address it is sent, by the mail that is written with it. One that waits for its group is pending,
 * whatever its channel, and has neither.
 */
struct alert_row {
    int64_t check; /* 0: a test of the channel */
    int64_t id;
    int64_t account;
    int64_t channel;
    enum channel_kind channel_kind;
    enum alert_type type;
    int64_t created_s;
    int64_t last_ping_s; /* of the check, as of then; 0: none */
    int64_t notice;      /* 0: none yet, or a mail */
    int64_t outbox;      /* id of the mail; 0: none */
    int32_t reminder;    /* which one, from 1; 0: it is none */
    bool waiting;
};

/*
 * Alerts that were waiting and leave together: they get this notice or mail. Neither: they failed,
 * for the channel is gone or must not be used any more.
 */
struct alert_group_row {
    int64_t account;
    int64_t channel;
    enum channel_kind channel_kind;
    int64_t notice; /* or 0 */
    int64_t outbox; /* or 0 */
    int64_t created_s;
    int64_t first_alert, last_alert; /* the account's and channel's pending alerts without a notice,
                                        with ids between */
};

/* A check that the rules paused; none where a command changed it since, for that writes its pause.
 */
struct check_pause_row {
    int64_t check;
    const char *reason; /* "plan": over its limit; "job": its job was paused */
};

struct check_writing {
    struct ping_row *pings;
    struct check_state_row *states;
    struct check_start_row *starts;
    struct flip_row *flips;
    struct alert_row *alerts;
    struct alert_group_row *groups;
    struct check_pause_row *pauses;
    size_t ping_count, state_count, start_count, flip_count, alert_count, group_count, pause_count;
    size_t ping_room, state_room, start_room, flip_room, alert_room, group_room, pause_room;
};

/* Add an empty one. */
struct ping_row *check_writing_add_ping(struct check_writing *writing);
struct check_state_row *check_writing_add_state(struct check_writing *writing);
struct check_start_row *check_writing_add_start(struct check_writing *writing);
struct flip_row *check_writing_add_flip(struct check_writing *writing);
struct alert_row *check_writing_add_alert(struct check_writing *writing);
struct alert_group_row *check_writing_add_group(struct check_writing *writing);
struct check_pause_row *check_writing_add_pause(struct check_writing *writing);

bool check_writing_is_empty(const struct check_writing *writing);
void check_writing_clear(struct check_writing *writing);
void check_writing_free(struct check_writing *writing);

#endif
