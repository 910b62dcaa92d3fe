/* What the gateway counts. */
#ifndef GATEWAY_STATS_H
#define GATEWAY_STATS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/router.h"
#include "gateway/stripe.h"

enum refusal {
    REFUSED_CONNECTION, /* over the limit of connections */
    REFUSED_REQUEST,    /* broken or too large, before it was routed */
    REFUSED_COMMAND,    /* too many commands wait */
    REFUSED_READ,       /* too many reads wait */
    REFUSED_ANSWER,     /* too many bytes of answers wait for their clients */
    REFUSED_RATE,       /* over the rate of a client address, or of an account */
    REFUSED_STRIPE,     /* too many calls of Stripe wait */
    REFUSED_PING,       /* too many pings wait, or one was not stored in time */
    REFUSALS
};

/* How a check was found that was not known. */
enum check_lookup {
    CHECK_LOOKUP_FOUND,
    CHECK_LOOKUP_MISSING,
    CHECK_LOOKUP_REFUSED,    /* over the rate of a client address */
    CHECK_LOOKUP_UNANSWERED, /* PostgreSQL did not answer in time */
    CHECK_LOOKUPS
};

/* Before any of the others. */
void stats_open(void);

/* route NULL: none matched. */
void stats_request(const struct route *route, int status, double seconds);
void stats_refused(enum refusal refusal);
void stats_connections(size_t count);
void stats_database(bool connected);
void stats_commands_waiting(size_t count);
void stats_command_resent(void);
void stats_key_lookup(bool cached);
void stats_rate_alone(unsigned requests);
void stats_check_lookup(enum check_lookup outcome);
void stats_check_query(void);
void stats_pings_stored(size_t count);
void stats_pings_waiting(size_t count);
void stats_ping_message(bool again);
void stats_stripe(enum stripe_outcome outcome);

#endif
