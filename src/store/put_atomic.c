/* put_atomic.c - makes one attempt to write an atomic group, which is one atomic batch: all of its
 * orders are stored, or none.
 *
 *     BEGIN; INSERT the first order of each key; SELECT by the keys of the orders that
 *     have no verdict after the INSERT; then COMMIT, if all are new or replays, else ROLLBACK
 *
 * The SELECT is in the transaction, so that it also compares twins (orders of one key in the group)
 * with the first of them while the transaction can still be rolled back. Only the database can tell
 * whether two metadata are equal.
 *
 * Verdicts are written into the puts as they become known, and withdrawn if the attempt fails. An
 * attempt can be in doubt only after it has sent its COMMIT. If an earlier attempt is in doubt,
 * this attempt's INSERT waits until the earlier transaction has ended, because both lock the same
 * keys. The earlier transaction has then committed all orders or none. So if the SELECT finds a row
 * with one of our order_ids that this transaction did not insert, the earlier attempt has committed
 * all orders. */
#include "store/put_attempt.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/err.h"

struct batch {
    struct put_attempt *a;
    enum statement at; /* the last statement sent. STATEMENT_INSERT also for the COMMIT: if an order
                          is at fault then, it is an inserted one */
    size_t n_inserted; /* rows that this transaction inserted */
    size_t n_found;    /* rows that the SELECT found, whichever transaction inserted them */
};

/* Sets every order of the group back to "no verdict". */
static void withdraw(const struct put_attempt *a)
{
    for (size_t i = 0; i < a->group->n; i++) {
        struct order_put *put = a->group->puts[i];
        put->stored = (struct order_stored){ 0 };
        put->diff = 0;
        put->verdict = PUT_PENDING;
    }
}

static size_t count(const struct put_attempt *a, enum put_verdict verdict)
{
    size_t n = 0;
    for (size_t i = 0; i < a->group->n; i++)
        n += a->group->puts[i]->verdict == verdict;
    return n;
}

/* Returns true if order i is the first order of its key. The later orders of the key (twins) stand
 * directly behind it. */
static bool is_first_of_key(const struct put_group *group, size_t i)
{
    return i == 0 || order_compare_key(group->puts[i - 1]->order, group->puts[i]->order) != 0;
}

/* ---- the statements ---- */

/* Fills `open` with the first order of each key, except orders that are only looked up. Returns the
 * number of orders in `open`. */
static size_t collect_firsts(struct put_attempt *a)
{
    a->n_open = 0;
    for (size_t i = 0; i < a->group->n; i++)
        if (is_first_of_key(a->group, i) && !a->group->puts[i]->lookup_only)
            a->open[a->n_open++] = a->group->puts[i];
    return a->n_open;
}

static bool insert_part(struct batch *b, struct put_part part)
{
    struct put_attempt *a = b->a;
    PGresult *rows = NULL;
    enum pqpool_rc rc =
        put_run(a, transaction_run, STATEMENT_INSERT, part, &rows, &a->failure->err);
    if (rc != PQPOOL_OK)
        return put_fail_by(a, rc);
    (void)put_settle_created(part, rows);
    b->n_inserted += (size_t)PQntuples(rows);
    PQclear(rows);
    return true;
}

/* Calls `run` for each part of `open`, and stops at the first failure. `at` is the statement that
 * `run` runs. */
static bool for_each_part(struct batch *b, enum statement at,
                          bool (*run)(struct batch *b, struct put_part part))
{
    struct put_part rest = { b->a->open, b->a->n_open }, part;
    b->at = at;
    while ((part = put_next_part(&rest)).n > 0)
        if (!run(b, part))
            return false;
    return true;
}

static bool insert_firsts(struct batch *b)
{
    (void)collect_firsts(b->a);
    return for_each_part(b, STATEMENT_INSERT, insert_part);
}

static void settle_absent(const struct put_attempt *a)
{
    for (size_t i = 0; i < a->n_open; i++)
        if (a->open[i]->verdict == PUT_PENDING && a->open[i]->lookup_only)
            a->open[i]->verdict = PUT_ABSENT;
}

static bool look_up_part(struct batch *b, struct put_part part)
{
    struct put_attempt *a = b->a;
    PGresult *rows = NULL;
    enum pqpool_rc rc =
        put_run(a, transaction_run, STATEMENT_COMPARE, part, &rows, &a->failure->err);
    if (rc != PQPOOL_OK)
        return put_fail_by(a, rc);
    b->n_found += (size_t)PQntuples(rows);
    bool ok = put_settle_found(a, part, rows);
    PQclear(rows);
    return ok;
}

/* Looks up all orders that have no verdict after the INSERT: replays, twins, and orders that are
 * only looked up. */
static bool look_up_others(struct batch *b)
{
    if (put_collect_open(b->a, true) == 0)
        return true;
    if (!for_each_part(b, STATEMENT_COMPARE, look_up_part))
        return false;
    settle_absent(b->a);
    return true;
}

/* ---- the commit ---- */

/* Called if the server warned during the commit. The commit then proves nothing, so a lookup and a
 * seal decide whether the orders are stored. */
static bool confirm(struct put_attempt *a)
{
    a->failure->in_doubt = true;
    withdraw(a);
    if (!put_look_up_rest(a))
        return false;
    if (count(a, PUT_REUSED) == 0 && count(a, PUT_ABSENT) == 0)
        return true;
    err_set(&a->failure->err, 0,
            "the server warned, and the stored orders are not those that were sent");
    return put_fail(a, STORE_FAIL, FAULT_SERVICE);
}

static bool commit(const struct batch *b)
{
    struct put_attempt *a = b->a;
    struct err *err = &a->failure->err;
    enum pqpool_rc rc = transaction_commit(&a->session, err);
    if (rc != PQPOOL_OK) {
        a->failure->in_doubt = b->n_inserted > 0 && (err->flags & ERR_UNCERTAIN) != 0;
        return put_fail_by(a, rc);
    }
    bool warned = pqpool_lease_warned(a->session.lease);
    /* A commit that wrote rows has waited for the standbys, so no seal (statement_seal()) is
     * needed. */
    if (b->n_inserted > 0)
        return !warned || confirm(a);
    if (b->n_found == 0)
        return true;
    rc = statement_seal(&a->session, err);
    return rc == PQPOOL_OK || put_fail_by(a, rc);
}

/* ---- the rollback ---- */

/* Sets the verdict of one order of a group that was rolled back. An order may be PUT_REUSED because
 * it differs from the first order of its key in this group. That first order is not stored after
 * the rollback, so `stored` then becomes empty. */
static void settle_rolled_back(struct order_put *put, const struct order_put *first)
{
    switch (put->verdict) {
    case PUT_REUSED:
        if (strcmp(put->stored.order_id, first->order->order_id) == 0) {
            put->stored = (struct order_stored){ 0 };
        }
        return;
    case PUT_ABSENT:
    case PUT_REFUSED:
        return;
    case PUT_PENDING:
    case PUT_CREATED:
    case PUT_REPLAYED:
    case PUT_ROLLED_BACK:
        put->stored = (struct order_stored){ 0 };
        put->verdict = PUT_ROLLED_BACK;
        return;
    }
}

static bool refuse(const struct put_attempt *a)
{
    const struct order_put *first = NULL;
    for (size_t i = 0; i < a->group->n; i++) {
        if (is_first_of_key(a->group, i))
            first = a->group->puts[i];
        settle_rolled_back(a->group->puts[i], first);
    }
    a->group->refused = true;
    return true;
}

/* Rolls the group back. Called if an order is PUT_REUSED, or PUT_ABSENT (only looked up, and not
 * found). */
static bool roll_back(const struct batch *b)
{
    struct put_attempt *a = b->a;
    struct err *err = &a->failure->err;
    transaction_rollback(&a->session);
    if (count(a, PUT_CREATED) > b->n_inserted) {
        err_set(err, 0, "the batch was stored, and some of its orders have been replaced since");
        a->failure->in_doubt = true;
        return put_fail(a, STORE_FAIL, FAULT_SERVICE);
    }
    if (b->n_found > 0) {
        enum pqpool_rc rc = statement_seal(&a->session, err);
        if (rc != PQPOOL_OK)
            return put_fail_by(a, rc);
    }
    return refuse(a);
}

/* Called after the database refused the transaction. Finds the order that is at fault, and ends the
 * group as refused. Returns false if no order was found to be at fault. */
static bool blame(const struct batch *b)
{
    struct put_attempt *a = b->a;
    struct order_put *culprit = NULL;
    struct store_failure refusal;
    if (b->at == STATEMENT_INSERT)
        (void)collect_firsts(a);
    else
        (void)put_collect_open(a, true);
    enum pqpool_rc rc = put_find_culprit(a, &culprit, &refusal);
    if (rc != PQPOOL_OK) {
        *a->failure = refusal;
        return put_fail(a, refusal.action, refusal.fault);
    }
    if (culprit == NULL)
        return false;
    culprit->verdict = PUT_REFUSED;
    a->group->refusal = refusal.err;
    return refuse(a);
}

/* ---- the attempt ---- */

static bool write_all(struct batch *b)
{
    struct put_attempt *a = b->a;
    (void)pqpool_lease_warned(a->session.lease); /* clears the warnings of earlier statements */
    enum pqpool_rc rc = transaction_begin(&a->session, &a->failure->err);
    if (rc != PQPOOL_OK)
        return put_fail_by(a, rc);
    if (!insert_firsts(b) || !look_up_others(b))
        return false;
    if (count(a, PUT_REUSED) > 0 || count(a, PUT_ABSENT) > 0)
        return roll_back(b);
    if (count(a, PUT_PENDING) == 0) {
        b->at = STATEMENT_INSERT;
        return commit(b);
    }
    withdraw(a); /* a key was neither inserted nor found: the whole group is attempted again */
    return true;
}

bool put_atomic(struct put_attempt *a)
{
    struct batch b = { .a = a };
    if (a->group->puts[0]->skip)
        return true;
    bool ok = write_all(&b);
    transaction_rollback(&a->session);
    if (ok)
        return true;
    withdraw(a);
    return put_has_culprit(a->failure) && !a->group->in_doubt && blame(&b);
}
