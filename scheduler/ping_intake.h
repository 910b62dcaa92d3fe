/*
 * Reads PINGS, gives the pings to the rules of checks, and lets the rules' time go on as far as all
 * pings before it are read (ping_watermark.h).
 *
 * Messages that come while enough pings wait for their transaction wait themselves, undecoded, so
 * that no transaction grows too large; how many may wait is bounded by the credit. Their position
 * (checks_set_pings_seq) goes into the transaction that holds their effects: each is applied once.
 *
 * A position means something in the one stream that it was taken in. Which that is, is told by the
 * time when the stream was made: where NATS came back without its data, or somebody made the stream
 * anew, reading starts at the new one's first message.
 */
#ifndef SCHEDULER_PING_INTAKE_H
#define SCHEDULER_PING_INTAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "scheduler/checks/checks.h"
#include "shared/bus.h"

struct ping_intake;

struct ping_intake_options {
    struct bus *bus;
    struct checks *checks;
    const char *stream;         /* when the stream of pings_seq was made; "": never read. Copied */
    int64_t connected_ms;       /* monotonic: since when NATS is there */
    void (*on_work)(void *arg); /* there may be something to write */
    void (*on_failed)(void *arg, const char *reason);
    void *arg;
};

/* Nothing comes before ping_intake_start. */
struct ping_intake *ping_intake_open(uv_loop_t *loop, const struct ping_intake_options *options);
void ping_intake_close(struct ping_intake *intake);
void ping_intake_start(struct ping_intake *intake);
/* No message is applied from here on, and time does not go on. */
void ping_intake_stop(struct ping_intake *intake);

/* Before rows are taken; RESULTS is applied up to results_seq, executions are given to the rules.
 */
void ping_intake_evaluate(struct ping_intake *intake, uint64_t results_seq);
/* Whether that would do something. */
bool ping_intake_has_work(const struct ping_intake *intake, uint64_t results_seq);
/* The rules' rows were taken for a transaction, with all that is applied so far. */
void ping_intake_taken(struct ping_intake *intake);
/* That transaction has committed. */
void ping_intake_committed(struct ping_intake *intake);
/* Messages that were applied and not taken. */
unsigned ping_intake_applied(const struct ping_intake *intake);
/* When the stream that is read was made; "": not yet known. */
const char *ping_intake_stream(const struct ping_intake *intake);

#endif
