/*
 * NATS for a process with a libuv loop.
 *
 * cnats may block its caller (a full socket, a reconnect), so one thread of our own calls it,
 * behind a bounded queue; what comes in is collected in a second bounded queue and handed to the
 * loop, a batch a turn, through uv_async. Everything below is called, and calls back, on the loop's
 * thread.
 *
 * Reconnects for ever. Nothing is kept for the next connection: when one breaks, what was queued is
 * dropped and every request under way ends with BUS_DISCONNECTED; while there is none, publishes
 * are refused and requests end in the same way after a moment. A request is sent again only by its
 * caller, who knows whether that is safe; it is never sent after its callback has come.
 */
#ifndef SHARED_BUS_H
#define SHARED_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "shared/compiler.h"

enum bus_status {
    BUS_OK,
    BUS_FULL,          /* the outgoing queue is full: nothing was sent */
    BUS_TIMEOUT,       /* no answer before the deadline: it may or may not have arrived */
    BUS_DISCONNECTED,  /* of a publish: not sent; of a request: outcome unknown */
    BUS_NO_RESPONDERS, /* nobody listens on that subject (status 503) */
    BUS_REFUSED        /* JetStream answered with an error: err_code and description tell */
};

const char *bus_status_text(enum bus_status status);

/* Bytes borrowed for the duration of the call. */
struct bus_header {
    const char *name;
    const char *value;
};

/* A message that came in; borrowed for the duration of the callback. */
struct bus_message {
    const char *subject;
    const char *reply; /* NULL where there is none */
    const char *data;  /* not NUL-terminated */
    size_t length;
    const void *native; /* for bus_message_header */
};

/* A header's value, borrowed with the message, or NULL. */
const char *bus_message_header(const struct bus_message *message, const char *name);

struct bus;

struct bus_options {
    const char *url;
    const char *name;   /* shown by the server */
    size_t queue_limit; /* messages waiting to go out; 0: 65536 */
    /*
     * Whether each message is written at once: for few messages with somebody waiting for each.
     * Otherwise those that come together share a write, and the next ones wait until the server
     * has read them; so less of what nobody waits for any more reaches a server that was stuck.
     */
    bool prompt;
    /* Called at every change; at the first connection too. May be NULL. */
    void (*on_state)(void *arg, bool connected);
    void *arg;
};

/*
 * Starts connecting and returns at once. The connection is retried for ever; a refused
 * authentication is logged and retried too.
 */
struct bus *bus_open(uv_loop_t *loop, const struct bus_options *options);
/*
 * Sends what is queued (2 s at most, a few more where the server is stuck), closes, frees, also
 * subscriptions; no callback comes after it.
 * Work queues and tails must have been closed before. The loop must run once more to release the
 * handles.
 */
void bus_close(struct bus *bus);
bool bus_connected(const struct bus *bus);
/* Messages queued to go out. */
size_t bus_queued(const struct bus *bus);

/*
 * Fire and forget (core NATS). The bytes are copied. reply may be NULL. BUS_OK, BUS_FULL,
 * BUS_DISCONNECTED, or BUS_NO_RESPONDERS where subject or reply is not a subject.
 */
enum bus_status bus_publish(struct bus *bus, const char *subject, const char *reply,
                            const void *data, size_t length) MUST_CHECK;

/* message is NULL unless status is BUS_OK. */
typedef void bus_answer_cb(void *arg, enum bus_status status, const struct bus_message *message);

/*
 * A request with one answer, on an inbox of the connection's own. Exactly one call of on_answer,
 * never from inside bus_request. Returns BUS_OK or BUS_FULL (then on_answer is not called).
 * headers may be NULL.
 */
enum bus_status bus_request(struct bus *bus, const char *subject, const struct bus_header *headers,
                            size_t header_count, const void *data, size_t length,
                            int64_t timeout_ms, bus_answer_cb *on_answer, void *arg) MUST_CHECK;

/* What JetStream said to a publish. */
struct bus_ack {
    uint64_t sequence;
    bool duplicate;
    int err_code; /* 0, or JetStream's code: 10070 wrong last msg id, 10071 wrong last sequence */
    const char *description; /* of err_code, borrowed; "" */
};

typedef void bus_ack_cb(void *arg, enum bus_status status, const struct bus_ack *ack);

/* bus_request to a stream's subject, with the PubAck decoded. ack is never NULL. */
enum bus_status bus_publish_acked(struct bus *bus, const char *subject,
                                  const struct bus_header *headers, size_t header_count,
                                  const void *data, size_t length, int64_t timeout_ms,
                                  bus_ack_cb *on_ack, void *arg) MUST_CHECK;

/*
 * Forgets every request whose arg is arg: its callback will not come. For objects that end while
 * requests of theirs are under way.
 */
void bus_forget(struct bus *bus, void *arg);

typedef void bus_message_cb(void *arg, const struct bus_message *message);

/* A core subscription; made again by cnats after a reconnect. queue group may be NULL. */
struct bus_subscription;
struct bus_subscription *bus_subscribe(struct bus *bus, const char *subject, const char *group,
                                       bus_message_cb *on_message, void *arg);
/* No callback comes after it. */
void bus_unsubscribe(struct bus_subscription *subscription);

/* A fresh, unguessable inbox subject under the connection's name space; returns text. */
#define BUS_INBOX_SIZE 64
char *bus_new_inbox(struct bus *bus, char text[static BUS_INBOX_SIZE]);

#endif
