/* database_check.h - the pool's health check of ordersd: can an order be stored?
 *
 * Readiness falls when the check fails. The check is made every DATABASE_HEALTH_CHECK_INTERVAL, and
 * at once when groups of orders begin to fail by a fault that is not the orders'. While such groups
 * fail and none is stored, the check also inserts a canary, an order of its own that is rolled
 * back. So the check sees the fault without using a client's account, and notices by itself when
 * the fault is gone. If the owner's rules refuse the canary, failed groups of several accounts make
 * the service not ready instead, until half a minute after the last failure.
 *
 * Threads    database_check_query() and database_check_verdict(): the pool's janitor, for
 *            pqpool_options.health_query and health_passed. database_check_tick(): main. The
 *            others: any. */
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
    /* Borrowed. They are set before database_check_begin(), and the store before the pool is
     * opened. */
    struct store *store;
    struct pqpool *pool;
    struct ingest *ingest;
    atomic_bool begun;     /* the schema is ready, so the table can be checked */
    atomic_bool made;      /* there was a verdict about the table */
    atomic_bool suspicion; /* groups fail, and none is stored */
    int64_t asked_for_ns;  /* main's: the beginning of the streak that a check was made for */
    /* the pool's janitor's: */
    bool passed;                                                  /* a check has passed once */
    bool told_fsync_off, told_unlogged, told_blind, told_refused; /* what has been logged */
};

/* From here on the health check checks the table, and the first check is made at once. Until then
 * the health check runs DATABASE_VALIDATION_QUERY: a table that no migration has made yet is no
 * fault. */
void database_check_begin(struct database_check *check);

const char *database_check_query(struct database_check *check);
bool database_check_verdict(struct database_check *check, const struct pg_result *last,
                            unsigned before, struct err *err);

/* Each second: has a check made when groups begin to fail. */
void database_check_tick(struct database_check *check, const struct pqpool_stats *pool);

/* Has the table been checked since the schema was ready? */
bool database_check_made(const struct database_check *check);

/* True if failed groups show that no order can be stored and the health check cannot see it. */
bool database_check_doubts(const struct database_check *check);

/* Did groups fail of late by a fault that is not the orders'? Then `why` says which fault, and
 * whether others were stored. */
bool database_check_faults(const struct ingest_streak *streak, char *why, size_t size);

#endif
