/* prune.c - see prune.h.
 *
 * A range ends before the order that follows its last one. This order is found by an index-only
 * scan: ORDER BY, OFFSET and LIMIT in a plain query. The DELETE has the two ends of the range as
 * its condition, so it goes through the index on order_id too. All settings are local to the
 * transaction, or made as every statement of the store has them (statement.h), and no statement is
 * prepared under a name, so this works through PgBouncer. */
#include "store/prune.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "orders/uuid7.h"
#include "pqpool/pqpool.h"
#include "pqpool/result.h"
#include "store/failure.h"
#include "store/impl.h"
#include "store/statement.h"

#define IN_RANGE "FROM orders WHERE order_id >= $1::uuid AND order_id < $2::uuid"

/* Settings of each transaction, besides STATEMENT_SETTINGS. The server ends a statement after its
 * timeout even if nobody waits for the answer any more. A plan must read no more orders than the
 * range has. Without fresh statistics the planner takes all old orders for a few, and would read
 * and sort all of them to find the end of a range. So bitmap scans and sorts are off, and index
 * scans are on, whatever the role has set. */
static const char settings_sql[] =
    "SELECT concat_ws(' ', set_config('statement_timeout', '20s', true), "
    "set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true), "
    "set_config('enable_indexscan', 'on', true), set_config('enable_indexonlyscan', 'on', true))";

struct run {
    struct session session;
    struct store_prune *prune;
    struct err *err; /* never NULL */
};

struct range {
    char from[37], to[37]; /* order_ids; `to` is not in the range */
    int64_t to_ms;         /* the moment in `to` */
    bool last;             /* no order before before_ms comes after the range */
    uint64_t orders;
};

static enum prune_rc result_of(const struct run *run, enum pqpool_rc rc)
{
    if (rc == PQPOOL_OK)
        return PRUNE_OK;
    failure_publish(run->err);
    return failure_is_passing(rc, run->err) ? PRUNE_RETRY : PRUNE_FAILED;
}

/* Called after run->err was set to what is wrong with an answer. */
static enum prune_rc malformed(const struct run *run)
{
    return result_of(run, statement_malformed(&run->session, run->err));
}

/* Runs a statement whose parameters are the two ends of the range. If `range` is NULL, the
 * statement has no parameters. */
static enum prune_rc run_sql(const struct run *run, const char *sql, const struct range *range,
                             PGresult **result)
{
    const char *const ends[] = { range != NULL ? range->from : NULL,
                                 range != NULL ? range->to : NULL };
    const struct pqpool_query query = {
        .sql = sql,
        .n_params = range != NULL ? 2 : 0,
        .values = ends,
    };
    return result_of(run, pqpool_exec(run->session.lease, &query, run->session.deadline_at_ns,
                                      result, run->err));
}

static enum prune_rc begin(const struct run *run)
{
    PGresult *row = NULL;
    enum prune_rc rc = result_of(run, transaction_begin(&run->session, run->err));
    if (rc == PRUNE_OK)
        rc = run_sql(run, settings_sql, NULL, &row);
    if (rc == PRUNE_OK && !result_is_table(row, 1, 1, 1, "the settings of a range", run->err))
        rc = malformed(run);
    PQclear(row);
    return rc;
}

/* ---- where a range ends ---- */

/* Reads the order_id of the order that follows the range. */
static enum prune_rc read_end(const struct run *run, const PGresult *row, struct range *range)
{
    unsigned char id[16];
    const char *text = PQgetvalue(row, 0, 0);
    if (!uuid_parse(text, id)) {
        err_set(run->err, 0, "malformed answer to the end of a range: no UUID");
        return malformed(run);
    }
    /* The ids of orders are unique, unless somebody else has written to the table. */
    if (strcmp(text, range->from) <= 0) {
        err_set(run->err, 0, "more than %u orders have the order_id %s", run->prune->batch,
                range->from);
        return PRUNE_FAILED;
    }
    memcpy(range->to, text, sizeof range->to);
    range->to_ms = uuid7_unix_ms(id);
    range->last = false;
    return PRUNE_OK;
}

/* Finds the end of the range that begins at range->from. The OFFSET is a literal, because Citus
 * passes the limit on to its workers only then. */
static enum prune_rc find_end(const struct run *run, struct range *range)
{
    char sql[160];
    PGresult *row = NULL;
    (void)snprintf(sql, sizeof sql,
                   "SELECT order_id " IN_RANGE " ORDER BY order_id OFFSET %u LIMIT 1",
                   run->prune->batch);
    enum prune_rc rc = run_sql(run, sql, range, &row);
    if (rc == PRUNE_OK && !result_is_table(row, 0, 1, 1, "the end of a range", run->err))
        rc = malformed(run);
    if (rc == PRUNE_OK && PQntuples(row) == 1)
        rc = read_end(run, row, range);
    PQclear(row);
    return rc;
}

/* ---- a range ---- */

static enum prune_rc count_range(const struct run *run, struct range *range)
{
    PGresult *row = NULL;
    enum prune_rc rc = run_sql(run, "SELECT count(*) " IN_RANGE, range, &row);
    if (rc == PRUNE_OK && !result_is_table(row, 1, 1, 1, "the count of a range", run->err))
        rc = malformed(run);
    if (rc == PRUNE_OK && !result_number(row, 0, 0, INT64_MAX, &range->orders)) {
        err_set(run->err, 0, "malformed answer to the count of a range: no number");
        rc = malformed(run);
    }
    PQclear(row);
    return rc;
}

/* Called when fewer orders than a batch were removed. Either no more were in the range, or the
 * owner has made a trigger, a rule or a policy that keeps some of them. */
static enum prune_rc expect_none_left(const struct run *run, const struct range *range)
{
    PGresult *row = NULL;
    enum prune_rc rc =
        run_sql(run, "SELECT order_id " IN_RANGE " ORDER BY order_id LIMIT 1", range, &row);
    if (rc == PRUNE_OK && !result_is_table(row, 0, 1, 1, "what is left of a range", run->err))
        rc = malformed(run);
    if (rc == PRUNE_OK && PQntuples(row) > 0) {
        err_set(run->err, 0,
                "a trigger, a rule or a policy of the table keeps orders from removal");
        rc = PRUNE_FAILED;
    }
    PQclear(row);
    return rc;
}

static enum prune_rc remove_range(const struct run *run, struct range *range)
{
    PGresult *result = NULL;
    enum prune_rc rc = run_sql(run, "DELETE " IN_RANGE, range, &result);
    if (rc == PRUNE_OK && !result_is_command(result, NULL, run->err))
        rc = malformed(run);
    if (rc == PRUNE_OK) {
        const char *removed = PQcmdTuples(result);
        char *end;
        range->orders = strtoull(removed, &end, 10);
        if (end == removed || *end != '\0') {
            err_set(run->err, 0, "malformed answer to DELETE: \"%.32s\"", PQcmdStatus(result));
            rc = malformed(run);
        }
    }
    PQclear(result);
    if (rc == PRUNE_OK && range->orders < run->prune->batch)
        rc = expect_none_left(run, range);
    return rc;
}

static enum prune_rc commit(const struct run *run, const struct range *range)
{
    enum prune_rc rc = result_of(run, transaction_commit(&run->session, run->err));
    if (rc != PRUNE_OK && (run->err->flags & ERR_UNCERTAIN) != 0 && !run->prune->dry_run)
        run->prune->uncertain += range->orders;
    return rc;
}

static void advance(struct store_prune *prune, const struct range *range)
{
    memcpy(prune->from, range->to, sizeof prune->from);
    prune->oldest_ms = range->to_ms;
    prune->orders += range->orders;
    prune->done = range->last;
}

/* If a step fails, the pool rolls the transaction back. */
static enum prune_rc do_range(const struct run *run)
{
    struct store_prune *prune = run->prune;
    struct range range = { .to_ms = prune->before_ms, .last = true };
    uuid7_smallest(prune->before_ms, range.to);
    if (prune->from[0] != '\0')
        memcpy(range.from, prune->from, sizeof range.from);
    else
        uuid7_smallest(0, range.from);

    enum prune_rc rc = begin(run);
    if (rc == PRUNE_OK)
        rc = find_end(run, &range);
    if (rc == PRUNE_OK)
        rc = prune->dry_run ? count_range(run, &range) : remove_range(run, &range);
    if (rc == PRUNE_OK)
        rc = commit(run, &range);
    if (rc == PRUNE_OK)
        advance(prune, &range);
    return rc;
}

/* ---- the clock ---- */

static enum prune_rc read_clock(const struct run *run, int64_t *unix_ms)
{
    PGresult *row = NULL;
    uint64_t theirs_ms = 0;
    enum prune_rc rc = run_sql(
        run, "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint", NULL, &row);
    if (rc == PRUNE_OK && !result_is_table(row, 1, 1, 1, "the clock", run->err))
        rc = malformed(run);
    if (rc == PRUNE_OK && !result_number(row, 0, 0, INT64_MAX, &theirs_ms)) {
        err_set(run->err, 0, "malformed answer to the clock: no number");
        rc = malformed(run);
    }
    PQclear(row);
    if (rc == PRUNE_OK)
        *unix_ms = clock_min((int64_t)theirs_ms, clock_wall_us() / 1000);
    return rc;
}

/* ---- */

static struct run run_with(const struct store *store, struct store_prune *prune,
                           int64_t deadline_at_ns, struct err *err)
{
    return (struct run){
        .session = { .prepare = store->prepare, .deadline_at_ns = deadline_at_ns },
        .prune = prune,
        .err = err,
    };
}

enum prune_rc store_prune_range(struct store *store, struct store_prune *prune,
                                int64_t deadline_at_ns, struct err *err)
{
    struct err why = { 0 };
    struct run run = run_with(store, prune, deadline_at_ns, &why);
    enum prune_rc rc = PRUNE_RETRY;
    if (pqpool_acquire(store->pool, deadline_at_ns, &run.session.lease, &why) == PQPOOL_OK)
        rc = do_range(&run);
    pqpool_release(&run.session.lease, PQPOOL_REUSE);
    if (rc != PRUNE_OK && err != NULL)
        *err = why;
    return rc;
}

enum prune_rc store_prune_clock(struct store *store, int64_t deadline_at_ns, int64_t *unix_ms,
                                struct err *err)
{
    struct err why = { 0 };
    struct run run = run_with(store, NULL, deadline_at_ns, &why);
    enum prune_rc rc = PRUNE_RETRY;
    if (pqpool_acquire(store->pool, deadline_at_ns, &run.session.lease, &why) == PQPOOL_OK)
        rc = read_clock(&run, unix_ms);
    pqpool_release(&run.session.lease, PQPOOL_REUSE);
    if (rc != PRUNE_OK && err != NULL)
        *err = why;
    return rc;
}
