/*
 * A small HTTP server on a test's own loop, on a free loopback port. The path says what it does:
 *
 *   /status/<code>  answers with that status and the body "ok"
 *   /later/<code>/<value>  answers with that status and Retry-After
 *   /letters/<count>       answers 200 and a body of so many letters, a, b, c ... z, a ...
 *   /slow                  answers 200 after 60 ms
 *   /silent         never answers
 *   /hang-up        reads the request and closes
 *   /stream         answers 200 and never ends the body
 *   /garbage        answers what is not HTTP
 */
#ifndef UNIT_HTTP_SERVER_H
#define UNIT_HTTP_SERVER_H

#include <stddef.h>
#include <uv.h>

#define HTTP_REQUEST_MAX 8192

struct http_server {
    uv_loop_t *loop;
    uv_tcp_t listener; /* data: this */
    int port;
    unsigned connections; /* accepted so far */
    unsigned requests;    /* read so far */
    char last_request[HTTP_REQUEST_MAX];
    struct http_client *clients;
};

/* address: "127.0.0.1" or "::1". */
void http_server_open(struct http_server *server, uv_loop_t *loop, const char *address);
/* port: 0: a free one. */
void http_server_open_port(struct http_server *server, uv_loop_t *loop, const char *address,
                           int port);
/* Closes all connections; the loop must run on until it has no handles. */
void http_server_close(struct http_server *server);

#endif
