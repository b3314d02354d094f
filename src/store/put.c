/* put.c - makes one attempt to write a group: an INSERT of the new orders, then a SELECT of the
 * orders that have no verdict after it.
 *
 * If the server reports the commit without a warning, each row that the INSERT returned was stored
 * by this attempt. A row that the SELECT found proves that the order is stored only after the seal,
 * a commit that waits for the standbys. Without the seal the row may be visible and not yet
 * replicated, because somebody cancelled its transaction's wait for the standbys. A warning during
 * the INSERT means that our own wait may have been cancelled (or that a Citus worker has not
 * committed yet). Then the rows that the INSERT returned prove nothing, and only the SELECT and the
 * seal show what is stored.
 *
 * If an earlier attempt may have stored the group in another database, the group is neither looked
 * up nor written here: the attempt fails with STORE_ELSEWHERE before anything is sent.
 *
 * If the server turns out to be a primary that was replaced, nothing that it has said counts.
 *
 * The rows of the INSERT are matched to orders by order_id. The SELECT returns for each row the
 * position of its key among the parameters. put_atomic.c writes groups of one atomic batch each. */
#include "store/impl.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "pqpool/pqpool.h"
#include "store/failure.h"
#include "store/put_attempt.h"

static bool insert_new(struct put_attempt *a)
{
    if (put_collect_open(a, false) == 0)
        return true;
    const struct put_part all = { a->open, a->n_open };
    struct err *err = &a->failure->err;
    PGresult *rows = NULL;
    (void)pqpool_lease_warned(a->session.lease); /* clears the warnings of earlier statements */
    enum pqpool_rc rc = put_run(a, statement_commit, STATEMENT_INSERT, all, &rows, err);
    if (rc != PQPOOL_OK) {
        a->failure->in_doubt = (err->flags & ERR_UNCERTAIN) != 0;
        return put_fail_by(a, rc);
    }
    size_t n_rows = (size_t)PQntuples(rows);
    a->failure->in_doubt =
        pqpool_lease_warned(a->session.lease) ? n_rows > 0 : put_settle_created(all, rows) < n_rows;
    PQclear(rows);
    return true;
}

/* Returns true, and sets the error, if an earlier attempt may have stored the group in another
 * database than the one of this lease. A lookup here would not show what the other database has
 * stored, and writing the group here could store it in both. */
static bool is_elsewhere(const struct put_attempt *a, uint32_t database)
{
    uint32_t doubt = a->group->doubt_database;
    if (!a->group->in_doubt || doubt == 0 || database == 0 || database == doubt)
        return false;
    err_set(&a->failure->err, 0,
            "the database has been replaced by another one since the order was sent to it");
    return true;
}

/* Returns true, and sets the error, if no standby would have the orders. Orders in doubt wait, too:
 * the commit that makes them certain waits for nobody. */
static bool lacks_standby(const struct put_attempt *a, const struct store *store)
{
    if (!atomic_load_explicit(&store->lacks_standby, memory_order_acquire))
        return false;
    err_set(&a->failure->err, ERR_RETRYABLE,
            "DATABASE_REQUIRE_SYNC_STANDBY: no synchronous standby is known");
    return true;
}

/* Takes the verdicts back if the server is a primary that was replaced: an order that only this
 * server has is lost when the server is repaired. The orders are in doubt then, and the next
 * attempt asks the successor. Returns false if a verdict was taken back, and `ok` otherwise. */
static bool believe(struct put_attempt *a, bool ok)
{
    struct put_group *group = a->group;
    bool any = false;
    if (a->session.lease == NULL || !pqpool_lease_was_replaced(a->session.lease))
        return ok;
    for (size_t i = 0; i < group->n; i++) {
        struct order_put *put = group->puts[i];
        if (put->verdict == PUT_PENDING)
            continue;
        any = true;
        a->failure->in_doubt |= !put->lookup_only;
        put->verdict = PUT_PENDING;
    }
    if (!any)
        return ok;
    group->refused = false;
    if (!ok)
        return false;
    err_set(&a->failure->err, ERR_RETRYABLE,
            "the server is a primary that was replaced, so its answer proves nothing");
    return put_fail(a, STORE_RETRY, FAULT_SERVER);
}

bool store_put(void *ctx, struct put_group *group, struct store_failure *failure)
{
    const struct store *store = ctx;
    struct put_attempt a = {
        .group = group,
        .failure = failure,
        .session = { .prepare = store->prepare, .deadline_at_ns = group->deadline_at_ns },
    };
    bool ok = false;
    CHECK(group->n > 0);
    *failure = (struct store_failure){ 0 };
    group->refused = false;
    a.open = calloc(group->n, sizeof(struct order_put *));
    if (a.open == NULL) {
        err_set(&failure->err, ERR_RETRYABLE, "out of memory for a group of %zu orders", group->n);
        (void)put_fail_by(&a, PQPOOL_NOMEM);
        goto out;
    }
    enum pqpool_rc rc =
        pqpool_acquire(store->pool, group->deadline_at_ns, &a.session.lease, &failure->err);
    if (rc != PQPOOL_OK) {
        failure->down = rc == PQPOOL_DOWN;
        (void)put_fail(&a, STORE_UNAVAILABLE, failure->down ? FAULT_SERVER : FAULT_NONE);
        goto out;
    }
    uint32_t database = pqpool_lease_database(a.session.lease);
    if (is_elsewhere(&a, database)) {
        (void)put_fail(&a, STORE_ELSEWHERE, FAULT_NONE);
        goto out;
    }
    if (lacks_standby(&a, store)) {
        (void)put_fail(&a, STORE_UNAVAILABLE, FAULT_SERVER);
        goto out;
    }
    group->sent_database = database;
    group->before_send(group->arg, group);
    if (group->atomic)
        ok = put_atomic(&a);
    else
        ok = insert_new(&a) && put_look_up_rest(&a);

out:
    ok = believe(&a, ok);
    if (!ok)
        failure->retry = failure_retry(failure);
    pqpool_release(&a.session.lease, PQPOOL_REUSE); /* the pool discards a broken connection */
    free(a.open);
    return ok;
}
