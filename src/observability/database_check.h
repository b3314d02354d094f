/* database_check.h - the health check that ordersd gives the pool: can an order be stored?
 *
 * If the check fails, the service is not ready. The check runs every
 * DATABASE_HEALTH_CHECK_INTERVAL, and at once when groups of orders begin to fail through no fault
 * of the orders. While such groups fail and none is stored, the check also inserts a canary, an
 * order of its own that is rolled back. So the check sees the fault, and the end of it, without
 * using a client's account. If the owner's rules reject the canary, failed groups of several
 * accounts make the service not ready instead, until half a minute after the last failure.
 *
 * Threads    database_check_query() and database_check_verdict(): the pool's janitor, which calls
 *            them as pqpool_options.health_query and health_passed. database_check_tick(): main.
 *            The others: any. */
#ifndef OBSERVABILITY_DATABASE_CHECK_H
#define OBSERVABILITY_DATABASE_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct ingest;
struct ingest_streak;
struct pg_result;
struct pqpool;
struct pqpool_stats;
struct store;

struct database_check {
    /* Borrowed. Set them before database_check_begin(), and `store` before the pool is opened. */
    struct store *store;
    struct pqpool *pool;
    struct ingest *ingest;
    atomic_bool begun;     /* the schema is ready, so there is a table to check */
    atomic_bool made;      /* the table has been checked once */
    atomic_bool suspicion; /* groups fail, and none is stored */
    int64_t asked_for_ns;  /* used by main only: the start of the streak for which a check was
                              requested */
    /* Used by the pool's janitor: */
    bool passed;                                                  /* a check has succeeded once */
    bool told_fsync_off, told_unlogged, told_blind, told_refused; /* findings that were logged */
};

/* From now on, the health check checks the table, and the first check runs at once. Before this
 * call, the health check runs DATABASE_VALIDATION_QUERY, because a table that no migration has made
 * yet is no fault. */
void database_check_begin(struct database_check *check);

const char *database_check_query(struct database_check *check);
bool database_check_verdict(struct database_check *check, const struct pg_result *last,
                            unsigned before, struct err *err);

/* Call it each second: it requests a check when groups begin to fail. */
void database_check_tick(struct database_check *check, const struct pqpool_stats *pool);

/* Returns true if the table has been checked since the schema was ready. */
bool database_check_made(const struct database_check *check);

/* Returns true if failed groups show that no order can be stored although the health check
 * passes. */
bool database_check_doubts(const struct database_check *check);

/* Returns true if groups have lately failed through no fault of the orders. `why` then names the
 * fault, and says whether other orders were stored. */
bool database_check_faults(const struct ingest_streak *streak, char *why, size_t size);

#endif
