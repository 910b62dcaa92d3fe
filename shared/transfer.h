/*
 * libcurl transfers on a libuv loop: one curl multi, its sockets on uv_poll, its time-outs on
 * uv_timer. The owner sets up the easy handle (its URL, callbacks, time-outs); this only runs it.
 * CURLOPT_PRIVATE belongs to this file.
 */
#ifndef SHARED_TRANSFER_H
#define SHARED_TRANSFER_H

#include <curl/curl.h>
#include <uv.h>

struct transfers;

/*
 * connections: kept in the cache; per_host: open at once to one host (0: no bound). The caller
 * bounds how many transfers it starts: one that waits inside curl burns its time-out.
 */
struct transfers *transfers_open(uv_loop_t *loop, long connections, long per_host);
/*
 * Cancels what is under way, without callbacks; the easy handles stay their owners'. The memory
 * goes with the next turns of the loop. Not from inside on_done.
 */
void transfers_close(struct transfers *transfers);

/*
 * The handle is the caller's again when on_done is called (never from inside transfers_start), and
 * may be started again from there.
 */
typedef void transfer_done_cb(void *arg, CURL *easy, CURLcode code);
void transfers_start(struct transfers *transfers, CURL *easy, transfer_done_cb *on_done, void *arg);
/* Takes back a handle that is under way: its on_done will not come. Not from curl's callbacks. */
void transfers_cancel(struct transfers *transfers, CURL *easy);

#endif
