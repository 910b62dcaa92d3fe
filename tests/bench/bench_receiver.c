/*
 * A webhook that answers 200 as fast as it can and counts.
 *
 *   bench_receiver PORT [HOSTS]
 *
 * GET /count answers the number of POSTs so far. POST /fail is answered 500, POST /hang never. With
 * HOSTS it listens on so many addresses from 127.0.0.1 on, each of which is a host of its own.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "shared/memory.h"

#define HELD_MAX  65536 /* bytes of requests that have not come whole */
#define BACKLOG   4096
#define HOSTS_MAX 4096

static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static const char bad[] = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops";

static uint64_t posts;

struct client {
    uv_tcp_t socket;
    size_t length;
    char held[HELD_MAX];
};

struct reply {
    uv_write_t write;
    char bytes[]; /* what is sent */
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void client_close(struct client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->socket))
        uv_close((uv_handle_t *)&client->socket, on_closed);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status; /* a client that left is seen by its read */
    free(write->data);
}

static void client_send(struct client *client, const char *bytes, size_t length)
{
    struct reply *reply = memory_new(1, sizeof(*reply) + length);
    memcpy(reply->bytes, bytes, length);
    reply->write.data = reply;
    uv_buf_t buffer = uv_buf_init(reply->bytes, (unsigned)length);
    if (uv_write(&reply->write, (uv_stream_t *)&client->socket, &buffer, 1, on_written) != 0) {
        free(reply);
        client_close(client);
    }
}

static void send_count(struct client *client)
{
    char body[32];
    char text[128];
    int body_length = snprintf(body, sizeof(body), "%llu\n", (unsigned long long)posts);
    int length = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s",
                          body_length, body);
    client_send(client, text, (size_t)length);
}

static size_t content_length(const char *head, size_t length)
{
    static const char name[] = "\r\ncontent-length:";
    for (size_t i = 0; i + sizeof(name) - 1 <= length; i++) {
        if (head[i] == '\r' && strncasecmp(head + i, name, sizeof(name) - 1) == 0)
            return strtoul(head + i + sizeof(name) - 1, NULL, 10);
    }
    return 0;
}

/* Bytes of the first request, 0 where it has not come whole. */
static size_t request_size(const char *bytes, size_t length)
{
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - bytes) + 4;
    size_t size = head + content_length(bytes, head);
    return size <= length ? size : 0;
}

static bool is_to(const char *request, const char *path)
{
    static const char method[] = "POST ";
    return strncmp(request, method, sizeof(method) - 1) == 0 &&
           strncmp(request + sizeof(method) - 1, path, strlen(path)) == 0;
}

static void answer_post(struct client *client, const char *request)
{
    posts++;
    if (is_to(request, "/hang"))
        return;
    if (is_to(request, "/fail"))
        client_send(client, bad, sizeof(bad) - 1);
    else
        client_send(client, good, sizeof(good) - 1);
}

static void client_serve(struct client *client)
{
    size_t done = 0;
    size_t size;
    while ((size = request_size(client->held + done, client->length - done)) > 0) {
        if (client->held[done] == 'G')
            send_count(client);
        else
            answer_post(client, client->held + done);
        done += size;
    }
    memmove(client->held, client->held + done, client->length - done);
    client->length -= done;
    if (client->length == HELD_MAX)
        client_close(client); /* a request larger than any that the benchmark sends */
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct client *client = handle->data;
    *buffer = uv_buf_init(client->held + client->length, (unsigned)(HELD_MAX - client->length));
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    (void)buffer;
    struct client *client = stream->data;
    if (length < 0) {
        client_close(client);
        return;
    }
    client->length += (size_t)length;
    client_serve(client);
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status != 0)
        return;
    struct client *client = memory_new(1, sizeof(*client));
    client->length = 0;
    uv_tcp_init(listener->loop, &client->socket);
    client->socket.data = client;
    if (uv_accept(listener, (uv_stream_t *)&client->socket) != 0 ||
        uv_tcp_nodelay(&client->socket, 1) != 0 ||
        uv_read_start((uv_stream_t *)&client->socket, on_room, on_read) != 0)
        client_close(client);
}

/* 127.0.0.1 and what follows it. */
static int listen_on(uv_loop_t *loop, uv_tcp_t *listener, int port, int host)
{
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", port, &address);
    address.sin_addr.s_addr = htonl(ntohl(address.sin_addr.s_addr) + (uint32_t)host);
    uv_tcp_init(loop, listener);
    int error = uv_tcp_bind(listener, (const struct sockaddr *)&address, 0);
    return error ? error : uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
}

int main(int argc, char **argv)
{
    int hosts = argc == 3 ? (int)strtol(argv[2], NULL, 10) : 1;
    if (argc < 2 || argc > 3 || hosts < 1 || hosts > HOSTS_MAX) {
        fprintf(stderr, "usage: bench_receiver PORT [HOSTS]\n");
        return 64;
    }
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t *listeners = memory_new((size_t)hosts, sizeof(*listeners));
    for (int host = 0; host < hosts; host++) {
        int error = listen_on(loop, &listeners[host], (int)strtol(argv[1], NULL, 10), host);
        if (error != 0) {
            fprintf(stderr, "port %s: %s\n", argv[1], uv_strerror(error));
            return 69;
        }
    }
    return uv_run(loop, UV_RUN_DEFAULT);
}
