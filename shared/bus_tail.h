/*
 * An ordered reader of a stream from a sequence on, without acknowledgements: its position is
 * recorded by its owner (in PostgreSQL, in the transaction that holds the messages' effects).
 *
 * An ephemeral pull consumer, created again behind the last message seen after a gap, a reconnect
 * or missed heartbeats, so every message comes exactly once and in order.
 */
#ifndef SHARED_BUS_TAIL_H
#define SHARED_BUS_TAIL_H

#include "shared/bus.h"

struct bus_tail;

typedef void bus_tail_cb(void *arg, uint64_t sequence, int64_t time_ms,
                         const struct bus_message *message);

/*
 * Messages with sequence > after. filter is a subject or NULL for all. Starts without credit. If
 * the stream's last sequence is below after (the stream was made anew), reading starts at its
 * first message, and that is logged.
 */
struct bus_tail *bus_tail_open(struct bus *bus, const char *stream, const char *filter,
                               uint64_t after, bus_tail_cb *on_message, void *arg);
/* The same for the messages that were stored at since_ms or later. */
struct bus_tail *bus_tail_open_since(struct bus *bus, const char *stream, const char *filter,
                                     int64_t since_ms, bus_tail_cb *on_message, void *arg);
void bus_tail_close(struct bus_tail *tail);
void bus_tail_grant(struct bus_tail *tail, unsigned count);

#endif
