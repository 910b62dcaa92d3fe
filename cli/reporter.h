/* The helper that sends the pings of a wrapped run: one at its start, one at its end. */
#ifndef CLI_REPORTER_H
#define CLI_REPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cli/server_address.h"
#include "cli/signals.h"
#include "shared/compiler.h"

/* What is reported of a run, beside its end. */
struct report {
    const struct server_address *server;
    const char *check;
    bool create; /* a check that is named by a slug is made */
    bool codes;  /* send the exit code itself */
};

struct reporter {
    pid_t pid;
    int socket;
};

/* Sends the start ping beside the job. 0, or -1 and errno. */
int reporter_start(struct reporter *reporter, const struct report *report) MUST_CHECK;
/*
 * Has the end ping sent, with the last output (length 0: none), and waits for it: a bounded time,
 * or until a signal comes, after which the helper goes on alone. What could not be sent is said on
 * standard error unless quiet.
 */
void reporter_finish(struct reporter *reporter, const struct signals *signals, int exit_code,
                     const char *log, size_t length, bool quiet);

#endif
