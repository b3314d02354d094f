/* Answers in a wrong shape, as of a broken proxy. For each statement and each wrong shape: nothing
 * crashes, no order is reported stored that is not, and no stored order is reported as certainly
 * not stored. */
#include "store_fixture.h"

#include <criterion/parameterized.h>
#include <libpq-fe.h>

#include "support/liar.h"

enum { BATCH = 2 };

static struct {
    struct fixture truth; /* past the liar */
    PGconn *looks;        /* so does this */
    struct liar *liar;
    char conninfo[160];
    struct order old; /* stored before */
    unsigned made;
} world;

static void open_world(void)
{
    world.truth = (struct fixture){ .cluster = cluster_open(NULL) };
    fixture_connect(&world.truth, cluster_conninfo(world.truth.cluster), true);
    fixture_migrate(&world.truth);
    world.liar = liar_open(cluster_port(world.truth.cluster));
    (void)snprintf(world.conninfo, sizeof world.conninfo,
                   "host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=disable "
                   "gssencmode=disable",
                   liar_port(world.liar));
    world.looks = PQconnectdb(cluster_conninfo(world.truth.cluster));
    world.old = make_order("ACC", "old");
    cr_assert_eq(put_one(&world.truth, &world.old, NULL), PUT_CREATED);
    /* an order that alone is refused: its batch is asked for a culprit */
    cluster_exec(world.truth.cluster,
                 "ALTER TABLE orders ADD CONSTRAINT no_evil CHECK (symbol <> 'EVIL')");
}

static void close_world(void)
{
    PQfinish(world.looks);
    liar_close(&world.liar);
    fixture_close(&world.truth);
}

static struct order new_order(void)
{
    char id[32];
    (void)snprintf(id, sizeof id, "c-%06u", ++world.made);
    return make_order("ACC", id);
}

static bool is_there(const struct order *order)
{
    const char *const values[] = { order->order_id };
    PGresult *rows = PQexecParams(world.looks, "SELECT FROM orders WHERE order_id = $1::uuid", 1,
                                  NULL, values, NULL, NULL, 0);
    cr_assert_eq(PQresultStatus(rows), PGRES_TUPLES_OK, "%s", PQerrorMessage(world.looks));
    bool there = PQntuples(rows) == 1;
    PQclear(rows);
    return there;
}

static void expect_truth(const struct order_put *put, bool ok, const struct put_group *group,
                         const struct store_failure *failure, const char *what)
{
    bool there = is_there(put->order), certain = !ok && !failure->in_doubt;
    if (put->verdict == PUT_CREATED)
        cr_expect(there, "%s: called stored, and is not", what);
    if (put->verdict == PUT_PENDING && certain)
        cr_expect_not(there, "%s: called certainly not stored, and is: %s", what,
                      failure->err.text);
    if (put->verdict >= PUT_ABSENT || (ok && group->refused))
        cr_expect_not(there, "%s: called rolled back, and is stored", what);
}

/* False: there is no connection. */
static bool put_some(struct fixture *f, const struct order *orders, size_t n, bool atomic,
                     const char *what)
{
    struct order_put puts[BATCH] = { { .order = &orders[0] }, { .order = &orders[n - 1] } };
    struct order_put *pointers[BATCH] = { &puts[0], &puts[1] };
    struct store_failure failure;
    struct put_group group = {
        .puts = pointers,
        .n = n,
        .atomic = atomic,
        .deadline_at_ns = in_seconds(1),
        .before_send = nothing_before_send,
    };
    bool ok = f->orders->put(f->orders->ctx, &group, &failure);
    for (size_t i = 0; i < n; i++)
        expect_truth(&puts[i], ok, &group, &failure, what);
    return ok || failure.action != STORE_UNAVAILABLE;
}

static bool put_each_way(struct fixture *f, const char *what)
{
    struct order one = new_order(), batch[BATCH] = { new_order(), new_order() };
    struct order replayed = make_order("ACC", "old");
    struct order evil[BATCH] = { new_order(), new_order() };
    (void)snprintf(evil[1].symbol, sizeof evil[1].symbol, "EVIL");
    return put_some(f, &one, 1, false, what) && put_some(f, &replayed, 1, false, what) &&
           put_some(f, batch, BATCH, true, what) && put_some(f, &replayed, 1, true, what) &&
           put_some(f, evil, BATCH, true, what);
}

static void look_up_each_way(struct fixture *f)
{
    const struct order_key keys[] = { { "ACC", "absent" }, { "ACC", "old" } };
    const struct order_range range = {
        .account_id = "ACC", .from = "", .after = "", .prefix = "o", .limit = 2
    };
    struct order found[2], listed[2], one;
    struct order_page page = { .orders = listed };
    struct err err = { 0 };
    if (f->orders->list(f->orders->ctx, &range, &page, in_seconds(2), &err) == LOOKUP_OK)
        cr_expect_leq(page.n, 1);
    for (size_t i = 0; i < page.n; i++)
        order_fini(&listed[i]);
    (void)f->orders->get_by_keys(f->orders->ctx, keys, 2, found, in_seconds(2), &err);
    (void)f->orders->get_by_id(f->orders->ctx, world.old.order_id, &one, in_seconds(2), &err);
    order_fini(&found[0]);
    order_fini(&found[1]);
    order_fini(&one);
}

static void ask_each_way(struct fixture *f, const char *what)
{
    struct err err = { 0 };
    if (put_each_way(f, what)) {
        look_up_each_way(f);
        if (store_check_schema(f->pool, in_seconds(2), &err) == MIGRATE_RETRY)
            cr_expect_neq(err.text[0], '\0');
        cr_expect_neq(store_migrate(f->pool, in_seconds(2), &err), MIGRATE_FAILED, "%s: %s", what,
                      err.text);
    }
    pqpool_check_health(f->pool);
}

/* On a busy machine the deadline of a put may come before the statement that the lie is about:
 * then all is asked again. */
static void try_lie(const char *about, enum lie lie, bool prepare)
{
    char what[80];
    struct fixture f = { .cluster = world.truth.cluster };
    (void)snprintf(what, sizeof what, "lie %d about %s", (int)lie, about);
    int64_t told = liar_told(world.liar);
    liar_tell(world.liar, about, lie);
    fixture_connect(&f, world.conninfo, prepare);
    ask_each_way(&f, what);
    int64_t end_at_ns = wait_end_at_ns(SOON_S);
    while (liar_told(world.liar) == told && wait_more(end_at_ns))
        ask_each_way(&f, what);
    cr_expect_gt(liar_told(world.liar), told, "%s: it was not asked", what);
    liar_tell(world.liar, NULL, lie);
    fixture_disconnect(&f);
}

struct lie_case {
    char about[32]; /* a part of the statement's text that no other has */
    bool prepare;
};

ParameterizedTestParameters(malformed, no_lie_is_believed)
{
    /* clang-format off */
    static struct lie_case cases[] = {
        { "pg_control_system", true },        /* who the session is */
        { "server_encoding", true },          /* the settings of a session */
        { "server_encoding", false },
        { "SELECT concat_ws", false },        /* the settings of a transaction */
        { "INSERT INTO orders", true },
        { "INSERT INTO orders", false },
        { "WITH ORDINALITY", true },
        { "WITH ORDINALITY", false },
        { "o.order_id = $1", true },
        { "o.order_id = $1", false },
        { "UNBOUNDED PRECEDING", true },
        { "UNBOUNDED PRECEDING", false },
        { "pg_logical_emit_message", true },
        { "pg_logical_emit_message", false },
        { "BEGIN", true },
        { "BEGIN", false },
        { "COMMIT", true },
        { "COMMIT", false },
        { "ROLLBACK", true },
        { "ROLLBACK", false },
        { "SET CONSTRAINTS", true },
        { "FROM pg_class", true },
        { "FROM ordersd_migrations", true },
        { "SELECT 1", true },                 /* the health check */
    };
    /* clang-format on */
    return cr_make_param_array(struct lie_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct lie_case *c, malformed, no_lie_is_believed, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("the liar stands before the server itself");
    open_world();
    for (int lie = 0; lie < LIES; lie++)
        try_lie(c->about, (enum lie)lie, c->prepare);
    close_world();
}

/* A malformed answer neither begins nor repeats a migration. */
Test(malformed, a_schema_is_not_made_on_a_lie, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("the liar stands before the server itself");
    open_world();
    for (int lie = 0; lie < LIES; lie++) {
        struct fixture f = { .cluster = world.truth.cluster };
        struct err err = { 0 };
        liar_tell(world.liar, "FROM ordersd_migrations", (enum lie)lie);
        fixture_connect(&f, world.conninfo, true);
        enum migrate_rc rc = store_migrate(f.pool, in_seconds(20), &err);
        cr_expect(rc == MIGRATE_RETRY || (rc == MIGRATE_OK && lie == LIE_TAG), "lie %d: %d %s", lie,
                  (int)rc, err.text);
        if (rc == MIGRATE_RETRY)
            cr_expect_not_null(strstr(err.text, "malformed answer"), "lie %d: %s", lie, err.text);
        liar_tell(world.liar, NULL, LIE_TAG);
        fixture_disconnect(&f);
    }
    close_world();
}
