/* partitions.h - makes the table `orders` of a new database as hash partitions by account_id.
 *
 * Only a new table is partitioned: PostgreSQL cannot partition a table that exists, and to copy the
 * orders while the service stores new ones is the operator's decision (docs/SCALING.md). All orders
 * of an account are in one partition, so a list and a lookup by key read one partition only. A
 * lookup by order_id searches all partitions.
 *
 * Threads    any; one thread for each run */
#ifndef STORE_PARTITIONS_H
#define STORE_PARTITIONS_H

#include "store/migrate_run.h"

/* Runs a statement of the migration that creates the table. If the statement creates the table
 * `orders`, creates it as a table of `n` partitions, and the partitions orders_p0, orders_p1, ...
 * too. */
enum migrate_rc partitions_tell(const struct migrate_run *run, const char *sql,
                                unsigned n) MUST_CHECK;

/* Returns MIGRATE_OK if the table `orders`, which must exist, has exactly `n` hash partitions by
 * account_id. Returns MIGRATE_FAILED if it has not; run->err then says what to do. */
enum migrate_rc partitions_check(const struct migrate_run *run, unsigned n) MUST_CHECK;

#endif
