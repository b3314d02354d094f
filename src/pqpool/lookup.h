/* lookup.h - the addresses of one host name, looked up without blocking anybody.
 *
 * getaddrinfo() cannot be cancelled and may not return for minutes. So each lookup has a thread of
 * its own, which no other thread joins: the thread and the caller share the memory, and the last of
 * the two frees it. A thread that is still out when the process exits ends with the process.
 *
 * Bounds     LOOKUPS_MAX threads are out at once in the whole process, ADDRESSES_MAX addresses of a
 *            name are used.
 * Threads    the functions: one thread, the asker's. */
#ifndef PQPOOL_LOOKUP_H
#define PQPOOL_LOOKUP_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

enum { LOOKUPS_MAX = 16, ADDRESSES_MAX = 16, ADDRESS_SIZE = 64, HOST_SIZE = 256 };

/* Numeric, as libpq's hostaddr wants them: "10.0.0.1", "fe80::1%eth0". No two are equal. */
struct addresses {
    unsigned n;
    char list[ADDRESSES_MAX][ADDRESS_SIZE];
};

struct lookup; /* opaque */

/* False for the folder of a socket, a numeric address, or no host at all. */
bool lookup_is_needed(const char *host);

/* NULL: no lookup can be started now; *err says why. */
struct lookup *lookup_start(const char *host, struct err *err) MUST_CHECK;

/* Readable once the lookup is over, and from then on until lookup_finish(). */
int lookup_fd(const struct lookup *lookup);

enum lookup_state { LOOKUP_PENDING, LOOKUP_FOUND, LOOKUP_FAILED };

/* FOUND: *out has at least one address. FAILED: *err says why. */
enum lookup_state lookup_poll(const struct lookup *lookup, struct addresses *out, struct err *err);

/* The caller wants no answer any more. Never waits. */
void lookup_finish(struct lookup *lookup);

#endif
