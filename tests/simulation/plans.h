/* The plans of the simulation: small ones, so that every limit is met. */
#ifndef SIMULATION_PLANS_H
#define SIMULATION_PLANS_H

#include "scheduler/core/account.h"

#define PLANS 4
extern const struct plan plans[PLANS];
const struct plan *plan_named(const char *name);

#endif
