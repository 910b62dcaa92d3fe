/* Where a ping goes: /ping/{check}[/start|/fail|/log|/{exit code}][?rid=&create=1] */
#ifndef CLI_PING_TARGET_H
#define CLI_PING_TARGET_H

#include <stdbool.h>

#include "cli/server_address.h"
#include "shared/buffer.h"
#include "shared/ping.h"

struct ping_target {
    const char *check; /* needs no escapes */
    enum ping_kind kind;
    int exit_code;   /* 0..255, sent in place of the kind; PING_NO_EXIT */
    const char *rid; /* printable; NULL: none */
    bool create;
};

/* Appends the URL. */
void ping_target_url(struct buffer *out, const struct server_address *server,
                     const struct ping_target *target);

#endif
