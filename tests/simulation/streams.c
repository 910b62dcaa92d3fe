#include "tests/simulation/streams.h"

#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"
#include "shared/result.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/database.h"
#include "tests/simulation/dispatchers.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/schedulers.h"

#define MARKER UINT64_MAX

void streams_open(struct world *world)
{
    world->streams = memory_new(1, sizeof(*world->streams));
}

void streams_close(struct world *world)
{
    struct streams *streams = world->streams;
    for (size_t i = 0; i < streams->run_count; i++)
        free(streams->runs[i].runs);
    free(streams->runs);
    free(streams->commands);
    free(streams->results);
    free(streams);
}

static void *with_room(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 1024;
    return memory_resize(array, *room, size);
}

static uint64_t store(struct world *world, const struct run_message_id *id, uint32_t count)
{
    struct streams *streams = world->streams;
    streams->runs =
        with_room(streams->runs, streams->run_count, &streams->run_room, sizeof(*streams->runs));
    streams->runs[streams->run_count++] = (struct stored_runs){.epoch = id->epoch, .count = count};
    streams->has_last_id = true;
    streams->last_id = *id;
    return streams->run_count;
}

uint64_t streams_anchor(struct world *world, uint64_t epoch, uint64_t expected_last)
{
    struct streams *streams = world->streams;
    if (streams->run_count != expected_last) {
        streams->refused++;
        return 0;
    }
    if (epoch > streams->anchored)
        streams->anchored = epoch;
    return store(world, &(struct run_message_id){epoch, MARKER}, 0);
}

uint64_t streams_publish_runs(struct world *world, const struct run_message_id *id,
                              const struct run_message_id *expected, const struct run_batch *batch,
                              int64_t decided_ms)
{
    struct streams *streams = world->streams;
    if (!streams->has_last_id || streams->last_id.epoch != expected->epoch ||
        streams->last_id.number != expected->number) {
        streams->refused++;
        trace_add(world, -1, "RUNS refuses a message of epoch", (long long)id->epoch,
                  (long long)id->number);
        return 0;
    }
    if (id->epoch < streams->anchored)
        world_fail(world, "the leader of epoch %llu emits after %llu anchored",
                   (unsigned long long)id->epoch, (unsigned long long)streams->anchored);
    uint64_t sequence = store(world, id, (uint32_t)batch->count);
    struct run *runs = memory_new(batch->count, sizeof(*runs));
    memcpy(runs, batch->runs, batch->count * sizeof(*runs));
    streams->runs[sequence - 1].runs = runs;
    for (size_t i = 0; i < batch->count; i++)
        ledger_emitted(world, &runs[i], decided_ms);
    dispatchers_message(world, sequence);
    return sequence;
}

void streams_add_command(struct world *world, uint64_t command)
{
    struct streams *streams = world->streams;
    streams->commands = with_room(streams->commands, streams->command_count, &streams->command_room,
                                  sizeof(*streams->commands));
    streams->commands[streams->command_count++] = command;
    schedulers_messages(world);
}

void streams_add_result(struct world *world, const struct stored_result *result)
{
    struct streams *streams = world->streams;
    streams->results = with_room(streams->results, streams->result_count, &streams->result_room,
                                 sizeof(*streams->results));
    streams->results[streams->result_count++] = *result;
    if (!result->question)
        ledger_reported(world,
                        &(struct run){.job = result->job,
                                      .slot_s = result->slot_s,
                                      .replay = result->replay,
                                      .attempt = result->attempt},
                        (enum result_outcome)result->outcome, result->code);
    schedulers_messages(world);
}

void streams_check_runs(struct world *world, uint64_t before, uint64_t to, uint32_t last_tick)
{
    const struct streams *streams = world->streams;
    if (to > streams->run_count)
        world_fail(world, "runs_seq is past the end of RUNS");
    for (uint64_t sequence = before + 1; sequence <= to; sequence++) {
        const struct stored_runs *message = &streams->runs[sequence - 1];
        for (uint32_t i = 0; i < message->count; i++) {
            const struct run *run = &message->runs[i];
            uint32_t minute = (uint32_t)(run->slot_s / 60);
            if (run->replay == 0 && run->attempt == 1 && minute > last_tick)
                world_fail(world, "runs_seq %llu reaches minute %u, last_tick is %u",
                           (unsigned long long)sequence, minute, last_tick);
            const struct delivery *delivery =
                ledger_delivery(world, run->job, run->slot_s, run->replay);
            if (delivery && delivery->told < run->attempt)
                world_fail(world, "%s: runs_seq is past attempt %u, and no row tells of it",
                           delivery_name(delivery), run->attempt);
        }
    }
}

void streams_restart(struct world *world)
{
    world->streams->has_last_id = false;
}
