/* What a user of the pool may do wrong, as far as pqpool.h says that it does no harm. */
#include "faults/fault_rig.h"

static struct rig quiet_rig(void)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    rig.load.n_threads = 0;
    rig_start(&rig);
    return rig;
}

Test(pqpool_misuse, releasing_twice_or_nothing, .timeout = TEST_S)
{
    struct rig rig = quiet_rig();
    struct pqpool_lease *lease = lease_from(rig.pool), *none = NULL;
    pqpool_release(&lease, PQPOOL_REUSE);
    cr_expect_null(lease);
    pqpool_release(&lease, PQPOOL_REUSE);
    pqpool_release(&lease, PQPOOL_DISCARD);
    pqpool_release(&none, PQPOOL_DISCARD);
    cr_expect_eq(stats_of(rig.pool).connections.leased, 0);
    cr_expect_eq(stats_of(rig.pool).counters.closed[1], 0, "nothing was discarded");
    rig_expect_no_more(&rig);
    rig_end(&rig);
}

/* Until it is lent again: then the copy is as good as the lease of whoever has it. */
Test(pqpool_misuse, releasing_a_copy_of_what_is_back, .timeout = TEST_S)
{
    struct rig rig = quiet_rig();
    struct pqpool_lease *lease = lease_from(rig.pool), *copy = lease, *other = copy;
    pqpool_release(&lease, PQPOOL_REUSE);
    pqpool_release(&copy, PQPOOL_REUSE);
    pqpool_release(&other, PQPOOL_DISCARD);
    cr_expect_eq(stats_of(rig.pool).connections.leased, 0);
    cr_expect_eq(stats_of(rig.pool).connections.idle, RIG_MIN);
    rig_expect_no_more(&rig);
    rig_end(&rig);
}

Test(pqpool_misuse, acquiring_from_no_pool)
{
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_acquire(NULL, CLOCK_NEVER, &lease, &err), PQPOOL_CLOSED);
    cr_expect_null(lease);
    cr_expect_neq(err.text[0], '\0');
}

Test(pqpool_misuse, closing_twice_or_nothing, .timeout = TEST_S)
{
    struct rig rig = quiet_rig();
    pqpool_close(&rig.pool, after_seconds(SOON_S));
    cr_expect_null(rig.pool);
    rig_end(&rig); /* closes it again */
}

/* After pqpool_abort() the pool is still there to be asked, and says no. */
Test(pqpool_misuse, using_a_pool_that_is_cut, .timeout = TEST_S)
{
    struct rig rig = quiet_rig();
    struct pqpool_lease *held = lease_from(rig.pool), *lease = NULL;
    struct err err = { 0 };
    pqpool_abort(rig.pool);
    pqpool_abort(rig.pool);
    cr_expect_eq(pqpool_acquire(rig.pool, CLOCK_NEVER, &lease, &err), PQPOOL_CLOSED);
    cr_expect_null(lease, "outputs are written only on success");
    cr_expect_eq(run(held, "SELECT 1", &err), PQPOOL_LOST);
    cr_expect_eq(run(held, "SELECT 1", &err), PQPOOL_LOST, "however often");
    pqpool_release(&held, PQPOOL_REUSE);
    pqpool_release(&held, PQPOOL_REUSE);
    cr_expect_eq(stats_of(rig.pool).connections.leased, 0);
    rig_end(&rig);
}

/* The lease outlives the pool: it is good for release, and the last one frees what is left. */
Test(pqpool_misuse, releasing_after_the_pool_is_closed, .timeout = TEST_S)
{
    struct rig rig = quiet_rig();
    struct pqpool_lease *first = lease_from(rig.pool), *second = lease_from(rig.pool);
    struct err err = { 0 };
    pqpool_close(&rig.pool, clock_now_ns());
    cr_expect_eq(run(first, "SELECT 1", &err), PQPOOL_LOST);
    pqpool_report_error(first, "57P01");
    cr_expect_not(pqpool_lease_warned(first));
    pqpool_release(&first, PQPOOL_REUSE);
    AWAIT(rig_count_sessions(&rig) == 0);
    pqpool_release(&second, PQPOOL_DISCARD);
    cr_expect_null(second);
    rig_end(&rig);
}

/* ---- with the raw connection ---- */

static void leave_a_query_under_way(PGconn *pg)
{
    cr_assert_eq(PQsendQuery(pg, "SELECT pg_sleep(60)"), 1);
    cr_assert_eq(PQflush(pg), 0);
}

static void leave_a_copy_open(PGconn *pg)
{
    PGresult *result = PQexec(pg, "COPY (SELECT 1) TO STDOUT");
    cr_assert_eq(PQresultStatus(result), PGRES_COPY_OUT);
    PQclear(result);
}

static void leave_a_transaction_open(PGconn *pg)
{
    PQclear(PQexec(pg, "BEGIN; LOCK TABLE kept"));
    cr_assert_eq(PQtransactionStatus(pg), PQTRANS_INTRANS);
}

static void end_the_backend(PGconn *pg)
{
    PQclear(PQexec(pg, "SELECT pg_terminate_backend(pg_backend_pid())"));
    cr_assert_eq(PQstatus(pg), CONNECTION_BAD);
}

/* What is given back in any such state harms nobody who comes after. */
Test(pqpool_misuse, giving_back_what_is_not_fit, .timeout = TEST_S)
{
    static void (*const spoil[])(PGconn *) = { leave_a_query_under_way, leave_a_copy_open,
                                               leave_a_transaction_open, end_the_backend };
    struct rig rig = quiet_rig();
    cluster_exec(rig.cluster, "CREATE TABLE kept (n int)");
    for (size_t i = 0; i < sizeof spoil / sizeof spoil[0]; i++) {
        struct pqpool_lease *lease = lease_from(rig.pool);
        spoil[i](pqpool_lease_pg(lease));
        pqpool_release(&lease, PQPOOL_REUSE);
        rig_exec(&rig, "INSERT INTO kept VALUES (1)");
    }
    AWAIT(cluster_query_int(rig.cluster, "SELECT count(*) FROM kept") == 4);
    cluster_exec(rig.cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query "
                              "LIKE 'SELECT pg_sleep%'"); /* it outlives its socket */
    rig_expect_no_more(&rig);
    rig_end(&rig);
}
