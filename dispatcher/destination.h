/*
 * Where a delivery may go, and how often: curl's callbacks around its connection.
 *
 * The guard is asked where the socket opens, behind DNS, for each address that libcurl tries, and
 * once more for the connection that is used in the end, so that a kept connection is judged too.
 *
 * A request leaves once. libcurl sends it again by itself, on a new connection, when a kept
 * connection broke before any byte of an answer came; but the server may have worked on it by then.
 * Whether to try again is the leader's to decide, so a second sending is refused here, except where
 * nothing of the first had been written.
 */
#ifndef DISPATCHER_DESTINATION_H
#define DISPATCHER_DESTINATION_H

#include <stdbool.h>

#include <curl/curl.h>

#include "shared/guard.h"

struct destination {
    CURL *easy;
    const struct guard *guard;
    void (*on_connected)(void *arg); /* once, when the request is about to be sent; may be NULL */
    void *arg;
    unsigned allowed, blocked; /* addresses */
    bool connected;            /* the request was about to be sent */
    bool sent_once;            /* refused to send it again */
    long sent_bytes;           /* CURLINFO_REQUEST_SIZE when it was about to be sent */
};

/* Sets the callbacks on the handle, for good. The destination must stay where it is. */
void destination_attach(struct destination *destination, CURL *easy, const struct guard *guard);

/* Before each delivery. on_connected must only record: it is called from inside libcurl. */
void destination_begin(struct destination *destination, void (*on_connected)(void *arg), void *arg);

/* The guard is why there was no connection. */
bool destination_blocked(const struct destination *destination);

#endif
