/* names.h - what the pool knows of the host names that it dials: the lookups under way, which the
 * dials of one host share, and the address of each host that was last good.
 *
 * Threads    the connector's; names_open() and names_close() while that does not run. */
#ifndef PQPOOL_NAMES_H
#define PQPOOL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "pqpool/lookup.h"

struct err;
struct names;
struct pg_driver;

/* One lookup of one host, for every dial that waits for the answer. */
struct name {
    unsigned owners; /* dials, and struct names */
    struct lookup *lookup;
    int64_t began_at_ns;
    enum lookup_state state;
    struct addresses addresses; /* FOUND: the last good one first, then as they were answered */
    struct err err;             /* FAILED */
};

struct names *names_open(const struct pg_driver *pg, unsigned hosts); /* NULL: no memory */
void names_close(struct names *names);                                /* NULL is a no-op */

/* The lookup that a dial of this host, begun now, waits for: the one under way, unless that is too
 * old, or a new one. The dial gives it back by names_leave(). NULL: *err. */
struct name *names_enter(struct names *names, unsigned host, const char *text, int64_t now_ns,
                         struct err *err) MUST_CHECK;
void names_leave(struct names *names, struct name **name); /* NULL in it is a no-op */

/* Takes the answer, if there is one. */
enum lookup_state names_step(struct names *names, unsigned host, struct name *name);

/* A server has answered at this address of the host; "": it was not looked up. */
void names_good(struct names *names, unsigned host, const char *address);

#endif
