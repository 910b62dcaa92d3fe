#include "scheduler/run_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/bus_streams.h"
#include "shared/memory.h"

#define ANCHOR_TIMEOUT_MS  2000
#define PUBLISH_TIMEOUT_MS 10000
#define ERR_LAST_SEQUENCE  10071 /* JetStream: wrong last sequence */
#define MESSAGE_ID_SIZE    48

struct run_stream {
    struct bus *bus;
    struct run_stream_options options;
    char last_id[MESSAGE_ID_SIZE]; /* of the message published last */
    uint64_t first;                /* number of the first message that is not acknowledged */
    uint64_t next;                 /* number of the next one to be published */
    struct buffer encoded;
};

static void anchor_range(struct run_stream *stream);

static void anchor_acked(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    struct run_stream *stream = arg;
    if (status == BUS_OK)
        stream->options.on_anchored(stream->options.arg, ack->sequence);
    else if (status == BUS_REFUSED && ack->err_code == ERR_LAST_SEQUENCE)
        anchor_range(stream); /* somebody wrote in between */
    else
        stream->options.on_failed(stream->options.arg, bus_status_text(status));
}

static void anchor_mark(void *arg, enum bus_status status, uint64_t first, uint64_t last)
{
    struct run_stream *stream = arg;
    (void)first;
    if (status != BUS_OK) {
        stream->options.on_failed(stream->options.arg, bus_status_text(status));
        return;
    }
    char expected[24];
    snprintf(expected, sizeof(expected), "%" PRIu64, last);
    snprintf(stream->last_id, sizeof(stream->last_id), "%" PRIu64 ":marker:%" PRIu64,
             stream->options.epoch, last);
    struct bus_header headers[] = {{"Nats-Expected-Last-Sequence", expected},
                                   {"Nats-Msg-Id", stream->last_id}};
    struct run_batch marker = {.epoch = stream->options.epoch};
    buffer_clear(&stream->encoded);
    run_batch_encode(&marker, &stream->encoded);
    if (bus_publish_acked(stream->bus, SUBJECT_RUN_MARKER, headers, ARRAY_LENGTH(headers),
                          stream->encoded.data, stream->encoded.length, ANCHOR_TIMEOUT_MS,
                          anchor_acked, stream) != BUS_OK)
        stream->options.on_failed(stream->options.arg, "the queue to NATS is full");
}

static void anchor_range(struct run_stream *stream)
{
    if (bus_stream_range(stream->bus, STREAM_RUNS, ANCHOR_TIMEOUT_MS, anchor_mark, stream) !=
        BUS_OK)
        stream->options.on_failed(stream->options.arg, "the queue to NATS is full");
}

struct run_stream *run_stream_open(struct bus *bus, const struct run_stream_options *options)
{
    struct run_stream *stream = memory_new(1, sizeof(*stream));
    stream->bus = bus;
    stream->options = *options;
    anchor_range(stream);
    return stream;
}

void run_stream_close(struct run_stream *stream)
{
    bus_forget(stream->bus, stream);
    buffer_free(&stream->encoded);
    free(stream);
}

static void publish_acked(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    struct run_stream *stream = arg;
    if (status == BUS_OK && !ack->duplicate)
        stream->options.on_acknowledged(stream->options.arg, stream->first++, ack->sequence);
    else
        stream->options.on_failed(stream->options.arg, status == BUS_REFUSED
                                                           ? ack->description
                                                           : bus_status_text(status));
}

void run_stream_publish(struct run_stream *stream, uint64_t number, unsigned lane,
                        const struct run_batch *batch)
{
    if (stream->next == 0)
        stream->first = stream->next = number;
    INVARIANT(number == stream->next);
    stream->next++;
    char subject[32], id[MESSAGE_ID_SIZE];
    snprintf(subject, sizeof(subject), SUBJECT_RUN_FORMAT, lane);
    snprintf(id, sizeof(id), "%" PRIu64 ":%" PRIu64, stream->options.epoch, number);
    struct bus_header headers[] = {{"Nats-Msg-Id", id},
                                   {"Nats-Expected-Last-Msg-Id", stream->last_id}};
    buffer_clear(&stream->encoded);
    run_batch_encode(batch, &stream->encoded);
    if (bus_publish_acked(stream->bus, subject, headers, ARRAY_LENGTH(headers),
                          stream->encoded.data, stream->encoded.length, PUBLISH_TIMEOUT_MS,
                          publish_acked, stream) != BUS_OK)
        stream->options.on_failed(stream->options.arg, "the queue to NATS is full");
    snprintf(stream->last_id, sizeof(stream->last_id), "%s", id);
}
