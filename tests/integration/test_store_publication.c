/* The publication for consumers of orders: it is made once, it publishes INSERTs of the orders and
 * nothing else, and a publication of that name with other settings is left as it is. */
#include <string.h>

#include "store_fixture.h"

static enum migrate_rc publish(struct fixture *f, struct store_publication *publication,
                               struct err *err)
{
    *err = (struct err){ 0 };
    return store_publish(f->pool, publication, in_seconds(20), err);
}

static void expect_refused(struct fixture *f, const char *create)
{
    struct store_publication publication = { .name = "ordersd" };
    struct err err;
    cluster_exec(f->cluster, create);
    cr_expect_eq(publish(f, &publication, &err), MIGRATE_FAILED, "%s", create);
    cr_expect_not_null(strstr(err.text, "other settings"), "%s: %s", create, err.text);
    cr_expect_not(publication.created);
    cluster_exec(f->cluster, "DROP PUBLICATION ordersd");
}

Test(publication, is_made_once_and_publishes_inserts_only, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct store_publication publication = { .name = "ordersd" };
    struct err err;
    cr_expect_eq(publish(&f, &publication, &err), MIGRATE_OK, "%s", err.text);
    cr_expect(publication.created);
    cr_expect_not(publication.can_be_read, "wal_level is replica");
    cr_expect_eq(publish(&f, &publication, &err), MIGRATE_OK, "%s", err.text);
    cr_expect_not(publication.created);
    cr_expect_eq(cluster_query_int(f.cluster,
                                   "SELECT count(*) FROM pg_publication WHERE pubname = 'ordersd' "
                                   "AND pubinsert AND NOT (pubupdate OR pubdelete OR pubtruncate)"),
                 1);
    fixture_close(&f);
}

/* The rows of partitions come as rows of `orders`. */
Test(publication, of_partitions_is_of_the_table, .timeout = TEST_S)
{
    struct fixture f = { .cluster = cluster_open(NULL) };
    struct store_publication publication = { .name = "ordersd" };
    struct err err;
    fixture_connect(&f, pooler_conninfo_for(f.cluster), !pooler_forbids_prepare());
    cr_assert_eq(store_migrate_partitioned(f.pool, 4, in_seconds(20), NULL), MIGRATE_OK);
    cr_expect_eq(publish(&f, &publication, &err), MIGRATE_OK, "%s", err.text);
    cr_expect_eq(publish(&f, &publication, &err), MIGRATE_OK, "%s", err.text);
    char *tables = cluster_query_text(
        f.cluster, "SELECT string_agg(tablename, ' ') FROM pg_publication_tables");
    cr_expect_str_eq(tables, "orders");
    free(tables);
    fixture_close(&f);
}

Test(publication, with_other_settings_is_left_as_it_is, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    expect_refused(&f, "CREATE PUBLICATION ordersd");
    expect_refused(&f, "CREATE PUBLICATION ordersd FOR TABLE orders");
    expect_refused(&f, "CREATE PUBLICATION ordersd FOR TABLE orders WITH (publish = 'insert')");
    expect_refused(&f, "CREATE PUBLICATION ordersd FOR TABLE ordersd_migrations "
                       "WITH (publish = 'insert', publish_via_partition_root = true)");
    expect_refused(&f, "CREATE PUBLICATION ordersd FOR TABLE orders, ordersd_migrations "
                       "WITH (publish = 'insert', publish_via_partition_root = true)");
    expect_refused(&f, "CREATE PUBLICATION ordersd FOR TABLE orders WHERE (symbol = 'ACME') "
                       "WITH (publish = 'insert', publish_via_partition_root = true)");
    fixture_close(&f);
}

Test(publication, can_be_read_with_wal_level_logical, .timeout = TEST_S)
{
    struct fixture f = { .cluster = cluster_open(
                             &(struct cluster_options){ .conf = "wal_level = logical\n" }) };
    fixture_connect(&f, pooler_conninfo_for(f.cluster), !pooler_forbids_prepare());
    fixture_migrate(&f);
    struct store_publication publication = { .name = "desk_1" };
    struct err err;
    cr_expect_eq(publish(&f, &publication, &err), MIGRATE_OK, "%s", err.text);
    cr_expect(publication.created && publication.can_be_read);
    fixture_close(&f);
}

Test(publication, needs_an_owner, .timeout = TEST_S)
{
    struct fixture owner = fixture_open(true);
    cluster_exec(owner.cluster, "CREATE ROLE clerk LOGIN");
    char conninfo[512];
    (void)snprintf(conninfo, sizeof conninfo, "%s user=clerk", pooler_conninfo_for(owner.cluster));
    struct fixture clerk = { .cluster = owner.cluster };
    fixture_connect(&clerk, conninfo, !pooler_forbids_prepare());
    struct store_publication publication = { .name = "ordersd" };
    struct err err;
    cr_expect_eq(publish(&clerk, &publication, &err), MIGRATE_FAILED);
    cr_expect_str_eq(err.code, "42501");
    cr_expect_not_null(strstr(err.text, "must own the table orders"), "%s", err.text);
    fixture_disconnect(&clerk);
    fixture_close(&owner);
}

Test(publication, names)
{
    static const char *const good[] = { "ordersd", "_1", "a" };
    static const char *const bad[] = { "", "1a", "Orders", "a-b", "a\"b", "a b", "a'b" };
    char longest[STORE_PUBLICATION_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_expect(store_publication_name_is_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(store_publication_name_is_valid(bad[i]), "%s", bad[i]);
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    cr_expect_not(store_publication_name_is_valid(longest));
    longest[sizeof longest - 2] = '\0';
    cr_expect(store_publication_name_is_valid(longest));
}
