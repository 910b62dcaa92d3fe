#include "cli/reporter.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/complain.h"
#include "cli/helper.h"
#include "cli/ping_target.h"
#include "cli/tail.h"
#include "shared/clock.h"

#define RID_BYTES 16

/* The start is worth less than the end: it gives way once the job has ended. */
#define START_ATTEMPT_MS 5000
static const struct patience start_patience = {
    .attempts = 6, .attempt_ms = START_ATTEMPT_MS, .first_pause_ms = 1000, .total_ms = 60000};
/* Pauses of 1, 2 and 4 s. */
#define END_ATTEMPT_MS 8000
#define END_TOTAL_MS   25000
static const struct patience end_patience = {.attempts = 4,
                                             .attempt_ms = END_ATTEMPT_MS,
                                             .first_pause_ms = 1000,
                                             .total_ms = END_TOTAL_MS,
                                             .stop_fd = -1};
/* All of that, and a margin for what should not be: then the helper is killed. */
#define FINISH_MS (START_ATTEMPT_MS + END_TOTAL_MS + END_ATTEMPT_MS + 5000)

/* What cronpulse tells the helper when the job has ended: one message. */
struct run_end {
    int exit_code;
    char log[TAIL_MAX]; /* its length is the message's */
};

/* ---- the helper ---- */

struct run {
    const struct report *report;
    int socket;
    struct client *client;
    char rid[2 * RID_BYTES + 1];
};

/* Tells start and end of this run from those of others of the same check. */
static void draw_rid(char rid[static 2 * RID_BYTES + 1])
{
    unsigned char bytes[RID_BYTES];
    ssize_t length = getrandom(bytes, sizeof bytes, 0);
    INVARIANT(length == sizeof bytes);
    for (size_t i = 0; i < RID_BYTES; i++)
        snprintf(rid + 2 * i, 3, "%02x", bytes[i]);
}

/* cronpulse prints it, once the job has ended; where it is gone, nobody does. */
static void tell(const struct run *run, const char *what, const char *problem)
{
    char text[CLIENT_ERROR_SIZE + 64];
    int length = snprintf(text, sizeof text, "%s: %s", what, problem);
    send(run->socket, text, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_ping(const struct run *run, enum ping_kind kind, int exit_code,
                      const struct run_end *end, size_t log_length, const struct patience *patience)
{
    const struct ping_target target = {.check = run->report->check,
                                       .kind = kind,
                                       .exit_code = exit_code,
                                       .rid = run->rid,
                                       .create = run->report->create};
    struct buffer url = BUFFER_EMPTY;
    struct answer answer;
    ping_target_url(&url, run->report->server, &target);
    client_send(run->client,
                &(struct request){.url = url.data,
                                  .body = log_length ? end->log : NULL,
                                  .body_length = log_length},
                patience, &answer);
    if (answer.verdict != VERDICT_OK)
        tell(run, kind == PING_START ? "the start ping was not sent" : "the end ping was not sent",
             answer.error);
    answer_free(&answer);
    buffer_free(&url);
}

__attribute__((noreturn)) static void report_run(struct run *run)
{
    char error[CLIENT_ERROR_SIZE];
    draw_rid(run->rid);
    run->client = client_open(run->report->server, error);
    if (!run->client) {
        tell(run, "no pings were sent", error);
        _exit(1);
    }
    struct patience patience = start_patience;
    patience.stop_fd = run->socket;
    send_ping(run, PING_START, PING_NO_EXIT, NULL, 0, &patience);
    static struct run_end end;
    ssize_t length = recv(run->socket, &end, sizeof end, 0);
    /* Where cronpulse was killed nobody knows how the job ends: the server will miss its end. */
    if (length >= (ssize_t)offsetof(struct run_end, log))
        send_ping(run, end.exit_code == 0 ? PING_SUCCESS : PING_FAIL,
                  run->report->codes ? end.exit_code : PING_NO_EXIT, &end,
                  (size_t)length - offsetof(struct run_end, log), &end_patience);
    _exit(0);
}

/* ---- cronpulse's side ---- */

int reporter_start(struct reporter *reporter, const struct report *report)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        return -1;
    pid_t pid = helper_fork(&sockets[1], 1, true);
    if (pid == 0) {
        struct run run = {.report = report, .socket = sockets[1]};
        report_run(&run);
    }
    int problem = errno;
    close(sockets[1]);
    if (pid < 0) {
        close(sockets[0]);
        errno = problem;
        return -1;
    }
    *reporter = (struct reporter){pid, sockets[0]};
    return 0;
}

static void send_end(const struct reporter *reporter, int exit_code, const char *log, size_t length)
{
    struct run_end end = {.exit_code = exit_code};
    if (length)
        memcpy(end.log, log, length);
    /* A helper that is gone by now has said why. */
    send(reporter->socket, &end, offsetof(struct run_end, log) + length, MSG_NOSIGNAL);
}

/* False once the helper has no more to say. */
static bool hear(const struct reporter *reporter, bool quiet)
{
    char text[CLIENT_ERROR_SIZE + 64];
    ssize_t length = recv(reporter->socket, text, sizeof text, 0);
    if (length > 0 && !quiet)
        complain("%.*s", (int)length, text);
    return length > 0;
}

static bool was_told_to_end(const struct signals *signals)
{
    bool to_all;
    int number;
    while ((number = signals_take(signals, 0, &to_all)) == SIGCHLD)
        ;
    return number != 0;
}

void reporter_finish(struct reporter *reporter, const struct signals *signals, int exit_code,
                     const char *log, size_t length, bool quiet)
{
    int64_t until_ms = clock_monotonic_ms() + FINISH_MS;
    send_end(reporter, exit_code, log, length);
    for (;;) {
        struct pollfd waits[] = {{.fd = reporter->socket, .events = POLLIN},
                                 {.fd = signals->fd, .events = POLLIN}};
        int64_t left_ms = until_ms - clock_monotonic_ms();
        if (left_ms <= 0 || poll(waits, ARRAY_LENGTH(waits), (int)left_ms) == 0) {
            kill(reporter->pid, SIGKILL);
            break;
        }
        if (waits[0].revents && !hear(reporter, quiet))
            break;
        if (waits[1].revents && was_told_to_end(signals))
            break;
    }
    close(reporter->socket);
}
