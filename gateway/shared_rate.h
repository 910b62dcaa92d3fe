/*
 * The rate of an account on /api/v1, the same over all gateways: so many requests a clock minute.
 *
 * A gateway announces the requests of a turn of its loop in one message of the stream RATES, and
 * decides about them when it reads that message back. All gateways read the same messages in the
 * same order, so they count the same, to the request; also one that has just started. Without NATS,
 * or where a message is not read back in time, a gateway counts by itself for as long as that
 * lasts.
 */
#ifndef GATEWAY_SHARED_RATE_H
#define GATEWAY_SHARED_RATE_H

#include <stdint.h>
#include <uv.h>

#include "shared/bus.h"

#define SHARED_RATE_WAIT_MS  250   /* for an announcement to come back */
#define SHARED_RATE_BATCHES  1024  /* announcements under way; more requests are counted alone */
#define SHARED_RATE_ACCOUNTS 65536 /* that are counted */

struct shared_rate;
struct request;

struct shared_rate *shared_rate_open(uv_loop_t *loop, struct bus *bus, int64_t per_minute);
/* Reads no more; before the bus is closed. No request may wait. The memory stays. */
void shared_rate_close(struct shared_rate *rate);

/*
 * Counts a request of request->account and sets request->rate_left; then calls request->resume, or
 * answers 429.
 */
void shared_rate_take(struct shared_rate *rate, struct request *request);

#endif
