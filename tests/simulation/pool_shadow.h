/* pool_shadow.h - what must be true of a pool, and a memory of its own to hold the pool to it.
 *
 * Two kinds: what holds whenever the pool's mutex is let go, checked at each such moment, and what
 * holds when nobody has anything to do before the clock moves. The shadow learns who waits, who
 * holds what and in which order from the pool's lists; callers tell it what they were promised. */
#ifndef SIMULATION_POOL_SHADOW_H
#define SIMULATION_POOL_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

#include "pqpool/pool.h"
#include "simulation/sim.h"

extern const struct sim_hooks shadow_hooks;

void shadow_reset(void);

/* Around each acquire and each release of the running actor. */
void shadow_acquires(int64_t deadline_at_ns);
void shadow_acquired(enum pqpool_rc rc, const struct pqpool_lease *lease, const struct err *err);
void shadow_releases(void);
void shadow_released(void);

/* The connection is on loan to nobody. */
bool shadow_is_free(const struct conn *conn);

/* Some acquire has begun that the pool does not know of: it must not be closed yet. */
bool shadow_any_entering(void);

/* All of it is up: not down, healthy, at its floor, with nobody left waiting for a dial. */
bool shadow_pool_is_whole(void);

/* See pool_rules.h. */
void shadow_check_rested(void);

/* Since when nobody holds or waits for anything; CLOCK_NEVER: somebody does. */
int64_t shadow_unused_since_ns(void);

bool shadow_pool_lives(void);

#endif
