/* put.c - one attempt to write a group: INSERT what is new, then SELECT what it left without a
 * verdict.
 *
 * A row that came back from the INSERT is ours, once the commit is known to be whole. A row that
 * the SELECT found is believed only after the seal, a commit that waits for standbys as every
 * commit must: visible is not yet replicated when somebody cancelled the wait. A warning during the
 * INSERT says that our own wait may have been cancelled (or that a Citus worker did not commit
 * yet): then what came back proves nothing, and the SELECT and the seal decide.
 *
 * Rows are matched by order_id, keys by the place that the SELECT was given and returns. */
#include "store/impl.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "pqpool/pqpool.h"
#include "store/params.h"
#include "store/put_params.h"
#include "store/row.h"
#include "store/sqlstate.h"
#include "store/statement.h"

struct attempt {
    struct put_group *group;
    struct store_failure *failure; /* in_doubt is kept up to date, in case of a failure later */
    struct session session;
    struct order_put **open; /* room for the whole group: the puts a statement is about */
    size_t n_open;
};

/* Makes `open` the puts without a verdict; how many. */
static size_t collect_open(struct attempt *a, bool lookups_too)
{
    a->n_open = 0;
    for (size_t i = 0; i < a->group->n; i++) {
        struct order_put *put = a->group->puts[i];
        if (!put->skip && put->verdict == PUT_PENDING && (lookups_too || !put->lookup_only))
            a->open[a->n_open++] = put;
    }
    return a->n_open;
}

/* Ends the attempt; failure->err and in_doubt are set. */
static bool fail(const struct attempt *a, enum store_action action)
{
    struct store_failure *failure = a->failure;
    failure->action = action;
    if (failure->in_doubt)
        failure->err.flags |= ERR_UNCERTAIN;
    else
        failure->err.flags &= ~(unsigned)ERR_UNCERTAIN;
    return false;
}

static bool fail_by(const struct attempt *a, enum pqpool_rc rc)
{
    return fail(a, exec_action(rc, &a->failure->err));
}

static bool fail_for_memory(const struct attempt *a)
{
    err_set(&a->failure->err, ERR_RETRYABLE, "out of memory for a group of %zu orders",
            a->group->n);
    return fail(a, STORE_RETRY);
}

/* Rows mostly come back in the order they were sent, but nobody promises it: the search begins
 * after the last match. */
static struct order_put *find_open(const struct attempt *a, const char *order_id, size_t *next)
{
    for (size_t tried = 0; tried < a->n_open; tried++) {
        struct order_put *put = a->open[(*next + tried) % a->n_open];
        if (strcmp(put->order->order_id, order_id) == 0) {
            *next = (*next + tried + 1) % a->n_open;
            return put;
        }
    }
    return NULL;
}

static void settle_created(const struct attempt *a, const PGresult *rows)
{
    size_t next = 0;
    for (int i = 0; i < PQntuples(rows); i++) {
        struct order_put *put = find_open(a, PQgetvalue(rows, i, 0), &next);
        if (put != NULL)
            put->verdict = PUT_CREATED;
    }
}

static bool insert_new(struct attempt *a)
{
    struct params params = { 0 };
    PGresult *rows = NULL;
    bool ok = false;
    if (collect_open(a, false) == 0)
        return true;
    if (!put_params_insert(&params, a->open, a->n_open)) {
        fail_for_memory(a);
        goto out;
    }
    struct err *err = &a->failure->err;
    (void)pqpool_lease_warned(a->session.lease); /* of earlier things */
    enum pqpool_rc rc = statement_commit(&a->session, STATEMENT_INSERT, &params, &rows, err);
    if (rc != PQPOOL_OK) {
        a->failure->in_doubt = (err->flags & ERR_UNCERTAIN) != 0;
        fail_by(a, rc);
        goto out;
    }
    if (pqpool_lease_warned(a->session.lease))
        a->failure->in_doubt = PQntuples(rows) > 0;
    else
        settle_created(a, rows);
    ok = true;

out:
    PQclear(rows);
    params_fini(&params);
    return ok;
}

static void settle_found(const struct attempt *a, struct keyed_row *found)
{
    struct order_put *put = a->open[found->place];
    if (strcmp(found->order.order_id, put->order->order_id) == 0) {
        put->verdict = PUT_CREATED;
        order_fini(&found->order);
        return;
    }
    put->diff = order_diff(put->order, &found->order);
    if (!found->same_metadata)
        put->diff |= ORDER_DIFF_METADATA;
    put->verdict = put->diff == 0 ? PUT_REPLAYED : PUT_REUSED;
    put->stored = found->order;
}

static bool settle_all_found(const struct attempt *a, const PGresult *rows)
{
    if (PQntuples(rows) > 0) {
        enum pqpool_rc sealed = statement_seal(&a->session, &a->failure->err);
        if (sealed != PQPOOL_OK)
            return fail_by(a, sealed);
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct keyed_row found;
        enum row_rc rc = row_read_keyed(rows, i, a->n_open, &found, &a->failure->err);
        if (rc != ROW_OK)
            return fail(a, rc == ROW_NOMEM ? STORE_RETRY : STORE_SPLIT_OR_FAIL);
        settle_found(a, &found);
    }
    return true;
}

/* Once the SELECT has spoken: the keys that are not there. */
static bool settle_absent(const struct attempt *a)
{
    size_t n_pending = 0;
    for (size_t i = 0; i < a->n_open; i++) {
        if (a->open[i]->verdict != PUT_PENDING)
            continue;
        if (a->open[i]->lookup_only)
            a->open[i]->verdict = PUT_ABSENT;
        else
            n_pending++;
    }
    if (n_pending == 0 || !a->failure->in_doubt)
        return true;
    err_set(&a->failure->err, ERR_RETRYABLE, "the server warned, and %zu orders are not to be seen",
            n_pending);
    return fail(a, STORE_RETRY);
}

static bool look_up_rest(struct attempt *a)
{
    struct params params = { 0 };
    PGresult *rows = NULL;
    bool ok = false;
    if (collect_open(a, true) == 0)
        return true;
    if (!put_params_keys(&params, a->open, a->n_open)) {
        fail_for_memory(a);
        goto out;
    }
    enum pqpool_rc rc =
        statement_read(&a->session, STATEMENT_BY_KEYS, &params, &rows, &a->failure->err);
    if (rc == PQPOOL_OK)
        ok = settle_all_found(a, rows) && settle_absent(a);
    else
        fail_by(a, rc);

out:
    PQclear(rows);
    params_fini(&params);
    return ok;
}

bool store_put(void *ctx, struct put_group *group, struct store_failure *failure)
{
    const struct store *store = ctx;
    struct attempt a = {
        .group = group,
        .failure = failure,
        .session = { .prepare = store->prepare, .deadline_at_ns = group->deadline_at_ns },
    };
    bool ok = false;
    CHECK(group->n > 0);
    *failure = (struct store_failure){ 0 };
    a.open = calloc(group->n, sizeof(struct order_put *));
    if (a.open == NULL) {
        fail_for_memory(&a);
        goto out;
    }
    enum pqpool_rc rc =
        pqpool_acquire(store->pool, group->deadline_at_ns, &a.session.lease, &failure->err);
    if (rc != PQPOOL_OK) {
        failure->down = rc == PQPOOL_DOWN;
        fail(&a, STORE_UNAVAILABLE);
        goto out;
    }
    group->before_send(group->arg, group);
    ok = insert_new(&a) && look_up_rest(&a);

out:
    pqpool_release(&a.session.lease, PQPOOL_REUSE); /* what is broken the pool has seen itself */
    free(a.open);
    return ok;
}
