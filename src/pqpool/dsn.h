/* dsn.h - splits a connection string into its hosts, so that the pool dials each host with its own
 * share of the time. With all hosts in one dial, libpq would wait for ever for a first host that
 * accepts and stays silent, because PQconnectPoll() ignores connect_timeout (libpq manual, 34.1).
 *
 * Threads    while the connector runs, it alone uses the pool's dsn. Before and after that, the
 *            thread that opens or frees the pool does. */
#ifndef PQPOOL_DSN_H
#define PQPOOL_DSN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct pqpool_options;
struct dsn; /* opaque */

enum { DSN_PARAMS_MAX = 64 };

/* The arguments of PQconnectStartParams(). The strings are borrowed from the dsn and from the
 * argument `address`, and are valid until the next call of dsn_params(). */
struct dsn_params {
    const char *keywords[DSN_PARAMS_MAX + 1];
    const char *values[DSN_PARAMS_MAX + 1];
};

/* Reads the connection string and the pool's other options for a dial. NULL: *err says what is
 * wrong with the string, and never shows the string itself. */
struct dsn *dsn_open(const struct pqpool_options *options, struct err *err) MUST_CHECK;
void dsn_close(struct dsn *dsn); /* NULL is a no-op */

unsigned dsn_hosts(const struct dsn *dsn);
/* Returns the host's name, or its hostaddr if it has no name; "": it has neither, and libpq uses
 * its default host. */
const char *dsn_host(const struct dsn *dsn, unsigned host);
/* Returns true if the host is a name that has to be looked up. */
bool dsn_host_is_name(const struct dsn *dsn, unsigned host);

/* Returns the time for a whole dial: connect_timeout of the string, the service or the environment,
 * times the number of hosts. The pool itself must limit the dial, since libpq applies
 * connect_timeout only in its blocking calls. CLOCK_NEVER: connect_timeout is not set, or sets no
 * limit. */
int64_t dsn_connect_timeout_ns(const struct dsn *dsn);

/* Writes the parameters for a dial of this host. address: the result of the lookup; "": no lookup
 * was needed. Reads the password file, if there is one, so that a new password needs no restart.
 * False: *err says why. */
bool dsn_params(struct dsn *dsn, unsigned host, const char *address, struct dsn_params *out,
                struct err *err) MUST_CHECK;

#endif
