/* What the process is made of: main.c makes it, handlers find their way through it. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <uv.h>

#include "shared/bus.h"
#include "shared/config.h"
#include "shared/db.h"
#include "shared/guard.h"
#include "shared/service.h"

struct gateway {
    const struct config *config;
    struct service *service;
    uv_loop_t *loop;
    const char *ping_url; /* what the public id of a check is put behind */
    struct bus *bus;
    struct db *db;
    struct guard *guard; /* which webhook addresses are refused at once */
    struct cidr_set *trusted_proxies;
    struct server *server;
    struct auth *auth;
    struct badge_states *badges;
    struct shared_rate *rate; /* of accounts on /api/v1 */
    struct command_client *commands;
    struct check_finder *checks; /* that are pinged */
    struct pings *pings;
    struct stripe *stripe; /* NULL where no keys are configured */
    struct rate_limit
        *registrations; /* by client address: requests that cause mail or take tokens */
    struct rate_limit *billing_changes; /* by account: requests that Stripe is asked for */
    struct rate_limit *slug_checks;     /* by account: checks that pings make */
    int bus_part, listener_part;        /* of service_set_ready */
};

#endif
