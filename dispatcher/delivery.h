/*
 * POSTs runs to their webhooks: easy handles that are set up once and used again, and the result
 * of each POST.
 */
#ifndef DISPATCHER_DELIVERY_H
#define DISPATCHER_DELIVERY_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "dispatcher/message.h"
#include "shared/guard.h"

struct deliveries;

struct delivery_options {
    long connections;          /* POSTs at once, and connections kept */
    size_t response_cap_bytes; /* of an answer's body; past it the connection is closed */
    const struct guard *guard; /* kept by the caller */
    /*
     * Both from inside the loop, never from inside delivery_start. on_connected comes at most once
     * a run, before on_done, from inside libcurl: it must only record.
     */
    void (*on_connected)(void *arg, struct held_run *run);
    void (*on_done)(void *arg, struct held_run *run); /* run->result is filled in */
    void *arg;
};

struct deliveries *deliveries_open(uv_loop_t *loop, const struct delivery_options *options);
/* Breaks off what is under way. */
void deliveries_close(struct deliveries *deliveries);

/* run->details are there, and without a problem; run->keys, too. */
void delivery_start(struct deliveries *deliveries, struct held_run *run);

/* Sets the result of a run that cannot be POSTed. */
void delivery_refuse(struct held_run *run, enum result_outcome outcome, const char *error);

#endif
