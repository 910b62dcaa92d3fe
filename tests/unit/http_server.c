#include "http_server.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compiler.h"
#include "shared/memory.h"

struct http_client {
    struct http_client *next;
    struct http_server *server;
    uv_tcp_t tcp; /* data: this */
    char request[HTTP_REQUEST_MAX];
    size_t length;
    uv_timer_t timer; /* of /stream; data: this */
    int handles;
};

static const char stream_chunk[] = "1000\r\n";

static void on_closed(uv_handle_t *handle)
{
    struct http_client *client = handle->data;
    if (--client->handles == 0)
        free(client);
}

static void client_close(struct http_client *client)
{
    struct http_client **link = &client->server->clients;
    while (*link && *link != client)
        link = &(*link)->next;
    if (!*link)
        return;
    *link = client->next;
    uv_close((uv_handle_t *)&client->timer, on_closed);
    uv_close((uv_handle_t *)&client->tcp, on_closed);
}

static void send_text(struct http_client *client, const char *text, size_t length)
{
    static char copy[0x2000]; /* libuv wants it writable */
    INVARIANT(length <= sizeof(copy));
    memcpy(copy, text, length);
    uv_buf_t part = uv_buf_init(copy, (unsigned)length);
    (void)uv_try_write((uv_stream_t *)&client->tcp, &part, 1);
}

static void on_stream_tick(uv_timer_t *timer)
{
    static char body[0x1000 + 2];
    struct http_client *client = timer->data;
    memset(body, 'x', 0x1000);
    body[0x1000] = '\r';
    body[0x1001] = '\n';
    send_text(client, stream_chunk, strlen(stream_chunk));
    send_text(client, body, sizeof(body));
}

static void answer_letters(struct http_client *client, size_t count)
{
    char text[0x1800];
    int length =
        snprintf(text, sizeof(text), "HTTP/1.1 200 Text\r\nContent-Length: %zu\r\n\r\n", count);
    INVARIANT(length > 0 && (size_t)length + count <= sizeof(text));
    for (size_t i = 0; i < count; i++)
        text[(size_t)length + i] = (char)('a' + i % 26);
    send_text(client, text, (size_t)length + count);
}

static void on_slow(uv_timer_t *timer)
{
    static const char head[] = "HTTP/1.1 200 Text\r\nContent-Length: 2\r\n\r\nok";
    send_text(timer->data, head, strlen(head));
}

static void answer(struct http_client *client)
{
    char path[128] = "";
    char text[256];
    INVARIANT(sscanf(client->request, "%*s %127s", path) == 1);
    if (strncmp(path, "/status/", 8) == 0) {
        int length = snprintf(text, sizeof(text), "HTTP/1.1 %s Text\r\nContent-Length: 2\r\n\r\nok",
                              path + 8);
        send_text(client, text, (size_t)length);
    } else if (strncmp(path, "/later/", 7) == 0) {
        int length = snprintf(text, sizeof(text),
                              "HTTP/1.1 %.3s Text\r\nretry-after: %s\r\nContent-Length: 0\r\n\r\n",
                              path + 7, path + 11);
        send_text(client, text, (size_t)length);
    } else if (strncmp(path, "/letters/", 9) == 0) {
        answer_letters(client, strtoul(path + 9, NULL, 10));
    } else if (strcmp(path, "/slow") == 0) {
        uv_timer_start(&client->timer, on_slow, 60, 0);
    } else if (strcmp(path, "/hang-up") == 0) {
        client_close(client);
    } else if (strcmp(path, "/garbage") == 0) {
        send_text(client, "hello\r\n\r\n", 9);
        client_close(client);
    } else if (strcmp(path, "/stream") == 0) {
        static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        send_text(client, head, strlen(head));
        uv_timer_start(&client->timer, on_stream_tick, 0, 1);
    }
}

/* The whole request is there: its head, and as much body as the head says. */
static int request_complete(const struct http_client *client, size_t *length)
{
    const char *end = strstr(client->request, "\r\n\r\n");
    if (!end)
        return 0;
    const char *field = strcasestr(client->request, "\r\nContent-Length: ");
    size_t body = field && field < end ? strtoul(field + 18, NULL, 10) : 0;
    *length = (size_t)(end - client->request) + 4 + body;
    return client->length >= *length;
}

static void on_allocate(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    (void)wanted;
    struct http_client *client = handle->data;
    *buffer = uv_buf_init(client->request + client->length,
                          (unsigned)(sizeof(client->request) - 1 - client->length));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    (void)buffer;
    struct http_client *client = stream->data;
    if (count < 0) {
        client_close(client);
        return;
    }
    client->length += (size_t)count;
    client->request[client->length] = '\0';
    size_t length;
    if (!request_complete(client, &length))
        return;
    client->server->requests++;
    memcpy(client->server->last_request, client->request, client->length + 1);
    client->length = 0;
    answer(client);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct http_server *server = listener->data;
    INVARIANT(status == 0);
    struct http_client *client = memory_new(1, sizeof(*client));
    client->server = server;
    client->handles = 2;
    uv_timer_init(server->loop, &client->timer);
    client->timer.data = client;
    uv_tcp_init(server->loop, &client->tcp);
    client->tcp.data = client;
    client->next = server->clients;
    server->clients = client;
    server->connections++;
    INVARIANT(uv_accept(listener, (uv_stream_t *)&client->tcp) == 0);
    uv_read_start((uv_stream_t *)&client->tcp, on_allocate, on_read);
}

void http_server_open(struct http_server *server, uv_loop_t *loop, const char *address)
{
    http_server_open_port(server, loop, address, 0);
}

void http_server_open_port(struct http_server *server, uv_loop_t *loop, const char *address,
                           int port)
{
    /* As in shared/service.c: TLS writes to connections that the other side has closed. */
    signal(SIGPIPE, SIG_IGN);
    memset(server, 0, sizeof(*server));
    server->loop = loop;
    struct sockaddr_storage name;
    INVARIANT(uv_ip4_addr(address, port, (struct sockaddr_in *)&name) == 0 ||
              uv_ip6_addr(address, port, (struct sockaddr_in6 *)&name) == 0);
    INVARIANT(uv_tcp_init(loop, &server->listener) == 0);
    server->listener.data = server;
    INVARIANT(uv_tcp_bind(&server->listener, (const struct sockaddr *)&name, 0) == 0);
    INVARIANT(uv_listen((uv_stream_t *)&server->listener, 128, on_connection) == 0);
    int length = sizeof(name);
    INVARIANT(uv_tcp_getsockname(&server->listener, (struct sockaddr *)&name, &length) == 0);
    server->port = ntohs(((const struct sockaddr_in *)&name)->sin_port);
}

void http_server_close(struct http_server *server)
{
    while (server->clients)
        client_close(server->clients);
    uv_close((uv_handle_t *)&server->listener, NULL);
}
