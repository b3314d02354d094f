/* fake_lookup.h - a name resolver for the pool's driver (the members lookup_* of struct pg_driver)
 * that answers as a test says, without network or threads. There is one for each process. Threads:
 * any. */
#ifndef SUPPORT_FAKE_LOOKUP_H
#define SUPPORT_FAKE_LOOKUP_H

#include "pqpool/pg_driver.h"

/* FAKE_LOOKUP_NEVER: the lookup hangs until the name gets another answer. FAKE_LOOKUP_FAIL: the
 * lookup fails with a temporary error. */
#define FAKE_LOOKUP_NEVER "never"
#define FAKE_LOOKUP_FAIL "fail"

/* Sets the answer for a host, from now on and for lookups that are running: addresses separated by
 * blanks, or one of the two values above. Lookups of other names fail. */
void fake_lookup_set(const char *host, const char *addresses);

struct fake_lookup_counts {
    unsigned started, out; /* lookups started so far; lookups running now */
};
struct fake_lookup_counts fake_lookup_counts(void);

struct lookup *fake_lookup_start(const char *host, struct err *err);
int fake_lookup_fd(const struct lookup *lookup);
enum lookup_state fake_lookup_poll(const struct lookup *lookup, struct addresses *out,
                                   struct err *err);
void fake_lookup_finish(struct lookup *lookup);

/* Returns a copy of the driver that uses this resolver. */
struct pg_driver fake_lookup_with(const struct pg_driver *driver);

#endif
