#include "gateway/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <h2o/http1.h>

#include "gateway/early_error.h"
#include "gateway/linger.h"
#include "gateway/request.h"
#include "gateway/stats.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"

enum connection_state {
    CONNECTION_READING, /* idle, or a request is coming in */
    CONNECTION_WORKING, /* a request is with its handler, which has deadlines of its own */
    CONNECTION_SENDING  /* the answer is on its way */
};

struct connection {
    uv_tcp_t tcp;
    struct server *server;
    h2o_socket_t *socket;
    enum connection_state state;
    int64_t since_ms; /* READING: when the sweep first saw a part of a request, 0 where there is
                         none; SENDING: when it was answered */
    struct held_connection *held; /* what keeps it open behind its last answer, or NULL */
    struct connection *previous, *next;
};

struct server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_timer_t sweep_timer;
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    struct connection *connections;
    size_t count; /* of connections whose memory is not free yet */
    size_t limit;
    void (*on_request)(void *arg, h2o_req_t *request);
    void *arg;
    bool draining;
    void (*on_drained)(void *arg);
    void *drained_arg;
};

/* h2o's handlers carry no argument of ours; so one of ours carries the server. */
struct handler {
    h2o_handler_t super;
    struct server *server;
};

static int on_request(h2o_handler_t *self, h2o_req_t *request)
{
    struct server *server = ((struct handler *)self)->server;
    server->on_request(server->arg, request);
    return 0;
}

struct connection *server_connection_of(h2o_req_t *request)
{
    return request->conn->callbacks->get_socket(request->conn)->on_close.data;
}

void server_request_begun(struct connection *connection)
{
    connection->state = CONNECTION_WORKING;
}

void server_request_answered(struct connection *connection)
{
    connection->state = CONNECTION_SENDING;
    connection->since_ms = clock_monotonic_ms();
}

void server_request_ended(struct connection *connection)
{
    connection->state = CONNECTION_READING;
    connection->since_ms = 0;
}

void server_linger(struct connection *connection)
{
    if (connection->held == NULL)
        connection->held = linger_hold(h2o_socket_get_fd(connection->socket));
}

bool server_draining(const struct server *server)
{
    return server->draining;
}

/* The connection is h2o's: breaking it makes h2o close it. */
static void break_off(struct connection *connection)
{
    int fd = h2o_socket_get_fd(connection->socket);
    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
}

static bool overdue(struct connection *connection, int64_t now_ms)
{
    size_t unread = connection->socket->input->size;
    switch (connection->state) {
    case CONNECTION_READING:
        if (unread == 0) {
            connection->since_ms = 0;
            return connection->server->draining;
        }
        if (connection->since_ms == 0)
            connection->since_ms = now_ms;
        return unread > SERVER_UNREAD_MAX_BYTES ||
               now_ms - connection->since_ms > SERVER_REQUEST_MS;
    case CONNECTION_WORKING: return false;
    case CONNECTION_SENDING: return now_ms - connection->since_ms > SERVER_ANSWER_MS;
    }
    INVARIANT(false && "a connection in no state");
    return true;
}

/* *large_bytes: what requests that are larger than most hold so far, all together. */
static bool excessive(const struct connection *connection, size_t *large_bytes)
{
    const h2o_buffer_t *input = connection->socket->input;
    if (input->size <= SERVER_LARGE_BYTES)
        return false;
    *large_bytes += input->capacity;
    return connection->state == CONNECTION_READING && *large_bytes > SERVER_LARGE_SUM_BYTES;
}

static void on_sweep(uv_timer_t *timer)
{
    struct server *server = timer->data;
    int64_t now_ms = clock_monotonic_ms();
    size_t large_bytes = 0;
    struct connection *connection = server->connections;
    while (connection != NULL) {
        struct connection *next = connection->next;
        bool too_large = excessive(connection, &large_bytes);
        if (too_large)
            stats_refused(REFUSED_REQUEST);
        if (too_large || overdue(connection, now_ms))
            break_off(connection);
        connection = next;
    }
    stats_connections(server->count);
    if (!server->draining || server->count > 0)
        return;
    uv_timer_stop(&server->sweep_timer);
    server->on_drained(server->drained_arg);
}

static void on_socket_closing(void *data)
{
    struct connection *connection = data;
    struct server *server = connection->server;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    if (connection->held != NULL)
        linger_begin(connection->held, server->loop);
    connection->socket = NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = (struct connection *)handle;
    connection->server->count--;
    free(connection);
}

static void refuse(struct connection *connection)
{
    static char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
                           "content-type: application/json\r\n"
                           "content-length: 33\r\n"
                           "retry-after: 1\r\n"
                           "connection: close\r\n\r\n"
                           "{\"detail\":\"Too many connections\"}";
    uv_buf_t buffer = uv_buf_init(answer, sizeof answer - 1);
    uv_try_write((uv_stream_t *)&connection->tcp, &buffer, 1);
    stats_refused(REFUSED_CONNECTION);
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;
    if (status != 0) {
        LOG_WARN("cannot accept a connection", LOG_STR("error", uv_strerror(status)));
        return;
    }
    struct connection *connection = memory_new(1, sizeof *connection);
    connection->server = server;
    uv_tcp_init(server->loop, &connection->tcp);
    server->count++;
    if (uv_accept(listener, (uv_stream_t *)&connection->tcp) != 0) {
        uv_close((uv_handle_t *)&connection->tcp, on_closed);
        return;
    }
    if (server->count > server->limit) {
        refuse(connection);
        return;
    }
    uv_tcp_nodelay(&connection->tcp, 1);
    connection->socket = h2o_uv_socket_create((uv_stream_t *)&connection->tcp, on_closed);
    connection->socket->on_close.cb = on_socket_closing;
    connection->socket->on_close.data = connection;
    connection->next = server->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    server->connections = connection;
    h2o_accept(&server->accept, connection->socket);
}

static void configure(struct server *server, int64_t api_rate_per_minute)
{
    h2o_config_init(&server->config);
    server->config.server_name = h2o_iovec_init(H2O_STRLIT("croncoco"));
    server->config.max_request_entity_size = REQUEST_ANY_MAX + 1; /* chunked bodies stay below it */
    server->config.http1.req_timeout = SERVER_IDLE_MS;
    server->config.http1.upgrade_to_http2 = 0;

    h2o_hostconf_t *host =
        h2o_config_register_host(&server->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    struct handler *handler = (struct handler *)h2o_create_handler(path, sizeof *handler);
    handler->super.on_req = on_request;
    handler->server = server;
    early_error_register(&host->fallback_path, api_rate_per_minute);

    h2o_context_init(&server->context, server->loop, &server->config);
    server->accept.ctx = &server->context;
    server->accept.hosts = server->config.hosts;
}

static int bound_port(const struct server *server)
{
    struct sockaddr_storage name;
    int length = sizeof name;
    if (uv_tcp_getsockname(&server->listener, (struct sockaddr *)&name, &length) != 0)
        return 0;
    return name.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&name)->sin6_port)
                                      : ntohs(((struct sockaddr_in *)&name)->sin_port);
}

static int listen_on(struct server *server, const char *address, int port)
{
    struct sockaddr_storage name;
    int status = uv_ip4_addr(address, port, (struct sockaddr_in *)&name);
    if (status != 0)
        status = uv_ip6_addr(address, port, (struct sockaddr_in6 *)&name);
    if (status == 0)
        status = uv_tcp_init(server->loop, &server->listener);
    if (status == 0)
        status = uv_tcp_bind(&server->listener, (struct sockaddr *)&name, 0);
    server->listener.data = server;
    if (status == 0)
        status = uv_listen((uv_stream_t *)&server->listener, SERVER_BACKLOG, on_connection);
    return status;
}

struct server *server_open(const struct server_options *options,
                           char error[static SERVER_ERROR_SIZE])
{
    struct server *server = memory_new(1, sizeof *server);
    server->loop = options->loop;
    server->limit = options->connection_limit;
    server->on_request = options->on_request;
    server->arg = options->arg;
    configure(server, options->api_rate_per_minute);
    int status = listen_on(server, options->address, options->port);
    if (status != 0) {
        /* The process ends with this: no need to take the pieces apart. */
        snprintf(error, SERVER_ERROR_SIZE, "%s port %d: %s", options->address, options->port,
                 uv_strerror(status));
        return NULL;
    }
    uv_timer_init(server->loop, &server->sweep_timer);
    server->sweep_timer.data = server;
    uv_timer_start(&server->sweep_timer, on_sweep, SERVER_SWEEP_MS, SERVER_SWEEP_MS);
    LOG_INFO("listening", LOG_STR("address", options->address),
             LOG_I64("port", bound_port(server)));
    return server;
}

void server_drain(struct server *server, void (*on_drained)(void *arg), void *arg)
{
    INVARIANT(!server->draining);
    server->draining = true;
    server->on_drained = on_drained;
    server->drained_arg = arg;
    uv_close((uv_handle_t *)&server->listener, NULL);
    h2o_context_request_shutdown(&server->context);
    uv_timer_start(&server->sweep_timer, on_sweep, 0, SERVER_DRAIN_SWEEP_MS);
}
