/* The pool when connections end in the middle of what a server says. */
#include "faults/fault_rig.h"
#include "support/pg_frames.h"

/* Long enough that an end somewhere in it is an end in the middle of it. */
static const char long_result[] = "SELECT g, repeat('x', 20) FROM generate_series(1, 500) g";
enum { ENDS = 5, WITHIN_BYTES = 3000, WITHIN_ROWS = 250, TRIES = 12, TRY_S = 5 };

static struct gate_counts counts_of(const struct rig *rig)
{
    struct gate_counts counts;
    gate_counts(rig->gate, &counts);
    return counts;
}

static struct rig rig_with_long_results(void)
{
    struct rig rig = rig_of(RIG_GATE, NULL);
    rig.load.sql = long_result;
    return rig;
}

/* All connections are reset while one of them is in the middle of a result; no caller may take the
 * half of it for the whole. */
Test(pqpool_cuts, in_the_middle_of_a_result, .timeout = TEST_S)
{
    struct rig rig = rig_with_long_results();
    rig_start(&rig);
    for (int i = 1; i <= ENDS; i++) {
        int64_t good = load_ended(&rig.load, PQPOOL_OK);
        gate_cut_after(rig.gate, WITHIN_BYTES);
        AWAIT(counts_of(&rig).cuts == i && load_ended(&rig.load, PQPOOL_OK) > good + RIG_GOOD);
    }
    (void)rig_expect_whole(&rig, "cut in the middle of a result");
    cr_expect_geq(load_ended(&rig.load, PQPOOL_LOST), ENDS);
    cr_expect_eq(load_ended(&rig.load, PQPOOL_SQL_ERROR), 0);
    rig_end(&rig);
}

Test(pqpool_cuts, all_reset_at_once, .timeout = TEST_S)
{
    struct rig rig = rig_with_long_results();
    rig_start(&rig);
    for (int i = 0; i < ENDS; i++) {
        int64_t good = load_ended(&rig.load, PQPOOL_OK);
        uint64_t created = stats_of(rig.pool).counters.created;
        gate_cut(rig.gate);
        AWAIT(stats_of(rig.pool).counters.created > created &&
              load_ended(&rig.load, PQPOOL_OK) > good + RIG_GOOD);
    }
    (void)rig_expect_whole(&rig, "reset");
    cr_expect_eq(load_ended(&rig.load, PQPOOL_SQL_ERROR), 0);
    rig_end(&rig);
}

/* ---- 57P01 ---- */

static void expect_lost_or_timeout(void *ctx, const struct load_seen *seen)
{
    atomic_int *told = ctx;
    if (seen->rc == PQPOOL_OK || seen->rc == PQPOOL_TIMEOUT)
        return;
    cr_expect(seen->rc == PQPOOL_LOST, "%d: %s", (int)seen->rc, seen->err->text);
    cr_expect_eq(seen->err->flags & ~(unsigned)ERR_PRIVATE, ERR_RETRYABLE | ERR_UNCERTAIN, "%s",
                 seen->err->text);
    atomic_fetch_add(told, strcmp(seen->err->code, "57P01") == 0);
}

/* The row that it waits for may be that of a health check, or of a dial: then once more. */
static bool tell_a_caller(struct rig *rig, const char *message, size_t len, const atomic_int *told)
{
    int before = atomic_load(told);
    bool is_told = false;
    for (int tries = 0; tries < TRIES && !is_told; tries++) {
        gate_inject_after(rig->gate, 'D', WITHIN_ROWS, message, len);
        is_told = WAIT_UNTIL(
            atomic_load(told) > before &&
                stats_of(rig->pool).connections.idle + stats_of(rig->pool).connections.active > 0,
            TRY_S);
    }
    return is_told;
}

Test(pqpool_cuts, a_server_that_shuts_down_says_so_in_the_middle_of_a_result, .timeout = TEST_S)
{
    struct rig rig = rig_with_long_results();
    char message[GATE_MESSAGE_MAX];
    size_t len = pg_frames_error(message, sizeof message, "FATAL", "57P01",
                                 "terminating connection due to administrator command");
    atomic_int told = 0;
    rig.load.on_seen = expect_lost_or_timeout;
    rig.load.ctx = &told;
    rig_start(&rig);
    for (int i = 1; i <= ENDS; i++)
        cr_assert(tell_a_caller(&rig, message, len, &told), "the end %d", i);
    (void)rig_expect_whole(&rig, "57P01 in the middle of a result");
    cr_expect_leq(atomic_load(&told), counts_of(&rig).injected);
    uint32_t generation = stats_of(rig.pool).connections.generation;
    cr_expect(generation >= 1 && generation <= counts_of(&rig).injected,
              "all are replaced; once for those of an age");
    rig_end(&rig);
}

Test(pqpool_cuts, backends_terminated_under_load, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    atomic_int told = 0;
    rig.load.sql = "SELECT pg_sleep(0.01)";
    rig.load.on_seen = expect_lost_or_timeout;
    rig.load.ctx = &told;
    rig_start(&rig);
    for (int i = 0; i < ENDS; i++) {
        int before = atomic_load(&told);
        AWAIT((cluster_exec(rig.cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                         "WHERE application_name = 'pool'"),
               atomic_load(&told) > before));
    }
    (void)rig_expect_whole(&rig, "pg_terminate_backend");
    rig_end(&rig);
}
