/* fault_rig.c - see fault_rig.h. */
#include "faults/fault_rig.h"

#include <stdio.h>

#include "support/cluster_standby.h"
#include "support/self.h"

const char rig_sessions[] = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client "
                            "backend' AND application_name <> 'cluster'";

/* ---- start ---- */

struct rig rig_of(enum rig_way way, const struct cluster_options *options)
{
    struct rig rig = { .cluster = cluster_open(options) };
    if (way == RIG_GATE)
        rig.gate = gate_open(cluster_port(rig.cluster));
    rig.conninfo = support_text("host=127.0.0.1 port=%d user=postgres dbname=postgres "
                                "sslmode=disable gssencmode=disable",
                                way == RIG_GATE ? gate_port(rig.gate) : cluster_port(rig.cluster));
    rig.options = options_for(rig.conninfo, RIG_MIN, RIG_MAX);
    rig.options.connect_timeout_ns = NS_PER_S;
    rig.options.max_retry_attempts = 3;
    rig.options.health_check_interval_ns = NS_PER_S / 2;
    rig.options.health_check_timeout_ns = NS_PER_S / 2;
    rig.load = (struct load){
        .sql = "SELECT 1", .acquire_ns = short_ns, .exec_ns = NS_PER_S, .n_threads = RIG_THREADS
    };
    return rig;
}

static void print_load(const struct load *load)
{
    printf("    acquires: %lld OK, %lld TIMEOUT, %lld QUEUE_FULL, %lld DOWN; statements: %lld OK, "
           "%lld "
           "TIMEOUT, "
           "%lld SQL_ERROR, %lld LOST; slowest %.3f s and %.3f s\n",
           load->acquires[PQPOOL_OK], load->acquires[PQPOOL_TIMEOUT],
           load->acquires[PQPOOL_QUEUE_FULL], load->acquires[PQPOOL_DOWN],
           load->statements[PQPOOL_OK], load->statements[PQPOOL_TIMEOUT],
           load->statements[PQPOOL_SQL_ERROR], load->statements[PQPOOL_LOST],
           (double)load->slowest_acquire_ns / 1e9, (double)load->slowest_exec_ns / 1e9);
}

void rig_start(struct rig *rig)
{
    rig->options.conninfo = rig->conninfo;
    rig->fds = self_fds();
    rig->threads = self_threads();
    rig->pool = open_warm_pool(&rig->options);
    rig->load.pool = rig->pool;
    if (rig->load.n_threads == 0)
        return;
    load_start(&rig->load);
    AWAIT(atomic_load(&rig->load.good_in_a_row) >= RIG_GOOD);
}

/* ---- whole ---- */

int64_t rig_bound_ns(const struct rig *rig)
{
    return rig->options.max_retry_delay_ns + rig->options.connect_timeout_ns + rig->load.exec_ns +
           rig->options.health_check_timeout_ns + rig->more_ns;
}

static bool is_whole(const struct rig *rig)
{
    const struct pqpool_stats stats = stats_of(rig->pool);
    return !stats.server.down && stats.health.connected && stats.health.healthy &&
           stats.connections.idle + stats.connections.active >= stats.connections.min &&
           stats.connections.orphans == 0 && stats.connections.canceling == 0 &&
           atomic_load(&rig->load.good_in_a_row) >= RIG_GOOD;
}

static void explain(const struct rig *rig)
{
    const struct pqpool_stats s = stats_of(rig->pool);
    printf("    not whole: %u idle, %u active, %u connecting, %u closing, %u waiting; down %d, "
           "control %d, healthy %d, %lld good in a row; last dial: %s\n",
           s.connections.idle, s.connections.active, s.connections.connecting,
           s.connections.closing, s.queue.waiting, s.server.down, s.health.connected,
           s.health.healthy, (long long)rig->load.good_in_a_row, s.server.error);
}

/* Idle ones that nobody happens to use may be as dead as any. */
static void use_all_at_once(struct rig *rig)
{
    struct pqpool_lease *leases[RIG_MAX * 4];
    uint32_t n = rig->options.max_pool_size;
    cr_assert_leq(n, sizeof leases / sizeof leases[0]);
    for (uint32_t i = 0; i < n; i++)
        leases[i] = lease_from(rig->pool);
    for (uint32_t i = 0; i < n; i++) {
        struct err err = { 0 };
        cr_expect_eq(run(leases[i], "SELECT 1", &err), PQPOOL_OK, "%s", err.text);
        pqpool_release(&leases[i], PQPOOL_REUSE);
    }
}

static bool holds_no_more_than_it_says(const struct rig *rig)
{
    const struct pqpool_stats stats = stats_of(rig->pool);
    const int64_t want = (int64_t)stats.connections.total + stats.health.connected;
    return rig_count_sessions(rig) == want && rig_count_sockets(rig) == want;
}

static bool is_late(const struct rig *rig, int64_t over_at_ns, int64_t lost_before_ns)
{
    const int64_t lost_ns = load_lost_ns(&rig->load) - lost_before_ns;
    return clock_now_ns() - over_at_ns > rig_bound_ns(rig) + RIG_SLACK_S * NS_PER_S + lost_ns;
}

double rig_await_whole(struct rig *rig, const char *fault)
{
    const int64_t over_at_ns = clock_now_ns(), lost_before_ns = load_lost_ns(&rig->load);
    bool whole = false, late; /* asked first: who is whole when looked at is not late */
    atomic_store(&rig->load.good_in_a_row, 0);
    (void)WAIT_UNTIL(
        (late = is_late(rig, over_at_ns, lost_before_ns), (whole = is_whole(rig)) || late), SOON_S);
    const double took = (double)(clock_now_ns() - over_at_ns) / 1e9;
    const double lost = (double)(load_lost_ns(&rig->load) - lost_before_ns) / 1e9;
    load_stop(&rig->load);
    printf("fault: %s: whole again after %.3f s (bound %.1f + %d s, %.3f s lost)\n", fault, took,
           (double)rig_bound_ns(rig) / 1e9, RIG_SLACK_S, lost);
    print_load(&rig->load);
    if (!whole)
        explain(rig);
    (void)fflush(stdout);
    cr_assert(whole, "%s: not whole again after %.3f s", fault, took);
    return took;
}

/* What the last callers gave up at the load's end is cancelled yet. */
static bool is_at_rest(const struct rig *rig)
{
    const struct pqpool_stats stats = stats_of(rig->pool);
    return !stats.server.down && stats.connections.orphans == 0 && stats.connections.active == 0;
}

void rig_expect_no_more(struct rig *rig)
{
    AWAIT(is_at_rest(rig));
    use_all_at_once(rig);
    AWAIT(holds_no_more_than_it_says(rig));
}

double rig_expect_whole(struct rig *rig, const char *fault)
{
    double took = rig_await_whole(rig, fault);
    rig_expect_no_more(rig);
    return took;
}

/* ---- end ---- */

void rig_end(struct rig *rig)
{
    int64_t began_ns = clock_now_ns();
    pqpool_close(&rig->pool, after_seconds(SOON_S));
    cr_expect_lt(clock_now_ns() - began_ns, generous_ns);
    AWAIT(rig_count_sessions(rig) == 0);
    AWAIT(self_fds() <= rig->fds); /* a gate takes a moment to see its clients go */
    AWAIT(self_threads() <= rig->threads);
    gate_close(&rig->gate);
    cluster_close(&rig->standby);
    cluster_close(&rig->cluster);
    free(rig->conninfo);
}

/* ---- what is there ---- */

int64_t rig_count_sessions(const struct rig *rig)
{
    struct cluster *const servers[] = { rig->cluster, rig->standby };
    int64_t n = 0;
    for (int i = 0; i < 2; i++)
        if (servers[i] != NULL && cluster_pid(servers[i]) != 0)
            n += cluster_query_int(servers[i], rig_sessions);
    return n;
}

int rig_count_sockets(const struct rig *rig)
{
    int own_ports[SELF_SOCKETS_MAX];
    int n = self_sockets_to(cluster_port(rig->cluster), own_ports);
    if (rig->gate != NULL) { /* it is in this process, and dials the server too */
        struct gate_counts counts;
        gate_counts(rig->gate, &counts);
        n += self_sockets_to(gate_port(rig->gate), own_ports) - counts.open;
    }
    if (rig->standby != NULL)
        n += self_sockets_to(cluster_port(rig->standby), own_ports);
    return n;
}

void rig_exec(struct rig *rig, const char *sql)
{
    struct pqpool_lease *lease = lease_from(rig->pool);
    struct err err = { 0 };
    cr_assert_eq(run(lease, sql, &err), PQPOOL_OK, "%s: %s", sql, err.text);
    pqpool_release(&lease, PQPOOL_REUSE);
}
