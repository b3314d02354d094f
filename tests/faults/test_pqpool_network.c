/* The pool on networks that lose what it says: nobody waits longer than agreed, and when the
 * network is itself again, so is the pool. */
#include "faults/fault_rig.h"
#include "support/self.h"

/* While the fault is on, the pool must notice it: statements and dials fail until it is down. */
static void expect_down_and_back(enum gate_mode mode, bool cut, const char *fault)
{
    struct rig rig = rig_of(RIG_GATE, NULL);
    rig_start(&rig);
    gate_set(rig.gate, mode);
    if (cut)
        gate_cut(rig.gate);
    AWAIT(pqpool_is_down(rig.pool, NULL) && !stats_of(rig.pool).health.healthy);
    AWAIT(atomic_load(&rig.load.acquires[PQPOOL_DOWN]) > RIG_GOOD);
    gate_set(rig.gate, GATE_PASS);
    (void)rig_expect_whole(&rig, fault);
    cr_expect_gt(load_failures(&rig.load), 0);
    rig_end(&rig);
}

Test(pqpool_network, refuses, .timeout = TEST_S)
{
    expect_down_and_back(GATE_REFUSE, true, "connections reset, dials refused");
}

Test(pqpool_network, swallows, .timeout = TEST_S)
{
    expect_down_and_back(GATE_BLACK_HOLE, false, "black hole");
}

Test(pqpool_network, accepts_and_is_silent, .timeout = TEST_S)
{
    expect_down_and_back(GATE_SILENT, false, "accepts, then silence");
}

Test(pqpool_network, drips, .timeout = TEST_S)
{
    expect_down_and_back(GATE_DRIP, false, "one byte at a time");
}

/* Connections that are there go on, so nothing is to be noticed but by who needs a new one. */
Test(pqpool_network, refuses_new_ones_only, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_GATE, NULL);
    rig.options.min_pool_size = rig.options.max_pool_size = RIG_MIN;
    rig.load.acquire_ns = rig.load.exec_ns = generous_ns; /* nothing fails that is only slow */
    rig.options.health_check_interval_ns = rig.options.health_check_timeout_ns = generous_ns;
    rig.options.validation_bypass_ns = generous_ns;
    rig_start(&rig);
    gate_set(rig.gate, GATE_REFUSE);
    uint64_t dials = stats_of(rig.pool).counters.connect_attempts;
    int64_t good = load_ended(&rig.load, PQPOOL_OK);
    AWAIT(load_ended(&rig.load, PQPOOL_OK) > good + 4 * RIG_GOOD);
    cr_expect_eq(stats_of(rig.pool).counters.connect_attempts, dials);
    cr_expect_eq(load_failures(&rig.load), 0);
    struct pqpool_lease *lease = lease_from(rig.pool);
    pqpool_release(&lease, PQPOOL_DISCARD);
    AWAIT(stats_of(rig.pool).counters.connect_attempts > dials + 3);
    cr_expect_not(pqpool_is_down(rig.pool, NULL), "it has two that work");
    gate_set(rig.gate, GATE_PASS);
    (void)rig_expect_whole(&rig, "new connections refused");
    rig_end(&rig);
}

/* The server does not hear of it either, so its sessions are alive for hours yet. Those whose
 * statements the pool gave up must not count against it for as long: it would be down, with a
 * server that is well. */
Test(pqpool_network, forgets_what_is_there, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_GATE, NULL);
    rig.options.min_pool_size = rig.options.max_pool_size = RIG_THREADS;
    rig.options.validation_bypass_ns = generous_ns; /* statements meet it, and no probes */
    rig_start(&rig);
    rig.more_ns =
        rig.options.health_check_interval_ns + NS_PER_S; /* until backends are asked for */
    gate_forget(rig.gate);
    (void)rig_await_whole(&rig, "every connection lost, and neither side told");
    cr_expect_geq(load_ended(&rig.load, PQPOOL_TIMEOUT), RIG_THREADS / 2 + 1);
    AWAIT(stats_of(rig.pool).connections.orphans == 0);
    uint64_t created = stats_of(rig.pool).counters.created;
    gate_cut(rig.gate); /* so that both sides hear */
    AWAIT(stats_of(rig.pool).counters.created >= created + RIG_THREADS &&
          stats_of(rig.pool).connections.idle == RIG_THREADS &&
          stats_of(rig.pool).health.connected);
    rig_expect_no_more(&rig);
    rig_end(&rig);
}

/* ---- from the start ---- */

static void acquire_in_time(struct pqpool *pool, size_t mode)
{
    struct pqpool_lease *lease = NULL;
    int64_t began_ns = clock_now_ns();
    enum pqpool_rc rc = pqpool_acquire(pool, began_ns + short_ns, &lease, NULL);
    cr_expect(rc == PQPOOL_TIMEOUT || rc == PQPOOL_DOWN, "mode %zu: %d", mode, (int)rc);
    cr_expect_lt(clock_now_ns() - began_ns, generous_ns, "mode %zu", mode);
}

Test(pqpool_network, acquire_keeps_its_deadline_before_the_first_connection, .timeout = TEST_S)
{
    static const enum gate_mode modes[] = { GATE_REFUSE, GATE_BLACK_HOLE, GATE_SILENT, GATE_DRIP };
    struct rig rig = rig_of(RIG_GATE, NULL);
    rig.options.connect_timeout_ns = NS_PER_S / 2;
    rig.options.conninfo = rig.conninfo;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        gate_set(rig.gate, modes[i]);
        struct pqpool *pool = open_pool(&rig.options);
        acquire_in_time(pool, i);
        gate_set(rig.gate, GATE_PASS);
        AWAIT(stats_of(pool).connections.idle == RIG_MIN && stats_of(pool).health.connected);
        gate_set(rig.gate, modes[i]);
        int64_t began_ns = clock_now_ns();
        pqpool_close(&pool, began_ns);
        cr_expect_lt(clock_now_ns() - began_ns, generous_ns);
        gate_set(rig.gate, GATE_PASS);
    }
    rig.pool = NULL;
    rig.fds = self_fds();
    rig.threads = self_threads();
    rig_end(&rig);
}
