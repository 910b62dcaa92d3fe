#include "cli/signals.h"

#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "shared/compiler.h"

/* What asks a program to end, and what programs give a meaning of their own. */
static const int for_the_job[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void signals_hold(struct signals *signals)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGCHLD);
    for (size_t i = 0; i < ARRAY_LENGTH(for_the_job); i++) {
        /* Under nohup, say: the job ignores it too, and nothing is to be handed on. */
        if (!is_ignored(for_the_job[i]))
            sigaddset(&held, for_the_job[i]);
    }
    /* An ignored SIGCHLD, which is inherited, would make the job's exit code unknowable. */
    struct sigaction keep_children = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &keep_children, &signals->on_child);
    sigprocmask(SIG_BLOCK, &held, &signals->mask);
    signals->fd = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    INVARIANT(signals->fd >= 0);
}

void signals_restore(const struct signals *signals)
{
    sigaction(SIGCHLD, &signals->on_child, NULL);
    sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

int signals_take(const struct signals *signals, pid_t job, bool *to_all)
{
    struct signalfd_siginfo info;
    if (read(signals->fd, &info, sizeof info) != sizeof info)
        return 0;
    /* The kernel's own codes are positive, a sender's are not. */
    *to_all = info.ssi_code > 0 || (pid_t)info.ssi_pid == job;
    return (int)info.ssi_signo;
}
