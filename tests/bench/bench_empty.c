/*
 * An h2o handler on libuv that does nothing but answer: the limit for the gateway.
 *
 *   bench_empty PORT
 */
#include <stdio.h>
#include <stdlib.h>

#include <h2o.h>
#include <uv.h>

#define BACKLOG 4096

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accept_context;

static int on_request(h2o_handler_t *self, h2o_req_t *request)
{
    (void)self;
    static h2o_generator_t generator = {NULL, NULL};
    h2o_iovec_t body = h2o_strdup(&request->pool, "[]", 2);
    request->res.status = 200;
    request->res.reason = "OK";
    request->res.content_length = body.len;
    h2o_add_header(&request->pool, &request->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_start_response(request, &generator);
    h2o_send(request, &body, 1, 1);
    return 0;
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status != 0)
        return;
    uv_tcp_t *socket = h2o_mem_alloc(sizeof(*socket));
    uv_tcp_init(listener->loop, socket);
    if (uv_accept(listener, (uv_stream_t *)socket) != 0) {
        uv_close((uv_handle_t *)socket, (uv_close_cb)free);
        return;
    }
    h2o_accept(&accept_context, h2o_uv_socket_create((uv_stream_t *)socket, (uv_close_cb)free));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bench_empty PORT\n");
        return 64;
    }
    uv_loop_t *loop = uv_default_loop();
    h2o_config_init(&config);
    h2o_hostconf_t *host =
        h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&context, loop, &config);
    accept_context.ctx = &context;
    accept_context.hosts = config.hosts;

    uv_tcp_t listener;
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", (int)strtol(argv[1], NULL, 10), &address);
    uv_tcp_init(loop, &listener);
    int error = uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection);
    if (error != 0) {
        fprintf(stderr, "port %s: %s\n", argv[1], uv_strerror(error));
        return 69;
    }
    return uv_run(loop, UV_RUN_DEFAULT);
}
