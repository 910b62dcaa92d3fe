#include "scheduler/lease.h"

#include <stdlib.h>

#include "scheduler/sql_lease.h"
#include "shared/clock.h"
#include "shared/db.h"
#include "shared/log.h"
#include "shared/memory.h"

#define CAMPAIGN_INTERVAL_MS 200

enum lease_state {
    LEASE_IDLE,      /* not wanted */
    LEASE_CAMPAIGN,  /* wanted, asked for every CAMPAIGN_INTERVAL_MS */
    LEASE_HELD,      /* ours until valid_until_ms, renewed every third of its life */
    LEASE_RELEASING, /* given back, the answer is awaited */
};

struct lease {
    struct lease_options options;
    struct db *db;
    uv_timer_t timer;
    enum lease_state state;
    bool asking;               /* a statement is under way */
    enum lease_state asked_in; /* the state it was asked in */
    uint64_t epoch;
    int64_t asked_ms;       /* monotonic: when that statement left */
    int64_t valid_until_ms; /* monotonic */
    void (*on_released)(void *arg);
    void *released_arg;
};

static void lease_timer(uv_timer_t *timer);
static void lease_ask(struct lease *lease);

static void lease_next(struct lease *lease, int64_t delay_ms)
{
    uv_timer_start(&lease->timer, lease_timer, (uint64_t)delay_ms, 0);
}

bool lease_valid(const struct lease *lease)
{
    return lease->state == LEASE_HELD && clock_monotonic_ms() < lease->valid_until_ms;
}

static void lease_lose(struct lease *lease)
{
    lease->state = LEASE_IDLE;
    uv_timer_stop(&lease->timer);
    lease->options.on_lost(lease->options.arg);
}

static void lease_asked(void *arg, const struct db_outcome *outcome)
{
    struct lease *lease = arg;
    lease->asking = false;
    if (lease->asked_in != lease->state) {
        if (lease->state != LEASE_IDLE)
            lease_ask(lease); /* the state changed meanwhile: ask what it wants to know */
        return;
    }
    const struct db_rows *lease_row =
        outcome->status == DB_OK ? &outcome->statements[outcome->count - 1] : NULL;
    bool got = lease_row && lease_row->count == 1;
    switch (lease->state) {
    case LEASE_CAMPAIGN:
        if (!got) {
            lease_next(lease, CAMPAIGN_INTERVAL_MS);
            return;
        }
        lease->epoch = (uint64_t)db_i64(lease_row, 0, 0);
        lease->valid_until_ms = lease->asked_ms + lease->options.ttl_ms;
        lease->state = LEASE_HELD;
        lease_next(lease, lease->options.ttl_ms / 3);
        lease->options.on_won(lease->options.arg, lease->epoch);
        return;
    case LEASE_HELD:
        if (got)
            lease->valid_until_ms = lease->asked_ms + lease->options.ttl_ms;
        else if (outcome->status == DB_OK)
            lease_lose(lease); /* it ran out, or somebody else has it */
        else
            lease_next(lease, CAMPAIGN_INTERVAL_MS); /* may pass while the lease still runs */
        return;
    case LEASE_RELEASING:
        lease->state = LEASE_IDLE;
        lease->on_released(lease->released_arg);
        return;
    case LEASE_IDLE: return;
    }
}

static void lease_ask(struct lease *lease)
{
    struct db_unit *unit = db_unit_new();
    if (lease->state == LEASE_CAMPAIGN)
        sql_lease_acquire(unit, lease->options.holder, lease->options.ttl_ms);
    else if (lease->state == LEASE_HELD)
        sql_lease_renew(unit, lease->epoch, lease->options.ttl_ms);
    else
        sql_lease_release(unit, lease->epoch);
    lease->asking = true;
    lease->asked_in = lease->state;
    lease->asked_ms = clock_monotonic_ms();
    /* The pool is this file's own, and it asks one thing at a time. */
    INVARIANT(db_run(lease->db, unit, lease->options.ttl_ms, lease_asked, lease) == DB_OK);
}

static void lease_timer(uv_timer_t *timer)
{
    struct lease *lease = timer->data;
    if (lease->state == LEASE_HELD) {
        int64_t left_ms = lease->valid_until_ms - clock_monotonic_ms();
        if (left_ms <= 0) {
            lease_lose(lease);
            return;
        }
        int64_t third_ms = lease->options.ttl_ms / 3;
        lease_next(lease, third_ms < left_ms ? third_ms : left_ms);
    }
    if (!lease->asking && lease->state != LEASE_IDLE)
        lease_ask(lease);
}

void lease_campaign(struct lease *lease)
{
    INVARIANT(lease->state == LEASE_IDLE);
    lease->state = LEASE_CAMPAIGN;
    lease_next(lease, 0);
}

void lease_release(struct lease *lease, void (*on_done)(void *arg), void *arg)
{
    lease->on_released = on_done;
    lease->released_arg = arg;
    bool held = lease->state == LEASE_HELD;
    lease->state = LEASE_RELEASING;
    uv_timer_stop(&lease->timer);
    if (!held) {
        lease->state = LEASE_IDLE;
        on_done(arg);
    } else if (!lease->asking) {
        lease_ask(lease);
    } /* else the renewal's answer comes first */
}

struct lease *lease_open(uv_loop_t *loop, const struct lease_options *options)
{
    struct lease *lease = memory_new(1, sizeof(*lease));
    lease->options = *options;
    uv_timer_init(loop, &lease->timer);
    lease->timer.data = lease;
    lease->db = db_open(loop, &(struct db_options){.url = options->database_url,
                                                   .name = "croncoco scheduler lease",
                                                   .connections = 1,
                                                   .queue_limit = 4,
                                                   .pipeline_depth = 1,
                                                   .on_state = options->on_state,
                                                   .arg = options->arg});
    return lease;
}

static void lease_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void lease_close(struct lease *lease)
{
    db_close(lease->db);
    uv_close((uv_handle_t *)&lease->timer, lease_closed);
}
