/* disclosure.h - decides which callers may read which texts about a failure of the database.
 *
 * Texts of libpq and PostgreSQL name the host, the port, the user and the database, and the message
 * of a trigger may hold an order. Such texts are shown in the log, to callers with an API key, and
 * with AUTH=none to everyone. All other callers get a fixed sentence for the class of the failure,
 * and the SQLSTATE. Everyone may read why a health check failed: that text names a table, a column
 * or a setting, and never a host or an order.
 *
 * Threads    any. */
#ifndef OBSERVABILITY_DISCLOSURE_H
#define OBSERVABILITY_DISCLOSURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;
struct http_request;
struct pqpool_stats;

/* Returns true if this caller may read the texts of libpq and PostgreSQL. `disclose_all` is true
 * with AUTH=none. */
bool disclosure_is_full(bool disclose_all, struct http_request *req) MUST_CHECK;

enum { DISCLOSURE_SIZE = 256 };

/* Writes why no connection can be opened, for everyone to read. Writes "" if the last dial
 * succeeded. */
void disclosure_of_dial(const struct pqpool_stats *pool, char *out, size_t size);

/* Writes why the schema is not ready, for everyone to read. Writes "" if the reason is unknown. */
void disclosure_of_schema(const struct err *err, char *out, size_t size);

#endif
