/* pool_world.h - the pool in the world: callers that take, use and give back, a server that changes
 * its mood, and an end under load. Options, numbers and habits are the seed's.
 *
 * A run goes through three times: turmoil; calm, mostly, in which the pool must be whole again
 * within the time that its options promise; and its end, with leases out and waiters waiting. */
#ifndef SIMULATION_POOL_WORLD_H
#define SIMULATION_POOL_WORLD_H

#include <stdint.h>

#include "simulation/sim.h"

/* Ends the process when a rule is broken. */
void pool_world_run(uint64_t seed, struct sim_report *report);

#endif
