/*
 * The rules of checks once more, as simply as they can be said: every check is asked at every step,
 * nothing is found by a table or remembered for speed, and nothing is loaded or lost. What the
 * rules do is held against it.
 */
#ifndef TESTS_UNIT_CHECKS_MODEL_H
#define TESTS_UNIT_CHECKS_MODEL_H

#include "checks_world.h"

#define MODEL_CHECKS   64 /* ids from 1 */
#define MODEL_ACCOUNTS 3  /* ids from 1 */
#define MODEL_RIDS     5  /* none, "a" ... */

struct model_start {
    bool open, ended;
    int64_t started_ms, ended_ms, due_s;
};

struct model_check {
    bool there;
    int64_t account;
    struct check_settings settings; /* its arrays are those of the world's row */
    int64_t parents[CHECK_PARENTS_MAX], channels[CHECK_CHANNELS_MAX];
    struct check_state_row state;
    bool undecided, grouped;
    int64_t at_s, upto_s;
    struct model_start starts[MODEL_RIDS];
    size_t flip_count, told_count; /* of model_flips, model_told */
};

struct model_account {
    int64_t minute, alone, wait_minute; /* wait_minute 0: nothing waits */
};

/* All that a leader knows; may be copied. */
struct model {
    struct model_check checks[MODEL_CHECKS + 1];
    struct model_account accounts[MODEL_ACCOUNTS + 1];
    struct channel_row channels[WORLD_CHANNELS];
    int64_t until_s;
    size_t read;         /* of world.stream */
    size_t waiting_told; /* of the queue of this transaction */
};

struct model_flip {
    int64_t at_s;
    enum check_status from, to;
};

struct model_told {
    enum alert_type type;
    int32_t reminder;
    bool waits;
};

#define MODEL_FLIPS 4096
extern struct model model;
extern struct model_flip model_flips[MODEL_CHECKS + 1][MODEL_FLIPS];
extern struct model_told model_told[MODEL_CHECKS + 1][MODEL_FLIPS];

void model_begin(void);
/* What a new leader does not know any more. */
void model_lead(void);

void model_add(int64_t id, int64_t account, const struct check_settings *settings, int64_t now_s);
void model_set(int64_t id, const struct check_settings *settings, int64_t now_s);
void model_remove(int64_t id, int64_t now_s);
void model_limit(int64_t account, uint32_t limit, int64_t now_s);
void model_channel(int64_t id, int64_t account, bool usable, bool gone);

void model_ping(const struct ping *ping);
void model_evaluate(int64_t until_s);
void model_collect(int64_t now_s);

#endif
