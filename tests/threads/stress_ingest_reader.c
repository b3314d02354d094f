/* Lookups from several threads, and then the end: each that was taken is answered exactly once. */
#include <stdatomic.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "ingest/reader.h"
#include "support/fake_store.h"

enum { ROUNDS = 20, SUBMITTERS = 4, EACH = 1000 };

struct asked {
    struct lookup lookup;
    struct order found;
    atomic_uint answers;
    bool taken;
};

static struct asked asked[SUBMITTERS][EACH];
static struct reader *reader;
static atomic_uint n_taken;

static void answered(struct lookup *lookup)
{
    struct asked *a = (struct asked *)lookup;
    CHECK(lookup->rc == LOOKUP_UNAVAILABLE || strcmp(a->found.client_order_id, "one") == 0);
    (void)atomic_fetch_add(&a->answers, 1);
}

static void *submit(void *arg)
{
    struct asked *mine = arg;
    for (int i = 0; i < EACH; i++) {
        enum reader_rc rc = reader_submit(reader, &mine[i].lookup);
        mine[i].taken = rc == READER_OK;
        if (rc == READER_OK)
            (void)atomic_fetch_add(&n_taken, 1);
    }
    return NULL;
}

static void prepare(struct order_key *key)
{
    memset(asked, 0, sizeof asked);
    for (int s = 0; s < SUBMITTERS; s++)
        for (int i = 0; i < EACH; i++)
            asked[s][i].lookup = (struct lookup){ .keys = key,
                                                  .n_keys = 1,
                                                  .deadline_at_ns = CLOCK_NEVER,
                                                  .found = &asked[s][i].found,
                                                  .done = answered };
}

int main(void)
{
    struct order order = { .order_id = "id-1", .account_id = "acc", .client_order_id = "one" };
    struct order_key key = { order.account_id, order.client_order_id };
    struct fake_store *store = fake_store_new();
    fake_store_plant(store, &order);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t submitters[SUBMITTERS];
        prepare(&key);
        reader = reader_open(&store->vtable, 3, NULL);
        CHECK(reader != NULL);
        for (size_t s = 0; s < SUBMITTERS; s++)
            CHECK(thread_start(&submitters[s], "submit", submit, asked[s]) == 0);
        for (size_t s = 0; s < SUBMITTERS; s++)
            thread_join(submitters[s]);
        reader_close(&reader);
        for (int s = 0; s < SUBMITTERS; s++)
            for (int i = 0; i < EACH; i++)
                CHECK(atomic_load(&asked[s][i].answers) == asked[s][i].taken);
    }
    (void)printf("%u lookups taken of %d\n", atomic_load(&n_taken), ROUNDS * SUBMITTERS * EACH);
    fake_store_free(store);
    return 0;
}
