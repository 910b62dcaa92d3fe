/* The command that is wrapped: a child process in the same process group and session. */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include <sys/types.h>

#include "cli/signals.h"
#include "shared/compiler.h"

/*
 * Starts it, with out and err as its standard output and error (-1: those of cronpulse). -1 and
 * errno where there is no process to be had. A command that cannot be executed is a job that says
 * so on its standard error and exits with 127 or 126, as in a shell.
 */
pid_t job_start(char **command, const struct signals *signals, int out, int err) MUST_CHECK;
/* Waits for its end, and hands signals on. Returns its exit code, 128+N after signal N. */
int job_wait(pid_t job, const struct signals *signals);

#endif
