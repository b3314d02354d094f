/* fetch.h - runs the SELECT of a lookup or of a list on a connection of its own. */
#ifndef STORE_FETCH_H
#define STORE_FETCH_H

#include <stdint.h>

#include "base/attr.h"
#include "orders/order_store.h"
#include "store/statement_text.h"

struct err;
struct params;
struct pg_result;
struct store;

/* Leases a connection, runs one statement on it, and releases it. If the statement finds rows, a
 * seal makes sure that these rows are durable. *rows_out is NULL before the call, and the caller
 * clears it in any case. err is never NULL. Threads: any. */
enum lookup_rc store_fetch(const struct store *store, enum statement which,
                           const struct params *params, int64_t deadline_at_ns,
                           struct pg_result **rows_out, struct err *err) MUST_CHECK;

#endif
