/* order_volley.h - many orders posted at one moment, each on a connection of its own that is open
 * before. */
#ifndef ORDER_VOLLEY_H
#define ORDER_VOLLEY_H

#include <stddef.h>

#include "base/attr.h"
#include "service_rig.h"

struct volley; /* opaque */

/* Sends bodies[0..n-1] to the rig's daemon; returns when all connections are open. The bodies stay
 * the caller's, and stay until volley_join(). */
struct volley *volley_start(struct rig *rig, const char *const bodies[], size_t n) MUST_CHECK;

/* The same to another path. */
struct volley *volley_start_at(struct rig *rig, const char *path, const char *const bodies[],
                               size_t n) MUST_CHECK;

/* So far; any time. */
size_t volley_answered(const struct volley *volley);

/* Waits for every answer. Only then is there anything to see. */
void volley_join(struct volley *volley);
const struct answer *volley_answer(const struct volley *volley, size_t i);
size_t volley_count(const struct volley *volley, int status);

void volley_close(struct volley **volley); /* joined; NULL is a no-op */

#endif
