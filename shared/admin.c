/*
 * HTTP/1 by h2o on the process's loop. Every answer closes its connection, so that an idle scraper
 * does not hold up the end of the process, and nothing has to be counted but open connections.
 */
#include "shared/admin.h"

#include <h2o.h>
#include <string.h>

#include "shared/metrics.h"

#define CONNECTION_LIMIT   64
#define BACKLOG            64
#define REQUEST_TIMEOUT_MS 5000
#define ENTITY_MAX_BYTES   1024

struct admin {
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    uv_tcp_t listener;
    unsigned connections;
    admin_ready_cb *ready;
    void *ready_arg;
};

/* h2o's handlers carry no argument, and a process has one admin port. */
static struct admin admin;

static void add_header(h2o_req_t *request, const h2o_token_t *name, const char *value)
{
    h2o_add_header(&request->pool, &request->res.headers, name, NULL, value, strlen(value));
}

static void send_answer(h2o_req_t *request, int status, const char *reason, const char *type,
                        const char *body, size_t length)
{
    request->http1_is_persistent = 0;
    request->res.status = status;
    request->res.reason = reason;
    request->res.content_length = length;
    add_header(request, H2O_TOKEN_CONTENT_TYPE, type);
    add_header(request, H2O_TOKEN_CACHE_CONTROL, "no-store");
    h2o_send_inline(request, body, length);
}

static void send_json(h2o_req_t *request, int status, const char *reason, const char *body)
{
    send_answer(request, status, reason, "application/json", body, strlen(body));
}

static void answer_healthz(h2o_req_t *request)
{
    send_json(request, 200, "OK", "{\"status\":\"ok\"}");
}

static void answer_readyz(h2o_req_t *request)
{
    struct buffer body = BUFFER_EMPTY;
    if (admin.ready(admin.ready_arg, &body))
        send_json(request, 200, "OK", body.data);
    else
        send_json(request, 503, "Service Unavailable", body.data);
    buffer_free(&body);
}

static void answer_metrics(h2o_req_t *request)
{
    struct buffer body = BUFFER_EMPTY;
    metrics_print(&body);
    send_answer(request, 200, "OK", "text/plain; version=0.0.4; charset=utf-8", body.data,
                body.length);
    buffer_free(&body);
}

static const struct {
    const char *path;
    void (*answer)(h2o_req_t *request);
} routes[] = {
    {"/healthz", answer_healthz},
    {"/readyz", answer_readyz},
    {"/metrics", answer_metrics},
};

static bool is_method(const h2o_req_t *request, const char *name)
{
    return h2o_memis(request->method.base, request->method.len, name, strlen(name));
}

static int on_request(h2o_handler_t *handler, h2o_req_t *request)
{
    (void)handler;
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
        if (!h2o_memis(request->path_normalized.base, request->path_normalized.len, routes[i].path,
                       strlen(routes[i].path)))
            continue;
        if (is_method(request, "GET") || is_method(request, "HEAD")) {
            routes[i].answer(request);
            return 0;
        }
        add_header(request, H2O_TOKEN_ALLOW, "GET, HEAD");
        send_json(request, 405, "Method Not Allowed", "{\"detail\":\"Method not allowed.\"}");
        return 0;
    }
    send_json(request, 404, "Not Found", "{\"detail\":\"Not found.\"}");
    return 0;
}

static void on_connection_closed(uv_handle_t *handle)
{
    admin.connections--;
    free(handle);
}

static void on_refused_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status != 0)
        return;
    uv_tcp_t *connection = h2o_mem_alloc(sizeof *connection);
    uv_tcp_init(listener->loop, connection);
    if (uv_accept(listener, (uv_stream_t *)connection) != 0 ||
        admin.connections == CONNECTION_LIMIT) {
        uv_close((uv_handle_t *)connection, on_refused_closed);
        return;
    }
    admin.connections++;
    h2o_accept(&admin.accept,
               h2o_uv_socket_create((uv_stream_t *)connection, on_connection_closed));
}

static int listen_on(uv_loop_t *loop, const char *address, int port, int *bound_port)
{
    struct sockaddr_storage place = {0};
    int place_size = sizeof place;
    int status = uv_ip4_addr(address, port, (struct sockaddr_in *)&place);
    if (status != 0)
        status = uv_ip6_addr(address, port, (struct sockaddr_in6 *)&place);
    if (status != 0)
        return status;
    uv_tcp_init(loop, &admin.listener);
    status = uv_tcp_bind(&admin.listener, (struct sockaddr *)&place, 0);
    if (status == 0)
        status = uv_listen((uv_stream_t *)&admin.listener, BACKLOG, on_connection);
    if (status == 0)
        status = uv_tcp_getsockname(&admin.listener, (struct sockaddr *)&place, &place_size);
    if (status != 0) {
        uv_close((uv_handle_t *)&admin.listener, NULL);
        return status;
    }
    *bound_port = ntohs(place.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&place)->sin6_port
                                                    : ((struct sockaddr_in *)&place)->sin_port);
    return 0;
}

int admin_open(uv_loop_t *loop, const char *address, int port, admin_ready_cb *ready,
               void *ready_arg, int *bound_port)
{
    int status = listen_on(loop, address, port, bound_port);
    if (status != 0)
        return status;
    admin.ready = ready;
    admin.ready_arg = ready_arg;
    h2o_config_init(&admin.config);
    /* This version's HTTP/2 falls to rapid resets (CVE-2023-44487). */
    admin.config.http1.upgrade_to_http2 = 0;
    admin.config.http1.req_timeout = REQUEST_TIMEOUT_MS;
    admin.config.max_request_entity_size = ENTITY_MAX_BYTES;
    h2o_hostconf_t *host =
        h2o_config_register_host(&admin.config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&admin.context, loop, &admin.config);
    admin.accept.ctx = &admin.context;
    admin.accept.hosts = admin.config.hosts;
    return 0;
}

void admin_close(void)
{
    /* Not h2o_context_request_shutdown: it leaves a timer that a context cannot be disposed with,
     * and no connection here lives on after its answer. */
    uv_close((uv_handle_t *)&admin.listener, NULL);
}

bool admin_dispose(void)
{
    if (admin.connections > 0)
        return false;
    h2o_context_dispose(&admin.context);
    h2o_config_dispose(&admin.config);
    return true;
}
