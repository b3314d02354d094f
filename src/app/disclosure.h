/* disclosure.h - what is said of a failure of the database, and to whom.
 *
 * Texts of libpq and PostgreSQL name the host, the port, the user and the database, and what the
 * owner's triggers raise may hold an order. The log has them, and callers who may see them: those
 * with a key, or everyone with AUTH=none, as with the holders of connections. Everybody else hears
 * the class of the failure in words of ours, and the SQLSTATE. Why a health check failed is for
 * everybody: that text names a table, a column or a setting, and never a host or an order.
 *
 * Threads    any. */
#ifndef APP_DISCLOSURE_H
#define APP_DISCLOSURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;
struct http_request;
struct pqpool_stats;
struct service;

/* May this caller see the texts themselves? */
bool disclosure_is_full(const struct service *service, struct http_request *req) MUST_CHECK;

enum { DISCLOSURE_SIZE = 256 };

/* Why no connection can be opened, for everybody. "" when the last one could be. */
void disclosure_of_dial(const struct pqpool_stats *pool, char *out, size_t size);

/* Why the schema is not ready, for everybody. "" when nothing is known. */
void disclosure_of_schema(const struct err *err, char *out, size_t size);

#endif
