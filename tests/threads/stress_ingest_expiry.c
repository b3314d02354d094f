/* Submitters, expirers and a store that fails at random, against each other: every accepted order
 * comes back exactly once, and what its verdict says of the store is true. */
#include <sched.h>
#include <stdio.h>

#include "support/ingest_rig.h"

enum { ROUNDS = 8, SUBMITTERS = 3, EXPIRERS = 2, EACH = 8000, N = SUBMITTERS * EACH, KEYS = N / 2 };

static struct rig rig;
static atomic_uint submitted[SUBMITTERS]; /* items that may be expired, by submitter */
static atomic_uint n_accepted;
static atomic_bool stop;
static _Bool accepted[N];
static atomic_bool expired[N];

static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random ^= *random << 13; /* xorshift64 */
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (uint32_t)(*random % below);
}

/* One attempt in three fails, in every way; one in doubt has stored all or nothing. */
static void fail_at_random(void *arg, const struct put_group *group, struct fake_step *step)
{
    static _Thread_local uint64_t random = 88172645463325252;
    (void)arg;
    (void)group;
    uint32_t kind = draw(&random, 24);
    step->pending = kind == 0;
    step->fails = kind > 0 && kind < 9;
    step->unsent = kind == 1 || kind == 2;
    step->partial = kind == 3;
    step->stores = kind == 4;
    step->failure.down = kind == 1 && draw(&random, 4) == 0;
    step->failure.in_doubt = kind == 4 || kind == 5;
    static const enum store_action actions[] = {
        STORE_RETRY, STORE_UNAVAILABLE,      STORE_UNAVAILABLE,      STORE_RETRY,
        STORE_RETRY, STORE_RETRY_THEN_SPLIT, STORE_RETRY_THEN_SPLIT, STORE_SPLIT_OR_FAIL,
        STORE_SPLIT,
    };
    if (step->fails)
        step->failure.action = actions[kind];
    if (kind == 9 && draw(&random, 20) == 0) {
        step->fails = true;
        step->failure.action = STORE_FAIL;
    }
}

static void *submit(void *arg)
{
    uint32_t from = (uint32_t)(size_t)arg * EACH;
    for (uint32_t i = 0; i < EACH; i++) {
        struct ingest_item *item = &rig.items[from + i];
        item->received_at_ns = clock_now_ns();
        item->deadline_at_ns = clock_after(item->received_at_ns, 500 * NS_PER_MS);
        int64_t retry_after_ns;
        struct fifo items = { NULL, NULL };
        fifo_push(&items, &item->link);
        if (ingest_submit(rig.ingest, &items, &retry_after_ns) == INGEST_OK) {
            accepted[from + i] = true;
            (void)atomic_fetch_add(&n_accepted, 1);
        } else {
            (void)atomic_exchange(&item->own.state, ITEM_SENT); /* not the expirers' */
            (void)sched_yield();
        }
        atomic_store(&submitted[from / EACH], i + 1);
    }
    return NULL;
}

/* Expires the latest orders, a moment before or after a worker has them. */
static void *expire(void *arg)
{
    uint64_t random = 7919 + (uint64_t)(size_t)arg;
    while (!atomic_load(&stop)) {
        uint32_t submitter = draw(&random, SUBMITTERS);
        uint32_t n = atomic_load(&submitted[submitter]);
        if (n == 0)
            continue;
        uint32_t back = draw(&random, n < 50 ? n : 50);
        uint32_t i = submitter * EACH + n - 1 - back;
        if (ingest_expire(&rig.items[i]))
            CHECK(!atomic_exchange(&expired[i], true));
        if (draw(&random, 100) == 0)
            (void)sched_yield();
    }
    return NULL;
}

/* Is it stored, and under its own order_id? */
static void check_item(uint32_t i, uint32_t by_verdict[ITEM_VERDICTS])
{
    const struct ingest_item *item = &rig.items[i];
    CHECK(rig.came_back[i] == accepted[i]);
    if (!accepted[i])
        return;
    const struct order *stored =
        fake_store_find(rig.store, item->order.account_id, item->order.client_order_id);
    bool ours = stored != NULL && strcmp(stored->order_id, item->order.order_id) == 0;
    by_verdict[item->verdict]++;
    if (atomic_load(&expired[i]))
        CHECK(item->verdict == ITEM_TIMED_OUT);
    if (item->verdict == ITEM_CREATED)
        CHECK(ours);
    else if (item->verdict != ITEM_UNKNOWN)
        CHECK(!ours);
    if (item->verdict == ITEM_REPLAYED)
        CHECK(strcmp(stored->order_id, ingest_item_stored(item)->order_id) == 0);
}

static void start(void)
{
    rig_init(&rig, N);
    for (uint32_t i = KEYS; i < N; i++)
        rig_same_key(&rig, i, (i * 31) % KEYS);
    rig.options.workers = 4;
    rig.options.group_max = 64;
    rig.options.capacity = 2000;
    rig.options.commit_timeout_ns = 500 * NS_PER_MS;
    rig.store->plan = fail_at_random;
    memset(accepted, 0, sizeof accepted);
    for (uint32_t i = 0; i < N; i++)
        atomic_store(&expired[i], false);
    for (uint32_t i = 0; i < SUBMITTERS; i++)
        atomic_store(&submitted[i], 0);
    atomic_store(&n_accepted, 0);
    atomic_store(&stop, false);
    rig_open(&rig);
}

static void finish(void)
{
    uint32_t by_verdict[ITEM_VERDICTS] = { 0 };
    CHECK(rig.n_done == atomic_load(&n_accepted));
    for (uint32_t i = 0; i < N; i++)
        check_item(i, by_verdict);
    CHECK(!rig.unsorted);
    (void)printf("%u accepted of %d, in %zu attempts; by verdict:", rig.n_done, N,
                 rig.store->n_calls);
    for (int v = 0; v < ITEM_VERDICTS; v++)
        (void)printf(" %u", by_verdict[v]);
    (void)printf("\n");
    rig_fini(&rig);
}

int main(void)
{
    pthread_t submitters[SUBMITTERS], expirers[EXPIRERS];
    for (int round = 0; round < ROUNDS; round++) {
        start();
        for (size_t i = 0; i < SUBMITTERS; i++)
            CHECK(thread_start(&submitters[i], "submit", submit, (void *)i) == 0);
        for (size_t i = 0; i < EXPIRERS; i++)
            CHECK(thread_start(&expirers[i], "expire", expire, (void *)i) == 0);
        for (size_t i = 0; i < SUBMITTERS; i++)
            thread_join(submitters[i]);
        ingest_close(&rig.ingest, clock_after(clock_now_ns(), 100 * NS_PER_MS));
        atomic_store(&stop, true);
        for (size_t i = 0; i < EXPIRERS; i++)
            thread_join(expirers[i]);
        finish();
    }
    return 0;
}
