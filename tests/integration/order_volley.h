/* order_volley.h - posts many orders at the same moment, each on a connection that is already
 * open. */
#ifndef ORDER_VOLLEY_H
#define ORDER_VOLLEY_H

#include <stddef.h>

#include "base/attr.h"
#include "service_rig.h"

struct volley; /* opaque */

/* Sends bodies[0..n-1] to the rig's daemon, and returns when all connections are open. The caller
 * keeps the bodies, unchanged, until volley_join(). */
struct volley *volley_start(struct rig *rig, const char *const bodies[], size_t n) MUST_CHECK;

/* As volley_start(), to another path. */
struct volley *volley_start_at(struct rig *rig, const char *path, const char *const bodies[],
                               size_t n) MUST_CHECK;

/* The number of answers so far. Call it at any time. */
size_t volley_answered(const struct volley *volley);

/* Waits for all answers. Only then read them. */
void volley_join(struct volley *volley);
const struct answer *volley_answer(const struct volley *volley, size_t i);
size_t volley_count(const struct volley *volley, int status);

void volley_close(struct volley **volley); /* call it after volley_join(); NULL is a no-op */

#endif
