/* What a user says of a check, on its way from a gateway to the leader (command.h). */
#ifndef SHARED_CHECK_INPUT_H
#define SHARED_CHECK_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/check.h"

#define CHECK_NAME_MAX           100      /* characters */
#define CHECK_GROUP_MAX          100      /* characters */
#define CHECK_TAGS_MAX           500      /* bytes */
#define CHECK_SLUG_MAX           100      /* bytes; see check_slug_valid */
#define CHECK_MAINT_SCHEDULE_MAX 255      /* bytes */
#define CHECK_SECONDS_MIN        60       /* of period and grace */
#define CHECK_SECONDS_MAX        31536000 /* 365 days; a plan may allow less */
#define CHECK_IN_A_ROW_MAX       100      /* failures before an alert, successes before recovery */
#define CHECK_REMINDER_MIN_S     300
#define CHECK_REMINDER_MAX_S     2592000               /* 30 days */
#define CHECK_TIME_MAX_S         INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* Which fields of a check a command carries. */
enum check_field {
    CHECK_NAME = 1,
    CHECK_PERIOD = 2,
    CHECK_CRON = 4,
    CHECK_TIMEZONE = 8,
    CHECK_GRACE = 16,
    CHECK_TAGS = 32,
    CHECK_GROUP = 64,
    CHECK_SLUG = 128,
    CHECK_MAINT_START = 256,
    CHECK_MAINT_END = 512,
    CHECK_MAINT_SCHEDULE = 1024,
    CHECK_ALERT_AFTER = 2048,
    CHECK_RECOVER_AFTER = 4096,
    CHECK_REMINDER = 8192,
    CHECK_PARENTS = 16384,
    CHECK_CHANNELS = 32768
};

/* Strings are NUL-terminated; NULL means null. */
struct check_input {
    unsigned fields; /* of enum check_field */
    const char *name;
    int32_t period_s;            /* given without cron_expression: there is none any more */
    const char *cron_expression; /* instead of the period */
    const char *timezone;        /* one that zone_find knows; of cron_expression */
    int32_t grace_s;
    const char *tags; /* "production,database" */
    const char *group;
    const char *slug;                   /* for pings by name */
    int64_t maint_start_s, maint_end_s; /* 0: null */
    const char *maint_schedule;         /* "": none */
    int32_t alert_after, recover_after; /* failures, successes one after the other */
    int32_t reminder_s;                 /* 0: none */
    int64_t parents[CHECK_PARENTS_MAX]; /* ids of checks; each once */
    size_t parent_count;
    bool all_channels;                    /* of the account; false: these */
    int64_t channels[CHECK_CHANNELS_MAX]; /* each once */
    size_t channel_count;
};

/* What an absent field means when a check is made. */
extern const struct check_input check_input_defaults;

/* A check that is to be made together with others. Neither parents nor channels: they are of the
 * account that the list came from. */
struct check_item {
    int64_t id;            /* the one that is in public_id; set by command_decode */
    const char *public_id; /* drawn by the gateway */
    struct check_input input;
};

/* 1 to CHECK_SLUG_MAX of a-z, 0-9, "-" and "_". */
bool check_slug_valid(const char *slug, size_t length);

#endif
