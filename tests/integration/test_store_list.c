/* Lists on a real PostgreSQL: the order of the ids, ranges, pages that end at a number of orders or
 * of bytes, and rows that have no place in a list. */
#include "base/buf.h"
#include "store_batch.h"
#include "support/cluster_standby.h"

enum { PAGE_MAX = 50, PAGES_MAX = 100, TEXT_MAX = 16 * 1024 };

/* Rows as another program would write them: ids by the SQL expression `id` of g, and metadata. */
#define ROWS(account, id, metadata, n)                                                             \
    "INSERT INTO orders SELECT '" account "', " id                                                 \
    ", gen_random_uuid(), 'S', 'buy', 'market', 1, "                                               \
    "NULL, NULL, 'day', " metadata ", now() FROM generate_series(1, " #n ") g"

/* Metadata whose text has 250,009 bytes: four of them fit into a page, and five do not. */
#define LARGE "jsonb_build_object('x', repeat('a', 250000))"

static void put_ids(struct fixture *f, const char *account_id, const char *const ids[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct order order = make_order(account_id, ids[i]);
        cr_assert_eq(put_one(f, &order, NULL), PUT_CREATED, "%s", ids[i]);
    }
}

/* Reads one page and adds its ids to `ids`, each with a blank behind it. Sets range->after to the
 * last id, which `last` keeps. Returns true if there are more. */
static bool read_page(struct fixture *f, struct order_range *range, char last[ORDER_NAME_SIZE],
                      struct buf *ids)
{
    struct order orders[PAGE_MAX];
    struct order_page page = { .orders = orders };
    struct err err = { 0 };
    cr_assert_leq(range->limit, PAGE_MAX);
    memset(orders, 0x5a, sizeof orders);
    cr_assert_eq(f->orders->list(f->orders->ctx, range, &page, in_seconds(20), &err), LOOKUP_OK,
                 "%s", err.text);
    cr_assert_leq(page.n, range->limit);
    cr_assert(page.n > 0 || !page.more);
    for (size_t i = 0; i < page.n; i++) {
        cr_expect_str_eq(orders[i].account_id, range->account_id);
        buf_printf(ids, "%s ", orders[i].client_order_id);
        (void)snprintf(last, ORDER_NAME_SIZE, "%s", orders[i].client_order_id);
        order_fini(&orders[i]);
    }
    range->after = last;
    return page.more;
}

/* Returns the number of pages. */
static size_t read_pages(struct fixture *f, struct order_range range, struct buf *ids)
{
    char last[ORDER_NAME_SIZE] = "";
    size_t n = 1;
    while (read_page(f, &range, last, ids))
        cr_assert_lt(++n, PAGES_MAX);
    return n;
}

static struct order_range range_of(const char *account_id, size_t limit)
{
    return (struct order_range){
        .account_id = account_id, .from = "", .after = "", .prefix = "", .limit = limit
    };
}

static void expect_list(struct fixture *f, const struct order_range *range, size_t pages,
                        const char *wanted)
{
    char text[TEXT_MAX];
    struct buf ids = BUF_OVER(text);
    text[0] = '\0';
    cr_expect_eq(read_pages(f, *range, &ids), pages, "%s", wanted);
    cr_assert_not(ids.failed);
    cr_expect_str_eq(text, wanted);
}

/* ---- the order of ids, and ranges ---- */

/* In the order of their bytes, which is not that of any language. */
static const char *const sorted[] = { "-",  "-a", ".",   "/",   "0", "09", "1",  "10",  "9",
                                      ":",  "A",  "B",   "Z",   "_", "a",  "a-", "a/b", "aA",
                                      "aa", "ab", "ab:", "abc", "b", "z",  "zz" };
enum { N_SORTED = sizeof sorted / sizeof sorted[0] };

static void join_sorted(struct buf *out, const char *from, const char *prefix)
{
    for (size_t i = 0; i < N_SORTED; i++)
        if (strcmp(sorted[i], from) >= 0 && strncmp(sorted[i], prefix, strlen(prefix)) == 0)
            buf_printf(out, "%s ", sorted[i]);
}

static void put_sorted_backwards(struct fixture *f)
{
    const char *backwards[N_SORTED];
    for (size_t i = 0; i < N_SORTED; i++)
        backwards[i] = sorted[N_SORTED - 1 - i];
    put_ids(f, "ACC-1", backwards, N_SORTED);
}

static void expect_range(struct fixture *f, const char *from, const char *prefix)
{
    static const size_t limits[] = { 1, 2, 3, N_SORTED - 1, N_SORTED, N_SORTED + 1 };
    char wanted[TEXT_MAX], text[TEXT_MAX];
    struct buf want = BUF_OVER(wanted);
    wanted[0] = '\0';
    join_sorted(&want, from, prefix);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct order_range range = range_of("ACC-1", limits[i]);
        struct buf ids = BUF_OVER(text);
        text[0] = '\0';
        range.from = from;
        range.prefix = prefix;
        (void)read_pages(f, range, &ids);
        cr_expect_str_eq(text, wanted, "from '%s', prefix '%s', by %zu", from, prefix, limits[i]);
    }
}

IN_BOTH_MANNERS(store_list, ids_come_in_the_order_of_their_bytes)
{
    struct fixture f = fixture_open(*prepare);
    static const char *const others[] = { "a", "b", "zzz" };
    put_sorted_backwards(&f);
    put_ids(&f, "ACC-0", others, 3);
    put_ids(&f, "ACC-10", others, 3);
    put_ids(&f, "ACC-2", others, 3);
    expect_range(&f, "", "");
    for (size_t i = 0; i < N_SORTED; i++) {
        expect_range(&f, sorted[i], "");
        expect_range(&f, "", sorted[i]);
    }
    expect_range(&f, "ab", "a");
    expect_range(&f, "-", "a");
    expect_range(&f, "b", "a");
    struct order_range nobody = range_of("ACC", 10);
    expect_list(&f, &nobody, 1, "");
    fixture_close(&f);
}

Test(store_list, a_page_after_the_last_order_is_empty, .timeout = TEST_S)
{
    static const char *const ids[] = { "a", "b" };
    struct fixture f = fixture_open(true);
    struct order_range range = range_of("ACC-1", 2);
    put_ids(&f, "ACC-1", ids, 2);
    expect_list(&f, &range, 1, "a b ");
    range.after = "b";
    expect_list(&f, &range, 1, "");
    range.after = "a";
    range.from = "a";
    expect_list(&f, &range, 1, "b ");
    fixture_close(&f);
}

Test(store_list, the_largest_page, .timeout = TEST_S)
{
    static struct order orders[ORDER_PAGE_MAX];
    struct fixture f = fixture_open(true);
    struct order_page page = { .orders = orders };
    struct order_range range = range_of("ACC-1", ORDER_PAGE_MAX);
    cluster_exec(f.cluster, ROWS("ACC-1", "lpad(g::text, 4, '0')", "NULL", 1001));
    cr_assert_eq(f.orders->list(f.orders->ctx, &range, &page, in_seconds(20), NULL), LOOKUP_OK);
    cr_expect_eq(page.n, ORDER_PAGE_MAX);
    cr_expect(page.more);
    cr_expect_str_eq(orders[ORDER_PAGE_MAX - 1].client_order_id, "1000");
    range.after = "1000";
    cr_assert_eq(f.orders->list(f.orders->ctx, &range, &page, in_seconds(20), NULL), LOOKUP_OK);
    cr_expect_eq(page.n, 1);
    cr_expect_not(page.more);
    fixture_close(&f);
}

/* ---- bytes ---- */

IN_BOTH_MANNERS(store_list, a_page_ends_at_a_number_of_bytes)
{
    struct fixture f = fixture_open(*prepare);
    struct order_range range = range_of("ACC-1", PAGE_MAX);
    cluster_exec(f.cluster, ROWS("ACC-1", "'l-' || g", LARGE, 9));
    expect_list(&f, &range, 3, "l-1 l-2 l-3 l-4 l-5 l-6 l-7 l-8 l-9 ");
    range.limit = 3;
    expect_list(&f, &range, 3, "l-1 l-2 l-3 l-4 l-5 l-6 l-7 l-8 l-9 ");
    range.limit = 4;
    expect_list(&f, &range, 3, "l-1 l-2 l-3 l-4 l-5 l-6 l-7 l-8 l-9 ");
    fixture_close(&f);
}

/* Orders without metadata count no bytes, also after the last order whose metadata fit. */
Test(store_list, metadata_come_whole, .timeout = TEST_S)
{
    struct order orders[PAGE_MAX];
    struct fixture f = fixture_open(true);
    struct order_range range = range_of("ACC-1", PAGE_MAX);
    struct order_page page = { .orders = orders };
    cluster_exec(f.cluster, ROWS("ACC-1", "'a-' || g", "NULL", 3));
    cluster_exec(f.cluster, ROWS("ACC-1", "'b-' || g", LARGE, 4));
    cluster_exec(f.cluster, ROWS("ACC-1", "'c-' || g", "NULL", 3));
    cluster_exec(f.cluster, ROWS("ACC-1", "'d-' || g", "'{\"n\": 1}'::jsonb", 1));
    cr_assert_eq(f.orders->list(f.orders->ctx, &range, &page, in_seconds(20), NULL), LOOKUP_OK);
    cr_assert_eq(page.n, 11);
    cr_expect_not(page.more);
    cr_expect_null(orders[0].metadata);
    cr_expect_eq(orders[3].metadata_len, 250009);
    cr_expect_eq(orders[6].metadata_len, 250009);
    cr_expect_null(orders[9].metadata);
    cr_expect_str_eq(orders[10].metadata, "{\"n\": 1}");
    for (size_t i = 0; i < page.n; i++)
        order_fini(&orders[i]);
    fixture_close(&f);
}

/* ---- what has no place in a list ---- */

static void expect_no_list(struct fixture *f, const char *what)
{
    struct order orders[PAGE_MAX];
    struct order_range range = range_of("ACC-1", PAGE_MAX);
    struct order_page page = { .orders = orders };
    struct err err = { 0 };
    cr_expect_eq(f->orders->list(f->orders->ctx, &range, &page, in_seconds(20), &err),
                 LOOKUP_FAILED, "%s", what);
    cr_expect_eq(page.n, 0, "%s", what);
    cr_expect_not(page.more, "%s", what);
    cr_expect_str_neq(err.text, "", "%s", what);
}

/* No cursor could stand for such an id: the failure is reported, and no order is left out. */
Test(store_list, rows_that_ordersd_never_writes, .timeout = TEST_S)
{
    static const char *const ids[] = { "a", "b" };
    struct fixture f = fixture_open(true);
    put_ids(&f, "ACC-1", ids, 2);
    cluster_exec(f.cluster, ROWS("ACC-1", "'a b'", "NULL", 1));
    expect_no_list(&f, "an id with a blank");
    cluster_exec(f.cluster, "DELETE FROM orders WHERE client_order_id = 'a b'");
    cluster_exec(f.cluster, ROWS("ACC-1", "'c'", "to_jsonb(repeat('a', 300000))", 1));
    expect_no_list(&f, "metadata beyond all bounds");
    fixture_close(&f);
}

Test(store_list, another_collation_is_noticed, .timeout = TEST_S)
{
    static const char *const ids[] = { "B", "a" };
    struct fixture f = fixture_open(true);
    put_ids(&f, "ACC-1", ids, 2);
    cluster_exec(f.cluster, "CREATE COLLATION other (provider = icu, locale = 'en', "
                            "deterministic = true)");
    cluster_exec(f.cluster,
                 "ALTER TABLE orders ALTER COLUMN client_order_id TYPE text COLLATE other");
    expect_no_list(&f, "ids in the order of a language");
    fixture_close(&f);
}

/* ---- seals ---- */

/* A page is believed only after a commit that waited for the standbys. */
Test(store_list, a_page_waits_for_the_standbys, .timeout = TEST_S)
{
    static const char *const ids[] = { "a" };
    struct fixture f = fixture_open(true);
    struct order orders[1];
    struct order_range range = range_of("ACC-1", 1);
    struct order_page page = { .orders = orders };
    struct err err = { 0 };
    put_ids(&f, "ACC-1", ids, 1);
    cluster_set(f.cluster, "synchronous_standby_names", "nobody");
    cr_expect_eq(f.orders->list(f.orders->ctx, &range, &page, in_seconds(2), &err),
                 LOOKUP_UNAVAILABLE, "%s", err.text);
    cr_expect_eq(page.n, 0);
    cluster_set(f.cluster, "synchronous_standby_names", "");
    expect_list(&f, &range, 1, "a ");
    fixture_close(&f);
}
