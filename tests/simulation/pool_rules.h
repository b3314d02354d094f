/* pool_rules.h - what is true of a pool by itself, whoever uses it. See pool_shadow.h. */
#ifndef SIMULATION_POOL_RULES_H
#define SIMULATION_POOL_RULES_H

#include "pqpool/pool.h"

enum { POOL_SLOTS_MAX = 16 };

void rules_reset(void); /* a new pool */

/* Each time the mutex is let go. The lists first: all else walks them. */
void rules_check_lists(const struct pqpool *pool);
void rules_check(struct pqpool *pool);

/* When nobody can go on before the clock moves. */
void rules_check_quiet(struct pqpool *pool);

/* It was all at rest for as long as `rules_rest_ns()` says. */
void rules_check_rested(const struct pqpool *pool);
int64_t rules_rest_ns(const struct pqpool_options *options);

bool rules_pool_is_whole(struct pqpool *pool);

#endif
