#include "tests/simulation/dispatchers.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/core/facts.h"
#include "shared/bus_streams.h"
#include "shared/memory.h"
#include "shared/result.h"
#include "tests/simulation/database.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/notices.h"
#include "tests/simulation/streams.h"

#define ASK_AGAIN_MAX_MS   120000 /* doubled from 3 s to this */
#define ASK_AGAIN_MS       3000
#define REPORT_MS          3000 /* a result without acknowledgement is published again */
#define NOBODY             UINT8_MAX
#define RUN_OF(number)     ((number)&0xff)
#define MESSAGE_OF(number) ((number) >> 8)

enum run_state { RUN_WAITS, RUN_POSTED, RUN_DONE };

struct held {
    bool acked, asking;
    uint8_t holder; /* dispatcher, or NOBODY */
    uint8_t open;   /* runs that are not done */
    uint32_t delivered;
    uint32_t ask_ms;               /* until the question is asked again */
    uint8_t *states;               /* owned: enum run_state */
    struct stored_result *results; /* owned: of the POSTs */
};

struct dispatchers {
    uint64_t lives[DISPATCHERS];
    bool up[DISPATCHERS];
    struct held *held; /* owned: by sequence - 1 */
    size_t held_count, held_room;
    uint64_t *unacked; /* owned: sequences */
    size_t unacked_count, unacked_room;
};

static void deliver(struct world *world, struct event *event);

void dispatchers_open(struct world *world)
{
    world->dispatchers = memory_new(1, sizeof(*world->dispatchers));
    for (unsigned i = 0; i < DISPATCHERS; i++)
        world->dispatchers->up[i] = true;
}

void dispatchers_close(struct world *world)
{
    struct dispatchers *dispatchers = world->dispatchers;
    for (size_t i = 0; i < dispatchers->held_count; i++) {
        free(dispatchers->held[i].states);
        free(dispatchers->held[i].results);
    }
    free(dispatchers->held);
    free(dispatchers->unacked);
    free(dispatchers);
}

size_t dispatchers_waiting(const struct world *world)
{
    return world->dispatchers->unacked_count;
}

static struct held *held_of(struct world *world, uint64_t sequence)
{
    return &world->dispatchers->held[sequence - 1];
}

/* NULL where the job or the notice is gone. */
static struct delivery *delivery_of(struct world *world, const struct run *run)
{
    return ledger_delivery(world, run->job, run->slot_s, run->replay);
}

/* ---- deaths ---- */

static void restart(struct world *world, struct event *event)
{
    world->dispatchers->up[event->target] = true;
}

static void redeliver_later(struct world *world, uint64_t sequence)
{
    struct held *held = held_of(world, sequence);
    held->holder = NOBODY;
    held->asking = false;
    world_later(world, RUN_ACK_WAIT_MS, deliver)->number = sequence;
}

void dispatchers_crash(struct world *world, unsigned index)
{
    struct dispatchers *dispatchers = world->dispatchers;
    if (!dispatchers->up[index])
        return;
    trace_add(world, -1, "a dispatcher dies", index, 0);
    dispatchers->up[index] = false;
    dispatchers->lives[index]++;
    for (size_t i = 0; i < dispatchers->unacked_count; i++) {
        uint64_t sequence = dispatchers->unacked[i];
        struct held *held = held_of(world, sequence);
        if (held->holder != index)
            continue;
        const struct stored_runs *message = &world->streams->runs[sequence - 1];
        for (uint32_t run = 0; run < message->count; run++) {
            struct delivery *delivery =
                held->states[run] == RUN_POSTED ? delivery_of(world, &message->runs[run]) : NULL;
            if (delivery)
                delivery_died(delivery, message->runs[run].attempt);
        }
        redeliver_later(world, sequence);
    }
    world_later(world, chance_between(world, 500, 60000), restart)->target = index;
}

/* Whether the dispatcher of an event lives on; it may die here. */
static bool steps(struct world *world, const struct event *event)
{
    struct dispatchers *dispatchers = world->dispatchers;
    if (dispatchers->lives[event->target] == event->life &&
        chance_of(world, world->chances.dispatcher_crash))
        dispatchers_crash(world, event->target);
    return dispatchers->lives[event->target] == event->life;
}

static struct event *step_later(struct world *world, unsigned index, int64_t delay_ms,
                                event_run *run, uint64_t number)
{
    struct event *event = world_later(world, delay_ms, run);
    event->target = index;
    event->life = world->dispatchers->lives[index];
    event->number = number;
    return event;
}

/* Whether NATS is away; then the event comes again. */
static bool nats_waits(struct world *world, struct event *event)
{
    const struct streams *streams = world->streams;
    if (!streams->down && world->now_ms >= streams->stalled_until_ms)
        return false;
    int64_t until_ms = streams->down ? streams->down_until_ms : streams->stalled_until_ms;
    world_again(world, event, until_ms + 1);
    return true;
}

/* ---- results ---- */

static void acknowledge(struct world *world, struct event *event)
{
    struct dispatchers *dispatchers = world->dispatchers;
    struct held *held = held_of(world, event->number);
    if (!steps(world, event) || held->acked || held->holder != event->target)
        return;
    held->acked = true;
    free(held->states);
    free(held->results);
    held->states = NULL;
    held->results = NULL;
    for (size_t i = 0; i < dispatchers->unacked_count; i++)
        if (dispatchers->unacked[i] == event->number) {
            dispatchers->unacked[i] = dispatchers->unacked[--dispatchers->unacked_count];
            break;
        }
}

static void run_done(struct world *world, uint64_t sequence, uint32_t run)
{
    struct held *held = held_of(world, sequence);
    if (held->states[run] == RUN_DONE)
        return;
    held->states[run] = RUN_DONE;
    if (--held->open == 0)
        step_later(world, held->holder, chance_between(world, 0, 5), acknowledge, sequence);
}

static void report(struct world *world, struct event *event)
{
    uint64_t sequence = MESSAGE_OF(event->number);
    uint32_t run = (uint32_t)RUN_OF(event->number);
    if (!steps(world, event) || nats_waits(world, event))
        return;
    struct held *held = held_of(world, sequence);
    if (held->acked || held->holder != event->target)
        return;
    const struct run *posted = &world->streams->runs[sequence - 1].runs[run];
    struct delivery *delivery = delivery_of(world, posted);
    if (delivery)
        delivery_over(delivery, posted->attempt);
    streams_add_result(world, &held->results[run]);
    if (!steps(world, event))
        return; /* died with the result in the stream */
    if (chance_of(world, world->chances.answer_lost))
        step_later(world, event->target, REPORT_MS, report, event->number);
    else
        run_done(world, sequence, run);
}

/* ---- receivers ---- */

static void answer(struct stored_result *result, enum result_outcome outcome, unsigned code)
{
    result->outcome = (uint8_t)outcome;
    result->code = (uint16_t)code;
}

/* Whether the receiver of a job, or of a notice, has one of its bad days. */
static bool bad_day(const struct world *world, const struct run *run)
{
    uint64_t x = (uint64_t)run->job * 0x9e3779b97f4a7c15ULL +
                 (uint64_t)(world->now_ms / (24 * HOUR_MS)) * 0xc2b2ae3d27d4eb4fULL + world->seed;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    return (x >> 32) % 100 < 6;
}

static void fail(struct world *world, struct stored_result *result, const struct run *run)
{
    static const uint16_t codes[] = {500, 502, 503, 429, 408, 425, 500, 503};
    int64_t dice = chance_between(world, 0, 99);
    if (dice < 60) {
        answer(result, RESULT_HTTP_ERROR, codes[chance_between(world, 0, 7)]);
        if (chance_of(world, 150000))
            result->retry_after_s = (uint16_t)chance_between(world, 1, 900);
    } else if (dice < 75) {
        answer(result, RESULT_TIMEOUT, 0);
        result->duration_ms = run->timeout_s * 1000U;
    } else if (dice < 83) {
        answer(result, RESULT_CONNECT, 0);
    } else if (dice < 88) {
        answer(result, RESULT_DNS, 0);
    } else if (dice < 97) {
        answer(result, RESULT_HTTP_ERROR, 404);
    } else if (dice < 99) {
        answer(result, RESULT_TLS, 0);
    } else {
        answer(result, RESULT_HTTP_ERROR, 410);
    }
}

static void post(struct world *world, struct event *event)
{
    uint64_t sequence = MESSAGE_OF(event->number);
    uint32_t index = (uint32_t)RUN_OF(event->number);
    if (!steps(world, event))
        return;
    struct held *held = held_of(world, sequence);
    const struct run *run = &world->streams->runs[sequence - 1].runs[index];
    struct delivery *delivery = delivery_of(world, run);
    struct stored_result *result = &held->results[index];
    *result = (struct stored_result){.outcome = RESULT_SUCCESS,
                                     .code = 200,
                                     .job = run->job,
                                     .slot_s = run->slot_s,
                                     .replay = run->replay,
                                     .attempt = run->attempt,
                                     .started_ms = world->now_ms,
                                     .duration_ms = (uint32_t)chance_between(world, 15, 300)};
    if (!delivery) {
        answer(result, RESULT_GONE, 0);
        result->duration_ms = 0;
    } else {
        delivery_posted(world, delivery, run);
        held->states[index] = RUN_POSTED;
        if (!world->draining && chance_of(world, 50000))
            result->duration_ms =
                (uint32_t)chance_between(world, 1000, run->timeout_s * INT64_C(1000));
        if (!world->draining && chance_of(world, bad_day(world, run) ? 900000 : 40000))
            fail(world, result, run);
        else if (!world->draining && notices_alert(world, run) && chance_of(world, 50000))
            answer(result, RESULT_SUCCESS, 302);
        else if (!world->draining && notices_alert(world, run) && chance_of(world, 10000))
            answer(result, RESULT_BLOCKED, 0);
    }
    step_later(world, event->target, result->duration_ms, report, event->number);
    (void)steps(world, event);
}

/* ---- messages ---- */

static void ask(struct world *world, struct event *event)
{
    if (!steps(world, event) || nats_waits(world, event))
        return;
    struct held *held = held_of(world, event->number);
    if (held->acked || held->holder != event->target || !held->asking)
        return;
    streams_add_result(world, &(struct stored_result){.question = true,
                                                      .dispatcher = (uint8_t)event->target,
                                                      .life = event->life,
                                                      .message = event->number});
    step_later(world, event->target, held->ask_ms, ask, event->number);
    if (held->ask_ms < ASK_AGAIN_MAX_MS)
        held->ask_ms *= 2;
}

static void deliver(struct world *world, struct event *event)
{
    struct dispatchers *dispatchers = world->dispatchers;
    if (nats_waits(world, event))
        return;
    unsigned index = (unsigned)chance_between(world, 0, DISPATCHERS - 1);
    if (!dispatchers->up[index]) {
        world_again(world, event, world->now_ms + 500);
        return;
    }
    struct held *held = held_of(world, event->number);
    const struct stored_runs *message = &world->streams->runs[event->number - 1];
    if (held->acked)
        return;
    held->holder = (uint8_t)index;
    held->open = (uint8_t)message->count;
    if (!held->states) {
        held->states = memory_new(message->count, 1);
        held->results = memory_new(message->count, sizeof(*held->results));
    }
    memset(held->states, RUN_WAITS, message->count);
    if (held->delivered++ == 0) {
        for (uint32_t run = 0; run < message->count; run++)
            step_later(world, index, chance_between(world, 0, 30), post, event->number << 8 | run);
        return;
    }
    held->asking = true;
    held->ask_ms = ASK_AGAIN_MS;
    step_later(world, index, chance_between(world, 0, 300), ask, event->number);
}

void dispatchers_answer(struct world *world, struct event *event)
{
    const struct dispatcher_answer *answer = event->data;
    struct held *held = held_of(world, answer->message);
    if (held->acked || held->holder != answer->dispatcher || !held->asking ||
        world->dispatchers->lives[answer->dispatcher] != answer->life)
        return;
    held->asking = false;
    trace_add(world, -1, "message of a dead dispatcher is taken over by",
              (long long)answer->message, answer->dispatcher);
    uint32_t count = world->streams->runs[answer->message - 1].count;
    for (uint32_t run = 0; run < count; run++)
        if (answer->open[run])
            step_later(world, answer->dispatcher, chance_between(world, 0, 30), post,
                       answer->message << 8 | run);
    for (uint32_t run = 0; run < count; run++)
        if (!answer->open[run])
            run_done(world, answer->message, run);
}

void dispatchers_message(struct world *world, uint64_t sequence)
{
    struct dispatchers *dispatchers = world->dispatchers;
    while (dispatchers->held_count < sequence) {
        if (dispatchers->held_count == dispatchers->held_room) {
            dispatchers->held_room = dispatchers->held_room ? 2 * dispatchers->held_room : 1024;
            dispatchers->held =
                memory_resize(dispatchers->held, dispatchers->held_room, sizeof(struct held));
        }
        dispatchers->held[dispatchers->held_count++] =
            (struct held){.acked = true, .holder = NOBODY};
    }
    held_of(world, sequence)->acked = false;
    if (dispatchers->unacked_count == dispatchers->unacked_room) {
        dispatchers->unacked_room = dispatchers->unacked_room ? 2 * dispatchers->unacked_room : 256;
        dispatchers->unacked =
            memory_resize(dispatchers->unacked, dispatchers->unacked_room, sizeof(uint64_t));
    }
    dispatchers->unacked[dispatchers->unacked_count++] = sequence;
    world_later(world, chance_between(world, 0, 5), deliver)->number = sequence;
}
