#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/helper.h"
#include "shared/clock.h"

#define STREAMS      2 /* standard output, standard error */
#define CHUNK        65536
#define PIPE_CHUNK   4096 /* what a pipe that poll calls writable takes without blocking */
#define DRAIN_MS     1000 /* how long the tail waits for readers that are slow ... */
#define TAIL_WAIT_MS 2000 /* ... and the job's end for the tail */
#define READ         0
#define WRITE        1

/* ---- the helper ---- */

struct stream {
    int from; /* what the job writes; -1: closed */
    int to;
    size_t chunk; /* bytes of one write */
    size_t start, end;
    char bytes[CHUNK]; /* start .. end: not yet passed on */
};

struct pump {
    struct stream streams[STREAMS];
    int control;      /* -1: closed */
    int64_t until_ms; /* when the tail is sent at the latest; 0: nobody asked */
    struct tail tail;
};

static bool is_pending(const struct stream *stream)
{
    return stream->start < stream->end;
}

static void end_stream(struct stream *stream)
{
    close(stream->from);
    stream->from = -1;
    stream->start = stream->end = 0;
}

static void take_in(struct pump *pump, struct stream *stream)
{
    ssize_t length = read(stream->from, stream->bytes, sizeof stream->bytes);
    if (length <= 0) {
        end_stream(stream);
        return;
    }
    stream->start = 0;
    stream->end = (size_t)length;
    tail_append(&pump->tail, stream->bytes, stream->end);
}

static void pass_on(struct stream *stream)
{
    size_t length = stream->end - stream->start;
    ssize_t written = write(stream->to, stream->bytes + stream->start,
                            length < stream->chunk ? length : stream->chunk);
    if (written >= 0)
        stream->start += (size_t)written;
    else if (errno != EAGAIN && errno != EINTR)
        end_stream(stream); /* the job's next write fails, as it would on the real one */
}

/* What each stream waits for: to be read, or to pass on what was read. */
static void prepare(const struct pump *pump, struct pollfd waits[static STREAMS + 1])
{
    for (size_t i = 0; i < STREAMS; i++) {
        const struct stream *stream = &pump->streams[i];
        waits[i] = is_pending(stream) ? (struct pollfd){.fd = stream->to, .events = POLLOUT}
                                      : (struct pollfd){.fd = stream->from, .events = POLLIN};
    }
    waits[STREAMS] = (struct pollfd){.fd = pump->control, .events = POLLIN};
}

static bool is_idle(const struct pump *pump)
{
    return !is_pending(&pump->streams[0]) && !is_pending(&pump->streams[1]);
}

static int timeout_of(const struct pump *pump)
{
    if (pump->until_ms == 0)
        return -1;
    int64_t left_ms = pump->until_ms - clock_monotonic_ms();
    return is_idle(pump) || left_ms < 0 ? 0 : (int)left_ms;
}

/* Where cronpulse is gone, the tail is of use to nobody. */
static void send_tail(struct pump *pump)
{
    char copy[TAIL_MAX];
    size_t length = tail_copy(&pump->tail, copy);
    send(pump->control, copy, length, MSG_NOSIGNAL);
    pump->until_ms = 0;
}

static void hear_control(struct pump *pump)
{
    char byte;
    if (recv(pump->control, &byte, 1, 0) > 0) {
        pump->until_ms = clock_monotonic_ms() + DRAIN_MS;
        return;
    }
    close(pump->control);
    pump->control = -1;
    pump->until_ms = 0;
}

static void turn(struct pump *pump)
{
    struct pollfd waits[STREAMS + 1];
    prepare(pump, waits);
    int ready = poll(waits, STREAMS + 1, timeout_of(pump));
    for (size_t i = 0; i < STREAMS; i++) {
        struct stream *stream = &pump->streams[i];
        if (ready <= 0 || !waits[i].revents)
            continue;
        if (is_pending(stream))
            pass_on(stream);
        else
            take_in(pump, stream);
    }
    bool drained = ready == 0 && is_idle(pump);
    if (pump->until_ms && (drained || clock_monotonic_ms() >= pump->until_ms))
        send_tail(pump);
    if (ready > 0 && waits[STREAMS].revents)
        hear_control(pump);
}

static size_t chunk_for(int descriptor)
{
    struct stat status;
    bool file = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    return file ? CHUNK : PIPE_CHUNK;
}

__attribute__((noreturn)) static void pump_run(int from_out, int from_err, int control)
{
    static struct pump pump; /* large, and the only one in this process */
    pump.control = control;
    pump.streams[0].from = from_out;
    pump.streams[0].to = STDOUT_FILENO;
    pump.streams[1].from = from_err;
    pump.streams[1].to = STDERR_FILENO;
    for (size_t i = 0; i < STREAMS; i++)
        pump.streams[i].chunk = chunk_for(pump.streams[i].to);
    while (pump.streams[0].from >= 0 || pump.streams[1].from >= 0 || pump.control >= 0)
        turn(&pump);
    _exit(0);
}

/* ---- cronpulse's side ---- */

/* Written to one place by two pipes, lines could change their order. */
static bool is_one_stream(void)
{
    struct stat out, err;
    return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
           out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

static void close_pair(int pair[2])
{
    for (size_t i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            close(pair[i]);
    }
}

static int open_all(int out[2], int err[2], int control[2], bool one)
{
    if (pipe2(out, O_CLOEXEC) != 0 || (!one && pipe2(err, O_CLOEXEC) != 0))
        return -1;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control);
}

int output_start(struct output *output)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, control[2] = {-1, -1};
    bool one = is_one_stream();
    pid_t helper = -1;
    if (open_all(out, err, control, one) == 0) {
        const int keep[] = {out[READ], control[READ], err[READ]};
        helper = helper_fork(keep, one ? 2 : 3, false);
        if (helper == 0)
            pump_run(out[READ], err[READ], control[READ]);
    }
    int problem = errno;
    if (helper < 0) {
        close_pair(out);
        close_pair(err);
        close_pair(control);
        errno = problem;
        return -1;
    }
    close(out[READ]);
    if (!one)
        close(err[READ]);
    close(control[READ]);
    *output = (struct output){out[WRITE], one ? out[WRITE] : err[WRITE], control[WRITE]};
    return 0;
}

void output_started(struct output *output)
{
    close(output->out);
    if (output->err != output->out)
        close(output->err);
    output->out = output->err = -1;
}

size_t output_finish(struct output *output, char copy[static TAIL_MAX])
{
    ssize_t length = 0;
    struct pollfd answer = {.fd = output->control, .events = POLLIN};
    if (send(output->control, "", 1, MSG_NOSIGNAL) == 1 && poll(&answer, 1, TAIL_WAIT_MS) == 1)
        length = recv(output->control, copy, TAIL_MAX, 0);
    close(output->control);
    output->control = -1;
    return length > 0 ? (size_t)length : 0;
}
