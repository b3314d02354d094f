/* put_culprit.c - finds the order for which the database refuses an atomic group.
 *
 * A part of the group is inserted in a transaction that is always rolled back, with deferred
 * constraints checked at once. If the database refuses the part, the two halves of the part are
 * tried. A part that is not refused has no order at fault. If the database refuses an order alone,
 * it also refuses every part with this order. So the order is found after about two INSERTs for
 * each halving.
 *
 * If the database refused the SELECT of the attempt, the search inserts the orders of that SELECT,
 * because the INSERT checks all that the SELECT checks. The search cannot use the SELECT itself: it
 * would check an order only if the part also has the first order of its key.
 *
 * A refusal of class 54 may also mean that the server can store no order at all. So after such a
 * refusal the search goes on until the server has stored another part, and then tries the order
 * alone once more. The order is at fault only if it is refused again. */
#include <libpq-fe.h>

#include "base/check.h"
#include "base/err.h"
#include "store/failure.h"
#include "store/put_attempt.h"

struct part {
    size_t from, n;
};

enum { PARTS_MAX = 64 }; /* each halving adds one part, and a size_t can be halved 64 times */

/* Runs the INSERT with the orders of the part. Sets *stored to true if a row was written, which
 * shows that the server can store orders. */
static enum pqpool_rc run_part(const struct put_attempt *a, struct part part, bool *stored,
                               struct err *err)
{
    struct put_part rest = { a->open + part.from, part.n }, next;
    enum pqpool_rc rc = PQPOOL_OK;
    while (rc == PQPOOL_OK && (next = put_next_part(&rest)).n > 0) {
        PGresult *rows = NULL;
        rc = put_run(a, transaction_run, STATEMENT_INSERT, next, &rows, err);
        *stored |= rc == PQPOOL_OK && PQntuples(rows) > 0;
        PQclear(rows);
    }
    return rc;
}

static enum pqpool_rc try_part(const struct put_attempt *a, struct part part, bool *stored,
                               struct err *err)
{
    enum pqpool_rc rc = transaction_begin(&a->session, err);
    *stored = false;
    if (rc == PQPOOL_OK)
        rc = transaction_defer_nothing(&a->session, err);
    if (rc == PQPOOL_OK)
        rc = run_part(a, part, stored, err);
    transaction_rollback(&a->session);
    return rc;
}

struct search {
    struct part parts[PARTS_MAX]; /* to be tried, the last one first */
    size_t n_parts;
    bool stored;                 /* a part could be stored */
    struct part suspect;         /* one order that was refused alone; n 0: none yet */
    struct store_failure reason; /* why this order was refused */
};

static void halve(struct search *search, struct part part)
{
    size_t half = part.n / 2;
    CHECK(search->n_parts + 2 <= PARTS_MAX);
    search->parts[search->n_parts++] = (struct part){ part.from + half, part.n - half };
    search->parts[search->n_parts++] = (struct part){ part.from, half };
}

bool put_has_culprit(const struct store_failure *failure)
{
    return failure->action == STORE_SPLIT || failure->unless_neighbour_stored;
}

/* Called for a part that was refused. If the part has several orders, its halves are tried next. If
 * the part is one order, search->suspect is set to this order. If search->suspect is set already,
 * does nothing, because the search then only looks for a part that can be stored. */
static void narrow(struct search *search, struct part part, const struct store_failure *refusal)
{
    if (search->suspect.n > 0)
        return;
    if (part.n > 1) {
        halve(search, part);
        return;
    }
    search->suspect = part;
    search->reason = *refusal;
}

static bool is_found(const struct search *search)
{
    return search->suspect.n > 0 && (search->stored || !search->reason.unless_neighbour_stored);
}

/* Inserts search->suspect, the order that was refused alone, a second time, and rolls the INSERT
 * back. PQPOOL_OK: if the order was refused again, *culprit is set to it; if not, *culprit is
 * unchanged. */
static enum pqpool_rc try_again(const struct put_attempt *a, const struct search *search,
                                struct order_put **culprit, struct store_failure *refusal)
{
    bool stored;
    enum pqpool_rc rc = try_part(a, search->suspect, &stored, &refusal->err);
    if (rc == PQPOOL_OK)
        return PQPOOL_OK;
    failure_classify(&a->session, rc, refusal);
    if (!put_has_culprit(refusal))
        return rc;
    *culprit = a->open[search->suspect.from];
    return PQPOOL_OK;
}

enum pqpool_rc put_find_culprit(const struct put_attempt *a, struct order_put **culprit,
                                struct store_failure *refusal)
{
    struct search search = { .parts = { { 0, a->n_open } }, .n_parts = a->n_open > 0 };
    *culprit = NULL;
    *refusal = *a->failure;
    while (search.n_parts > 0 && !is_found(&search)) {
        struct part part = search.parts[--search.n_parts];
        if (part.n < a->n_open) { /* the whole group is known to be refused */
            bool stored;
            enum pqpool_rc rc = try_part(a, part, &stored, &refusal->err);
            search.stored |= stored;
            if (rc == PQPOOL_OK)
                continue;
            failure_classify(&a->session, rc, refusal);
            if (!put_has_culprit(refusal))
                return rc;
        }
        narrow(&search, part, refusal);
    }
    if (!is_found(&search))
        return PQPOOL_OK;
    if (search.reason.unless_neighbour_stored)
        return try_again(a, &search, culprit, refusal);
    *culprit = a->open[search.suspect.from];
    *refusal = search.reason;
    return PQPOOL_OK;
}
