/*
 * Processes that work beside a wrapped job: they may wait, fail and be killed without the job
 * knowing. They heed no signal that is meant for the job, and hold no file that is not theirs.
 */
#ifndef CLI_HELPER_H
#define CLI_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "shared/compiler.h"

/*
 * fork(): in the child, everything is closed but the descriptors of keep (at most HELPER_KEEP_MAX)
 * and standard output and error, which are /dev/null where quiet, as standard input is. The caller
 * has blocked the signals. -1 and errno where there is no process to be had.
 */
#define HELPER_KEEP_MAX 4
pid_t helper_fork(const int *keep, size_t count, bool quiet) MUST_CHECK;

#endif
