/* Under load, the primary is lost and its synchronous standby promoted: every acknowledged order is
 * on the new one, once, though the old one may come back and take writes beside it. */
#include <stdlib.h>

#include "order_herd.h"
#include "support/cluster_standby.h"

enum { CLIENTS = 16, BETWEEN = 50 * CLIENTS };

#define AWAIT_ONE(cluster, is_so)                                                                  \
    cr_assert(WAIT_UNTIL(cluster_query_int(cluster, "SELECT (" is_so ")::int") == 1, SOON_S), is_so)

struct failover {
    struct rig rig; /* its cluster is the first primary */
    struct cluster *standby;
    struct herd *herd;
};

/* Not through a pooler: which server it is, is the service's own to find out here. There are more
 * workers than clients, so a worker is free when all clients wait for the old primary. */
static void begin(struct failover *f, const char *commit_timeout)
{
    struct cluster *primary = cluster_open(NULL);
    f->standby = cluster_open_standby(primary);
    cluster_set(primary, "synchronous_standby_names", CLUSTER_STANDBY_NAME);
    char *url = support_text("DATABASE_URL=host=%s,%s port=%d,%d user=postgres dbname=postgres",
                             cluster_folder(primary), cluster_folder(f->standby),
                             cluster_port(primary), cluster_port(f->standby));
    f->rig = rig_spawn(primary, LIST(url, CHECKED_EACH_SECOND, commit_timeout,
                                     "DATABASE_CONNECT_TIMEOUT=2s", "DATABASE_VALIDATION_BYPASS=0",
                                     "DATABASE_MAX_POOL_SIZE=40", "ORDERS_WORKERS=32"));
    free(url);
    cr_assert(daemon_wait_status(f->rig.daemon, "/health/ready", 200, SOON_S));
    f->herd = herd_start(&f->rig, CLIENTS);
    cr_assert(herd_await(f->herd, BETWEEN, SOON_S), "orders are acknowledged");
}

static void end(struct failover *f)
{
    cr_assert(herd_await(f->herd, BETWEEN, SOON_S), "orders are acknowledged again");
    herd_stop(f->herd);
    herd_expect_truth(f->herd, f->standby);
    cr_expect(daemon_wait_status(f->rig.daemon, "/health/ready", 200, SOON_S));
    herd_close(&f->herd);
    cluster_close(&f->standby);
    rig_close(&f->rig);
}

Test(failover, a_killed_primary_loses_nothing, .timeout = TEST_S)
{
    struct failover f;
    begin(&f, "ORDERS_COMMIT_TIMEOUT=2s");
    cluster_kill9(f.rig.cluster);
    cluster_promote(f.standby);
    end(&f);
}

/* The new primary's restart is the moment to go back to the old one, which would take all. */
Test(failover, an_old_primary_that_is_back_gets_no_orders, .timeout = TEST_S)
{
    struct failover f;
    begin(&f, "ORDERS_COMMIT_TIMEOUT=2s");
    cluster_freeze(f.rig.cluster);
    cluster_promote(f.standby);
    cr_assert(herd_await(f.herd, BETWEEN, SOON_S), "orders are acknowledged by the new one");
    cluster_thaw(f.rig.cluster);
    cluster_set(f.rig.cluster, "synchronous_standby_names", NULL);
    cluster_restart(f.standby);
    end(&f);
}

/* The clients of the herd wait for the old primary: so another one has to find the new one. */
static void expect_stored(struct rig *rig)
{
    char *body = order_body("found-the-new-one", "EURUSD");
    struct answer answer = rig_post(rig, body);
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);
    free(body);
}

/* From now on the orders are committed at the primary, and wait for a standby that does not get
 * them. */
static void cut_off(const struct failover *f)
{
    cluster_set(f->standby, "primary_conninfo", "host=/nowhere");
    AWAIT_ONE(f->rig.cluster, "SELECT count(*) = 0 FROM pg_stat_replication");
    AWAIT_ONE(f->rig.cluster, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = "
                              "'SyncRep'");
}

/* The sessions that wait for the old primary get its answers when it goes on and no longer waits
 * for its standby. But nobody else has these orders. */
Test(failover, the_word_of_an_old_primary_that_goes_on_is_not_believed, .timeout = TEST_S)
{
    struct failover f;
    begin(&f, "ORDERS_COMMIT_TIMEOUT=9m");
    cut_off(&f);
    cluster_freeze(f.rig.cluster);
    cluster_promote(f.standby);
    expect_stored(&f.rig);
    cluster_thaw(f.rig.cluster);
    cluster_set(f.rig.cluster, "synchronous_standby_names", NULL);
    cr_expect(daemon_log_wait(f.rig.daemon, "its answer proves nothing", SOON_S));
    cluster_exec(f.standby, "DELETE FROM orders WHERE client_order_id = 'found-the-new-one'");
    end(&f);
}
