/*
 * The right to lead: a row in PostgreSQL with a holder, an epoch that rises with every holder, and
 * an expiry on PostgreSQL's clock.
 *
 * Who holds it renews it every third of its life. Two things keep a leader from acting on a lease
 * that it has lost: PostgreSQL refuses transactions of another epoch, and lease_valid() turns false
 * by this machine's clock before PostgreSQL may give the lease to somebody else.
 */
#ifndef SCHEDULER_LEASE_H
#define SCHEDULER_LEASE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct lease;

struct lease_options {
    const char *database_url;
    const char *holder; /* unique to this process */
    int64_t ttl_ms;
    void (*on_state)(void *arg, bool connected); /* PostgreSQL is reachable */
    void (*on_won)(void *arg, uint64_t epoch);
    void (*on_lost)(void *arg);
    void *arg;
};

struct lease *lease_open(uv_loop_t *loop, const struct lease_options *options);
void lease_close(struct lease *lease);

/* Tries to get the lease until on_won; asks a few times a second. */
void lease_campaign(struct lease *lease);
/* Whether the lease is held at this moment. Cheap: asks a clock, not PostgreSQL. */
bool lease_valid(const struct lease *lease);
/* Gives it back, so that the next one takes over at once. on_done comes in any case. */
void lease_release(struct lease *lease, void (*on_done)(void *arg), void *arg);

#endif
