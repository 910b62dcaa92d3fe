#include "shared/transfer.h"

#include <stddef.h>
#include <stdlib.h>

#include "shared/compiler.h"
#include "shared/memory.h"

/* One easy handle under way; its CURLOPT_PRIVATE. */
struct transfer {
    struct transfer *next, *previous; /* in transfers.running; next also in transfers.spare */
    CURL *easy;
    transfer_done_cb *on_done;
    void *arg;
};

/* A socket that curl watches; freed when libuv has let go of it. */
struct watch {
    uv_poll_t poll; /* data: this */
    struct transfers *transfers;
    curl_socket_t socket;
};

struct transfers {
    uv_loop_t *loop;
    uv_timer_t timer; /* data: this; the memory goes in its close callback */
    CURLM *multi;
    struct transfer *running;
    struct transfer *spare; /* kept for the next transfers: at most as many as ran at once */
};

static void multi_check(CURLMcode code)
{
    INVARIANT(code == CURLM_OK);
}

static void running_remove(struct transfers *transfers, struct transfer *transfer)
{
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        transfers->running = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    transfer->previous = NULL;
    transfer->next = transfers->spare;
    transfers->spare = transfer;
}

/* Takes the handle back from curl; the record may be reused from here on. */
static void transfer_end(struct transfers *transfers, struct transfer *transfer)
{
    multi_check(curl_multi_remove_handle(transfers->multi, transfer->easy));
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, NULL);
    running_remove(transfers, transfer);
}

static void report_finished(struct transfers *transfers)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(transfers->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        /* message is curl's, and gone once the handle is removed. */
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        char *private = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        struct transfer *transfer = (struct transfer *)(void *)private;
        INVARIANT(transfer && transfer->easy == easy);
        transfer_done_cb *on_done = transfer->on_done;
        void *arg = transfer->arg;
        transfer_end(transfers, transfer);
        on_done(arg, easy, code);
    }
}

static void socket_action(struct transfers *transfers, curl_socket_t socket, int events)
{
    int running;
    multi_check(curl_multi_socket_action(transfers->multi, socket, events, &running));
    report_finished(transfers);
}

static void on_timer(uv_timer_t *timer)
{
    socket_action(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int action = 0;
    if (status < 0)
        action = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        action |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        action |= CURL_CSELECT_OUT;
    socket_action(watch->transfers, watch->socket, action);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watch *watch_open(struct transfers *transfers, curl_socket_t socket)
{
    struct watch *watch = memory_new(1, sizeof(*watch));
    watch->transfers = transfers;
    watch->socket = socket;
    int error = uv_poll_init_socket(transfers->loop, &watch->poll, socket);
    INVARIANT(error == 0);
    watch->poll.data = watch;
    multi_check(curl_multi_assign(transfers->multi, socket, watch));
    return watch;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *socket_arg)
{
    (void)easy;
    struct transfers *transfers = arg;
    struct watch *watch = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            /* curl may close the socket as soon as this returns: libuv must forget it now. */
            multi_check(curl_multi_assign(transfers->multi, socket, NULL));
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (!watch)
        watch = watch_open(transfers, socket);
    int events = 0;
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    int error = uv_poll_start(&watch->poll, events, on_poll);
    INVARIANT(error == 0);
    return 0;
}

static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct transfers *transfers = arg;
    /* Never straight into socket_action: curl calls this from inside its own functions. */
    if (timeout_ms < 0)
        uv_timer_stop(&transfers->timer);
    else
        uv_timer_start(&transfers->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

struct transfers *transfers_open(uv_loop_t *loop, long connections, long per_host)
{
    CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
    INVARIANT(initialized == CURLE_OK);

    struct transfers *transfers = memory_new(1, sizeof(*transfers));
    transfers->loop = loop;
    uv_timer_init(loop, &transfers->timer);
    transfers->timer.data = transfers;
    transfers->multi = curl_multi_init();
    INVARIANT(transfers->multi);
    multi_check(curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, on_socket));
    multi_check(curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers));
    multi_check(curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted));
    multi_check(curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers));
    multi_check(curl_multi_setopt(transfers->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING));
    multi_check(curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, connections));
    multi_check(curl_multi_setopt(transfers->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host));
    return transfers;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void transfers_close(struct transfers *transfers)
{
    struct transfer *next;
    for (struct transfer *transfer = transfers->running; transfer; transfer = next) {
        next = transfer->next;
        multi_check(curl_multi_remove_handle(transfers->multi, transfer->easy));
        curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, NULL);
        free(transfer);
    }
    /* Closes the cached connections, and calls on_socket and on_timeout_wanted for it. */
    multi_check(curl_multi_cleanup(transfers->multi));
    for (struct transfer *transfer = transfers->spare; transfer; transfer = next) {
        next = transfer->next;
        free(transfer);
    }
    uv_close((uv_handle_t *)&transfers->timer, on_timer_closed);
}

void transfers_start(struct transfers *transfers, CURL *easy, transfer_done_cb *on_done, void *arg)
{
    struct transfer *transfer = transfers->spare;
    if (transfer)
        transfers->spare = transfer->next;
    else
        transfer = memory_new(1, sizeof(*transfer));
    transfer->easy = easy;
    transfer->on_done = on_done;
    transfer->arg = arg;
    transfer->previous = NULL;
    transfer->next = transfers->running;
    if (transfer->next)
        transfer->next->previous = transfer;
    transfers->running = transfer;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    multi_check(curl_multi_add_handle(transfers->multi, easy));
}

void transfers_cancel(struct transfers *transfers, CURL *easy)
{
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    struct transfer *transfer = (struct transfer *)(void *)private;
    INVARIANT(transfer && transfer->easy == easy);
    transfer_end(transfers, transfer);
}
