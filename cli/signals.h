/*
 * The signals of a wrapped job. While it runs they come in through a descriptor, and those that
 * were sent to cronpulse alone are handed on to the job.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct signals {
    int fd; /* a signalfd */
    /* As it was, for the job. */
    sigset_t mask;
    struct sigaction on_child;
};

/* Holds SIGCHLD, and the signals that are for the job and were not ignored. */
void signals_hold(struct signals *signals);
/* In the job's process, before exec: everything as it was. */
void signals_restore(const struct signals *signals);
/*
 * Takes one signal that has come. Returns its number; 0: there is none. *to_all: the job has it
 * already, for the terminal gave it to every process in the foreground, or the job itself sent it.
 */
int signals_take(const struct signals *signals, pid_t job, bool *to_all);

#endif
