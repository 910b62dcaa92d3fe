/* The weather: calm, changeable and stormy hours, and outages of PostgreSQL and NATS. */
#ifndef SIMULATION_FAULTS_H
#define SIMULATION_FAULTS_H

#include "tests/simulation/world.h"

void faults_open(struct world *world);
void faults_close(struct world *world);
/* Everything is well from here on. */
void faults_end(struct world *world);
/* Of this seed: some leaders have little room. */
uint32_t faults_open_run_limit(const struct world *world);

#endif
