/*
 * Standing by and leading, in turns: waits until PostgreSQL and NATS are there, competes for the
 * lease, leads a term, and begins again when it ends.
 */
#ifndef SCHEDULER_LEADER_H
#define SCHEDULER_LEADER_H

#include "shared/service.h"

struct leader;

struct leader *leader_open(struct service *service);
/* Finishes the term, gives the lease back, frees the leader, and calls service_stopped. */
void leader_stop(struct leader *leader);

#endif
