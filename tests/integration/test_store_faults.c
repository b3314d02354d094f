/* Whose fault an error is, by a real server: each row of store/sqlstate.c that can be provoked,
 * with one order, with an atomic group, and with a lookup. */
#include <libpq-fe.h>

#include "store_batch.h"
#include "support/cluster_xids.h"

/* ---- one cause after the other, on one server ---- */

enum odd {
    OF_ALL, /* every order fails so */
    OF_ONE, /* only an order of the symbol BAD does */
};

struct cause {
    const char *sql; /* brings it about */
    const char *sqlstate;
    enum store_fault fault;
    enum store_action action;
    enum odd odd;
    enum lookup_rc lookup;
    bool limit; /* the order's fault if a neighbour is stored */
};

/* A trigger that does `body` to an order of the symbol BAD. */
#define ON_BAD(body)                                                                               \
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.symbol = 'BAD' "      \
    "THEN " body "; END IF; RETURN NEW; END $$; "                                                  \
    "CREATE TRIGGER f BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()"
/* So many bytes that do not compress: too long for an index. */
#define FILL(bytes)                                                                                \
    "NEW.metadata = to_jsonb((SELECT string_agg(md5(g::text), '') "                                \
    "FROM generate_series(1, " #bytes " / 32) g))"
#define RAISE(code) ON_BAD("RAISE 'no' USING ERRCODE = '" code "'")
#define POLICY                                                                                     \
    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; "                                               \
    "CREATE POLICY reads ON orders FOR SELECT USING (true); "                                      \
    "CREATE POLICY writes ON orders FOR INSERT WITH CHECK (symbol <> 'BAD'); "

#define ORDERS_FAULT FAULT_ORDER, STORE_SPLIT
#define OPERATORS FAULT_OPERATOR, STORE_SPLIT_OR_FAIL
#define SERVERS FAULT_SERVER, STORE_SPLIT_OR_FAIL
#define SERVERS_AGAIN FAULT_SERVER, STORE_RETRY_THEN_SPLIT
#define NOBODYS FAULT_NONE, STORE_RETRY_THEN_SPLIT
#define FINE LOOKUP_OK, false
#define BROKEN LOOKUP_DATABASE_FAULT, false

/* clang-format off */
static const struct cause causes[] = {
    /* the order's: constraints, data, and what an owner's functions make of the row */
    { "ALTER TABLE orders ADD CHECK (symbol <> 'BAD')", "23514", ORDERS_FAULT, OF_ONE, FINE },
    { RAISE("23514"), "23514", ORDERS_FAULT, OF_ONE, FINE },
    { "ALTER TABLE orders ALTER COLUMN metadata SET NOT NULL", "23502", ORDERS_FAULT, OF_ALL, FINE },
    { "CREATE TABLE symbols (s text PRIMARY KEY); INSERT INTO symbols VALUES ('EURUSD'); "
      "ALTER TABLE orders ADD FOREIGN KEY (symbol) REFERENCES symbols", "23503", ORDERS_FAULT, OF_ONE, FINE },
    { "ALTER TABLE orders ADD UNIQUE (symbol); INSERT INTO orders VALUES ('X', 'x', "
      "gen_random_uuid(), 'BAD', 'buy', "
      " 'market', 1, NULL, NULL, 'day', NULL, now())", "23505", ORDERS_FAULT, OF_ONE, FINE },
    { ON_BAD("NEW.quantity = 'x'"), "22P02", ORDERS_FAULT, OF_ONE, FINE },
    { ON_BAD("NEW.quantity = 1e30"), "22003", ORDERS_FAULT, OF_ONE, FINE },
    { ON_BAD("NEW.quantity = 1 / 0"), "22012", ORDERS_FAULT, OF_ONE, FINE },
    { ON_BAD("RAISE 'no'"), "P0001", ORDERS_FAULT, OF_ONE, FINE },
    { ON_BAD("ASSERT false"), "P0004", ORDERS_FAULT, OF_ONE, FINE },
    { ON_BAD("CASE NEW.side WHEN 'x' THEN NULL; END CASE"), "20000", ORDERS_FAULT, OF_ONE, FINE },
    { ON_BAD("NEW.quantity = (SELECT * FROM generate_series(1, 2))"), "21000", ORDERS_FAULT, OF_ONE, FINE },
    { RAISE("ACC01"), "ACC01", ORDERS_FAULT, OF_ONE, FINE },
    { RAISE("U0001"), "U0001", ORDERS_FAULT, OF_ONE, FINE },
    { "ALTER TABLE orders RENAME TO base; CREATE VIEW orders AS SELECT * FROM base WHERE symbol <> 'BAD' "
      "WITH CHECK OPTION; GRANT INSERT, SELECT ON orders TO app", "44000", ORDERS_FAULT, OF_ONE, FINE },
    { "CREATE INDEX big ON orders ((metadata #>> '{}'));" ON_BAD(FILL(4000)), "54000", ORDERS_FAULT, OF_ONE, FINE },
    { "CREATE INDEX big ON orders ((metadata #>> '{}'));" ON_BAD(FILL(10000)), "54000", ORDERS_FAULT, OF_ONE, FINE },
    { "CREATE INDEX big ON orders USING gin ((ARRAY[metadata #>> '{}']));" ON_BAD(FILL(4000)), "54000", ORDERS_FAULT, OF_ONE, FINE },

    /* 42501: a policy that forbids a row, or a right that is missing */
    { POLICY, "42501", ORDERS_FAULT, OF_ONE, FINE },
    { RAISE("42501"), "42501", ORDERS_FAULT, OF_ONE, FINE },
    { "REVOKE INSERT ON orders FROM app", "42501", OPERATORS, OF_ALL, FINE },
    { POLICY "REVOKE INSERT ON orders FROM app", "42501", OPERATORS, OF_ALL, FINE },
    { "REVOKE SELECT ON orders FROM app", "42501", OPERATORS, OF_ALL, BROKEN },
    { "REVOKE SELECT ON orders FROM app; GRANT SELECT (account_id, client_order_id) ON orders TO app", "42501", OPERATORS, OF_ALL, BROKEN },
    { "CREATE TABLE audit (t text);" ON_BAD("INSERT INTO audit VALUES ('x')"), "42501", OPERATORS, OF_ONE, FINE },
    { POLICY "CREATE TABLE audit (t text);" ON_BAD("INSERT INTO audit VALUES ('x'); NEW.symbol = 'GOOD'"), "42501", OPERATORS, OF_ONE, FINE },
    /* reported by no routine that is known: the rights decide */
    { ON_BAD("PERFORM set_config('role', 'postgres', true)"), "42501", OPERATORS, OF_ONE, FINE },
    { POLICY ON_BAD("PERFORM set_config('role', 'postgres', true)"), "42501", ORDERS_FAULT, OF_ONE, FINE },

    /* the operator's: table, columns, keys, partitions, sequences, functions */
    { "ALTER TABLE orders RENAME TO elsewhere", "42P01", OPERATORS, OF_ALL, BROKEN },
    { "ALTER TABLE orders RENAME COLUMN symbol TO s", "42703", OPERATORS, OF_ALL, BROKEN },
    { "ALTER TABLE orders DROP CONSTRAINT orders_pkey", "42P10", OPERATORS, OF_ALL, FINE },
    { "ALTER TABLE orders ALTER COLUMN received_at TYPE int USING 1", "42804", OPERATORS, OF_ALL, BROKEN },
    { ON_BAD("PERFORM nowhere.f()"), "3F000", OPERATORS, OF_ONE, FINE },
    { ON_BAD("PERFORM nothing()"), "42883", OPERATORS, OF_ONE, FINE },
    { ON_BAD("EXECUTE 'INSERT INTO audit_' || NEW.symbol || ' VALUES (1)'"), "42P01", OPERATORS, OF_ONE, FINE },
    { "ALTER TABLE orders ADD desk text NOT NULL", "23502", OPERATORS, OF_ALL, FINE },
    { "CREATE SEQUENCE n MAXVALUE 2; SELECT nextval('n'), nextval('n'); GRANT ALL ON n TO app; "
      "ALTER TABLE orders ADD n int DEFAULT nextval('n')", "2200H", OPERATORS, OF_ALL, FINE },
    { "DROP TABLE orders; CREATE TABLE orders (LIKE keep.orders INCLUDING ALL) PARTITION BY LIST (account_id); "
      "CREATE TABLE part PARTITION OF orders FOR VALUES IN ('OTHER'); GRANT INSERT, SELECT ON orders TO app", "23514", OPERATORS, OF_ALL, FINE },
    { "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.symbol <> 'BAD' THEN "
      "RETURN NEW; END IF; END $$; CREATE TRIGGER f BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()", "2F005", OPERATORS, OF_ONE, FINE },
    { ON_BAD("COMMIT"), "2D000", OPERATORS, OF_ONE, FINE },
    { ON_BAD("PERFORM currval('keep.never')"), "55000", OPERATORS, OF_ONE, FINE },
    { RAISE("0A000"), "0A000", OPERATORS, OF_ONE, FINE },
    { RAISE("57000"), "57000", OPERATORS, OF_ONE, FINE },
    { RAISE("HV00N"), "HV00N", OPERATORS, OF_ONE, FINE },

    /* the server's */
    { ON_BAD("PERFORM keep.deep(1)"), "54001", SERVERS, OF_ONE, LOOKUP_OK, true },
    { RAISE("54000"), "54000", SERVERS, OF_ONE, LOOKUP_OK, true },
    { RAISE("58P01"), "58P01", SERVERS, OF_ONE, FINE },
    { RAISE("XX001"), "XX001", SERVERS, OF_ONE, FINE },
    { ON_BAD("PERFORM count(*) FROM (SELECT g FROM generate_series(1, 200000) g ORDER BY g) s"), "53400", SERVERS_AGAIN, OF_ONE, FINE },
    { RAISE("53100"), "53100", SERVERS_AGAIN, OF_ONE, FINE },
    { RAISE("08001"), "08001", SERVERS_AGAIN, OF_ONE, FINE }, /* as of a foreign table */
    { RAISE("58030"), "58030", SERVERS_AGAIN, OF_ONE, FINE },
    { RAISE("XX000"), "XX000", SERVERS_AGAIN, OF_ONE, FINE },

    /* nobody's */
    { ON_BAD("PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(60)"), "57014", NOBODYS, OF_ONE, FINE },
    { RAISE("40001"), "40001", NOBODYS, OF_ONE, FINE },
    { RAISE("40P01"), "40P01", NOBODYS, OF_ONE, FINE },
    { RAISE("55P03"), "55P03", NOBODYS, OF_ONE, FINE },
};
/* clang-format on */

static const char role[] =
    "CREATE ROLE app LOGIN; "
    "ALTER ROLE app SET work_mem = '64kB'; ALTER ROLE app SET temp_file_limit = '64kB'; "
    "ALTER ROLE app SET max_stack_depth = '200kB'; CREATE SCHEMA keep; "
    "CREATE TABLE keep.orders (LIKE public.orders INCLUDING ALL); CREATE SEQUENCE keep.never; "
    "CREATE FUNCTION keep.deep(n int) RETURNS int LANGUAGE plpgsql AS "
    "$$ BEGIN RETURN keep.deep(n + 1); END $$; "
    "GRANT USAGE ON SCHEMA keep TO app; GRANT ALL ON keep.never TO app";

static const char reset[] =
    "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO app; "
    "CREATE TABLE orders (LIKE keep.orders INCLUDING ALL); "
    "GRANT INSERT, SELECT ON orders TO app";

/* The service's role owns nothing: rights and policies are for it as for any other. */
static struct fixture open_as_app(bool prepare)
{
    struct fixture f = fixture_open(prepare);
    fixture_disconnect(&f);
    cluster_exec(f.cluster, role);
    char conninfo[256];
    (void)snprintf(conninfo, sizeof conninfo, "%s user=app", cluster_conninfo(f.cluster));
    fixture_connect(&f, conninfo, prepare);
    return f;
}

/* An error of class 08 says that another server was lost. If the same statement commits, that
 * server may have done so. */
static void expect_alone(struct fixture *f, const struct cause *cause, bool commits_at_once)
{
    const bool in_doubt = commits_at_once && strncmp(cause->sqlstate, "08", 2) == 0;
    struct order bad = make_order("ACC-1", "alone");
    struct order_put one = { .order = &bad };
    struct store_failure failure = { 0 };
    set_symbol(&bad, "BAD");
    cr_assert_not(put(f, &one, 1, &failure), "%s", cause->sql);
    cr_expect_str_eq(failure.err.code, cause->sqlstate, "%s: %s", cause->sql, failure.err.text);
    cr_expect_eq(failure.fault, cause->fault, "%d: %s", (int)failure.fault, cause->sql);
    cr_expect_eq(failure.action, cause->action, "%d: %s", (int)failure.action, cause->sql);
    cr_expect_eq(failure.unless_neighbour_stored, cause->limit, "%s", cause->sql);
    cr_expect_eq(failure.in_doubt, in_doubt, "%s", cause->sql);
    cr_expect_eq(one.verdict, PUT_PENDING);
}

static void expect_in_a_batch(struct fixture *f, const struct cause *cause)
{
    struct batch b;
    make_batch(&b, 3);
    set_symbol(&b.orders[1], "BAD");
    bool ended = put_batch(f, &b);
    bool refused = cause->fault == FAULT_ORDER || cause->limit;
    cr_expect_eq(ended, refused, "%s: %s %s", cause->sql, b.failure.err.code, b.failure.err.text);
    if (ended) {
        expect_refused(&b, cause->odd == OF_ONE ? 1 : 0, PUT_REFUSED, cause->sqlstate);
    } else {
        expect_failed(&b, cause->action, false);
        cr_expect_eq(b.failure.fault, cause->fault, "%s", cause->sql);
    }
    fini_batch(&b);
}

static void expect_lookups(struct fixture *f, const struct cause *cause)
{
    struct order found = { 0 };
    struct err err = { 0 };
    const struct order_key key = { "ACC-1", "nobody" };
    const struct order_range range = {
        .account_id = "ACC-1", .from = "", .after = "", .prefix = "nobody", .limit = 1
    };
    struct order_page page = { .orders = &found };
    cr_expect_eq(f->orders->get_by_id(f->orders->ctx, "01a2097c-351c-7786-b9b4-6445788ae8c4",
                                      &found, in_seconds(20), &err),
                 cause->lookup, "%s: %s", cause->sql, err.text);
    cr_expect_eq(f->orders->get_by_keys(f->orders->ctx, &key, 1, &found, in_seconds(20), &err),
                 cause->lookup, "%s: %s", cause->sql, err.text);
    cr_expect_eq(f->orders->list(f->orders->ctx, &range, &page, in_seconds(20), &err),
                 cause->lookup, "%s: %s", cause->sql, err.text);
    if (cause->lookup != LOOKUP_OK)
        cr_expect_eq(strncmp(err.code, cause->sqlstate, 2), 0, "%s: %s", cause->sql, err.code);
}

/* Other orders are not delayed by such an order, once they are in other groups. */
static void expect_strangers(struct fixture *f, const struct cause *cause)
{
    struct order good = make_order("ACC-2", "stranger");
    struct order_put one = { .order = &good };
    struct store_failure failure = { 0 };
    bool stored = put(f, &one, 1, &failure);
    cr_expect_eq(stored, cause->odd == OF_ONE, "%s: %s", cause->sql, failure.err.text);
}

IN_BOTH_MANNERS(store_faults, each_cause_is_somebodys)
{
    SKIP_BEHIND_POOLER("the role is another");
    struct fixture f = open_as_app(*prepare);
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        cluster_exec(f.cluster, reset);
        cluster_exec(f.cluster, causes[i].sql);
        expect_alone(&f, &causes[i], *prepare);
        expect_in_a_batch(&f, &causes[i]);
        expect_strangers(&f, &causes[i]);
        expect_lookups(&f, &causes[i]);
    }
    fixture_close(&f);
}

/* ---- no transaction ids are left ---- */

static struct fixture open_exhaustible(void)
{
    struct fixture f = { .cluster =
                             cluster_open(&(struct cluster_options){ .conf = CLUSTER_XIDS_CONF }) };
    fixture_connect(&f, pooler_conninfo_for(f.cluster), !pooler_forbids_prepare());
    fixture_migrate(&f);
    return f;
}

Test(store_faults, a_server_without_transaction_ids, .timeout = TEST_S)
{
    struct fixture f = open_exhaustible();
    struct order old = make_order("ACC-1", "c-001"), again = make_order("ACC-1", "c-001"),
                 fresh = make_order("ACC-1", "c-002"), found = { 0 };
    struct order_put one = { .order = &fresh };
    struct store_failure failure;
    struct batch b;
    cr_assert_eq(put_one(&f, &old, NULL), PUT_CREATED);
    cluster_exhaust_xids(f.cluster);

    cr_assert(
        WAIT_UNTIL(!put(&f, &one, 1, &failure) && strcmp(failure.err.code, "54000") == 0, SOON_S),
        "%s", failure.err.text);
    cr_expect_eq(failure.action, STORE_SPLIT_OR_FAIL);
    cr_expect_eq(failure.fault, FAULT_SERVER);
    cr_expect(failure.unless_neighbour_stored);
    make_batch(&b, 3);
    cr_expect_not(put_batch(&f, &b), "no part can be stored, so nobody is to blame");
    expect_failed(&b, STORE_SPLIT_OR_FAIL, false);
    cr_expect_eq(put_one(&f, &again, NULL), PUT_REPLAYED, "which needs none");
    cr_expect_eq(f.orders->get_by_id(f.orders->ctx, old.order_id, &found, in_seconds(20), NULL),
                 LOOKUP_OK);

    cluster_vacuum_xids(f.cluster);
    cr_expect_eq(put_one(&f, &fresh, NULL), PUT_CREATED);
    cr_expect(put_batch(&f, &b), "%s", b.failure.err.text);
    fixture_close(&f);
}
