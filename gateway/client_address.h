/*
 * Who is asking: the address of the client, seen through proxies that the operator trusts, and the
 * key under which it is limited.
 */
#ifndef GATEWAY_CLIENT_ADDRESS_H
#define GATEWAY_CLIENT_ADDRESS_H

#include <netinet/in.h>
#include <stdint.h>

#include <h2o.h>

#include "shared/guard.h"

#define CLIENT_KEY_SIZE 16

struct client_address {
    uint8_t bytes;                    /* of address: 4, 16, or 0 where it is unknown */
    uint8_t address[CLIENT_KEY_SIZE]; /* in network order */
    /* IPv4 as ::ffff:a.b.c.d; of IPv6 the first 64 bits: whoever has one address has a /64. */
    uint8_t key[CLIENT_KEY_SIZE];
};

/*
 * The connection's peer, or, where trusted holds the peer, the rightmost address of X-Forwarded-For
 * that trusted does not hold.
 */
void client_address_find(struct client_address *result, h2o_req_t *request,
                         const struct cidr_set *trusted);

/* As text, which may be written to text; "?" where it is unknown. */
const char *client_address_text(const struct client_address *address,
                                char text[static INET6_ADDRSTRLEN]);

#endif
