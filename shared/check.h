/* The words that every process uses of checks, as in the API and in PostgreSQL. */
#ifndef SHARED_CHECK_H
#define SHARED_CHECK_H

#define CHECK_PARENTS_MAX  10
#define CHECK_CHANNELS_MAX 20

enum check_status { CHECK_NEW, CHECK_UP, CHECK_LATE, CHECK_DOWN, CHECK_PAUSED, CHECK_STATUSES };
const char *check_status_name(enum check_status status); /* "new" ... */
/* CHECK_STATUSES where it is none. */
enum check_status check_status_of(const char *name);

enum ping_kind { PING_SUCCESS, PING_START, PING_FAIL, PING_LOG, PING_KINDS };
const char *ping_kind_name(enum ping_kind kind); /* "success" ... */

enum channel_kind { CHANNEL_WEBHOOK, CHANNEL_SLACK, CHANNEL_EMAIL, CHANNEL_KINDS };
const char *channel_kind_name(enum channel_kind kind); /* "webhook" ... */
/* CHANNEL_KINDS where it is none. */
enum channel_kind channel_kind_of(const char *name);

enum alert_type { ALERT_DOWN, ALERT_UP, ALERT_REMINDER, ALERT_TEST, ALERT_TYPES };
const char *alert_type_name(enum alert_type type); /* "down" ... */

#endif
