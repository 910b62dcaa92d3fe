#include "cli/job.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/complain.h"
#include "cli/exit_code.h"

__attribute__((noreturn)) static void become(char **command, const struct signals *signals, int out,
                                             int err)
{
    if (out >= 0)
        dup2(out, STDOUT_FILENO);
    if (err >= 0)
        dup2(err, STDERR_FILENO);
    signals_restore(signals);
    execvp(command[0], command);
    int problem = errno;
    complain("cannot run '%s': %s", command[0], strerror(problem));
    _exit(problem == ENOENT || problem == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

pid_t job_start(char **command, const struct signals *signals, int out, int err)
{
    pid_t job = fork();
    if (job == 0)
        become(command, signals, out, err);
    return job;
}

static int exit_code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status);
}

static void pass_signals(pid_t job, const struct signals *signals)
{
    bool to_all;
    int number;
    while ((number = signals_take(signals, job, &to_all)) != 0) {
        if (number != SIGCHLD && !to_all)
            kill(job, number);
    }
}

int job_wait(pid_t job, const struct signals *signals)
{
    for (;;) {
        int status;
        pid_t ended = waitpid(job, &status, WNOHANG);
        INVARIANT(ended >= 0);
        if (ended == job)
            return exit_code_of(status);
        struct pollfd came = {.fd = signals->fd, .events = POLLIN};
        poll(&came, 1, -1);
        pass_signals(job, signals);
    }
}
