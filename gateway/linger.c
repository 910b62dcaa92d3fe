#include "gateway/linger.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/memory.h"

struct linger_connection {
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    size_t read_bytes;
    unsigned open_handles;
};

static unsigned lingering;

static void on_handle_closed(uv_handle_t *handle)
{
    struct linger_connection *connection = handle->data;
    if (--connection->open_handles > 0)
        return;
    close(connection->fd);
    free(connection);
    lingering--;
}

static void end(struct linger_connection *connection)
{
    if (uv_is_closing((uv_handle_t *)&connection->timer))
        return;
    uv_close((uv_handle_t *)&connection->poll, on_handle_closed);
    uv_close((uv_handle_t *)&connection->timer, on_handle_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    end(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct linger_connection *connection = poll->data;
    char scrap[16384];
    ssize_t got = status == 0 ? recv(connection->fd, scrap, sizeof scrap, MSG_DONTWAIT) : 0;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        connection->read_bytes += (size_t)got;
    if (got <= 0 || connection->read_bytes > LINGER_READ_BYTES)
        end(connection);
}

void linger_start(uv_loop_t *loop, int fd)
{
    if (lingering >= LINGER_MAX)
        return;
    int copy = dup(fd);
    if (copy < 0)
        return;
    struct linger_connection *connection = memory_new(1, sizeof *connection);
    connection->fd = copy;
    if (uv_poll_init(loop, &connection->poll, copy) != 0) {
        close(copy);
        free(connection);
        return;
    }
    uv_timer_init(loop, &connection->timer);
    connection->poll.data = connection;
    connection->timer.data = connection;
    connection->open_handles = 2;
    lingering++;
    uv_poll_start(&connection->poll, UV_READABLE, on_readable);
    uv_timer_start(&connection->timer, on_timeout, LINGER_MS, 0);
}
