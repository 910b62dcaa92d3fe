/*
 * The rules of checks with what lies around them: PINGS, and PostgreSQL, each as arrays. A leader
 * may die at any time, and the next one is loaded from what was committed, and reads PINGS from
 * there. What no transaction may do to a row is asserted at every commit.
 */
#ifndef TESTS_UNIT_CHECKS_WORLD_H
#define TESTS_UNIT_CHECKS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scheduler/checks/checks.h"

#define WORLD_BEGIN_S  INT64_C(1767225600) /* 2026-01-01T00:00Z, a Thursday */
#define WORLD_CHECKS   512
#define WORLD_CHANNELS 64
#define WORLD_STARTS   4096
#define WORLD_PINGS    (1u << 16)
#define WORLD_FLIPS    (1u << 16)
#define WORLD_ALERTS   (1u << 16)
#define WORLD_CHANGES  64

struct world_check {
    int64_t id, account;
    bool there, has_state;
    struct check_settings settings; /* its arrays are those below */
    int64_t parents[CHECK_PARENTS_MAX], channels[CHECK_CHANNELS_MAX];
    struct check_state_row state;
    const char *paused; /* why the rules paused it */
};

enum alert_way { ALERT_WAITS, ALERT_BY_NOTICE, ALERT_BY_MAIL, ALERT_FAILED };

struct world_alert {
    struct alert_row row;
    enum alert_way way;
    int64_t group; /* id of the notice or mail that it left in with others; 0: it left alone */
};

enum change_kind {
    CHANGE_ADD,
    CHANGE_SET,
    CHANGE_REMOVE,
    CHANGE_LIMIT,
    CHANGE_CHANNEL,
    CHANGE_FORGET
};

/* A command; PostgreSQL has it with the next commit. */
struct change {
    enum change_kind kind;
    int64_t id, account; /* of a check, or a channel; the limit */
    struct world_check check;
    struct channel_row channel;
    bool gone;
};

struct world {
    struct checks *checks; /* NULL: nobody leads */
    int64_t now_ms;

    struct world_check rows[WORLD_CHECKS];       /* by id */
    struct channel_row channels[WORLD_CHANNELS]; /* by id; 0: it is not there */
    struct check_start_row starts[WORLD_STARTS];
    size_t start_count;
    struct ping_row pings[WORLD_PINGS]; /* without what they own */
    size_t ping_count;
    struct flip_row flips[WORLD_FLIPS];
    size_t flip_count;
    struct world_alert alerts[WORLD_ALERTS]; /* in the order of ids */
    size_t alert_count;
    struct checks_progress progress;
    int64_t next_notice, next_outbox;

    struct change changes[WORLD_CHANGES];
    size_t change_count;
    struct check_writing writing;
    struct checks_progress next;
    int64_t notice, outbox; /* the next ones, with the transaction under way */
    bool under_way;

    struct ping stream[WORLD_PINGS]; /* PINGS: sequence is place + 1 */
    char rids[WORLD_PINGS][PING_RID_MAX + 1];
    size_t sent, read;
};

extern struct world world;

/* Account 1 has channel 1, a webhook; somebody leads; it is WORLD_BEGIN_S. */
void world_begin(void);
void world_end(void);
int world_set_up(void **state);
int world_tear_down(void **state);

/* A period of 60 s and a grace of 60 s, created now. */
struct check_settings world_settings(void);
void world_add(int64_t id, int64_t account, const struct check_settings *settings);
void world_set(int64_t id, const struct check_settings *settings);
void world_remove(int64_t id);
void world_remove_account(int64_t account);
void world_limit(int64_t account, uint32_t limit);
/* Another one with the same id: it is changed. */
void world_channel(int64_t id, int64_t account, enum channel_kind kind, bool usable);
void world_channel_remove(int64_t id);

/* A ping arrives, and is in PINGS. rid NULL: none. */
void world_send(int64_t check, enum ping_kind kind, int64_t time_ms, const char *rid);
/* The leader reads up to so many of them. */
void world_read(size_t count);
/* It arrives now, and is read. */
void world_ping(int64_t check, enum ping_kind kind, const char *rid);

void world_lead(void);
void world_die(bool committed);
void world_collect(void);
void world_commit(void);
/* Collects and commits until nothing is left. */
void world_settle(void);
/* It is this second after the beginning. */
void world_at(int64_t second);
/* Time is evaluated up to this second, which it is, and settled. */
void world_pass_to(int64_t second);

/* Flips and alerts of a check as text, with seconds since the beginning: "0:new>up 60:up>late",
 * "120:down 180:up". In static memory. */
const char *world_flips(int64_t check);
const char *world_alerts(int64_t check);
enum check_status world_status(int64_t check);
struct check_state_row world_state(int64_t check);

#endif
