#include "scheduler/tail_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/sql_load.h"
#include "shared/bus_streams.h"
#include "shared/bus_tail.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"

#define MESSAGES_MAX 64 /* whose runs are looked up in one query */
#define TIMEOUT_MS   10000

struct tail_load {
    struct tail_load_options options;
    struct bus_tail *tail;
    size_t count;
    uint64_t sequences[MESSAGES_MAX];
    struct run_batch batches[MESSAGES_MAX];
    struct run runs[MESSAGES_MAX * RUN_BATCH_MAX]; /* of all of them, in order */
    bool final[MESSAGES_MAX * RUN_BATCH_MAX];
    size_t run_count;
};

static void looked_up(void *arg, const struct db_outcome *outcome)
{
    struct tail_load *load = arg;
    if (outcome->status != DB_OK) {
        char reason[256];
        snprintf(reason, sizeof(reason), "reading the tail of RUNS: %s %s", outcome->sqlstate,
                 outcome->message);
        load->options.on_failed(load->options.arg, reason);
        return;
    }
    memset(load->final, 0, sizeof(load->final));
    const struct db_rows *rows = &outcome->statements[0];
    for (int row = 0; row < rows->count; row++) {
        int64_t place = db_i64(rows, row, 0);
        INVARIANT(place >= 1 && (size_t)place <= load->run_count);
        load->final[place - 1] = true;
    }
    const bool *final = load->final;
    for (size_t i = 0; i < load->count; i++) {
        core_load_message(load->options.core, load->sequences[i], &load->batches[i], final,
                          clock_now_ms());
        final += load->batches[i].count;
    }
    bool done = load->sequences[load->count - 1] >= load->options.marker;
    unsigned count = (unsigned)load->count;
    load->count = load->run_count = 0;
    if (done) {
        bus_tail_close(load->tail);
        load->tail = NULL;
        load->options.on_done(load->options.arg);
    } else {
        bus_tail_grant(load->tail, count);
    }
}

static void on_message(void *arg, uint64_t sequence, int64_t time_ms,
                       const struct bus_message *message)
{
    struct tail_load *load = arg;
    (void)time_ms;
    if (sequence > load->options.marker)
        return; /* nobody else can write behind it; what is refused is not stored */
    INVARIANT(load->count < MESSAGES_MAX); /* the credit */
    struct run_batch *batch = &load->batches[load->count];
    if (run_batch_decode(message->data, message->length, batch) != 0) {
        LOG_ERROR("message in RUNS cannot be read", LOG_I64("sequence", sequence));
        *batch = (struct run_batch){0};
    }
    load->sequences[load->count++] = sequence;
    memcpy(load->runs + load->run_count, batch->runs, batch->count * sizeof(struct run));
    load->run_count += batch->count;
    if (load->count < MESSAGES_MAX && sequence < load->options.marker)
        return;
    struct db_unit *unit = db_unit_new();
    sql_read_final(unit, load->runs, load->run_count);
    if (db_run(load->options.db, unit, TIMEOUT_MS, looked_up, load) != DB_OK)
        load->options.on_failed(load->options.arg, "the queue to PostgreSQL is full");
}

struct tail_load *tail_load_start(const struct tail_load_options *options)
{
    struct tail_load *load = memory_new(1, sizeof(*load));
    load->options = *options;
    if (options->core->log.runs_seq >= options->marker) {
        /* Nobody else writes RUNS, so NATS has lost its data, or was given other data. */
        LOG_ERROR("RUNS was made anew: all streams are read from their first message",
                  LOG_I64("runs_seq", options->core->log.runs_seq),
                  LOG_I64("marker", options->marker));
        core_load_anew(options->core);
    }
    load->tail = bus_tail_open(options->bus, STREAM_RUNS, NULL, options->core->log.runs_seq,
                               on_message, load);
    bus_tail_grant(load->tail, MESSAGES_MAX);
    return load;
}

void tail_load_free(struct tail_load *load)
{
    if (load->tail)
        bus_tail_close(load->tail);
    free(load);
}
