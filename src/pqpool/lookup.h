/* lookup.h - the addresses of one host name, looked up without blocking the caller.
 *
 * getaddrinfo() cannot be cancelled and may not return for minutes. So each lookup has a thread of
 * its own, which no other thread joins. The thread and the caller share the memory, and the last of
 * the two frees it. If a lookup has not returned when the process exits, its thread ends with the
 * process.
 *
 * Bounds     at most LOOKUPS_MAX lookup threads run at once in the whole process, and at most
 *            ADDRESSES_MAX addresses of a name are used.
 * Threads    all functions for one lookup are called by one thread. */
#ifndef PQPOOL_LOOKUP_H
#define PQPOOL_LOOKUP_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

enum { LOOKUPS_MAX = 16, ADDRESSES_MAX = 16, ADDRESS_SIZE = 64, HOST_SIZE = 256 };

/* Numeric addresses as libpq's hostaddr takes them: "10.0.0.1", "fe80::1%eth0". No two are
 * equal. */
struct addresses {
    unsigned n;
    char list[ADDRESSES_MAX][ADDRESS_SIZE];
};

struct lookup; /* opaque */

/* Returns true if the host is a name. Returns false for the folder of a socket, a numeric
 * address, or no host at all. */
bool lookup_is_needed(const char *host);

/* Starts a lookup. NULL: no lookup can be started now, and *err says why. */
struct lookup *lookup_start(const char *host, struct err *err) MUST_CHECK;

/* Returns a descriptor that becomes readable when the lookup is over. lookup_finish() makes it
 * invalid. */
int lookup_fd(const struct lookup *lookup);

enum lookup_state { LOOKUP_PENDING, LOOKUP_FOUND, LOOKUP_FAILED };

/* Returns the state of the lookup. FOUND: *out has at least one address. FAILED: *err says why. */
enum lookup_state lookup_poll(const struct lookup *lookup, struct addresses *out, struct err *err);

/* Lets go of the lookup, whether or not it is over. Never waits. */
void lookup_finish(struct lookup *lookup);

#endif
