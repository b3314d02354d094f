/* fetch.c - see fetch.h. */
#include "store/fetch.h"

#include <libpq-fe.h>

#include "base/err.h"
#include "pqpool/pqpool.h"
#include "store/failure.h"
#include "store/impl.h"
#include "store/statement.h"

enum lookup_rc store_fetch(const struct store *store, enum statement which,
                           const struct params *params, int64_t deadline_at_ns, PGresult **rows_out,
                           struct err *err)
{
    struct session session = { .prepare = store->prepare, .deadline_at_ns = deadline_at_ns };
    enum pqpool_rc rc = pqpool_acquire(store->pool, deadline_at_ns, &session.lease, err);
    if (rc != PQPOOL_OK)
        return LOOKUP_UNAVAILABLE;
    rc = statement_read(&session, which, params, rows_out, err);
    if (rc == PQPOOL_OK && PQntuples(*rows_out) > 0)
        rc = statement_seal(&session, err);
    enum lookup_rc found = rc == PQPOOL_OK ? LOOKUP_OK : failure_of_read(&session, rc, err);
    pqpool_release(&session.lease, PQPOOL_REUSE);
    return found;
}
