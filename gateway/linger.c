#include "gateway/linger.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/memory.h"

struct held_connection {
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    size_t read_bytes;
    unsigned open_handles;
};

static unsigned held_count;

static void on_handle_closed(uv_handle_t *handle)
{
    struct held_connection *held = handle->data;
    if (--held->open_handles > 0)
        return;
    close(held->fd);
    free(held);
    held_count--;
}

static void end(struct held_connection *held)
{
    if (uv_is_closing((uv_handle_t *)&held->timer))
        return;
    uv_close((uv_handle_t *)&held->poll, on_handle_closed);
    uv_close((uv_handle_t *)&held->timer, on_handle_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    end(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct held_connection *held = poll->data;
    char scrap[16384];
    ssize_t got = status == 0 ? recv(held->fd, scrap, sizeof scrap, MSG_DONTWAIT) : 0;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        held->read_bytes += (size_t)got;
    if (got <= 0 || held->read_bytes > LINGER_READ_BYTES)
        end(held);
}

struct held_connection *linger_hold(int fd)
{
    if (held_count >= LINGER_MAX)
        return NULL;
    int copy = dup(fd);
    if (copy < 0)
        return NULL;
    struct held_connection *held = memory_new(1, sizeof *held);
    held->fd = copy;
    held_count++;
    return held;
}

void linger_begin(struct held_connection *held, uv_loop_t *loop)
{
    shutdown(held->fd, SHUT_WR);
    uv_timer_init(loop, &held->timer);
    held->timer.data = held;
    held->open_handles = 1;
    if (uv_poll_init(loop, &held->poll, held->fd) != 0) {
        uv_close((uv_handle_t *)&held->timer, on_handle_closed);
        return;
    }
    held->poll.data = held;
    held->open_handles = 2;
    uv_poll_start(&held->poll, UV_READABLE, on_readable);
    uv_timer_start(&held->timer, on_timeout, LINGER_MS, 0);
}
