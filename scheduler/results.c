#include "scheduler/results.h"

#include "scheduler/stats.h"
#include "shared/clock.h"
#include "shared/log.h"

static void question_answer(const struct core *core, struct bus *bus,
                            const struct result_batch *batch)
{
    char open[RESULT_BATCH_MAX];
    for (size_t i = 0; i < batch->count; i++) {
        const struct result *asked = &batch->results[i];
        open[i] = core_is_open(core, asked->job, asked->slot_s, asked->replay, asked->attempt);
    }
    if (bus_publish(bus, batch->reply, NULL, open, batch->count) != BUS_OK)
        LOG_WARN("answer to a dispatcher was not sent, it will ask again");
}

void results_apply(struct core *core, struct bus *bus, bool leads, uint64_t sequence,
                   const struct bus_message *message)
{
    struct result_batch batch;
    if (result_batch_decode(message->data, message->length, &batch) != 0) {
        LOG_ERROR("message in RESULTS cannot be read", LOG_I64("sequence", sequence));
        return;
    }
    if (batch.kind == RESULT_BATCH_QUESTION) {
        /* A leader that was deposed does not know the runs of the new one, and would call them
         * closed. */
        if (leads)
            question_answer(core, bus, &batch);
        return;
    }
    int64_t now_ms = clock_now_ms();
    metric_add(stats.results, (double)batch.count);
    for (size_t i = 0; i < batch.count; i++)
        (void)core_result(core, &batch.results[i], now_ms); /* a repetition changes nothing */
}
