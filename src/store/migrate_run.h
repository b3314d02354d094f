/* migrate_run.h - runs the statements of `ordersd migrate`, one after the other, on one connection.
 * migrate.c and publication.c share this file. No statement is prepared under a name, and settings
 * are transaction-local, so all of this works through PgBouncer too.
 *
 * A function that fails leaves the transaction as it is. The pool rolls the transaction back when
 * the lease is released.
 *
 * Threads    any; one thread for each run */
#ifndef STORE_MIGRATE_RUN_H
#define STORE_MIGRATE_RUN_H

#include <stdint.h>

#include "base/attr.h"
#include "store/store.h"

struct migrate_run {
    struct pqpool_lease *lease;
    int64_t deadline_at_ns;
    void *arg;       /* what the caller of migrate_run_with_lease() has passed to `work` */
    struct err *err; /* never NULL */
};

/* Leases a connection for `work`, and returns what `work` returned, or MIGRATE_RETRY if there is no
 * connection. If that is not MIGRATE_OK, *err (may be NULL) says why. */
enum migrate_rc migrate_run_with_lease(struct pqpool *pool, int64_t deadline_at_ns,
                                       enum migrate_rc (*work)(const struct migrate_run *run),
                                       void *arg, struct err *err) MUST_CHECK;

/* Runs a query that returns one row of one column. If `number` is not NULL, reads the value as a
 * whole number. */
enum migrate_rc migrate_run_ask(const struct migrate_run *run, const char *sql,
                                unsigned *number) MUST_CHECK;

/* Runs a command. `tag` is the command tag that the server must report; NULL: any. */
enum migrate_rc migrate_run_tell(const struct migrate_run *run, const char *sql,
                                 const char *tag) MUST_CHECK;

/* Begins a transaction, and waits for the advisory lock that only one process may hold. After that
 * the transaction waits for a table for 1.1 s at most, and then fails with 55P03. */
enum migrate_rc migrate_run_begin(const struct migrate_run *run) MUST_CHECK;

#endif
