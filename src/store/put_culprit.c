/* put_culprit.c - which order of an atomic group the database refuses.
 *
 * A part of the group is tried in a transaction of its own that is rolled back whatever comes of
 * it, with deferred constraints speaking at once. Halves that are refused are halved again; a half
 * that passes is innocent. An order that is refused alone makes every part refused that it is in,
 * so it is found in some two steps for each halving.
 *
 * The trial is an INSERT, also of what was only to be compared: it asks of an order all that the
 * SELECT does, which would look at it only beside a twin that may not be in the part. */
#include <libpq-fe.h>

#include "base/check.h"
#include "base/err.h"
#include "store/params.h"
#include "store/put_attempt.h"
#include "store/put_params.h"
#include "store/sqlstate.h"

struct part {
    size_t from, n;
};

enum { PARTS_MAX = 64 }; /* a halving leaves one behind, and a size_t has no more halvings */

static enum pqpool_rc run_statement(const struct put_attempt *a, struct put_part part,
                                    struct err *err)
{
    struct params params = { 0 };
    PGresult *rows = NULL;
    enum pqpool_rc rc = PQPOOL_NOMEM;
    if (put_params_insert(&params, part.puts, part.n))
        rc = transaction_run(&a->session, STATEMENT_INSERT, &params, &rows, err);
    else
        err_set(err, ERR_RETRYABLE, "out of memory for a part of %zu orders", part.n);
    PQclear(rows);
    params_fini(&params);
    return rc;
}

static enum pqpool_rc run_part(const struct put_attempt *a, struct part part, struct err *err)
{
    struct put_part rest = { a->open + part.from, part.n }, next;
    enum pqpool_rc rc = PQPOOL_OK;
    while (rc == PQPOOL_OK && (next = put_next_part(&rest)).n > 0)
        rc = run_statement(a, next, err);
    return rc;
}

static enum pqpool_rc try_part(const struct put_attempt *a, struct part part, struct err *err)
{
    enum pqpool_rc rc = transaction_begin(&a->session, err);
    if (rc == PQPOOL_OK)
        rc = transaction_defer_nothing(&a->session, err);
    if (rc == PQPOOL_OK)
        rc = run_part(a, part, err);
    transaction_rollback(&a->session);
    return rc;
}

enum pqpool_rc put_find_culprit(const struct put_attempt *a, struct order_put **culprit,
                                struct err *refusal)
{
    struct part parts[PARTS_MAX] = { { 0, a->n_open } }; /* to be tried; the last one next */
    size_t n_parts = a->n_open > 0;
    *culprit = NULL;
    *refusal = a->failure->err;
    while (n_parts > 0) {
        struct part part = parts[--n_parts];
        bool whole = part.n == a->n_open; /* which is known to be refused */
        enum pqpool_rc rc = whole ? PQPOOL_REFUSED : try_part(a, part, refusal);
        if (rc == PQPOOL_OK)
            continue;
        if (!whole && exec_action(rc, refusal) != STORE_SPLIT)
            return rc;
        if (part.n == 1) {
            *culprit = a->open[part.from];
            return PQPOOL_OK;
        }
        size_t half = part.n / 2;
        CHECK(n_parts + 2 <= PARTS_MAX);
        parts[n_parts++] = (struct part){ part.from + half, part.n - half };
        parts[n_parts++] = (struct part){ part.from, half };
    }
    return PQPOOL_OK;
}
