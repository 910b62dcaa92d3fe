/*
 * The HTTP/1.1 server: h2o on the process's loop, with what h2o leaves out: a bound on connections,
 * time-outs for slow writers and slow readers, JSON in the errors that h2o gives by itself, and an
 * orderly end.
 */
#ifndef GATEWAY_SERVER_H
#define GATEWAY_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <h2o.h>

#include "shared/compiler.h"

#define SERVER_ERROR_SIZE       160
#define SERVER_IDLE_MS          65000 /* a kept connection without a request */
#define SERVER_REQUEST_MS       10000 /* from a request's first byte to its last */
#define SERVER_ANSWER_MS        60000 /* for the client to take the answer */
#define SERVER_BACKLOG          1024
#define SERVER_SWEEP_MS         100       /* how often time-outs and bounds are looked for */
#define SERVER_DRAIN_SWEEP_MS   20        /* the same while the server ends */
#define SERVER_UNREAD_MAX_BYTES 1179648   /* of a request that is not whole yet */
#define SERVER_LARGE_BYTES      131072    /* larger requests may hold, all together ... */
#define SERVER_LARGE_SUM_BYTES  134217728 /* ... so many; those that come in beyond it break off */

struct server;
struct connection;

struct server_options {
    uv_loop_t *loop;
    const char *address; /* a literal IPv4 or IPv6 address */
    int port;            /* 0: any free one; it is logged */
    size_t connection_limit;
    int64_t api_rate_per_minute; /* told in the errors of /api/v1 that h2o gives by itself */
    /* A whole request has come; on_request sees that it is answered. */
    void (*on_request)(void *arg, h2o_req_t *request);
    void *arg;
};

/* NULL with error where the address cannot be listened on. */
struct server *server_open(const struct server_options *options,
                           char error[static SERVER_ERROR_SIZE]) MUST_CHECK;
/*
 * Listens no more, closes idle connections, lets the others finish what was asked; on_drained comes
 * once no connection is left.
 */
void server_drain(struct server *server, void (*on_drained)(void *arg), void *arg);
bool server_draining(const struct server *server);

/* What the requests tell of themselves, for the time-outs. */
struct connection *server_connection_of(h2o_req_t *request);
void server_request_begun(struct connection *connection);
void server_request_answered(struct connection *connection);
void server_request_ended(struct connection *connection);

/* The connection will close before its client has sent everything: see linger.h. */
void server_linger(struct connection *connection);

#endif
