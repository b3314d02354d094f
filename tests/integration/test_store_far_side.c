/* What is known of an order if the server reports that its connection to another server broke: of a
 * foreign table, or of a node of Citus. The other server may have committed before that, so the
 * order is in doubt, and the group is split as after every other error that may be one order's. */
#include <libpq-fe.h>

#include "store_batch.h"

static void raise_at_commit(struct fixture *f, const char *body)
{
    char sql[1024];
    (void)snprintf(sql, sizeof sql,
                   "CREATE OR REPLACE FUNCTION far() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                   "%s RETURN NEW; END $$; DROP TRIGGER IF EXISTS far ON orders; "
                   "CREATE CONSTRAINT TRIGGER far AFTER INSERT ON orders INITIALLY DEFERRED "
                   "FOR EACH ROW EXECUTE FUNCTION far()",
                   body);
    cluster_exec(f->cluster, sql);
}

static void expect_failure(struct fixture *f, const char *code, bool in_doubt)
{
    struct order order = make_order("ACC-1", "c-1");
    struct order_put one = { .order = &order };
    struct store_failure failure;
    cr_assert_not(put(f, &one, 1, &failure));
    cr_expect_str_eq(failure.err.code, code);
    cr_expect_eq(failure.in_doubt, in_doubt, "%s", code);
    cr_expect_eq(failure.action, STORE_RETRY_THEN_SPLIT, "%s", code);
    cr_expect_eq(failure.fault, FAULT_SERVER);
    cr_expect_eq(failure.retry, RETRY_SERVER);
    cr_expect_eq(one.verdict, PUT_PENDING);
}

IN_BOTH_MANNERS(far_side, of_a_commit_is_in_doubt)
{
    struct fixture f = fixture_open(*prepare);
    raise_at_commit(&f, "RAISE 'gone' USING ERRCODE = '08006';");
    expect_failure(&f, "08006", true);
    /* a coordinator whose node did not answer the COMMIT warns first */
    raise_at_commit(&f, "RAISE WARNING 'not committed there'; RAISE 'no' USING ERRCODE = 'XX000';");
    expect_failure(&f, "XX000", true);
    raise_at_commit(&f, "RAISE 'no' USING ERRCODE = 'XX000';");
    expect_failure(&f, "XX000", false);
    raise_at_commit(&f, "RAISE WARNING 'hm'; RAISE 'full' USING ERRCODE = '53100';");
    expect_failure(&f, "53100", false);
    fixture_close(&f);
}

/* Nothing was committed anywhere if the COMMIT was never sent. */
Test(far_side, before_the_commit_is_not, .timeout = TEST_S)
{
    struct fixture f = fixture_open(false);
    add_trigger(&f, false, "far", "RAISE 'gone' USING ERRCODE = '08006'");
    expect_failure(&f, "08006", false);
    fixture_close(&f);
}

Test(far_side, of_an_atomic_group, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    raise_at_commit(&f, "RAISE 'gone' USING ERRCODE = '08006';");
    make_batch(&b, 3);
    cr_expect_not(put_batch(&f, &b));
    expect_failed(&b, STORE_RETRY_THEN_SPLIT, true);
    cluster_exec(f.cluster, "DROP TRIGGER far ON orders");
    cr_expect(put_for(&f, &b, 20, true), "%s", b.failure.err.text);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), 3);
    cr_expect_eq(count_orders(&f), 3);
    fixture_close(&f);
}
