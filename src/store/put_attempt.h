/* put_attempt.h - declares what put.c, put_atomic.c and put_culprit.c share: functions that choose
 * the orders for a statement, read the verdicts from the rows that it returns, and end an attempt
 * that fails. A "put" is one order with its verdict: struct order_put in orders/order_store.h. */
#ifndef STORE_PUT_ATTEMPT_H
#define STORE_PUT_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/order_store.h"
#include "store/statement.h"

struct put_attempt {
    struct put_group *group;
    struct store_failure *failure; /* in_doubt is always valid, the others only after a failure */
    struct session session;
    struct order_put **open; /* the puts of the next statement; has room for the whole group */
    size_t n_open;
};

/* Fills `open` with the puts that are not skipped and have no verdict. Leaves out those that are
 * only looked up, unless lookups_too is set. Returns the number of puts in `open`. */
size_t put_collect_open(struct put_attempt *a, bool lookups_too);

/* put_fail() and put_fail_by() end the attempt: they set failure->action and failure->fault, and
 * return false. The caller must have set failure->err and failure->in_doubt. put_fail_by() finds
 * the action and the fault from `rc` and failure->err. */
bool put_fail(const struct put_attempt *a, enum store_action action, enum store_fault fault);
bool put_fail_by(const struct put_attempt *a, enum pqpool_rc rc);

/* The puts of one statement: a part of `open`. */
struct put_part {
    struct order_put *const *puts; /* borrowed */
    size_t n;
};

/* Runs STATEMENT_INSERT or STATEMENT_COMPARE with the orders of the part (put_run.c). `run` is
 * statement_read(), statement_commit() or transaction_run(). After PQPOOL_OK the caller must clear
 * *rows. PQPOOL_NOMEM: there was no memory for the parameters, and nothing was sent. */
enum pqpool_rc put_run(const struct put_attempt *a, statement_runner *run, enum statement which,
                       struct put_part part, struct pg_result **rows, struct err *err) MUST_CHECK;

/* Takes as many puts from the front of `rest` as one statement may carry, and returns them. This
 * limits the memory of a statement and of its connection, however large an atomic group is. If
 * `rest` is empty, the returned part is empty. */
struct put_part put_next_part(struct put_part *rest);

/* Reads the rows of STATEMENT_INSERT, gives PUT_CREATED to the orders that the rows show as new,
 * and returns the number of these orders. If this number is smaller than the number of rows, a row
 * was for an order that was not sent, or two rows were for one order. Such an answer is malformed,
 * and no row of it proves anything. */
size_t put_settle_created(struct put_part part, const struct pg_result *rows);

/* Reads the rows of STATEMENT_COMPARE, and gives verdicts to the orders of the part that were
 * found. Returns false if the attempt has failed. */
bool put_settle_found(const struct put_attempt *a, struct put_part part,
                      const struct pg_result *rows) MUST_CHECK;

/* Looks up the puts that have no verdict, by a SELECT for each part and a seal (statement_seal()),
 * and gives them verdicts. Returns false if the attempt has failed. */
bool put_look_up_rest(struct put_attempt *a) MUST_CHECK;

/* Writes the whole atomic group in one transaction (put_atomic.c). The caller holds the lease and
 * has called before_send(). Returns false if the attempt has failed; then no put has a verdict. */
bool put_atomic(struct put_attempt *a) MUST_CHECK;

/* Returns true if this failure can be the fault of one order (put_culprit.c). */
bool put_has_culprit(const struct store_failure *failure);

/* Called after the database refused the puts of `open`. Finds the order at fault: inserts parts of
 * `open`, and always rolls back. If the function returns PQPOOL_OK, *culprit is the first order
 * that is refused alone, and *refusal says why it is refused. *culprit is NULL if no order is
 * refused alone, or if the server may be refusing every order. If the function returns another
 * code, the search has failed, and *refusal says why. */
enum pqpool_rc put_find_culprit(const struct put_attempt *a, struct order_put **culprit,
                                struct store_failure *refusal) MUST_CHECK;

#endif
