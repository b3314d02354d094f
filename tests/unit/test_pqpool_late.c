/* What a pause of a thread may not cost: what has come by a deadline counts, though nobody had time
 * to look before it. */
#include "pqpool_fixture.h"

#include <time.h>

static _Atomic int64_t paused_until_ns;

static void pause_there(void)
{
    while (clock_now_ns() < atomic_load(&paused_until_ns))
        (void)nanosleep(&(struct timespec){ .tv_nsec = NS_PER_MS }, NULL);
}

/* ---- a statement ---- */

static int flush_and_pause(PGconn *pg)
{
    int left = fake_pg.flush(pg);
    pause_there();
    return left;
}

Test(late, an_answer_that_is_there_is_taken)
{
    struct pg_driver slow = fake_pg;
    slow.flush = flush_and_pause;
    struct pqpool_options options = quick_options(1, 1);
    driver = &slow;
    struct pqpool *pool = open_pool(&options);
    struct pqpool_lease *lease = lease_from(pool);
    const struct pqpool_query query = { .sql = "SELECT 1" };
    PGresult *result = NULL;
    struct err err = { 0 };
    enum pqpool_rc rc;
    do { /* where the deadline passes before it is begun, nothing is sent */
        int64_t deadline_at_ns = clock_now_ns() + 20 * NS_PER_MS;
        atomic_store(&paused_until_ns, deadline_at_ns + 1);
        rc = pqpool_exec(lease, &query, deadline_at_ns, &result, &err);
    } while (rc == PQPOOL_TIMEOUT && (err.flags & ERR_UNCERTAIN) == 0);
    cr_expect_eq(rc, PQPOOL_OK, "%s", err.text);
    PQclear(result);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

/* ---- what the janitor awaits ---- */

/* Each ROLLBACK is late from the start; of two, one is looked at on the other's account. */
Test(late, transactions_that_were_rolled_back_are_good)
{
    enum { ROUNDS = 200 };
    struct pqpool_options options = quick_options(2, 2);
    options.validation_timeout_ns = 1;
    struct pqpool *pool = open_warm_pool(&options);
    for (int i = 0; i < ROUNDS; i++) {
        struct pqpool_lease *leases[] = { lease_from(pool), lease_from(pool) };
        for (int j = 0; j < 2; j++)
            fake_pg_begin(pqpool_lease_pg(leases[j]));
        for (int j = 0; j < 2; j++)
            pqpool_release(&leases[j], PQPOOL_REUSE);
        AWAIT(stats_of(pool).connections.idle == 2);
    }
    cr_expect_eq(stats_of(pool).counters.resets, 2 * ROUNDS);
    cr_expect_eq(stats_of(pool).counters.closed[CLOSE_INVALID], 0);
    close_pool(&pool);
}

/* ---- a dial ---- */

static int64_t connect_timeout_ns = 20 * NS_PER_MS;

static PGconn *start_and_pause(const char *const *keywords, const char *const *values, int expand)
{
    PGconn *pg = fake_pg.connect_start(keywords, values, expand);
    atomic_store(&paused_until_ns, clock_now_ns() + connect_timeout_ns);
    pause_there();
    return pg;
}

Test(late, a_session_that_is_there_is_taken)
{
    struct pg_driver slow = fake_pg;
    slow.connect_start = start_and_pause;
    struct pqpool_options options = quick_options(1, 1);
    options.connect_timeout_ns = connect_timeout_ns;
    driver = &slow;
    struct pqpool *pool = open_pool(&options);
    AWAIT(stats_of(pool).connections.idle == 1);
    close_pool(&pool);
}
