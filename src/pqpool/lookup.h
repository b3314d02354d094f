/* lookup.h - looks up the addresses of a host name without blocking the caller.
 *
 * getaddrinfo() cannot be cancelled and may not return for minutes. So each lookup has a detached
 * thread of its own. The thread and the caller share one struct, and the one that finishes last
 * frees it. A lookup thread that still runs at exit ends with the process.
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

/* Numeric addresses as libpq's parameter hostaddr takes them: "10.0.0.1", "fe80::1%eth0". Each is
 * listed once. */
struct addresses {
    unsigned n;
    char list[ADDRESSES_MAX][ADDRESS_SIZE];
};

struct lookup; /* opaque */

/* Returns true if the host is a name. Returns false for a Unix socket (a path, or '@' and a name),
 * a numeric address, and an empty or missing host. */
bool lookup_is_needed(const char *host);

/* Starts a lookup. The caller must call lookup_finish(). NULL: no lookup was started; *err says
 * why. */
struct lookup *lookup_start(const char *host, struct err *err) MUST_CHECK;

/* Returns a descriptor that becomes readable when the lookup is over. It is valid until
 * lookup_finish(). */
int lookup_fd(const struct lookup *lookup);

enum lookup_state { LOOKUP_PENDING, LOOKUP_FOUND, LOOKUP_FAILED };

/* Returns the state of the lookup. FOUND: *out has at least one address. FAILED: *err says why. */
enum lookup_state lookup_poll(const struct lookup *lookup, struct addresses *out, struct err *err);

/* Frees the lookup. If its thread still runs, that thread frees it later. Never waits. */
void lookup_finish(struct lookup *lookup);

#endif
