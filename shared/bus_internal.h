/*
 * What the files of the bus share among themselves; nobody else includes this.
 *
 *   bus.c          the loop's side: state, subscriptions, what came in is handed on
 *   bus_link.c     the thread that calls cnats: connect, send, subscribe, close
 *   bus_events.c   the queue of events from the link to the loop
 *   bus_inbox.c    answers and deliveries are told apart
 *   bus_request.c  which answer belongs to which request
 *   bus_pull.c     credit and pull requests on a JetStream consumer
 *
 * Between the two threads there are two queues. Commands go to the link, events come from it. A
 * connection is used until it breaks and then replaced by a new one with the next epoch (cnats' own
 * reconnection is off: it would send what was waiting in its buffers after we have told the callers
 * that it was lost, and it gives up for ever on some errors). A command carries the epoch of the
 * connection that it was meant for, and is dropped where that is gone.
 */
#ifndef SHARED_BUS_INTERNAL_H
#define SHARED_BUS_INTERNAL_H

#include <nats/nats.h>

#include "shared/bus.h"
#include "shared/bus_work.h"

/* Requests that may wait for an answer at once. */
#define BUS_PENDING_MAX 262144
/* Messages of core subscriptions that may wait for the loop; more are dropped, and logged. */
#define BUS_CORE_EVENTS_MAX 131072

/* --- bus_link.c --- */

/* Of the subscription that every inbox of ours shares; it lives as long as its connection. */
#define BUS_INBOX_SUBSCRIPTION 0

enum bus_command_kind { BUS_COMMAND_PUBLISH, BUS_COMMAND_SUBSCRIBE, BUS_COMMAND_UNSUBSCRIBE };

struct bus_command {
    struct bus_command *next;
    enum bus_command_kind kind;
    uint64_t epoch;      /* PUBLISH: of the connection it is meant for */
    uint64_t id;         /* PUBLISH: the request's, or 0; else the subscription's */
    int64_t deadline_ms; /* PUBLISH: not sent after it (bus_now_ms); 0: none */
    const char *subject;
    const char *reply; /* PUBLISH: or NULL; SUBSCRIBE: the queue group or NULL */
    const char *data;
    size_t length;
    size_t header_count;
    struct bus_header *headers;
};

enum bus_event_kind {
    BUS_EVENT_CONNECTED,    /* id is the epoch */
    BUS_EVENT_DISCONNECTED, /* everything that came in before has been handed over */
    BUS_EVENT_MESSAGE,      /* id is the subscription's; the message is the receiver's */
    BUS_EVENT_UNSENT        /* id is the request's: cnats refused the message (too large) */
};

struct bus_event {
    enum bus_event_kind kind;
    uint64_t id;
    natsMsg *message;
};

/* The queue of events; the loop takes, the link and cnats' threads put. */
struct bus_events {
    uv_async_t *wake; /* sent when the queue was empty */
    uv_mutex_t mutex;
    /* under the mutex */
    struct bus_event *array;
    size_t count;
    size_t capacity;
    size_t core_count;
    uint64_t core_dropped;
};

void bus_events_init(struct bus_events *events, uv_async_t *wake);
void bus_events_put(struct bus_events *events, struct bus_event event);
/* Swaps the array of waiting events with an empty one of the caller's; returns their number. */
size_t bus_events_take(struct bus_events *events, struct bus_event **array, size_t *capacity);
void bus_events_free(struct bus_events *events);

struct bus_link;

/* Events come to the queue, which must outlive the link. */
struct bus_link *bus_link_start(const char *url, const char *name, bool prompt,
                                const char *inbox_subject, struct bus_events *events);
/* Copies what it is given. reply may be NULL. */
struct bus_command *bus_command_new(enum bus_command_kind kind, const char *subject,
                                    const char *reply, const struct bus_header *headers,
                                    size_t header_count, const void *data, size_t length);
/* Hands over a list of commands; publishes of them count in bus_link_queued until sent. */
void bus_link_send(struct bus_link *link, struct bus_command *first, struct bus_command *last,
                   size_t publishes);
size_t bus_link_queued(const struct bus_link *link);
/* Sends what is queued (2 s at most), closes, frees. */
void bus_link_stop(struct bus_link *link);

/* The clock of deadlines. */
int64_t bus_now_ms(void);

/* --- bus_request.c --- */

struct bus_requests;

struct bus_requests *bus_requests_create(uv_loop_t *loop);
/* No callback comes after it; the memory goes when the timer's handle is closed. */
void bus_requests_close(struct bus_requests *requests);
/* Any of the callback types, until its decoder casts it back. */
typedef void bus_callback(void);
/* Makes of an answer what the callback wants to hear. message is NULL unless status is BUS_OK. */
typedef void bus_decoder(bus_callback *callback, void *arg, enum bus_status status,
                         const struct bus_message *message);

/*
 * Returns the request's id (never 0), or 0 where BUS_PENDING_MAX are waiting. status is what the
 * decoder gets at the deadline.
 */
uint64_t bus_requests_add(struct bus_requests *requests, int64_t timeout_ms, enum bus_status status,
                          bus_decoder *decoder, bus_callback *callback, void *arg);
/* Ends the request, if it is still waiting. message is NULL unless status is BUS_OK. */
void bus_requests_end(struct bus_requests *requests, uint64_t id, enum bus_status status,
                      const struct bus_message *message);
/* Ends those that were sent: their connection broke. */
void bus_requests_disconnect(struct bus_requests *requests);
void bus_requests_forget(struct bus_requests *requests, const void *arg);

/* --- bus_inbox.c --- */

#define BUS_INBOX_PREFIX_SIZE 48
#define BUS_INBOX_BUCKETS     64

struct bus_inbox_entry {
    uint64_t route;
    struct bus_subscription *subscription;
    struct bus_inbox_entry *next;
};

struct bus_inbox {
    char prefix[BUS_INBOX_PREFIX_SIZE]; /* with the dot */
    size_t prefix_length;
    struct bus_requests *requests;
    struct bus_inbox_entry *buckets[BUS_INBOX_BUCKETS];
    struct bus_pull_route *pulls;
};

void bus_inbox_init(struct bus_inbox *inbox, struct bus_requests *requests);
/* The subject that brings them all. */
void bus_inbox_wildcard(const struct bus_inbox *inbox, char text[static BUS_INBOX_SIZE]);
void bus_inbox_of_request(const struct bus_inbox *inbox, uint64_t id,
                          char text[static BUS_INBOX_SIZE]);
void bus_inbox_new(const struct bus_inbox *inbox, char text[static BUS_INBOX_SIZE]);
/* The route of a subject by bus_inbox_new, also with more tokens behind it; or -1. */
int bus_inbox_parse(const struct bus_inbox *inbox, const char *subject, uint64_t *route) MUST_CHECK;
void bus_inbox_add(struct bus_inbox *inbox, struct bus_inbox_entry *entry);
void bus_inbox_remove(struct bus_inbox *inbox, struct bus_inbox_entry *entry);
/* Calls whoever the message is for. nobody: the server's word that nobody listens. */
void bus_inbox_message(struct bus_inbox *inbox, const struct bus_message *message, bool nobody);

/* --- bus.c --- */

struct bus_subscription {
    struct bus *bus;
    bus_message_cb *on_message;
    void *arg;
    uint64_t id; /* of a core subscription, or 0: it is an inbox */
    struct bus_inbox_entry inbox;
};

/* An object on top of the bus that wants to know of its state. */
struct bus_watcher {
    void (*on_state)(void *arg, bool connected);
    void (*on_close)(void *arg); /* bus_close; NULL: the object must have ended before */
    void *arg;
    struct bus_watcher *next;
    struct bus_watcher *previous;
};

void bus_watch(struct bus *bus, struct bus_watcher *watcher);
void bus_unwatch(struct bus *bus, struct bus_watcher *watcher);
uv_loop_t *bus_loop(const struct bus *bus);

/* bus_request with a decoder; its callback and arg are passed through, bus_forget finds the arg. */
enum bus_status bus_request_decoded(struct bus *bus, const char *subject,
                                    const struct bus_header *headers, size_t header_count,
                                    const void *data, size_t length, int64_t timeout_ms,
                                    bus_decoder *decoder, bus_callback *callback,
                                    void *arg) MUST_CHECK;

/* A status message of the server (no data, header Status) or 0: 100, 404, 408, 409, 503. */
int bus_message_status(const struct bus_message *message);

/* --- bus_pull.c --- */

/*
 * Pull requests on one consumer for as many messages as were granted. Credit is either granted and
 * not asked for, or part of the request under way, or used by a message: never two of them, never
 * none.
 */
struct bus_pull;

struct bus_pull_delivery {
    struct bus_delivery delivery;
    uint64_t consumer_sequence; /* counts the consumer's deliveries, from 1 */
    /* Not NUL-terminated, in the acknowledgement subject. */
    const char *stream;
    size_t stream_length;
    const char *consumer;
    size_t consumer_length;
};

/* Parses $JS.ACK....; returns 0, or -1 where it is none. */
int bus_pull_delivery_parse(const char *ack_subject, struct bus_pull_delivery *delivery) MUST_CHECK;

typedef void bus_pull_cb(void *arg, const struct bus_message *message,
                         const struct bus_pull_delivery *delivery);

/*
 * JetStream delivers to the inbox that asked, but under the subject that the message was published
 * to; only the acknowledgement subject says whose it is: the consumer's. So a connection has one
 * pull a consumer.
 */
struct bus_pull_route {
    const char *stream;
    const char *consumer; /* "": none at present */
    bus_pull_cb *on_delivery;
    void *arg;
    struct bus_pull_route *next;
};

void bus_add_route(struct bus *bus, struct bus_pull_route *route);
void bus_remove_route(struct bus *bus, struct bus_pull_route *route);

struct bus_pull_options {
    const char *stream;
    /* A delivery that the request under way has room for. */
    bus_pull_cb *on_message;
    /* One more than that: for a request that was given up meanwhile. May be NULL. */
    bus_pull_cb *on_stray;
    /*
     * The consumer is gone or does not answer: what was under way was given up, the consumer is
     * unset. May be NULL: then the same consumer is asked again after a pause.
     */
    void (*on_lost)(void *arg, const char *reason);
    void *arg;
};

struct bus_pull *bus_pull_open(struct bus *bus, const struct bus_pull_options *options);
/* No callback comes after it. */
void bus_pull_close(struct bus_pull *pull);
void bus_pull_grant(struct bus_pull *pull, unsigned count);
/* Starts asking this consumer; NULL: gives up what is under way and stops asking. */
void bus_pull_set_consumer(struct bus_pull *pull, const char *consumer);

#endif
