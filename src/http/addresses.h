/* addresses.h - inside of the layer: how many connections each client address has, over all loops.
 *
 * An IPv6 client has a /64 to choose its addresses from, so that is what counts as one; an IPv4
 * address that comes mapped into IPv6 counts as IPv4. There is a record only for an address that
 * has a connection: the connections' own bound is the table's. Any thread; one lock, a leaf. */
#ifndef HTTP_ADDRESSES_H
#define HTTP_ADDRESSES_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/sync.h"

struct address_count; /* opaque: one client address that has connections */
struct sockaddr;

struct addresses {
    struct mutex mu;
    uint64_t seed; /* so that nobody can choose addresses that fall into one bucket */
    struct address_count **buckets GUARDED_VAR;
    size_t n_buckets GUARDED_VAR; /* a power of two; 0 before the first */
    size_t n GUARDED_VAR;
};

void addresses_init(struct addresses *addresses);
void addresses_fini(struct addresses *addresses); /* when every connection has been given back */

/* One more connection of this address; *count says how many it has now. NULL when out of memory. */
struct address_count *addresses_add(struct addresses *addresses, const struct sockaddr *client,
                                    uint32_t *count) MUST_CHECK;

/* One less. NULL is a no-op. */
void addresses_remove(struct addresses *addresses, struct address_count *address);

/* Equal for connections of one client address; seeded, so that nobody can provoke collisions. */
uint64_t addresses_hash(const struct addresses *addresses, const struct sockaddr *client);

/* Addresses that have a connection now. */
size_t addresses_known(struct addresses *addresses);

#endif
