/* put_attempt.h - what put.c, put_atomic.c and put_culprit.c share: which puts a statement is
 * about, which verdicts its rows give, and how an attempt fails. */
#ifndef STORE_PUT_ATTEMPT_H
#define STORE_PUT_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/order_store.h"
#include "store/statement.h"

struct put_attempt {
    struct put_group *group;
    struct store_failure *failure; /* in_doubt is kept up to date, for a failure that may follow */
    struct session session;
    struct order_put **open; /* room for the whole group: the puts a statement is about */
    size_t n_open;
};

/* Fills `open` with the puts that have no verdict, and returns their number. */
size_t put_collect_open(struct put_attempt *a, bool lookups_too);

/* Both end the attempt with an error, and return false. failure->err and in_doubt must be set.
 * put_fail_by() finds the action and the fault from `rc` and the error. */
bool put_fail(const struct put_attempt *a, enum store_action action, enum store_fault fault);
bool put_fail_by(const struct put_attempt *a, enum pqpool_rc rc);

/* Some of the puts that a statement is about. */
struct put_part {
    struct order_put *const *puts; /* borrowed */
    size_t n;
};

/* put_run.c: runs STATEMENT_INSERT or STATEMENT_COMPARE with the orders of the part, by `run`:
 * statement_read(), statement_commit() or transaction_run(). PQPOOL_OK: the caller clears *rows.
 * PQPOOL_NOMEM: there was no memory for the parameters, and nothing was sent. */
enum pqpool_rc put_run(const struct put_attempt *a, statement_runner *run, enum statement which,
                       struct put_part part, struct pg_result **rows, struct err *err) MUST_CHECK;

/* Takes as many puts off `rest` as one statement may carry. This bounds the memory of a statement
 * and of its connection, however large an atomic group is. The part is empty when `rest` is. */
struct put_part put_next_part(struct put_part *rest);

/* Reads the rows of STATEMENT_INSERT and returns how many orders of the part they show as new. If
 * that is fewer than there are rows, a row was for an order that was not sent, or two rows were for
 * one order: then no row proves anything. */
size_t put_settle_created(struct put_part part, const struct pg_result *rows);

/* The rows of STATEMENT_COMPARE about the part. False: the attempt has failed. */
bool put_settle_found(const struct put_attempt *a, struct put_part part,
                      const struct pg_result *rows) MUST_CHECK;

/* Gives a verdict to the puts that have none, by a SELECT for each part and a seal. False: the
 * attempt has failed. */
bool put_look_up_rest(struct put_attempt *a) MUST_CHECK;

/* put_atomic.c: writes the whole group in one transaction, after before_send(). The caller holds
 * the lease. False: the attempt has failed, and no put has a verdict. */
bool put_atomic(struct put_attempt *a) MUST_CHECK;

/* put_culprit.c: can one order be at fault for this failure? */
bool put_has_culprit(const struct store_failure *failure);

/* The database refused `open`: finds the order at fault by attempts at parts of it, of which none
 * is committed. PQPOOL_OK: *culprit is the first order that is refused alone, and *refusal says
 * why. NULL: no order is refused alone, or the server may be able to store nothing. Else *refusal
 * says why the search could not be completed. */
enum pqpool_rc put_find_culprit(const struct put_attempt *a, struct order_put **culprit,
                                struct store_failure *refusal) MUST_CHECK;

#endif
