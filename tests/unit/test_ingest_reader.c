/* Lookups go to the store from threads of their own, bounded in number and in time. */
#include <criterion/criterion.h>

#include "base/check.h"
#include "base/clock.h"
#include "ingest/reader.h"
#include "support/fake_store.h"

/* One thread of the reader waits in `done` of the first lookup until the test lets it go. */
static struct {
    struct mutex mu;
    struct cond changed;
    bool held;
    uint32_t n_done;
} hall;

static void hall_init(bool held)
{
    mutex_init(&hall.mu);
    cond_init(&hall.changed);
    hall.held = held;
    hall.n_done = 0;
}

static void done(struct lookup *lookup)
{
    (void)lookup;
    int64_t until_ns = clock_after(clock_now_ns(), 20 * NS_PER_S);
    mutex_lock(&hall.mu);
    hall.n_done++;
    cond_broadcast(&hall.changed);
    while (hall.held)
        CHECK(cond_wait_until(&hall.changed, &hall.mu, until_ns));
    mutex_unlock(&hall.mu);
}

static void wait_done(uint32_t n)
{
    int64_t until_ns = clock_after(clock_now_ns(), 20 * NS_PER_S);
    mutex_lock(&hall.mu);
    while (hall.n_done < n)
        CHECK(cond_wait_until(&hall.changed, &hall.mu, until_ns));
    mutex_unlock(&hall.mu);
}

static void let_go(void)
{
    mutex_lock(&hall.mu);
    hall.held = false;
    cond_broadcast(&hall.changed);
    mutex_unlock(&hall.mu);
}

static struct fake_store *store_with_one(void)
{
    struct fake_store *store = fake_store_new();
    struct order order = { .order_id = "id-1", .account_id = "acc", .client_order_id = "one" };
    fake_store_plant(store, &order);
    return store;
}

static struct reader *open_reader(const struct fake_store *store, uint32_t threads)
{
    struct err err;
    struct reader *reader = reader_open(&store->vtable, threads, &err);
    cr_assert_not_null(reader);
    return reader;
}

static struct lookup by_id(const char *id, struct order *found)
{
    struct lookup lookup = { .deadline_at_ns = CLOCK_NEVER, .found = found, .done = done };
    (void)snprintf(lookup.order_id, sizeof lookup.order_id, "%s", id);
    return lookup;
}

Test(ingest_reader, finds_by_id_and_by_keys, .timeout = 60)
{
    struct fake_store *store = store_with_one();
    struct reader *reader = open_reader(store, 2);
    hall_init(false);
    struct order found[4] = { 0 };
    struct order_key keys[] = { { "acc", "none" }, { "acc", "one" } };
    struct lookup lookups[3] = { by_id("id-1", &found[0]), by_id("id-2", &found[1]) };
    lookups[2] = (struct lookup){
        .keys = keys, .n_keys = 2, .found = &found[2], .deadline_at_ns = CLOCK_NEVER, .done = done
    };
    for (int i = 0; i < 3; i++)
        cr_assert_eq(reader_submit(reader, &lookups[i]), READER_OK);
    wait_done(3);
    reader_close(&reader);
    cr_expect_null(reader);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(lookups[i].rc, LOOKUP_OK);
    cr_expect_str_eq(found[0].client_order_id, "one");
    cr_expect_str_eq(found[1].order_id, "");
    cr_expect_str_eq(found[2].order_id, "");
    cr_expect_str_eq(found[3].order_id, "id-1");
    fake_store_free(store);
}

Test(ingest_reader, lists_a_range, .timeout = 60)
{
    struct fake_store *store = store_with_one();
    struct reader *reader = open_reader(store, 1);
    struct order orders[2] = { 0 };
    const struct order_range range = {
        .account_id = "acc", .from = "", .after = "", .prefix = "o", .limit = 2
    };
    hall_init(false);
    struct lookup lookup = {
        .range = &range, .page.orders = orders, .deadline_at_ns = CLOCK_NEVER, .done = done
    };
    cr_assert_eq(reader_submit(reader, &lookup), READER_OK);
    wait_done(1);
    reader_close(&reader);
    cr_expect_eq(lookup.rc, LOOKUP_OK);
    cr_expect_eq(lookup.page.n, 1);
    cr_expect_not(lookup.page.more);
    cr_expect_str_eq(orders[0].client_order_id, "one");
    fake_store_free(store);
}

Test(ingest_reader, says_what_the_store_said, .timeout = 60)
{
    struct fake_store *store = store_with_one();
    struct reader *reader = open_reader(store, 1);
    struct order found;
    hall_init(false);
    store->lookup_rc = LOOKUP_FAILED;
    struct lookup lookup = by_id("id-1", &found);
    cr_assert_eq(reader_submit(reader, &lookup), READER_OK);
    wait_done(1);
    reader_close(&reader);
    cr_expect_eq(lookup.rc, LOOKUP_FAILED);
    cr_expect_str_neq(lookup.err.text, "");
    fake_store_free(store);
}

Test(ingest_reader, too_late_is_not_asked, .timeout = 60)
{
    struct fake_store *store = store_with_one();
    struct reader *reader = open_reader(store, 1);
    struct order found = { .order_id = "untouched" };
    hall_init(false);
    struct lookup lookup = by_id("id-1", &found);
    lookup.deadline_at_ns = clock_now_ns();
    cr_assert_eq(reader_submit(reader, &lookup), READER_OK);
    wait_done(1);
    reader_close(&reader);
    cr_expect_eq(lookup.rc, LOOKUP_UNAVAILABLE);
    cr_expect_str_neq(lookup.err.text, "");
    cr_expect_str_eq(found.order_id, "untouched");
    fake_store_free(store);
}

/* Closes the reader, after the queue was found closed to new lookups. */
static void *close_reader(void *arg)
{
    reader_close(arg);
    return NULL;
}

Test(ingest_reader, queue_is_bounded_and_close_answers_it, .timeout = 60)
{
    static struct lookup lookups[READER_QUEUE_MAX + 2];
    struct fake_store *store = store_with_one();
    struct reader *reader = open_reader(store, 1), *closing = reader;
    struct order found;
    hall_init(true);
    for (size_t i = 0; i < READER_QUEUE_MAX + 2; i++)
        lookups[i] = by_id("id-1", &found);
    cr_assert_eq(reader_submit(reader, &lookups[0]), READER_OK);
    wait_done(1); /* the only thread is held now */
    for (size_t i = 1; i <= READER_QUEUE_MAX; i++)
        cr_assert_eq(reader_submit(reader, &lookups[i]), READER_OK);
    struct lookup *extra = &lookups[READER_QUEUE_MAX + 1];
    cr_expect_eq(reader_submit(reader, extra), READER_FULL);

    pthread_t closer;
    cr_assert_eq(thread_start(&closer, "closer", close_reader, &closing), 0);
    while (reader_submit(reader, extra) != READER_CLOSED)
        ;
    let_go();
    thread_join(closer);
    cr_expect_eq(lookups[0].rc, LOOKUP_OK);
    for (size_t i = 1; i <= READER_QUEUE_MAX; i++)
        cr_assert_eq(lookups[i].rc, LOOKUP_UNAVAILABLE);
    cr_expect_eq(hall.n_done, 1 + READER_QUEUE_MAX);
    fake_store_free(store);
}

Test(ingest_reader, close_of_nothing)
{
    struct reader *none = NULL;
    reader_close(&none);
    cr_expect_null(none);
}
