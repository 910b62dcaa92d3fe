/*
 * The destination guard: which addresses a delivery may connect to. Public ones only; everything
 * that IANA lists as special is blocked (RFC 6890 and its registries), and IPv4 inside IPv6 is
 * taken out and judged as itself. Operators allow more by CIDR. It is asked for every address,
 * where the socket opens, after DNS: names cannot lie there.
 */
#ifndef SHARED_GUARD_H
#define SHARED_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

#include "shared/compiler.h"

#define GUARD_ERROR_SIZE 160

struct guard;

/*
 * allow: CIDRs that are allowed though blocked by default, separated by commas ("127.0.0.0/8,
 * ::1/128"). Returns 0 and the guard, or -1 with error.
 */
int guard_create(const char *allow, struct guard **guard,
                 char error[static GUARD_ERROR_SIZE]) MUST_CHECK;
void guard_free(struct guard *guard);

/* Anything but AF_INET and AF_INET6 is blocked. */
bool guard_allows(const struct guard *guard, const struct sockaddr *address);

/* A set of CIDRs in the same notation; also for TRUSTED_PROXIES. */
struct cidr_set;
int cidr_set_parse(const char *text, struct cidr_set **set,
                   char error[static GUARD_ERROR_SIZE]) MUST_CHECK;
void cidr_set_free(struct cidr_set *set);
bool cidr_set_contains(const struct cidr_set *set, const struct sockaddr *address);

#endif
