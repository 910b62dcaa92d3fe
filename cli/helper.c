#include "cli/helper.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

/* Closes what lies between the kept ones, which are few: the next higher one is looked for. */
static void close_others(const int *keep, size_t count)
{
    unsigned first = STDERR_FILENO + 1;
    for (;;) {
        unsigned next = UINT_MAX;
        for (size_t i = 0; i < count; i++) {
            unsigned kept = (unsigned)keep[i];
            if (kept >= first && kept < next)
                next = kept;
        }
        if (next > first)
            close_range(first, next == UINT_MAX ? UINT_MAX : next - 1, 0);
        if (next == UINT_MAX)
            return;
        first = next + 1;
    }
}

static void silence(bool all)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0)
        return;
    dup2(nothing, STDIN_FILENO);
    if (all) {
        dup2(nothing, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
    }
}

pid_t helper_fork(const int *keep, size_t count, bool quiet)
{
    INVARIANT(count <= HELPER_KEEP_MAX);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_IGN);
        silence(quiet);
        close_others(keep, count);
    }
    return pid;
}
