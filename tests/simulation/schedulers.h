/*
 * The processes that compete for the lease: their lives, stops and links. Every completion of I/O
 * and every timer is a step. A process may die before a step, after it, and between any two
 * messages that the step sends; it may be stopped there too, and go on later with what it was about
 * to send. What a dead process sent arrives to a point: links keep the order.
 */
#ifndef SIMULATION_SCHEDULERS_H
#define SIMULATION_SCHEDULERS_H

#include "tests/simulation/world.h"

struct term;

enum link { LINK_DATABASE, LINK_NATS, LINKS };

struct scheduler {
    bool up;
    uint64_t life, term_number; /* events of earlier ones are dropped */
    int64_t stopped_until_ms;
    int64_t skew_ms;                              /* of its wall clock */
    int64_t cut_ms;                               /* what the life before sent arrives up to here */
    int64_t free_ms[LINKS], reply_free_ms[LINKS]; /* when the last message arrives */
    bool campaigning;
    struct term *term; /* owned; NULL: does not lead */

    struct event *out; /* owned: sent by the step under way */
    enum link *out_links;
    size_t out_count, out_room;
};

struct schedulers {
    struct scheduler all[SCHEDULERS];
    uint64_t crashes, stops, terms, ended;
};

void schedulers_open(struct world *world);
void schedulers_close(struct world *world);

/* Those that do not lead try to. */
void schedulers_campaign(struct world *world, int64_t delay_ms);
void schedulers_lease_ends(struct world *world, unsigned index, int64_t at_ms);
/* There is something new in CMD or RESULTS. */
void schedulers_messages(struct world *world);
void schedulers_nats_down(struct world *world);
void schedulers_database_back(struct world *world);
void schedulers_crash(struct world *world, unsigned index, int64_t restart_ms);
/* The term that leads, or NULL. */
const struct term *schedulers_leading(const struct world *world);

/* For a step: the process of an event, or NULL where it is no longer that term's. */
struct scheduler *scheduler_of(struct world *world, const struct event *event);
/* Sends to a server, where arrive runs; it may answer by scheduler_reply. */
struct event *scheduler_send(struct world *world, unsigned index, enum link link,
                             event_run *arrive);
struct event *scheduler_reply(struct world *world, const struct event *request, enum link link,
                              event_run *reply);
struct event *scheduler_timer(struct world *world, unsigned index, int64_t delay_ms,
                              event_run *timer);
/* The term is over: the lease is given back, and the process competes again. */
void scheduler_term_ended(struct world *world, unsigned index, const char *reason);
int64_t scheduler_wall_ms(const struct world *world, unsigned index);

#endif
