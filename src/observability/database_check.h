/* database_check.h - gives the pool the health check of ordersd, which finds out whether an order
 * can be stored. If the check fails, the service is not ready.
 *
 * The check runs every DATABASE_HEALTH_CHECK_INTERVAL, and at once when groups of orders begin to
 * fail through no fault of the orders. While such groups fail and no order is stored, the check
 * also inserts a canary, an order of its own that is rolled back. So the check sees when the fault
 * begins and ends, without using a client's account. If the table's own constraints, triggers or
 * policies reject the canary, the check cannot find a fault that only an INSERT shows. In that case
 * the service is also not ready if three groups have failed since an order was last stored, and
 * their orders are of two accounts or more. The service is ready again half a minute after the last
 * failure.
 *
 * Threads    database_check_query() and database_check_verdict(): the pool's janitor, which calls
 *            them as pqpool_options.health_query and health_passed. database_check_tick(): main.
 *            The other functions: any. */
#ifndef OBSERVABILITY_DATABASE_CHECK_H
#define OBSERVABILITY_DATABASE_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct ingest;
struct ingest_streak;
struct nodes;
struct pg_result;
struct pqpool;
struct pqpool_stats;
struct store;

struct database_check {
    /* Borrowed. Set all four before database_check_begin(), and `store` before the pool is
     * opened. */
    struct store *store;
    struct pqpool *pool;
    struct ingest *ingest;
    struct nodes *nodes;
    atomic_bool begun;     /* the schema is ready, so the table exists */
    atomic_bool made;      /* the table has been checked once */
    atomic_bool suspicion; /* groups fail, and no order is stored */
    int64_t asked_for_ns;  /* used by main only: the start of the streak for which a check was last
                            * requested; each streak requests one check */
    /* Used by the pool's janitor: */
    bool passed; /* at least one check of the table has passed */
    bool told_fsync_off, told_unlogged, told_blind, told_refused; /* findings of the last check */
    bool told_room, told_uncounted;                               /* also findings */
};

/* Call this when the schema is ready. It requests a health check at once, and from then on every
 * health check checks the table. Before this call, a health check runs only
 * DATABASE_VALIDATION_QUERY, because the table need not exist yet. */
void database_check_begin(struct database_check *check);

const char *database_check_query(struct database_check *check);
bool database_check_verdict(struct database_check *check, const struct pg_result *last,
                            unsigned before, struct err *err);

/* Call it each second. It requests a check when groups begin to fail, and each time while a
 * synchronous standby is required and missing. */
void database_check_tick(struct database_check *check, const struct pqpool_stats *pool);

/* Returns true if the table has been checked at least once. */
bool database_check_made(const struct database_check *check);

/* Returns true if the failed groups make the service not ready: at least three groups, with orders
 * of at least two accounts, have failed since an order was last stored, the last one within 30 s.
 * Always false if the last canary passed or failed, because then the health check decides, and if
 * only some nodes of a Citus cluster do not answer: the other accounts' orders are stored. */
bool database_check_doubts(const struct database_check *check);

/* Returns true if groups have failed in the last minute through no fault of the orders. `why` then
 * names the fault, and says whether other orders were stored. */
bool database_check_faults(const struct ingest_streak *streak, char *why, size_t size);

#endif
