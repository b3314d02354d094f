/* Atomic groups when PostgreSQL fails, warns or goes away: all of it is stored or nothing, wherever
 * the connection breaks, and nobody is told more than is known. */
#include <libpq-fe.h>

#include "store_batch.h"
#include "support/cluster_standby.h"
#include "support/gate.h"

/* ---- failed ---- */

Test(atomic_failures, a_locked_key, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    make_batch(&b, 5);
    PGconn *other = PQconnectdb(cluster_conninfo(f.cluster));
    PQclear(PQexec(other, "BEGIN"));
    PQclear(PQexec(other, "INSERT INTO orders VALUES ('ACC-1', 'c-003', gen_random_uuid(), 'X', "
                          "'buy', 'market', 1, NULL, NULL, 'day', NULL, now())"));
    cr_assert_not(put_batch(&f, &b));
    expect_failed(&b, STORE_RETRY_THEN_SPLIT, false);
    cr_expect_str_eq(b.failure.err.code, "55P03");
    PQclear(PQexec(other, "ROLLBACK"));
    PQfinish(other);
    cr_expect_eq(count_orders(&f), 0);
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), 5);
    fixture_close(&f);
}

Test(atomic_failures, no_table, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    make_batch(&b, 3);
    cluster_exec(f.cluster, "ALTER TABLE orders RENAME TO elsewhere");
    cr_assert_not(put_batch(&f, &b));
    expect_failed(&b, STORE_SPLIT_OR_FAIL, false);
    cr_expect_str_eq(b.failure.err.code, "42P01");
    fixture_close(&f);
}

static void skip_all(UNUSED void *arg, struct put_group *group)
{
    for (size_t i = 0; i < group->n; i++)
        group->puts[i]->skip = true;
}

Test(atomic_failures, left_out_whole, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    make_batch(&b, 3);
    struct order_put *pointers[3];
    for (size_t i = 0; i < 3; i++) {
        b.puts[i].order = &b.orders[i];
        pointers[i] = &b.puts[i];
    }
    struct put_group group = { .puts = pointers,
                               .n = 3,
                               .atomic = true,
                               .deadline_at_ns = in_seconds(20),
                               .before_send = skip_all };
    cr_assert(f.orders->put(f.orders->ctx, &group, &b.failure));
    cr_expect_eq(count_verdict(&b, PUT_PENDING), 3);
    cr_expect_not(group.refused);
    cr_expect_eq(count_orders(&f), 0);
    fixture_close(&f);
}

/* ---- doubt ---- */

IN_BOTH_MANNERS(atomic_failures, the_connection_is_lost_while_committing)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b;
    make_batch(&b, 5);
    add_trigger(&f, true, "die", "PERFORM pg_terminate_backend(pg_backend_pid())");
    cr_assert_not(put_batch(&f, &b));
    expect_failed(&b, STORE_RETRY, true);
    cluster_exec(f.cluster, "DROP TRIGGER die ON orders");
    cr_expect_eq(count_orders(&f), 0);
    cr_assert(put_for(&f, &b, 20, true), "%s", b.failure.err.text);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), 5, "it was not stored then, and is now");
    fixture_close(&f);
}

/* A transaction whose COMMIT was never sent stored nothing, whatever happened to it. */
IN_BOTH_MANNERS(atomic_failures, the_connection_is_lost_before_the_commit)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b;
    make_batch(&b, 5);
    add_trigger(&f, false, "die", "PERFORM pg_terminate_backend(pg_backend_pid())");
    cr_assert_not(put_batch(&f, &b));
    expect_failed(&b, STORE_RETRY, false);
    fixture_close(&f);
}

struct sweep {
    int unsent, stored, lost; /* what came of an attempt: no doubt; in doubt, and there or not */
};

/* The connection breaks after so many bytes of the server's. Then the batch is put again. */
static void break_after(struct fixture *through, struct fixture *direct, struct gate *gate,
                        int64_t bytes, struct sweep *sweep)
{
    struct batch b;
    make_batch(&b, 3);
    same_key(&b, 2, 1); /* a SELECT too */
    cluster_exec(direct->cluster, "TRUNCATE orders");
    gate_cut_after(gate, bytes);
    bool ok = put_batch(through, &b);
    bool in_doubt = !ok && b.failure.in_doubt;
    if (!ok)
        cr_expect_eq(count_verdict(&b, PUT_PENDING), 3, "after %d bytes", (int)bytes);
    /* A backend that has lost its client ends what it had begun. */
    cr_assert(WAIT_UNTIL(cluster_query_int(direct->cluster,
                                           "SELECT count(*) FROM pg_stat_activity WHERE xact_start "
                                           "IS NOT NULL AND pid <> pg_backend_pid() "
                                           "AND backend_type = 'client backend'") == 0,
                         30));
    int64_t n = count_orders(direct);
    cr_expect(n == 0 || n == 2, "%d orders after %d bytes", (int)n, (int)bytes);
    cr_expect(ok ? n == 2 : in_doubt || n == 0, "%d orders after %d bytes", (int)n, (int)bytes);
    sweep->unsent += !ok && !in_doubt;
    sweep->stored += in_doubt && n == 2;
    sweep->lost += in_doubt && n == 0;

    cr_assert(put_for(direct, &b, 20, in_doubt || ok), "%s", b.failure.err.text);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), 2, "under our own ids, after %d bytes",
                 (int)bytes);
    cr_expect_eq(count_verdict(&b, PUT_REPLAYED), 1);
    cr_expect_eq(count_orders(direct), 2);
    fini_batch(&b);
}

IN_BOTH_MANNERS(atomic_failures, the_answer_breaks_off_anywhere)
{
    struct fixture direct = fixture_open(*prepare), through = { .cluster = direct.cluster };
    struct gate *gate = gate_open(cluster_port(direct.cluster));
    char conninfo[128];
    (void)snprintf(conninfo, sizeof conninfo,
                   "host=127.0.0.1 port=%d user=postgres dbname=postgres", gate_port(gate));
    fixture_connect(&through, conninfo, *prepare);
    struct gate_counts before, after;
    struct batch warm;
    make_batch(&warm, 1);
    cr_assert(put_batch(&through, &warm), "%s", warm.failure.err.text);

    struct sweep sweep = { 0 };
    for (int64_t bytes = 0;; bytes += 7) {
        gate_counts(gate, &before);
        break_after(&through, &direct, gate, bytes, &sweep);
        gate_counts(gate, &after);
        if (after.cuts == before.cuts)
            break; /* all of the answer has passed */
        cr_assert_lt(bytes, 8000);
        /* Dialled and greeted, before the next one is counted. */
        make_batch(&warm, 1);
        cr_assert(WAIT_UNTIL(put_batch(&through, &warm), 30), "%s", warm.failure.err.text);
    }
    cr_expect_gt(sweep.unsent, 3);
    cr_expect_gt(sweep.stored, 0, "the answer to a commit was lost");
    gate_cut_after(gate, INT64_MAX);
    fixture_disconnect(&through);
    gate_close(&gate);
    fixture_close(&direct);
}

Test(atomic_failures, in_doubt_and_replaced_since_is_a_fault, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    make_batch(&b, 3);
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    cluster_exec(f.cluster, "UPDATE orders SET order_id = gen_random_uuid(), side = 'sell' "
                            "WHERE client_order_id = 'c-001'");
    cr_assert_not(put_for(&f, &b, 20, true), "neither stored whole nor not stored");
    expect_failed(&b, STORE_FAIL, true);
    fixture_close(&f);
}

/* In doubt, nobody is sought to blame: the earlier attempt may have stored all of it. */
Test(atomic_failures, in_doubt_and_refused, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    make_batch(&b, 3);
    cluster_exec(f.cluster, "ALTER TABLE orders ADD CHECK (symbol <> 'EURUSD')");
    cr_assert_not(put_for(&f, &b, 20, true));
    expect_failed(&b, STORE_SPLIT, false);
    fixture_close(&f);
}

IN_BOTH_MANNERS(atomic_failures, a_warning_is_resolved_by_looking)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b, again;
    make_batch(&b, 4);
    make_batch(&again, 4);
    same_key(&b, 3, 2);
    add_trigger(&f, false, "warn", "RAISE WARNING 'hm'");
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), 3);
    cr_expect_eq(b.puts[3].verdict, PUT_REPLAYED);
    again.n = 3;
    cr_assert(put_batch(&f, &again), "%s", again.failure.err.text);
    cr_expect_eq(count_verdict(&again, PUT_REPLAYED), 3);
    fini_batch(&b);
    fini_batch(&again);
    fixture_close(&f);
}

/* As of Citus when a worker died in its commit: success, a warning, and a row is not to be seen. */
Test(atomic_failures, a_warning_and_no_row_is_in_doubt, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    make_batch(&b, 3);
    add_trigger(&f, true, "hide",
                "DELETE FROM orders WHERE client_order_id = 'c-001'; RAISE WARNING 'hm'");
    cr_assert_not(put_batch(&f, &b));
    expect_failed(&b, STORE_RETRY, true);
    fixture_close(&f);
}

/* ---- standbys ---- */

static bool cancel_waits(struct fixture *f)
{
    return cluster_query_int(f->cluster, "SELECT count(pg_cancel_backend(pid)) "
                                         "FROM pg_stat_activity WHERE wait_event = 'SyncRep'") >= 0;
}

/* Fails for want of a standby. If the second is over before the statement was sent, it is tried
 * once more. */
static void expect_unsealed(struct fixture *f, struct batch *b, bool in_doubt)
{
    cr_assert(WAIT_UNTIL(!put_for(f, b, 1, false) && b->failure.in_doubt == in_doubt &&
                             b->failure.action == STORE_RETRY_THEN_SPLIT,
                         SOON_S));
    expect_failed(b, STORE_RETRY_THEN_SPLIT, in_doubt);
}

/* What can be seen and no standby has would be gone after a failover: neither "created" nor
 * "replayed" nor "reused" may be said because of it. */
IN_BOTH_MANNERS(atomic_failures, what_no_standby_has_is_not_believed)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b, replay, other;
    make_batch(&b, 3);
    make_batch(&replay, 3);
    make_batch(&other, 3);
    other.orders[1].side = ORDER_SELL;
    cluster_set(f.cluster, "synchronous_standby_names", "nobody");
    expect_unsealed(&f, &b, true);
    cr_assert(WAIT_UNTIL(cancel_waits(&f) && count_orders(&f) == 3, 30));

    cr_expect_not(put_for(&f, &b, 1, true));
    cr_expect_eq(count_verdict(&b, PUT_PENDING), 3);
    expect_unsealed(&f, &replay, false);
    expect_unsealed(&f, &other, false);

    cluster_set(f.cluster, "synchronous_standby_names", "");
    cr_assert(put_for(&f, &b, 20, true), "%s", b.failure.err.text);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), 3);
    cr_assert(put_for(&f, &replay, 20, false), "%s", replay.failure.err.text);
    cr_expect_eq(count_verdict(&replay, PUT_REPLAYED), 3);
    cr_assert(put_for(&f, &other, 20, false), "%s", other.failure.err.text);
    expect_refused(&other, 1, PUT_REUSED, NULL);
    fixture_close(&f);
}
