/* The table is distributed over a Citus cluster once, or the reason why not is given and nothing is
 * changed. citus_stub.h says what stands for Citus here. */
#include <string.h>

#include "citus_stub.h"
#include "store_fixture.h"

static enum migrate_rc distribute(struct fixture *f, struct store_distribution *d, struct err *err)
{
    *err = (struct err){ 0 };
    return store_distribute(f->pool, d, in_seconds(20), err);
}

/* The pool's connections must be opened after the stub has set the parameter of the database. */
static struct fixture open_stub(void)
{
    struct fixture f = { .cluster = cluster_open(NULL) };
    cluster_exec(f.cluster, CITUS_STUB);
    fixture_connect(&f, pooler_conninfo_for(f.cluster), !pooler_forbids_prepare());
    fixture_migrate(&f);
    return f;
}

static int64_t count_distributed(struct fixture *f)
{
    return cluster_query_int(f->cluster, "SELECT count(*) FROM pg_dist_partition");
}

static void expect_refused(struct fixture *f, struct store_distribution d, const char *why)
{
    struct err err;
    const int64_t before = count_distributed(f);
    const uint32_t shards = d.shards;
    cr_expect_eq(distribute(f, &d, &err), MIGRATE_FAILED, "%s", why);
    cr_expect_not_null(strstr(err.text, why), "\"%s\" is not about \"%s\"", err.text, why);
    cr_expect_null(strchr(err.text, '\n'));
    cr_expect_not(d.made);
    cr_expect_eq(d.shards, shards);
    cr_expect_eq(count_distributed(f), before, "nothing is half done");
}

Test(distribute, does_nothing_without_the_extension, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct store_distribution d = { .shards = 4 };
    struct err err = { 0 };
    cr_expect_eq(store_distribute_check(f.pool, in_seconds(20), &err), MIGRATE_OK, "%s", err.text);
    cr_expect_eq(distribute(&f, &d, &err), MIGRATE_OK, "%s", err.text);
    cr_expect_not(d.possible);
    cr_expect_not(d.made);
    fixture_close(&f);
}

Test(distribute, is_done_once, .timeout = TEST_S)
{
    struct fixture f = open_stub();
    struct store_distribution d = { 0 };
    struct err err;
    cr_expect_eq(distribute(&f, &d, &err), MIGRATE_OK, "%s", err.text);
    cr_expect(d.possible && d.made);
    cr_expect_eq(d.shards, 8, "four for each of the two nodes that may have shards");
    cr_expect_eq(d.nodes, 2);
    cr_expect_eq(d.cached, 1);
    cr_expect_eq(count_distributed(&f), 2, "ordersd_migrations too, for every node to read");
    d = (struct store_distribution){ 0 };
    cr_expect_eq(distribute(&f, &d, &err), MIGRATE_OK, "%s", err.text);
    cr_expect(d.possible);
    cr_expect_not(d.made);
    cr_expect_eq(d.shards, 8);
    expect_refused(&f, (struct store_distribution){ .shards = 4 }, "8 shards already, and not 4");
    fixture_close(&f);
}

Test(distribute, is_refused_on_a_worker, .timeout = TEST_S)
{
    struct fixture f = open_stub();
    struct err err = { 0 };
    cluster_exec(f.cluster, "UPDATE pg_dist_local_group SET groupid = 2");
    expect_refused(&f, (struct store_distribution){ 0 }, "connect to the coordinator");
    cr_expect_eq(store_distribute_check(f.pool, in_seconds(20), &err), MIGRATE_FAILED);
    cr_expect_not_null(strstr(err.text, "is a worker"), "%s", err.text);
    fixture_close(&f);
}

Test(distribute, is_refused_with_rows_unless_told, .timeout = TEST_S)
{
    struct fixture f = open_stub();
    struct order order = make_order("ACC-1", "c-1");
    struct store_distribution d = { .shards = 3, .with_rows = true };
    struct err err;
    cr_assert_eq(put_one(&f, &order, NULL), PUT_CREATED);
    expect_refused(&f, (struct store_distribution){ 0 }, "it has rows");
    cr_expect_eq(distribute(&f, &d, &err), MIGRATE_OK, "%s", err.text);
    cr_expect(d.made);
    cr_expect_eq(d.shards, 3);
    fixture_close(&f);
}

Test(distribute, is_refused_if_it_is_distributed_otherwise, .timeout = TEST_S)
{
    static const char *const others[] = { "'h', 'symbol'", "'n', NULL", "'r', 'account_id'" };
    struct fixture f = open_stub();
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char sql[160];
        (void)snprintf(sql, sizeof sql,
                       "DELETE FROM pg_dist_partition; "
                       "INSERT INTO pg_dist_partition VALUES ('orders', %s)",
                       others[i]);
        cluster_exec(f.cluster, sql);
        expect_refused(&f, (struct store_distribution){ .with_rows = true },
                       "not by the hash of account_id");
    }
    fixture_close(&f);
}

Test(distribute, is_refused_without_rights, .timeout = TEST_S)
{
    struct fixture owner = open_stub();
    struct store_distribution d = { 0 };
    struct err err;
    char conninfo[512];
    cluster_exec(owner.cluster, "CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT ON orders TO clerk");
    (void)snprintf(conninfo, sizeof conninfo, "%s user=clerk", pooler_conninfo_for(owner.cluster));
    struct fixture clerk = { .cluster = owner.cluster };
    fixture_connect(&clerk, conninfo, !pooler_forbids_prepare());
    cr_expect_eq(distribute(&clerk, &d, &err), MIGRATE_FAILED);
    cr_expect_str_eq(err.code, "42501");
    cr_expect_not_null(strstr(err.text, "must own the tables"), "%s", err.text);
    cr_expect_eq(count_distributed(&owner), 0);
    fixture_disconnect(&clerk);
    fixture_close(&owner);
}

/* As Citus refuses a trigger or a foreign key: after it has begun. */
Test(distribute, leaves_nothing_if_citus_refuses, .timeout = TEST_S)
{
    struct fixture f = open_stub();
    struct store_distribution d = { .shards = 2 };
    struct err err;
    cluster_exec(f.cluster,
                 "CREATE OR REPLACE FUNCTION create_reference_table(regclass) RETURNS void "
                 "LANGUAGE plpgsql AS $$ BEGIN RAISE 'cannot distribute' USING ERRCODE = '0A000'; "
                 "END $$");
    cr_expect_eq(distribute(&f, &d, &err), MIGRATE_FAILED);
    cr_expect_str_eq(err_public_text(&err), "cannot distribute");
    cr_expect_not(d.made);
    cr_expect_eq(count_distributed(&f), 0);
    fixture_close(&f);
}
