/* put_attempt.c - reads verdicts from the rows of a statement, and ends attempts that fail. */
#include "store/put_attempt.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/err.h"
#include "pqpool/result.h"
#include "store/failure.h"
#include "store/row.h"
#include "store/sqlstate.h"

size_t put_collect_open(struct put_attempt *a, bool lookups_too)
{
    a->n_open = 0;
    for (size_t i = 0; i < a->group->n; i++) {
        struct order_put *put = a->group->puts[i];
        if (!put->skip && put->verdict == PUT_PENDING && (lookups_too || !put->lookup_only))
            a->open[a->n_open++] = put;
    }
    return a->n_open;
}

/* Sets ERR_UNCERTAIN if the attempt is in doubt, and clears it otherwise. Returns false. */
static bool fail(struct store_failure *failure)
{
    if (failure->in_doubt)
        failure->err.flags |= ERR_UNCERTAIN;
    else
        failure->err.flags &= ~(unsigned)ERR_UNCERTAIN;
    return false;
}

bool put_fail(const struct put_attempt *a, enum store_action action, enum store_fault fault)
{
    a->failure->action = action;
    a->failure->fault = fault;
    return fail(a->failure);
}

bool put_fail_by(const struct put_attempt *a, enum pqpool_rc rc)
{
    failure_classify(&a->session, rc, a->failure);
    return fail(a->failure);
}

enum { PART_ORDERS_MAX = 1000, PART_METADATA_MAX = 1024 * 1024 };

struct put_part put_next_part(struct put_part *rest)
{
    struct put_part part = { .puts = rest->puts };
    size_t metadata = 0;
    while (part.n < rest->n && part.n < PART_ORDERS_MAX) {
        metadata += rest->puts[part.n]->order->metadata_len;
        if (part.n > 0 && metadata > PART_METADATA_MAX)
            break;
        part.n++;
    }
    rest->puts += part.n;
    rest->n -= part.n;
    return part;
}

/* Returns the put with this order_id, or NULL. The search begins at *next, directly after the last
 * match, because the server mostly returns the rows in the sequence in which the orders were sent.
 * It then tries all others, because the server does not promise that sequence. */
static struct order_put *find(struct put_part part, const char *order_id, size_t *next)
{
    for (size_t tried = 0; tried < part.n; tried++) {
        struct order_put *put = part.puts[(*next + tried) % part.n];
        if (strcmp(put->order->order_id, order_id) == 0) {
            *next = (*next + tried + 1) % part.n;
            return put;
        }
    }
    return NULL;
}

size_t put_settle_created(struct put_part part, const struct pg_result *rows)
{
    size_t next = 0, created = 0;
    for (int i = 0; i < PQntuples(rows); i++) {
        struct order_put *put = find(part, PQgetvalue(rows, i, 0), &next);
        if (put != NULL && put->verdict == PUT_PENDING) {
            put->verdict = PUT_CREATED;
            created++;
        }
    }
    return created;
}

/* Ends the attempt because of a malformed answer to the SELECT. The attempt is in doubt, because
 * such an answer does not tell whether an INSERT before it has stored the orders. */
static bool fail_malformed(const struct put_attempt *a)
{
    a->failure->in_doubt = true;
    return put_fail_by(a, statement_malformed(&a->session, &a->failure->err));
}

/* Returns true if each row is for a different order of the part. To notice a second row of an
 * order, this function sets the `diff` of each order whose row it has seen, and sets every `diff`
 * to 0 at the end. It may do so because `diff` is not used before the order has a verdict. */
static bool places_are_sound(const struct put_attempt *a, struct put_part part,
                             const PGresult *rows)
{
    int seen = 0;
    for (; seen < PQntuples(rows); seen++) {
        uint64_t place;
        if (!result_number(rows, seen, ROW_COMPARED_PLACE, part.n, &place) || place == 0 ||
            part.puts[place - 1]->diff != 0)
            break;
        part.puts[place - 1]->diff = ORDER_DIFF_METADATA;
    }
    for (size_t i = 0; i < part.n; i++)
        part.puts[i]->diff = 0;
    if (seen == PQntuples(rows))
        return true;
    err_set(&a->failure->err, 0,
            "malformed answer to a lookup of %zu orders: row %d is for an unknown order, or is the "
            "second row of an order",
            part.n, seen + 1);
    return false;
}

static void settle_found(struct order_put *put, const struct compared_row *found)
{
    const struct order *there = &found->order;
    if (strcmp(there->order_id, put->order->order_id) == 0) {
        put->verdict = PUT_CREATED;
        return;
    }
    put->diff = order_diff(put->order, there);
    if (!found->same_metadata)
        put->diff |= ORDER_DIFF_METADATA;
    put->verdict = put->diff == 0 ? PUT_REPLAYED : PUT_REUSED;
    memcpy(put->stored.order_id, there->order_id, sizeof put->stored.order_id);
    put->stored.received_at_us = there->received_at_us;
    memcpy(put->stored.submitted_by, there->submitted_by, sizeof put->stored.submitted_by);
}

bool put_settle_found(const struct put_attempt *a, struct put_part part,
                      const struct pg_result *rows)
{
    if (!places_are_sound(a, part, rows))
        return fail_malformed(a);
    for (int i = 0; i < PQntuples(rows); i++) {
        struct compared_row found;
        enum row_rc rc = row_read_compared(rows, i, part.n, &found, &a->failure->err);
        if (rc != ROW_OK)
            return put_fail(a, rc == ROW_NOMEM ? STORE_RETRY : STORE_SPLIT_OR_FAIL, FAULT_SERVICE);
        settle_found(part.puts[found.place], &found);
    }
    return true;
}

static bool settle_sealed(const struct put_attempt *a, struct put_part part,
                          const struct pg_result *rows)
{
    if (PQntuples(rows) > 0) {
        enum pqpool_rc sealed = statement_seal(&a->session, &a->failure->err);
        if (sealed != PQPOOL_OK)
            return put_fail_by(a, sealed);
    }
    return put_settle_found(a, part, rows);
}

/* Called after the SELECT, for the orders that it did not find. An order that was only looked up
 * becomes PUT_ABSENT. An order that was to be inserted stays PUT_PENDING. Returns false if any such
 * order is left and the group is in doubt: then the attempt has failed. */
static bool settle_absent(const struct put_attempt *a)
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
    err_set(&a->failure->err, ERR_RETRYABLE, "the server warned, and %zu orders cannot be seen",
            n_pending);
    return put_fail(a, STORE_RETRY, FAULT_SERVER);
}

static bool look_up(const struct put_attempt *a, struct put_part part)
{
    PGresult *rows = NULL;
    bool ok = false;
    struct err *err = &a->failure->err;
    enum pqpool_rc rc = put_run(a, statement_read, STATEMENT_COMPARE, part, &rows, err);
    if (rc == PQPOOL_OK)
        ok = settle_sealed(a, part, rows);
    else if (sqlstate_is(err->code, SQLSTATE_PROTOCOL_VIOLATION))
        (void)fail_malformed(a);
    else
        (void)put_fail_by(a, rc);
    PQclear(rows);
    return ok;
}

bool put_look_up_rest(struct put_attempt *a)
{
    if (put_collect_open(a, true) == 0)
        return true;
    struct put_part rest = { a->open, a->n_open }, part;
    while ((part = put_next_part(&rest)).n > 0)
        if (!look_up(a, part))
            return false;
    return settle_absent(a);
}
