/* disclosure.h - what is said of a failure of the database, and to whom.
 *
 * Texts of libpq and PostgreSQL name the host, the port, the user and the database, and a message
 * raised by an owner's trigger may hold an order. The log has these texts. Callers with a key, and
 * everyone with AUTH=none, may see them, as they may see the holders of connections. All other
 * callers see the class of the failure in a fixed sentence, and the SQLSTATE. The reason of a
 * failed health check is for everybody: that text names a table, a column or a setting, and never a
 * host or an order.
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

/* May this caller see the texts of libpq and PostgreSQL? disclose_all: AUTH=none. */
bool disclosure_is_full(bool disclose_all, struct http_request *req) MUST_CHECK;

enum { DISCLOSURE_SIZE = 256 };

/* Why no connection can be opened, for everybody. "" when the last one could be. */
void disclosure_of_dial(const struct pqpool_stats *pool, char *out, size_t size);

/* Why the schema is not ready, for everybody. "" when nothing is known. */
void disclosure_of_schema(const struct err *err, char *out, size_t size);

#endif
