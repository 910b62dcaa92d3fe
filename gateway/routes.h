/* The API: every path there is. */
#ifndef GATEWAY_ROUTES_H
#define GATEWAY_ROUTES_H

#include "gateway/router.h"

extern const struct route routes[];
extern const size_t routes_count;

#endif
