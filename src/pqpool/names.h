/* names.h - shares lookups among the dials of one host, and remembers for each host the address at
 * which a server answered last.
 *
 * Threads    the connector's. names_open() and names_close() are called while the connector does
 *            not run. */
#ifndef PQPOOL_NAMES_H
#define PQPOOL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "pqpool/lookup.h"

struct err;
struct names;
struct pg_driver;

/* One lookup of one host, shared by every dial that waits for its result. */
struct name {
    unsigned owners; /* how many dials use the lookup, plus 1 while more dials may join it */
    struct lookup *lookup;
    int64_t began_at_ns;
    enum lookup_state state;
    struct addresses addresses; /* valid if FOUND: the address at which a server answered last, then
                                   the others as the resolver sorted them */
    struct err err;             /* valid if FAILED: why */
};

struct names *names_open(const struct pg_driver *pg, unsigned hosts); /* NULL: no memory */
void names_close(struct names *names);                                /* NULL is a no-op */

/* Returns the lookup for whose result a dial of this host must wait: the one under way, if it began
 * less than 10 s ago or no new one can be started; otherwise a new one. The dial must call
 * names_leave() for it. NULL: no lookup is under way and none can be started; *err says why. */
struct name *names_enter(struct names *names, unsigned host, const char *text, int64_t now_ns,
                         struct err *err) MUST_CHECK;
/* Sets *name to NULL, and ends the lookup if no other owner is left. No-op if *name is NULL. */
void names_leave(struct names *names, struct name **name);

/* Reads the result of the lookup if it has come, and returns the lookup's state. */
enum lookup_state names_step(struct names *names, unsigned host, struct name *name);

/* Records that a server has answered at this address of the host, so that later lookups put the
 * address first. Does nothing if `address` is "", as when no lookup was needed. */
void names_good(struct names *names, unsigned host, const char *address);

#endif
