/* pool_callers.h - those who use the pool, each in its own random way; what they are given is
 * checked on the spot. */
#ifndef SIMULATION_POOL_CALLERS_H
#define SIMULATION_POOL_CALLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "simulation/sim.h"

struct pqpool;

struct pool_callers {
    struct pqpool *pool;
    bool calm; /* no mischief any more */
    bool rest; /* and hardly any use */
    bool cut;  /* pqpool_abort() has been called: who asks is refused */
    bool stop; /* nobody may ask any more, but for those whose lease keeps the pool alive */
    unsigned actors[SIM_ACTORS_MAX], n;
};

void pool_callers_start(struct pool_callers *callers, unsigned n);
void pool_callers_join(struct pool_callers *callers);

#endif
