/*
 * The least that answers pings once they are stored: an h2o handler on libuv, and one JetStream
 * message a turn of the loop, which carries the pings of that turn. It looks nothing up, resends
 * nothing, and knows no deadlines: the limit for a gateway's pings.
 *
 *   bench_ping PORT URL
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <h2o.h>
#include <nats/nats.h>
#include <uv.h>

#include "shared/bus_streams.h"
#include "shared/compiler.h"

#define BACKLOG      4096
#define TURNS        4096 /* that may be under way */
#define TURN_MAX     4096 /* requests of one */
#define PING_BYTES   28
#define SUBJECT_SIZE 64

struct turn {
    h2o_req_t *requests[TURN_MAX];
    size_t count;
};

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accept_context;
static natsConnection *connection;
static char subject[SUBJECT_SIZE];
static char inbox[SUBJECT_SIZE];
static struct turn *turns;
static uint32_t current;
static uv_async_t wake;

/* From the thread of cnats to the loop. */
static uv_mutex_t mutex;
static uint32_t stored[TURNS];
static size_t stored_count;

static void check(natsStatus status, const char *what)
{
    if (status == NATS_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

static int on_request(h2o_handler_t *self, h2o_req_t *request)
{
    (void)self;
    struct turn *turn = &turns[current];
    if (turn->count == TURN_MAX)
        return -1;
    turn->requests[turn->count++] = request;
    return 0;
}

static void answer(h2o_req_t *request)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_iovec_t body = h2o_iovec_init(H2O_STRLIT("OK"));
    request->res.status = 200;
    request->res.reason = "OK";
    request->res.content_length = body.len;
    h2o_add_header(&request->pool, &request->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("text/plain"));
    h2o_start_response(request, &generator);
    h2o_send(request, &body, 1, H2O_SEND_STATE_FINAL);
}

static void on_turn_end(uv_check_t *handle)
{
    (void)handle;
    static char bytes[TURN_MAX * PING_BYTES];
    char reply[SUBJECT_SIZE + 16];
    struct turn *turn = &turns[current];
    if (turn->count == 0)
        return;
    snprintf(reply, sizeof(reply), "%s.%u", inbox, current);
    check(natsConnection_PublishRequest(connection, subject, reply, bytes,
                                        (int)(turn->count * PING_BYTES)),
          "publish");
    current = (current + 1) % TURNS;
    if (turns[current].count != 0) {
        fprintf(stderr, "too many messages are under way\n");
        exit(1);
    }
}

static void on_ack(natsConnection *nats, natsSubscription *subscription, natsMsg *message,
                   void *closure)
{
    (void)nats;
    (void)subscription;
    (void)closure;
    if (strstr(natsMsg_GetData(message), "\"error\"") != NULL) {
        fprintf(stderr, "%s\n", natsMsg_GetData(message));
        exit(1);
    }
    uint32_t number = (uint32_t)strtoul(natsMsg_GetSubject(message) + strlen(inbox) + 1, NULL, 10);
    uv_mutex_lock(&mutex);
    stored[stored_count++] = number;
    uv_mutex_unlock(&mutex);
    uv_async_send(&wake);
    natsMsg_Destroy(message);
}

static void on_wake(uv_async_t *handle)
{
    (void)handle;
    uint32_t taken[TURNS];
    uv_mutex_lock(&mutex);
    size_t count = stored_count;
    memcpy(taken, stored, count * sizeof(taken[0]));
    stored_count = 0;
    uv_mutex_unlock(&mutex);
    for (size_t i = 0; i < count; i++) {
        struct turn *turn = &turns[taken[i]];
        for (size_t n = 0; n < turn->count; n++)
            answer(turn->requests[n]);
        turn->count = 0;
    }
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

static void connect_nats(const char *url)
{
    natsOptions *options = NULL;
    natsSubscription *subscription = NULL;
    natsInbox *made = NULL;
    char all[SUBJECT_SIZE + 2];
    check(natsOptions_Create(&options), "options");
    check(natsOptions_SetURL(options, url), "URL");
    check(natsOptions_SetSendAsap(options, true), "options");
    check(natsConnection_Connect(&connection, options), "connect");
    check(natsInbox_Create(&made), "inbox");
    snprintf(inbox, sizeof(inbox), "%s", made);
    snprintf(all, sizeof(all), "%s.*", inbox);
    snprintf(subject, sizeof(subject), SUBJECT_PING_FORMAT, "bench");
    check(natsConnection_Subscribe(&subscription, connection, all, on_ack, NULL), "subscribe");
    natsInbox_Destroy(made);
    natsOptions_Destroy(options);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bench_ping PORT URL\n");
        return 64;
    }
    uv_loop_t *loop = uv_default_loop();
    turns = calloc(TURNS, sizeof(*turns));
    uv_mutex_init(&mutex);
    uv_async_init(loop, &wake, on_wake);
    connect_nats(argv[2]);
    h2o_config_init(&config);
    h2o_hostconf_t *host =
        h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&context, loop, &config);
    accept_context.ctx = &context;
    accept_context.hosts = config.hosts;

    uv_check_t turn_end;
    uv_check_init(loop, &turn_end);
    uv_check_start(&turn_end, on_turn_end);
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
