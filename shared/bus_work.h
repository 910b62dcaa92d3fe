/*
 * A share in a JetStream work queue: many processes pull from one durable consumer, each as much
 * as it has room for, and acknowledge what they have finished.
 *
 * The pull is ours (a request to $JS.API.CONSUMER.MSG.NEXT, answers on an inbox), for cnats' own
 * fetch overflows the heap in 3.4.1. Credit is what the process grants; requests expire and are
 * made again, also after a reconnect or missed heartbeats.
 */
#ifndef SHARED_BUS_WORK_H
#define SHARED_BUS_WORK_H

#include "shared/bus.h"

#define BUS_ACK_SUBJECT_SIZE 256

/* What the acknowledgement subject of a message says. */
struct bus_delivery {
    uint64_t stream_sequence;
    uint64_t delivered; /* 1 for the first delivery */
    int64_t time_ms;    /* when the stream stored it */
};

struct bus_work;

typedef void bus_work_cb(void *arg, const struct bus_message *message,
                         const struct bus_delivery *delivery);

/* The durable consumer must exist (bus_streams.h). Starts without credit. */
struct bus_work *bus_work_open(struct bus *bus, const char *stream, const char *durable,
                               bus_work_cb *on_message, void *arg);
/* No callback comes after it. Unfinished messages are delivered to others after the ack wait. */
void bus_work_close(struct bus_work *work);

/* Up to count further messages may come. Credit not yet used stays. */
void bus_work_grant(struct bus_work *work, unsigned count);

/* message->reply of a delivery is the ack subject; keep a copy until it is acknowledged. */
void bus_work_ack(struct bus *bus, const char *ack_subject);
/* As bus_work_ack, with a confirmation by the server: for effects that must not happen twice. */
enum bus_status bus_work_ack_sync(struct bus *bus, const char *ack_subject, int64_t timeout_ms,
                                  bus_answer_cb *on_answer, void *arg) MUST_CHECK;
/* Deliver it again, to anybody, after delay_ms (seconds, not more: it counts as pending). */
void bus_work_nak(struct bus *bus, const char *ack_subject, int64_t delay_ms);
/* Work goes on: restarts the ack wait. */
void bus_work_progress(struct bus *bus, const char *ack_subject);
/* Never deliver it again (a message that cannot be decoded). */
void bus_work_term(struct bus *bus, const char *ack_subject);

/* Parses $JS.ACK....; returns 0, or -1 where it is none. */
int bus_delivery_parse(const char *ack_subject, struct bus_delivery *delivery) MUST_CHECK;

#endif
