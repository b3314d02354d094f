/* dsn.h - a connection string, split into its hosts, so that the pool dials each host with its own
 * share of the time. libpq would hang for ever on a first host that accepts and stays silent,
 * because it ignores connect_timeout when it is polled (libpq manual, 34.1, PQconnectPoll).
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
const char *dsn_host(const struct dsn *dsn,
                     unsigned host); /* as the string names it; "": libpq's default */
bool dsn_host_is_name(const struct dsn *dsn, unsigned host); /* true: it has to be looked up */

/* connect_timeout of the string, the service or the environment: the limit for each host. libpq
 * applies it in its blocking calls only. CLOCK_NEVER: not set, or no limit. */
int64_t dsn_connect_timeout_ns(const struct dsn *dsn);

/* address: the result of the lookup, or "" if there was none. Reads the password file, if there is
 * one, so that a new password needs no restart. */
bool dsn_params(struct dsn *dsn, unsigned host, const char *address, struct dsn_params *out,
                struct err *err) MUST_CHECK;

#endif
