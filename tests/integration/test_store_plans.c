/* How the store finds orders: every plan that its own sessions execute (auto_explain writes them to
 * the server's log) goes through an index, by all columns of the key, whatever the statistics say
 * and however the table has grown since a plan was made. A list reads the primary key in order. */
#include "store_batch.h"

enum {
    KEYS_MAX = 512,
    ROUNDS = 7, /* from the sixth on the server may use a plan that does not look at parameters */
    ROUNDS_OF_NEW = 2,
    LINE_MAX_BYTES = 1 << 20,
};

static const char conf[] = "session_preload_libraries = 'auto_explain'\n"
                           "auto_explain.log_min_duration = 0\n"
                           "autovacuum = off\n";

/* ---- the log ---- */

struct plans {
    FILE *log;
    size_t seen; /* plans of lookups */
    bool ours;   /* the plan that is being read is of one */
    bool lists;  /* that one is a list */
    bool wants_condition;
    char stage[160];
};

static bool is_whole_key(const char *line)
{
    return strstr(line, "Index Cond:") != NULL &&
           (strstr(line, "(order_id =") != NULL ||
            (strstr(line, "account_id = ") != NULL && strstr(line, "client_order_id = ") != NULL));
}

static bool is_range_of_keys(const char *line)
{
    return strstr(line, "Index Cond:") != NULL && strstr(line, "account_id = ") != NULL &&
           strstr(line, "client_order_id >= ") != NULL &&
           strstr(line, "client_order_id > ") != NULL && strstr(line, "client_order_id < ") != NULL;
}

/* A list reads the index in its order and stops, and neither collects rows nor sorts them. (A plan
 * that merges the indexes of partitions has a Merge Append with a "Sort Key", and no Sort.) */
static void expect_in_order(const struct plans *plans, const char *line)
{
    cr_expect_null(strstr(line, "Sort  ("), "%s: %s", plans->stage, line);
    cr_expect_null(strstr(line, "Bitmap"), "%s: %s", plans->stage, line);
    cr_expect_null(strstr(line, "orders_order_id"), "%s: %s", plans->stage, line);
}

static void read_line(struct plans *plans, const char *line)
{
    if (strstr(line, "Query Text: ") != NULL) {
        plans->ours = strstr(line, "orders o ") != NULL;
        plans->lists = strstr(line, "LIMIT") != NULL;
        plans->seen += plans->ours;
        return;
    }
    if (!plans->ours)
        return;
    if (plans->wants_condition)
        cr_expect(plans->lists ? is_range_of_keys(line) : is_whole_key(line),
                  "%s: not by the whole key: %s", plans->stage, line);
    if (plans->lists)
        expect_in_order(plans, line);
    plans->wants_condition = strstr(line, "Index Scan using orders") != NULL ||
                             strstr(line, "Bitmap Index Scan on orders") != NULL ||
                             strstr(line, "Index Only Scan") != NULL;
    cr_expect_null(strstr(line, "Seq Scan"), "%s: %s", plans->stage, line);
    cr_expect_null(strstr(line, "Hash"), "%s: %s", plans->stage, line);
    cr_expect_null(strstr(line, "Merge Join"), "%s: %s", plans->stage, line);
    cr_expect_null(strstr(line, "JIT"), "%s: %s", plans->stage, line);
}

/* What has been written since the last call. */
static void read_log(struct plans *plans)
{
    static char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, plans->log) != NULL)
        read_line(plans, line);
    clearerr(plans->log);
    plans->ours = plans->wants_condition = false;
}

static FILE *open_log(const struct cluster *cluster)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/log", cluster_folder(cluster));
    FILE *log = fopen(path, "r");
    cr_assert_not_null(log, "%s", path);
    return log;
}

/* ---- all ways to look up ---- */

static void get_by_id(struct fixture *f)
{
    struct order got;
    cr_assert_eq(f->orders->get_by_id(f->orders->ctx, "01a2097c-351c-7786-b9b4-6445788ae8c4", &got,
                                      in_seconds(20), NULL),
                 LOOKUP_OK);
}

static void get_by_keys(struct fixture *f, size_t n)
{
    static struct order got[KEYS_MAX];
    static char ids[KEYS_MAX][32];
    struct order_key keys[KEYS_MAX];
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "c-%08zu", i);
        keys[i] = (struct order_key){ .account_id = "ACC-1", .client_order_id = ids[i] };
    }
    cr_assert_eq(f->orders->get_by_keys(f->orders->ctx, keys, n, got, in_seconds(20), NULL),
                 LOOKUP_OK);
    for (size_t i = 0; i < n; i++)
        order_fini(&got[i]);
}

/* A page from the beginning of the account, one from the middle, and one by a prefix. Returns how
 * many lookups those were. */
static size_t list_each_way(struct fixture *f)
{
    static struct order got[ORDER_PAGE_MAX];
    const struct order_range ranges[] = {
        { .account_id = "ACC-1", .from = "", .after = "", .prefix = "", .limit = 1 },
        { .account_id = "ACC-1", .from = "", .after = "c-00000007", .prefix = "", .limit = 100 },
        { .account_id = "ACC-1",
          .from = "c-00000003",
          .after = "",
          .prefix = "c-0000",
          .limit = ORDER_PAGE_MAX },
    };
    const size_t n = sizeof ranges / sizeof ranges[0];
    for (size_t i = 0; i < n; i++) {
        struct order_page page = { .orders = got };
        cr_assert_eq(f->orders->list(f->orders->ctx, &ranges[i], &page, in_seconds(20), NULL),
                     LOOKUP_OK);
        for (size_t k = 0; k < page.n; k++)
            order_fini(&got[k]);
    }
    return n;
}

/* A group that is only looked up, and an atomic one of orders that are all stored already. */
static void look_up_group(struct fixture *f, size_t n, bool atomic)
{
    static struct order orders[KEYS_MAX];
    static struct order_put puts[KEYS_MAX], *pointers[KEYS_MAX];
    struct store_failure failure;
    for (size_t i = 0; i < n; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "c-%08zu", i);
        orders[i] = make_order("ACC-1", id);
        puts[i] = (struct order_put){ .order = &orders[i], .lookup_only = true };
        pointers[i] = &puts[i];
    }
    struct put_group group = {
        .puts = pointers,
        .n = n,
        .atomic = atomic,
        .deadline_at_ns = in_seconds(20),
        .before_send = nothing_before_send,
    };
    cr_assert(f->orders->put(f->orders->ctx, &group, &failure), "%s", failure.err.text);
}

/* How many lookups those were. */
static size_t look_up_all_ways(struct fixture *f, int rounds)
{
    static const size_t sizes[] = { 1, 100, KEYS_MAX };
    size_t n = 0;
    for (int round = 0; round < rounds; round++) {
        get_by_id(f);
        n += 1 + list_each_way(f);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            get_by_keys(f, sizes[i]);
            look_up_group(f, sizes[i], false);
            look_up_group(f, sizes[i], true);
            n += 3;
        }
    }
    return n;
}

/* ---- stages of a table's life ---- */

#define ROWS(from, to)                                                                             \
    "INSERT INTO orders SELECT 'ACC-1', 'c-' || lpad(g::text, 8, '0'), gen_random_uuid(), 'S', "   \
    "'buy', 'market', 1, NULL, NULL, 'day', NULL, now() FROM generate_series(" #from ", " #to      \
    ") g"

#define STATISTICS(tuples, pages)                                                                  \
    "UPDATE pg_class SET reltuples = " #tuples ", relpages = " #pages                              \
    " WHERE relname IN ('orders', 'orders_pkey', 'orders_order_id')"

/* Partitions with all the rows. */
#define PARTITIONS                                                                                 \
    "ALTER TABLE orders RENAME TO whole;"                                                          \
    "CREATE TABLE orders (LIKE whole INCLUDING ALL) PARTITION BY HASH (account_id);"               \
    "CREATE TABLE orders_0 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 0);"          \
    "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 1);"          \
    "INSERT INTO orders SELECT * FROM whole"

static const char *const stages[] = {
    "SELECT 1",
    "ANALYZE orders",
    "VACUUM orders",
    ROWS(1, 2),
    "ANALYZE orders",
    ROWS(3, 60),
    "ANALYZE orders",
    ROWS(61, 2000),
    ROWS(2001, 20000),
    STATISTICS(0, 0),
    STATISTICS(1, 1),
    STATISTICS(60, 1),
    STATISTICS(-1, 0),
    STATISTICS(2000000, 1),
    STATISTICS(2000000, 40000),
    "ANALYZE orders",
    PARTITIONS,
    "ANALYZE orders",
};

static void look_at(struct fixture *f, int rounds, struct plans *plans)
{
    size_t before = plans->seen;
    size_t n = look_up_all_ways(f, rounds);
    read_log(plans);
    cr_assert_geq(plans->seen - before, n, "%s: %zu plans of %zu", plans->stage,
                  plans->seen - before, n);
}

/* One session that prepared its statements on the empty table, and one that is new each time. */
IN_BOTH_MANNERS(plans, lookups_never_scan_the_table)
{
    struct fixture f = { .cluster = cluster_open(&(struct cluster_options){ .conf = conf }) };
    struct fixture fresh = f;
    fixture_connect(&f, pooler_conninfo_for(f.cluster), *prepare && !pooler_forbids_prepare());
    fixture_migrate(&f);
    struct plans plans = { .log = open_log(f.cluster) };
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        cluster_exec(f.cluster, stages[i]);
        (void)snprintf(plans.stage, sizeof plans.stage, "old session, %.100s", stages[i]);
        look_at(&f, ROUNDS, &plans);
        (void)snprintf(plans.stage, sizeof plans.stage, "new session, %.100s", stages[i]);
        fixture_connect(&fresh, pooler_conninfo_for(f.cluster),
                        *prepare && !pooler_forbids_prepare());
        look_at(&fresh, ROUNDS_OF_NEW, &plans);
        fixture_disconnect(&fresh);
    }
    (void)fclose(plans.log);
    fixture_close(&f);
}
