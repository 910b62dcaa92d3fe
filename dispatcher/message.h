/*
 * The run messages that this dispatcher holds: each is acknowledged when every run of it has a
 * result that JetStream has acknowledged, and kept alive by progress signals until then.
 *
 * A run's way: details looked up (loader.h) -> ready (launch.h) -> POST under way (delivery.h) ->
 * result waiting for its PubAck (report.h) -> done. It is in one place at a time, so it has one
 * link.
 */
#ifndef DISPATCHER_MESSAGE_H
#define DISPATCHER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/bus_streams.h"
#include "shared/bus_work.h"
#include "shared/result.h"
#include "shared/run.h"

struct account_keys;
struct message;
struct job_details;

struct held_run {
    struct run run;
    struct message *message;
    struct held_run *next;       /* in the queue that it is in */
    struct job_details *details; /* retained; NULL before the look-up, and where it failed */
    struct account_keys *keys;   /* retained; there with the details */
    struct result result;        /* from the end of the POST on */
    char *body;                  /* owned: result.body, until it is encoded; NULL: none */
    bool connecting;             /* launch.c's: started, and counts as being connected */
    uint8_t looks;               /* look-ups that found no details, or old ones */
};

/* First in, first out; owns nothing. */
struct run_queue {
    struct held_run *first, *last;
    size_t count;
};

void run_queue_push(struct run_queue *queue, struct held_run *run);
void run_queue_push_front(struct run_queue *queue, struct held_run *run);
struct held_run *run_queue_pop(struct run_queue *queue); /* NULL where it is empty */

enum message_state {
    MESSAGE_CLAIMING, /* delivered before: the other dispatchers are asked whether they hold it */
    MESSAGE_ASKING,   /* nobody does: the leader is asked which of its runs are open */
    MESSAGE_RUNNING,  /* its open runs are on their way */
    MESSAGE_ABANDONED /* no longer ours: its runs are dropped, nothing is acknowledged */
};

struct message {
    struct message *next, *previous; /* all that are held */
    struct message *next_in_bucket;
    struct messages *messages;
    uint64_t sequence;  /* in RUNS */
    uint64_t delivered; /* how often, as of ack_subject */
    unsigned lane;
    enum message_state state;
    bool started; /* a POST of it has begun */
    char ack_subject[BUS_ACK_SUBJECT_SIZE];
    size_t count; /* runs */
    size_t open;  /* of these, not done */
    struct held_run runs[];
};

struct messages;

struct messages *messages_create(struct bus *bus);
/* Forgets all that are held, without a word to JetStream. */
void messages_free(struct messages *messages);

/* Holds a message that is not held yet. All its runs are open. */
struct message *messages_hold(struct messages *messages, unsigned lane, uint64_t sequence,
                              uint64_t delivered, const char *ack_subject,
                              const struct run_batch *batch);
struct message *messages_find(const struct messages *messages, uint64_t sequence);
struct message *messages_first(const struct messages *messages);

size_t messages_count(const struct messages *messages);
size_t messages_open_runs(const struct messages *messages, unsigned lane);

/* Tells JetStream that work on all of them goes on: restarts their ack waits. */
void messages_progress(const struct messages *messages);

/* JetStream delivered it once more: from now on this subject acknowledges it. */
void message_take_ack_subject(struct message *message, const char *ack_subject, uint64_t delivered);

/*
 * The run is done with: its result is in the stream, the leader has closed it, or its message is
 * abandoned. The last one acknowledges the message and frees it with all its runs.
 */
void held_run_done(struct held_run *run);
/* The result is encoded: nobody needs the beginning of the answer any more. */
void held_run_drop_body(struct held_run *run);

/*
 * Gives it back for anybody to take. Runs on their way are dropped where they are seen next, and
 * the last one frees it; a message that is only being claimed is freed at once.
 */
void message_abandon(struct message *message);
/* Another dispatcher has taken it over: as message_abandon, without a word. Only MESSAGE_RUNNING.
 */
void message_yield(struct message *message);
/* Another dispatcher holds it: forgets it. Only while MESSAGE_CLAIMING or MESSAGE_ASKING. */
void message_forget(struct message *message);

#endif
