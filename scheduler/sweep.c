#include "scheduler/sweep.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "shared/bus_streams.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"

#define API_TIMEOUT_MS 5000
/* Longer than any webhook takes: what dispatchers hold of a stream that is gone is reported. */
#define ROUND_MS     75000
#define SUBJECT_SIZE 64

enum sweep_state {
    SWEEP_IDLE,    /* until next_ms */
    SWEEP_LANES,   /* is the consumer of lane done with all to runs_mark? */
    SWEEP_RESULTS, /* what is the newest message of RESULTS? */
    SWEEP_APPLYING /* until all to results_mark are applied */
};

struct sweep {
    struct bus *bus;
    struct core *core;
    enum sweep_state state;
    bool asking;
    int64_t next_ms; /* monotonic */
    unsigned lane;
    uint64_t before; /* number in the run log: runs of earlier messages are looked at */
    uint64_t runs_mark, results_mark;
};

static void ask(struct sweep *sweep);

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(number) ? number->valuedouble : -1;
}

static bool is_zero(double number)
{
    return number > -0.5 && number < 0.5;
}

static bool consumer_done(const cJSON *info, uint64_t mark)
{
    const cJSON *floor = cJSON_GetObjectItemCaseSensitive(info, "ack_floor");
    bool idle =
        is_zero(number_of(info, "num_pending")) && is_zero(number_of(info, "num_ack_pending"));
    return idle || number_of(floor, "stream_seq") >= (double)mark;
}

static void on_consumer(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct sweep *sweep = arg;
    cJSON *info = message ? cJSON_ParseWithLength(message->data, message->length) : NULL;
    bool done = status == BUS_OK && consumer_done(info, sweep->runs_mark);
    cJSON_Delete(info);
    sweep->asking = false;
    if (!done)
        return; /* asked again at the next look */
    if (++sweep->lane == LANES)
        sweep->state = SWEEP_RESULTS;
    ask(sweep);
}

static void on_results(void *arg, enum bus_status status, uint64_t first, uint64_t last)
{
    struct sweep *sweep = arg;
    sweep->asking = false;
    if (status != BUS_OK)
        return;
    sweep->results_mark = first <= last ? last : 0; /* 0: it is empty */
    sweep->state = SWEEP_APPLYING;
}

static void ask(struct sweep *sweep)
{
    if (sweep->state == SWEEP_RESULTS) {
        sweep->asking = bus_stream_range(sweep->bus, STREAM_RESULTS, API_TIMEOUT_MS, on_results,
                                         sweep) == BUS_OK;
        return;
    }
    char durable[SUBJECT_SIZE / 2];
    char subject[2 * SUBJECT_SIZE];
    snprintf(durable, sizeof(durable), DURABLE_DISPATCHER_FORMAT, sweep->lane);
    snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.INFO.%s.%s", STREAM_RUNS, durable);
    sweep->asking = bus_request(sweep->bus, subject, NULL, 0, NULL, 0, API_TIMEOUT_MS, on_consumer,
                                sweep) == BUS_OK;
}

struct sweep *sweep_open(struct bus *bus, struct core *core)
{
    struct sweep *sweep = memory_new(1, sizeof(*sweep));
    sweep->bus = bus;
    sweep->core = core;
    sweep->next_ms = clock_monotonic_ms() + ROUND_MS;
    return sweep;
}

void sweep_close(struct sweep *sweep)
{
    bus_forget(sweep->bus, sweep);
    free(sweep);
}

uint32_t sweep_look(struct sweep *sweep, uint64_t runs_seq, uint64_t results_seq)
{
    struct core *core = sweep->core;
    int64_t now_ms = clock_monotonic_ms();
    if (sweep->asking)
        return 0;
    switch (sweep->state) {
    case SWEEP_IDLE:
        if (now_ms < sweep->next_ms || !core->open.count || run_log_waiting(&core->log))
            return 0;
        sweep->before = run_log_next(&core->log);
        sweep->runs_mark = runs_seq;
        sweep->lane = 0;
        sweep->state = SWEEP_LANES;
        ask(sweep);
        return 0;
    case SWEEP_LANES:
    case SWEEP_RESULTS: ask(sweep); return 0;
    case SWEEP_APPLYING: break;
    }
    if (results_seq < sweep->results_mark)
        return 0;
    sweep->state = SWEEP_IDLE;
    sweep->next_ms = now_ms + ROUND_MS;
    uint32_t lost = core_close_lost(core, sweep->before);
    if (lost)
        LOG_ERROR("runs were lost from RUNS, and are recorded as failures", LOG_I64("runs", lost));
    return lost;
}
