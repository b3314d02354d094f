/* fake_lookup.h - a resolver behind the pool's driver that answers what a test says: no network, no
 * thread. One a process; the members of struct pg_driver that begin with lookup_ are these.
 *
 * Threads    any. */
#ifndef SUPPORT_FAKE_LOOKUP_H
#define SUPPORT_FAKE_LOOKUP_H

#include "pqpool/pg_driver.h"

/* FAKE_LOOKUP_NEVER: no answer, until the name is told otherwise; FAKE_LOOKUP_FAIL: it fails, as
 * one does for now. */
#define FAKE_LOOKUP_NEVER "never"
#define FAKE_LOOKUP_FAIL "fail"

/* What a host has from now on: addresses with a blank between them, or one of the two above. The
 * lookups of the host that are under way are answered so too. An unknown name fails. */
void fake_lookup_set(const char *host, const char *addresses);

struct fake_lookup_counts {
    unsigned started, out; /* so far; now */
};
struct fake_lookup_counts fake_lookup_counts(void);

struct lookup *fake_lookup_start(const char *host, struct err *err);
int fake_lookup_fd(const struct lookup *lookup);
enum lookup_state fake_lookup_poll(const struct lookup *lookup, struct addresses *out,
                                   struct err *err);
void fake_lookup_finish(struct lookup *lookup);

/* The driver with this resolver in place of its own. */
struct pg_driver fake_lookup_with(const struct pg_driver *driver);

#endif
