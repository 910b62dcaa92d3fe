/* GET, POST, HEAD /ping/...: a job tells that it ran. See ping_target.h for the paths. */
#ifndef GATEWAY_PING_ROUTE_H
#define GATEWAY_PING_ROUTE_H

struct request;

/* ?rid= names the run, so that its start and its end are found together; ?create=1 makes the check
 * of a slug that is not there. */
void ping_route(struct request *request);

#endif
