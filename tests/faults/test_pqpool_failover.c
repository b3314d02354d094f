/* The pool in front of two servers, one of which follows the other: it goes where writes are taken,
 * and stays there. */
#include <stdio.h>

#include "faults/fault_rig.h"
#include "faults/write_watch.h"
#include "support/cluster_standby.h"

static struct rig rig_of_two(struct write_watch *watch)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    cluster_exec(rig.cluster, "CREATE TABLE kept (n int)");
    rig.standby = cluster_open_standby(rig.cluster);
    free(rig.conninfo);
    rig.conninfo = support_text("host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres "
                                "dbname=postgres sslmode=disable gssencmode=disable",
                                cluster_port(rig.cluster), cluster_port(rig.standby));
    rig.load.sql = "INSERT INTO kept VALUES (1)";
    rig.load.on_seen = watch_write;
    rig.load.ctx = watch;
    *watch = (struct write_watch){ .new_port = cluster_port(rig.standby) };
    return rig;
}

static void print_move(const struct write_watch *watch, int64_t failed_at_ns, int64_t ordered_at_ns)
{
    const int64_t moved_ns = watch->first_moved_ns;
    printf("failover: the first write on the new primary %.3f s after the failure, %.3f s after "
           "the order to promote\n",
           (double)(moved_ns - failed_at_ns) / 1e9, (double)(moved_ns - ordered_at_ns) / 1e9);
}

static void expect_moved(struct rig *rig, const struct write_watch *watch)
{
    cr_expect_gt(atomic_load(&watch->moved), 0);
    cr_expect_eq(atomic_load(&watch->late), 0, "refused, and asked again");
    cr_expect_eq(atomic_load(&watch->back), 0, "written to the old after the new");
    cr_expect_geq(cluster_query_int(rig->standby, "SELECT count(*) FROM kept"),
                  atomic_load(&watch->good), "what was acknowledged is on the new primary");
    AWAIT(rig_count_sockets(rig) == cluster_query_int(rig->standby, rig_sessions));
}

Test(pqpool_failover, the_primary_stops_and_the_standby_is_promoted, .timeout = TEST_S)
{
    struct write_watch watch;
    struct rig rig = rig_of_two(&watch);
    rig_start(&rig);
    int64_t failed_at_ns = clock_now_ns();
    cluster_stop(rig.cluster, CLUSTER_FAST); /* has sent all to the standby before it ends */
    AWAIT(pqpool_is_down(rig.pool, NULL));
    cr_expect_eq(atomic_load(&watch.moved), 0, "a standby takes no writes");
    int64_t ordered_at_ns = clock_now_ns();
    cluster_promote(rig.standby);
    (void)rig_expect_whole(&rig, "primary stopped, standby promoted");
    print_move(&watch, failed_at_ns, ordered_at_ns);
    expect_moved(&rig, &watch);
    rig_end(&rig);
}

/* The old primary goes on answering, and SELECT 1 succeeds on it: only 25006 tells. */
Test(pqpool_failover, the_primary_becomes_read_only_and_the_standby_is_promoted, .timeout = TEST_S)
{
    struct write_watch watch;
    struct rig rig = rig_of_two(&watch);
    rig_start(&rig);
    int64_t failed_at_ns = clock_now_ns();
    cluster_set(rig.cluster, "default_transaction_read_only", "on");
    AWAIT(atomic_load(&watch.first_refused_ns) != 0 && pqpool_is_down(rig.pool, NULL));
    cluster_await_standby(rig.cluster);
    int64_t kept = cluster_query_int(rig.cluster, "SELECT count(*) FROM kept");
    int64_t ordered_at_ns = clock_now_ns();
    cluster_promote(rig.standby);
    (void)rig_expect_whole(&rig, "primary read-only, standby promoted");
    print_move(&watch, failed_at_ns, ordered_at_ns);
    expect_moved(&rig, &watch);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM kept"), kept);
    cr_expect_eq(cluster_query_int(rig.cluster, rig_sessions), 0);
    rig_end(&rig);
}

/* Its kernel goes on accepting. When it is back it still takes writes, and no error tells: but a
 * pool that has found the new one keeps no connection to the old, and dials the new one first. */
Test(pqpool_failover, the_primary_hangs_and_the_standby_is_promoted, .timeout = TEST_S)
{
    struct write_watch watch;
    struct rig rig = rig_of_two(&watch);
    rig_start(&rig);
    int64_t failed_at_ns = clock_now_ns();
    cluster_freeze(rig.cluster);
    AWAIT(load_ended(&rig.load, PQPOOL_TIMEOUT) > 0);
    int64_t ordered_at_ns = clock_now_ns();
    cluster_promote(rig.standby);
    int64_t promoted_at_ns = clock_now_ns();
    AWAIT(atomic_load(&watch.moved) > RIG_GOOD);
    print_move(&watch, failed_at_ns, ordered_at_ns);
    cr_expect_lt(atomic_load(&watch.first_moved_ns) - promoted_at_ns,
                 rig_bound_ns(&rig) + RIG_SLACK_S * NS_PER_S + load_lost_ns(&rig.load));
    cluster_thaw(rig.cluster);
    (void)rig_expect_whole(&rig, "primary hung, standby promoted, old primary back");
    cr_expect_eq(atomic_load(&watch.back), 0, "written to the old after the new");
    AWAIT(rig_count_sockets(&rig) == cluster_query_int(rig.standby, rig_sessions));
    rig_end(&rig);
}

/* ---- an old primary that takes writes beside the new one, and nobody fences it off ---- */

/* Three hosts: the new one through a gate, the old one, and one of the two once more. */
static struct rig rig_beside_the_old(bool new_again)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    cluster_exec(rig.cluster, "CREATE TABLE kept (n int)");
    rig.standby = cluster_open_standby(rig.cluster);
    cluster_promote(rig.standby);
    rig.gate = gate_open(cluster_port(rig.standby));
    free(rig.conninfo);
    rig.conninfo = support_text("host=127.0.0.1,127.0.0.1,127.0.0.1 port=%d,%d,%d user=postgres "
                                "dbname=postgres sslmode=disable gssencmode=disable",
                                gate_port(rig.gate), cluster_port(rig.cluster),
                                cluster_port(new_again ? rig.standby : rig.cluster));
    rig.load.sql = "INSERT INTO kept VALUES (1)";
    rig.options.connect_timeout_ns = generous_ns; /* else who is slow at the start passes it over */
    return rig;
}

static void cut_the_first_way(struct rig *rig)
{
    rig_start(rig);
    gate_set(rig->gate, GATE_REFUSE);
    gate_cut(rig->gate);
}

static void expect_none_on_the_old(struct rig *rig)
{
    cr_expect_geq(cluster_query_int(rig->standby, "SELECT count(*) FROM kept"),
                  load_ended(&rig->load, PQPOOL_OK));
    cr_expect_eq(cluster_query_int(rig->cluster, "SELECT count(*) FROM kept"), 0);
    AWAIT(cluster_query_int(rig->cluster, rig_sessions) == 0);
}

Test(pqpool_failover, an_outage_of_the_new_primary_does_not_lead_back_to_the_old, .timeout = TEST_S)
{
    struct rig rig = rig_beside_the_old(false);
    cut_the_first_way(&rig);
    AWAIT(pqpool_is_down(rig.pool, NULL));
    AWAIT(strstr(stats_of(rig.pool).server.error, "was replaced: it is on timeline 1") != NULL);
    gate_set(rig.gate, GATE_PASS);
    (void)rig_expect_whole(&rig, "the new primary away, and the old one there");
    expect_none_on_the_old(&rig);
    rig_end(&rig);
}

Test(pqpool_failover, passes_over_the_old_primary_to_a_host_after_it, .timeout = TEST_S)
{
    struct rig rig = rig_beside_the_old(true);
    cut_the_first_way(&rig);
    (void)rig_expect_whole(&rig, "one way to the new primary cut, the next past the old one");
    expect_none_on_the_old(&rig);
    rig_end(&rig);
}

/* ---- the first of two accepts and stays silent ---- */

static int64_t tried(const struct rig *rig)
{
    struct gate_counts counts;
    gate_counts(rig->gate, &counts);
    return counts.accepted;
}

static struct rig rig_with_a_gate_first(void)
{
    struct rig rig = rig_of(RIG_GATE, NULL);
    free(rig.conninfo);
    rig.conninfo = support_text("host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres "
                                "dbname=postgres sslmode=disable gssencmode=disable",
                                gate_port(rig.gate), cluster_port(rig.cluster));
    rig.options.connect_timeout_ns = 4 * NS_PER_S; /* half of it for each */
    return rig;
}

Test(pqpool_failover, passes_over_a_host_that_is_silent, .timeout = TEST_S)
{
    struct rig rig = rig_with_a_gate_first();
    gate_set(rig.gate, GATE_SILENT);
    rig_start(&rig);
    int64_t before = tried(&rig);
    cr_expect_gt(before, 0);
    struct pqpool_lease *lease = lease_from(rig.pool);
    pqpool_release(&lease, PQPOOL_DISCARD);
    AWAIT(stats_of(rig.pool).counters.closed[1] >= 1 &&
          stats_of(rig.pool).connections.idle + stats_of(rig.pool).connections.active >= RIG_MIN);
    cr_expect_str_eq(pqpool_close_reason_name(1), "discarded");
    cr_expect_eq(tried(&rig), before, "the good one is tried first now");
    gate_set(rig.gate, GATE_PASS);
    (void)rig_expect_whole(&rig, "the first host silent from the start");
    rig_end(&rig);
}

Test(pqpool_failover, moves_from_a_host_that_falls_silent, .timeout = TEST_S)
{
    struct rig rig = rig_with_a_gate_first();
    rig_start(&rig);
    /* Until backends are asked for; and a session that is just greeted holds up the dials. */
    rig.more_ns = rig.options.health_check_interval_ns + NS_PER_S + rig.options.connect_timeout_ns;
    gate_set(rig.gate, GATE_SILENT);
    (void)rig_await_whole(&rig, "the first host falls silent, the next one is found");
    cr_expect_gt(load_failures(&rig.load), 0);
    gate_set(rig.gate, GATE_PASS); /* so that the server hears of the end of what was there */
    rig_expect_no_more(&rig);
    rig_end(&rig);
}
