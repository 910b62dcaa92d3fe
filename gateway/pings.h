/*
 * Pings on their way into the stream PINGS. All that come while a message is on its way share the
 * next one, and each is answered once its message is acknowledged: 200, never before.
 *
 * A message has an identity, under which it is published again, after a lost connection or a
 * silence, until it is acknowledged or its time is over. JetStream knows the identity, so that it
 * is stored once, also over a restart of the server.
 */
#ifndef GATEWAY_PINGS_H
#define GATEWAY_PINGS_H

#include <stddef.h>
#include <uv.h>

#include "shared/bus.h"
#include "shared/ping.h"

#define PINGS_STORE_MS  4000     /* for a message to be stored; then its pings get 503 */
#define PINGS_WAITING   65536    /* pings that may wait; more get 503 */
#define PINGS_BYTES_MAX 33554432 /* the same for the bytes of their messages */

struct pings;
struct request;

/* Lives as long as the process. */
struct pings *pings_open(uv_loop_t *loop, struct bus *bus);

/* Sees to it that the request is answered: with 200 "OK" once the ping is stored, or with 503. */
void pings_store(struct pings *pings, struct request *request, const struct ping *ping);

/* The bus is back: what is not acknowledged is published again. */
void pings_reconnected(struct pings *pings);

#endif
