/*
 * The leader's pen on RUNS, which only one leader can hold at a time.
 *
 * It anchors with a marker under Nats-Expected-Last-Sequence, and chains every further message to
 * the one before by Nats-Expected-Last-Msg-Id. As soon as a new leader has anchored, all that an
 * old one still publishes is refused. (Expected sequence numbers would be no fence for a pipelined
 * writer: after one refusal the numbers fit again.) Any refusal or lost acknowledgement ends it.
 */
#ifndef SCHEDULER_RUN_STREAM_H
#define SCHEDULER_RUN_STREAM_H

#include <stdint.h>

#include "shared/bus.h"
#include "shared/run.h"

struct run_stream;

struct run_stream_options {
    uint64_t epoch;
    void (*on_anchored)(void *arg, uint64_t sequence); /* of the marker */
    /* In the order of publication. */
    void (*on_acknowledged)(void *arg, uint64_t number, uint64_t sequence);
    /* May come from inside run_stream_publish, and more than once. */
    void (*on_failed)(void *arg, const char *reason);
    void *arg;
};

/* Starts anchoring at once. */
struct run_stream *run_stream_open(struct bus *bus, const struct run_stream_options *options);
/* No callback comes after it. */
void run_stream_close(struct run_stream *stream);

/* Numbers are consecutive; after on_anchored only. */
void run_stream_publish(struct run_stream *stream, uint64_t number, unsigned lane,
                        const struct run_batch *batch);

#endif
