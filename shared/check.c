#include "shared/check.h"

#include <string.h>

#include "shared/compiler.h"

static const char *const status_names[CHECK_STATUSES] = {
    [CHECK_NEW] = "new",   [CHECK_UP] = "up",         [CHECK_LATE] = "late",
    [CHECK_DOWN] = "down", [CHECK_PAUSED] = "paused",
};

static const char *const ping_names[PING_KINDS] = {
    [PING_SUCCESS] = "success", [PING_START] = "start", [PING_FAIL] = "fail", [PING_LOG] = "log"};

static const char *const channel_names[CHANNEL_KINDS] = {
    [CHANNEL_WEBHOOK] = "webhook", [CHANNEL_SLACK] = "slack", [CHANNEL_EMAIL] = "email"};

static const char *const alert_names[ALERT_TYPES] = {
    [ALERT_DOWN] = "down", [ALERT_UP] = "up", [ALERT_REMINDER] = "reminder", [ALERT_TEST] = "test"};

const char *check_status_name(enum check_status status)
{
    INVARIANT(status < CHECK_STATUSES);
    return status_names[status];
}

enum check_status check_status_of(const char *name)
{
    unsigned status = 0;
    while (status < CHECK_STATUSES && strcmp(status_names[status], name) != 0)
        status++;
    return (enum check_status)status;
}

const char *ping_kind_name(enum ping_kind kind)
{
    INVARIANT(kind < PING_KINDS);
    return ping_names[kind];
}

const char *channel_kind_name(enum channel_kind kind)
{
    INVARIANT(kind < CHANNEL_KINDS);
    return channel_names[kind];
}

enum channel_kind channel_kind_of(const char *name)
{
    unsigned kind = 0;
    while (kind < CHANNEL_KINDS && strcmp(channel_names[kind], name) != 0)
        kind++;
    return (enum channel_kind)kind;
}

const char *alert_type_name(enum alert_type type)
{
    INVARIANT(type < ALERT_TYPES);
    return alert_names[type];
}
