/* dsn.h - a connection string taken apart, so that each host is dialled by us with its own share of
 * the time: libpq hangs for ever on a first host that accepts and stays silent, and ignores
 * connect_timeout when it is polled (libpq manual, 34.1, PQconnectPoll).
 *
 * Threads: connector only, after dsn_open(). */
#ifndef PQPOOL_DSN_H
#define PQPOOL_DSN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct pqpool_options;
struct dsn; /* opaque */

enum { DSN_PARAMS_MAX = 64 };

/* What PQconnectStartParams() takes; borrowed from the dsn until its next dsn_params(). */
struct dsn_params {
    const char *keywords[DSN_PARAMS_MAX + 1];
    const char *values[DSN_PARAMS_MAX + 1];
};

/* NULL: *err says what is wrong with the string (never the string itself). */
struct dsn *dsn_open(const struct pqpool_options *options, struct err *err) MUST_CHECK;
void dsn_close(struct dsn *dsn); /* NULL is a no-op */

unsigned dsn_hosts(const struct dsn *dsn);
const char *dsn_host(const struct dsn *dsn, unsigned host);  /* as it is named; "": by default */
bool dsn_host_is_name(const struct dsn *dsn, unsigned host); /* to be looked up */

/* connect_timeout of the string, the service or the environment, which libpq heeds in its blocking
 * calls only: so much for each host. CLOCK_NEVER: not said, or no limit. */
int64_t dsn_connect_timeout_ns(const struct dsn *dsn);

/* `address`: the host's, as its lookup gave it; "" where there was none. Reads the password file,
 * if there is one: rotation needs no restart. */
bool dsn_params(struct dsn *dsn, unsigned host, const char *address, struct dsn_params *out,
                struct err *err) MUST_CHECK;

#endif
