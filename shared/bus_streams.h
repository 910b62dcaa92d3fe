/*
 * Every stream, subject and durable name, in one place, and the command that makes what is missing.
 *
 *   CMD      cmd.<resource>.<verb>   commands of the API        gateway   -> leader
 *   PINGS    ping.<mark>             pings of checks            gateway   -> leader
 *   RUNS     run.<lane>              due runs, a fenced log     leader    -> dispatchers
 *   RESULTS  result.<lane>           what became of the runs    dispatcher-> leader
 *   MAIL     mail.<kind>             mail to be sent            leader    -> mailers
 *   RATES    rate.take              requests of accounts     gateway   -> gateways
 *   (core)   answer.<gateway>.<mark>        answers to commands        leader    -> that gateway
 *   (core)   event.<noun>.<id>       something changed          leader    -> gateways
 *   (core)   claim.<lane>            who holds this message?    dispatcher-> dispatchers
 *
 * A lane is a fixed share of the accounts (account % LANES), so that slow targets of one never hold
 * up another.
 */
#ifndef SHARED_BUS_STREAMS_H
#define SHARED_BUS_STREAMS_H

#include "shared/bus.h"

#define LANES 8

#define STREAM_COMMANDS "CMD"
#define STREAM_PINGS    "PINGS"
#define STREAM_RUNS     "RUNS"
#define STREAM_RESULTS  "RESULTS"
#define STREAM_MAIL     "MAIL"
#define STREAM_RATES    "RATES"

#define SUBJECT_COMMAND_PREFIX "cmd."
#define SUBJECT_PING_FORMAT    "ping.%s" /* mark of the gateway process */
#define SUBJECT_RUN_FORMAT     "run.%u"  /* lane */
#define SUBJECT_RUN_MARKER     "run.marker"
#define SUBJECT_RESULT_FORMAT  "result.%u" /* lane */
#define SUBJECT_MAIL_FORMAT    "mail.%s"   /* kind */
#define SUBJECT_CLAIM_FORMAT   "claim.%u"  /* lane */
#define SUBJECT_RATE_TAKE      "rate.take"
#define SUBJECT_EVENT_ACCOUNT  "event.account.%lld" /* account id: keys or account changed */
#define SUBJECT_EVENT_CHECK    "event.check.%lld"   /* check id: it was deleted */
#define SUBJECT_EVENT_ALL      "event.>"

#define DURABLE_DISPATCHER_FORMAT "dispatcher-%u" /* lane */
#define DURABLE_MAILER            "mailer"

/* How long a delivery may go without a sign of life before somebody else gets it. */
#define RUN_ACK_WAIT_MS  15000
#define MAIL_ACK_WAIT_MS 60000

/*
 * Creates the streams and durable consumers that are missing and checks those that exist (their
 * subjects and retention; a difference is an error that names it; nothing live is changed).
 * storage_bytes bounds each stream. on_done gets NULL, or what is wrong. Retries by itself while
 * the bus is disconnected. Any process may call it.
 */
void bus_streams_ensure(struct bus *bus, int64_t storage_bytes,
                        void (*on_done)(void *arg, const char *error), void *arg);

/* Of event.<noun>.<id>: the id, from 1 on; 0 where the subject is another one. */
int64_t bus_event_id(const char *subject, const char *noun);

/* Asks for the first and last sequence of a stream. */
typedef void bus_stream_range_cb(void *arg, enum bus_status status, uint64_t first, uint64_t last);
enum bus_status bus_stream_range(struct bus *bus, const char *stream, int64_t timeout_ms,
                                 bus_stream_range_cb *on_range, void *arg) MUST_CHECK;

#endif
