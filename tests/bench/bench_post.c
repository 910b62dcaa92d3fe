/*
 * The least that POSTs with curl multi on libuv and keeps its connections: the limit for a
 * dispatcher. Its requests are as long as a delivery's.
 *
 *   bench_post URL CONNECTIONS REQUESTS
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>
#include <uv.h>

#include "shared/compiler.h"
#include "shared/memory.h"

static const char body[] = "{\"benchmark\": true, \"text\": \"as long as a small payload is\"}";

static uv_loop_t *loop;
static CURLM *multi;
static uv_timer_t timer;
static int64_t left; /* requests that have not been started */
static int64_t done;

struct watch {
    uv_poll_t poll;
    curl_socket_t socket;
};

static size_t drop(char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * count;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void collect(void)
{
    CURLMsg *message;
    int queued;
    while ((message = curl_multi_info_read(multi, &queued))) {
        CURL *easy = message->easy_handle;
        if (message->data.result != CURLE_OK)
            fail("POST", curl_easy_strerror(message->data.result));
        done++;
        curl_multi_remove_handle(multi, easy);
        if (left > 0) {
            left--;
            curl_multi_add_handle(multi, easy);
        } else {
            curl_easy_cleanup(easy);
        }
    }
}

static void on_timer(uv_timer_t *unused)
{
    (void)unused;
    int running;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect();
}

static int set_timer(CURLM *unused, long timeout_ms, void *arg)
{
    (void)unused;
    (void)arg;
    if (timeout_ms < 0)
        uv_timer_stop(&timer);
    else
        uv_timer_start(&timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) | (status < 0 ? CURL_CSELECT_ERR : 0);
    int running;
    curl_multi_socket_action(multi, watch->socket, flags, &running);
    collect();
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int set_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *assigned)
{
    (void)easy;
    (void)arg;
    struct watch *watch = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            uv_poll_stop(&watch->poll);
            uv_close((uv_handle_t *)&watch->poll, on_closed);
            curl_multi_assign(multi, socket, NULL);
        }
        return 0;
    }
    if (!watch) {
        watch = memory_new(1, sizeof(*watch));
        watch->socket = socket;
        uv_poll_init_socket(loop, &watch->poll, socket);
        watch->poll.data = watch;
        curl_multi_assign(multi, socket, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watch->poll, events, on_socket);
    return 0;
}

static CURL *new_post(const char *url, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        fail("curl_easy_init", "no memory");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)sizeof(body) - 1);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return easy;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_post URL CONNECTIONS REQUESTS\n");
        return 64;
    }
    long connections = strtol(argv[2], NULL, 10);
    int64_t requests = strtoll(argv[3], NULL, 10);

    loop = uv_default_loop();
    uv_timer_init(loop, &timer);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
    static const char *const lines[] = {"webhook-id: msg_1000000_1795370340",
                                        "webhook-timestamp: 1795370340",
                                        "X-CronCoco-Scheduled-At: 2026-11-22T17:59:00+00:00",
                                        "X-CronCoco-Attempt: 1",
                                        "Content-Type: application/json",
                                        "User-Agent: CronCoco/0.1.0",
                                        "Expect:"};
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        headers = curl_slist_append(headers, lines[i]);

    left = requests;
    uint64_t begin_ns = uv_hrtime();
    for (long i = 0; i < connections && left > 0; i++) {
        left--;
        curl_multi_add_handle(multi, new_post(argv[1], headers));
    }
    while (done < requests)
        uv_run(loop, UV_RUN_ONCE);
    double seconds = (double)(uv_hrtime() - begin_ns) / 1e9;
    printf("{\"requests\": %lld, \"seconds\": %.4f}\n", (long long)done, seconds);

    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    return 0;
}
