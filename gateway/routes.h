/* The API: every path there is. */
#ifndef GATEWAY_ROUTES_H
#define GATEWAY_ROUTES_H

#include "gateway/router.h"

extern const struct route routes[];
extern const size_t routes_count;

/* How many bytes a body may have on a route; NULL: on none. */
size_t routes_body_max(const struct route *route);

#endif
