/* The pool in front of a primary that waits for a synchronous standby which is gone: a commit has
 * happened there, and its statement does not end. The server notices no client that leaves during
 * this wait, so what we drop lives on over there. */
#include <stdio.h>

#include "faults/fault_rig.h"
#include "support/cluster_standby.h"

static const char waiting[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

static struct rig rig_of_two(void)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    cluster_exec(rig.cluster, "CREATE TABLE kept (n int)");
    rig.standby = cluster_open_standby(rig.cluster);
    cluster_set(rig.cluster, "synchronous_standby_names", CLUSTER_STANDBY_NAME);
    AWAIT(cluster_query_int(rig.cluster, "SELECT count(*) FROM pg_stat_replication WHERE "
                                         "sync_state = 'sync'") == 1);
    rig.load.sql = "INSERT INTO kept VALUES (1)";
    return rig;
}

static void expect_uncertain(void *ctx, const struct load_seen *seen)
{
    (void)ctx;
    if (seen->rc == PQPOOL_OK)
        return;
    cr_expect_eq(seen->rc, PQPOOL_TIMEOUT, "%s", seen->err->text);
    cr_expect_eq(seen->err->flags, ERR_RETRYABLE | ERR_UNCERTAIN, "it may have run, and it has");
}

Test(pqpool_sync_standby, is_gone_under_load_and_comes_back, .timeout = TEST_S)
{
    struct rig rig = rig_of_two();
    rig.load.on_seen = expect_uncertain;
    rig.load.exec_ns = begun_ns;
    rig_start(&rig);
    cluster_stop(rig.standby, CLUSTER_FAST);
    AWAIT(load_ended(&rig.load, PQPOOL_TIMEOUT) >= 2 * RIG_THREADS);
    AWAIT(stats_of(rig.pool).health.healthy); /* SELECT 1 waits for nobody */
    printf("sync standby: gone, and %lld sessions on the server wait for it; the pool has %u of at "
           "most %d\n",
           (long long)cluster_query_int(rig.cluster, waiting), stats_of(rig.pool).connections.total,
           RIG_MAX);
    cluster_start(rig.standby);
    (void)rig_expect_whole(&rig, "synchronous standby gone, then back");
    cr_expect_eq(cluster_query_int(rig.cluster, waiting), 0);
    cr_expect_gt(cluster_query_int(rig.cluster, "SELECT count(*) FROM kept"),
                 load_ended(&rig.load, PQPOOL_OK), "what timed out was committed");
    rig_end(&rig);
}

/* ---- a wait that is cancelled ends in success, and in doubt ---- */

static void *cancel_who_waits(void *arg)
{
    struct cluster *cluster = arg;
    AWAIT(cluster_query_int(cluster, waiting) == 1);
    cluster_exec(cluster, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = "
                          "'SyncRep'");
    return NULL;
}

Test(pqpool_sync_standby, a_cancelled_wait_is_a_success_with_a_warning, .timeout = TEST_S)
{
    struct rig rig = rig_of_two();
    rig.load.n_threads = 0;
    rig_start(&rig);
    cluster_stop(rig.standby, CLUSTER_FAST);
    pthread_t canceller;
    struct pqpool_lease *lease = lease_from(rig.pool);
    cr_expect_not(pqpool_lease_warned(lease));
    cr_assert_eq(pthread_create(&canceller, NULL, cancel_who_waits, rig.cluster), 0);
    cr_expect_eq(run(lease, "INSERT INTO kept VALUES (2)", NULL), PQPOOL_OK);
    cr_expect(pqpool_lease_warned(lease), "committed here, and on no standby");
    cr_expect_not(pqpool_lease_warned(lease), "told once");
    cr_assert_eq(pthread_join(canceller, NULL), 0);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM kept WHERE n = 2"), 1);
    cr_expect_eq(run(lease, "SELECT 1", NULL), PQPOOL_OK, "the connection is as good as before");
    pqpool_release(&lease, PQPOOL_REUSE);
    cluster_start(rig.standby);
    rig_expect_no_more(&rig);
    rig_end(&rig);
}
