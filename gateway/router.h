/*
 * Which handler answers a request: a search in a table of methods and path patterns. Paths are
 * compared byte for byte, so there is one spelling of each.
 */
#ifndef GATEWAY_ROUTER_H
#define GATEWAY_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define ROUTER_ALLOW_SIZE 64

struct request;

enum route_access {
    ROUTE_PUBLIC,  /* anybody */
    ROUTE_METERED, /* anybody, within the rate of a client address */
    ROUTE_ACCOUNT, /* whoever sends an API key */
    ROUTE_CHECKS,  /* the same, where the plan has the checks API, within the account's rate */
    ROUTE_PING /* anybody, as often as they like: what goes well is not worth a line in the log */
};

enum route_body {
    ROUTE_WITHOUT_BODY,
    ROUTE_WITH_BODY,       /* a JSON object */
    ROUTE_WITH_LARGE_BODY, /* the same, of more bytes than others */
    ROUTE_EMPTY_BODY,      /* a JSON object without members, or none */
    ROUTE_ANY_BODY         /* bytes of any type, or none, and many of them */
};

struct route {
    const char *method;
    /*
     * "{id}" stands for a number from 1 on, "{channel}" for one written as ch_001, "{check}" for
     * the public id of a check, any other "{name}" for the text of one segment. One number at
     * most; of several texts the last one is handed on.
     */
    const char *path;
    void (*handler)(struct request *request);
    enum route_access access;
    enum route_body body;
};

enum router_verdict {
    ROUTER_FOUND,
    ROUTER_NO_PATH,
    ROUTER_NO_METHOD, /* allow tells which there are */
    ROUTER_OPTIONS    /* OPTIONS of a known path: allow tells */
};

struct router_match {
    const struct route *route; /* ROUTER_FOUND */
    int64_t id;                /* of the path; 0 where the pattern has none */
    const char *text;          /* of the path, not decoded; NULL where the pattern has none */
    size_t text_length;
    char allow[ROUTER_ALLOW_SIZE]; /* "GET, HEAD, OPTIONS" */
};

/* HEAD finds the route of GET. */
enum router_verdict router_match(const struct route *routes, size_t count, const char *method,
                                 size_t method_length, const char *path, size_t path_length,
                                 struct router_match *match) MUST_CHECK;

#endif
