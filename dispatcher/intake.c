#include "dispatcher/intake.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/bus_streams.h"
#include "shared/bus_work.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/log.h"
#include "shared/memory.h"

#define ABANDONED_DELAY_MS 1000
#define CLOCK_SKEW_MS      2000 /* between this machine and that of NATS */

struct lane {
    struct intake *intake;
    struct bus_work *work;
    unsigned number;
    size_t granted; /* messages that may still come */
};

struct intake {
    struct intake_options options;
    size_t lane_limit; /* runs */
    bool stopped;
    int64_t connected_ms; /* wall clock: since when the connection is up */
    struct lane lanes[LANES];
    struct run_batch batch; /* scratch */
};

/*
 * Whether somebody may have had the message before. The count of deliveries does not tell all: a
 * server that was killed forgets the newest ones, and acknowledgements with them. So what was
 * stored before this connection was made is suspect too.
 */
static bool delivered_before(const struct intake *intake, const struct bus_delivery *delivery)
{
    return delivery->delivered > 1 || delivery->time_ms < intake->connected_ms + CLOCK_SKEW_MS;
}

static void on_message(void *arg, const struct bus_message *message,
                       const struct bus_delivery *delivery)
{
    struct lane *lane = arg;
    struct intake *intake = lane->intake;
    struct bus *bus = intake->options.bus;
    if (lane->granted > 0)
        lane->granted--;

    struct message *held = messages_find(intake->options.messages, delivery->stream_sequence);
    if (held && held->state != MESSAGE_ABANDONED) {
        message_take_ack_subject(held, message->reply, delivery->delivered);
        bus_work_progress(bus, message->reply);
        return;
    }
    if (intake->stopped || held) {
        /* One that is not quite gone from here would come straight back. */
        bus_work_nak(bus, message->reply, held ? ABANDONED_DELAY_MS : 0);
        return;
    }
    if (run_batch_decode(message->data, message->length, &intake->batch) != 0) {
        LOG_ERROR("a message of runs cannot be read, and is dropped",
                  LOG_I64("sequence", delivery->stream_sequence),
                  LOG_I64("length", message->length));
        bus_work_term(bus, message->reply);
        return;
    }
    if (intake->batch.count == 0) {
        bus_work_ack(bus, message->reply);
        return;
    }
    held = messages_hold(intake->options.messages, lane->number, delivery->stream_sequence,
                         delivery->delivered, message->reply, &intake->batch);
    intake->options.on_message(intake->options.arg, held, delivered_before(intake, delivery));
}

struct intake *intake_open(const struct intake_options *options)
{
    struct intake *intake = memory_new(1, sizeof(*intake));
    intake->options = *options;
    intake_connected(intake);
    intake->lane_limit = options->concurrency / 2 + 2 * RUN_BATCH_MAX;
    for (unsigned i = 0; i < LANES; i++) {
        struct lane *lane = &intake->lanes[i];
        lane->intake = intake;
        lane->number = i;
        char durable[32];
        snprintf(durable, sizeof(durable), DURABLE_DISPATCHER_FORMAT, i);
        lane->work = bus_work_open(options->bus, STREAM_RUNS, durable, on_message, lane);
    }
    return intake;
}

void intake_close(struct intake *intake)
{
    for (unsigned i = 0; i < LANES; i++)
        bus_work_close(intake->lanes[i].work);
    free(intake);
}

void intake_connected(struct intake *intake)
{
    intake->connected_ms = clock_now_ms();
}

void intake_stop(struct intake *intake)
{
    intake->stopped = true;
}

void intake_turn(struct intake *intake)
{
    if (intake->stopped)
        return;
    for (unsigned i = 0; i < LANES; i++) {
        struct lane *lane = &intake->lanes[i];
        size_t taken =
            messages_open_runs(intake->options.messages, i) + lane->granted * (size_t)RUN_BATCH_MAX;
        if (taken + RUN_BATCH_MAX > intake->lane_limit)
            continue;
        size_t count = (intake->lane_limit - taken) / RUN_BATCH_MAX;
        lane->granted += count;
        bus_work_grant(lane->work, (unsigned)count);
    }
}
