#include "gateway/shared_rate.h"

#include <stdbool.h>
#include <stdlib.h>

#include "gateway/minute_counts.h"
#include "gateway/rate_message.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/stats.h"
#include "gateway/turn_end.h"
#include "shared/bus_streams.h"
#include "shared/bus_tail.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/secret.h"

#define MINUTE_MS   60000
#define TAIL_CREDIT 256 /* announcements that are asked for at once */
#define TICK_MS     25

/* A request that is to be counted; its client may leave meanwhile, it is counted all the same. */
struct take {
    int64_t account;
    struct request_list waiting;
};

/* The requests of one announcement. */
struct batch {
    struct batch *next;
    uint64_t number;
    int64_t minute;
    int64_t deadline_ms;
    unsigned count;
    struct take takes[RATE_MESSAGE_TAKES_MAX];
};

struct shared_rate {
    struct bus *bus;
    struct bus_tail *tail;
    int64_t per_minute;
    struct minute_counts *counts;
    uint64_t mark;
    struct turn_end turn_end;
    uv_timer_t timer;         /* runs while announcements are under way */
    struct batch *collecting; /* of this turn, or NULL */
    struct batch *first;      /* under way, the oldest first */
    struct batch **last;
    unsigned under_way;
    uint64_t last_number;
    bool alone; /* an announcement did not come back in time, and none has since */
};

/* The request is the used-th of its account in this minute. */
static void decide(struct shared_rate *rate, struct request *request, int64_t used)
{
    request->rate_left = used < rate->per_minute ? rate->per_minute - used : 0;
    if (used <= rate->per_minute) {
        request->resume(request);
        return;
    }
    stats_refused(REFUSED_RATE);
    int64_t passed_ms = clock_now_ms() % MINUTE_MS;
    reply_retry(request, 429, (int)((MINUTE_MS - passed_ms + 999) / 1000), "Rate limit exceeded");
}

/* Counts what is in a batch, and decides about it. */
static void settle(struct shared_rate *rate, struct batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        struct take *take = &batch->takes[i];
        int64_t used = minute_counts_add(rate->counts, take->account, batch->minute);
        struct request *request = request_list_take(&take->waiting);
        if (request != NULL)
            decide(rate, request, used);
    }
}

static void settle_first(struct shared_rate *rate)
{
    struct batch *batch = rate->first;
    rate->first = batch->next;
    if (rate->first == NULL)
        rate->last = &rate->first;
    rate->under_way--;
    settle(rate, batch);
    free(batch);
}

static void on_timer(uv_timer_t *timer)
{
    struct shared_rate *rate = timer->data;
    if (rate->first == NULL) {
        uv_timer_stop(timer);
        return;
    }
    if (clock_monotonic_ms() < rate->first->deadline_ms)
        return;
    if (!rate->alone)
        LOG_WARN("requests are counted without the other gateways");
    rate->alone = true;
    /* What was announced later cannot come back sooner. */
    while (rate->first != NULL) {
        stats_rate_alone(rate->first->count);
        settle_first(rate);
    }
}

static void on_announced(void *arg, uint64_t sequence, int64_t time_ms,
                         const struct bus_message *bus_message)
{
    (void)sequence;
    (void)time_ms;
    struct shared_rate *rate = arg;
    bus_tail_grant(rate->tail, 1);
    struct rate_message message;
    if (rate_message_decode(bus_message->data, bus_message->length, &message) != 0) {
        LOG_ERROR("an announcement of requests cannot be read",
                  LOG_I64("bytes", bus_message->length));
        return;
    }
    if (message.mark != rate->mark) {
        for (unsigned i = 0; i < message.count; i++)
            minute_counts_add(rate->counts, message.accounts[i], message.minute);
        return;
    }
    if (rate->alone)
        LOG_INFO("requests are counted with the other gateways again");
    rate->alone = false;
    /* One that is missing before it was lost on its way. */
    while (rate->first != NULL && rate->first->number <= message.number)
        settle_first(rate);
}

static void announce(struct shared_rate *rate, const struct batch *batch)
{
    struct rate_message message = {.mark = rate->mark,
                                   .number = batch->number,
                                   .minute = batch->minute,
                                   .count = batch->count};
    for (unsigned i = 0; i < batch->count; i++)
        message.accounts[i] = batch->takes[i].account;
    struct buffer bytes = BUFFER_EMPTY;
    rate_message_encode(&message, &bytes);
    /* Where it is not sent, the deadline decides. */
    if (bus_publish(rate->bus, SUBJECT_RATE_TAKE, NULL, bytes.data, bytes.length) != BUS_OK)
        LOG_DEBUG("an announcement of requests was not sent");
    buffer_free(&bytes);
}

static void end_collection(void *arg)
{
    struct shared_rate *rate = arg;
    struct batch *batch = rate->collecting;
    if (batch == NULL)
        return;
    rate->collecting = NULL;
    announce(rate, batch);
    if (rate->alone) {
        free(batch); /* it was counted; the others count it, and we learn whether it comes back */
        return;
    }
    batch->deadline_ms = clock_monotonic_ms() + SHARED_RATE_WAIT_MS;
    *rate->last = batch;
    rate->last = &batch->next;
    rate->under_way++;
    if (!uv_is_active((uv_handle_t *)&rate->timer))
        uv_timer_start(&rate->timer, on_timer, TICK_MS, TICK_MS);
}

/* The place of one more request in the announcement of this turn. */
static struct take *collect(struct shared_rate *rate, int64_t account, int64_t minute)
{
    struct batch *batch = rate->collecting;
    if (batch != NULL && (batch->count == RATE_MESSAGE_TAKES_MAX || batch->minute != minute)) {
        end_collection(rate);
        batch = NULL;
    }
    if (batch == NULL) {
        batch = memory_new(1, sizeof *batch);
        batch->number = ++rate->last_number;
        batch->minute = minute;
        rate->collecting = batch;
        turn_end_ask(&rate->turn_end);
    }
    struct take *take = &batch->takes[batch->count++];
    take->account = account;
    return take;
}

void shared_rate_take(struct shared_rate *rate, struct request *request)
{
    int64_t minute = clock_now_ms() / MINUTE_MS;
    bool connected = bus_connected(rate->bus) && rate->under_way < SHARED_RATE_BATCHES;
    struct take *take = connected ? collect(rate, request->account, minute) : NULL;
    if (take != NULL && !rate->alone) {
        request_wait(request, &take->waiting);
        return;
    }
    stats_rate_alone(1);
    decide(rate, request, minute_counts_add(rate->counts, request->account, minute));
}

struct shared_rate *shared_rate_open(uv_loop_t *loop, struct bus *bus, int64_t per_minute)
{
    struct shared_rate *rate = memory_new(1, sizeof *rate);
    rate->bus = bus;
    rate->per_minute = per_minute;
    rate->counts = minute_counts_new(SHARED_RATE_ACCOUNTS);
    rate->last = &rate->first;
    secret_random(&rate->mark, sizeof rate->mark);
    turn_end_init(&rate->turn_end, loop, end_collection, rate);
    INVARIANT(uv_timer_init(loop, &rate->timer) == 0);
    rate->timer.data = rate;
    /* What was counted in this minute before this process began counts. */
    int64_t since_ms = clock_now_ms() / MINUTE_MS * MINUTE_MS;
    rate->tail = bus_tail_open_since(bus, STREAM_RATES, NULL, since_ms, on_announced, rate);
    bus_tail_grant(rate->tail, TAIL_CREDIT);
    return rate;
}

void shared_rate_close(struct shared_rate *rate)
{
    bus_tail_close(rate->tail);
    uv_timer_stop(&rate->timer);
}
