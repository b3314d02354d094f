/* put_attempt.h - what the ways to write a group share: which puts a statement is about, what its
 * rows say of them, and how an attempt fails. */
#ifndef STORE_PUT_ATTEMPT_H
#define STORE_PUT_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/order_store.h"
#include "store/statement.h"

struct put_attempt {
    struct put_group *group;
    struct store_failure *failure; /* in_doubt is kept up to date, in case of a failure later */
    struct session session;
    struct order_put **open; /* room for the whole group: the puts a statement is about */
    size_t n_open;
};

/* Makes `open` the puts without a verdict; how many. */
size_t put_collect_open(struct put_attempt *a, bool lookups_too);

/* End the attempt, and are false; failure->err and in_doubt are set, or the error is that of rc. */
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

/* Cuts off as many puts as one statement may carry. This bounds the memory of a statement, here and
 * in its connection, whatever the size of an atomic group. Empty at the end. */
struct put_part put_next_part(struct put_part *rest);

/* Reads the rows of STATEMENT_INSERT and returns how many orders of the part they show as new. If
 * that is fewer than there are rows, a row was for an order that was not sent, or two rows were for
 * one order: then no row proves anything. */
size_t put_settle_created(struct put_part part, const struct pg_result *rows);

/* The rows of STATEMENT_COMPARE about the part. False: the attempt has failed. */
bool put_settle_found(const struct put_attempt *a, struct put_part part,
                      const struct pg_result *rows) MUST_CHECK;

/* A SELECT for each part settles the puts without a verdict, by what is there for good. False: the
 * attempt has failed. */
bool put_look_up_rest(struct put_attempt *a) MUST_CHECK;

/* put_atomic.c: all of the group in one transaction, on a lease that is held and after
 * before_send(). False: the attempt has failed, and no put has a verdict. */
bool put_atomic(struct put_attempt *a) MUST_CHECK;

/* put_culprit.c: can one order be at fault for such a failure? */
bool put_has_culprit(const struct store_failure *failure);

/* The database refused `open`, and is asked about its parts. PQPOOL_OK: *culprit is the first order
 * that is refused alone, and *refusal how; NULL: none is, or it may be that the server can store
 * nothing. Else *refusal says why the search could not be completed. Nothing is written. */
enum pqpool_rc put_find_culprit(const struct put_attempt *a, struct order_put **culprit,
                                struct store_failure *refusal) MUST_CHECK;

#endif
