/* addresses.h - counts the connections of each client address, over all loops. Internal to http.
 *
 * An IPv6 client can choose any address of its /64, so a /64 counts as one address. An IPv4 address
 * that is mapped into IPv6 counts as IPv4. Only an address that has a connection has a record, so
 * the limit of connections bounds the table. Any thread may count connections. A leaf lock guards
 * the table. */
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
    uint64_t seed; /* random, so that nobody can choose addresses that fall into one bucket */
    struct address_count **buckets GUARDED_VAR;
    size_t n_buckets GUARDED_VAR; /* a power of two; 0 before the first connection */
    size_t n GUARDED_VAR;
};

void addresses_init(struct addresses *addresses);
void addresses_fini(struct addresses *addresses); /* call after the last addresses_remove() */

/* Counts one more connection of the client's address, and sets *count to the number of connections
 * that the address has now. Returns the record of the address, or NULL if memory is out. */
struct address_count *addresses_add(struct addresses *addresses, const struct sockaddr *client,
                                    uint32_t *count) MUST_CHECK;

/* Counts one connection less for the address. A NULL address is a no-op. */
void addresses_remove(struct addresses *addresses, struct address_count *address);

/* Returns a hash that is equal for all connections of one client address. The hash depends on the
 * seed, so that nobody can provoke collisions. */
uint64_t addresses_hash(const struct addresses *addresses, const struct sockaddr *client);

/* Returns the number of addresses that have a connection. */
size_t addresses_known(struct addresses *addresses);

#endif
