/* Atomic lists, plain lists, single orders and expiries against each other and a store that fails
 * at random: every accepted order comes back exactly once, and of an atomic batch all is stored or
 * nothing, all expires or nothing, and its verdicts say so. */
#include <sched.h>
#include <stdio.h>

#include "support/ingest_rig.h"

enum {
    ROUNDS = 6,
    SUBMITTERS = 3,
    EXPIRERS = 2,
    LISTS = 300, /* of each submitter */
    LIST_MAX = 40,
    EACH = LISTS * LIST_MAX,
    N = SUBMITTERS * EACH,
    KEYS = N / 4,
};

enum kind { SINGLE, PLAIN, ATOMIC, KINDS };

static struct row {
    uint32_t from, n;
    enum kind kind;
    bool accepted;
} lists[SUBMITTERS][LISTS];

static struct rig rig;
static atomic_uint submitted[SUBMITTERS]; /* lists that may be expired, by submitter */
static atomic_uint n_accepted;
static atomic_bool stop;
static atomic_bool expired[N];

static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random ^= *random << 13; /* xorshift64 */
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (uint32_t)(*random % below);
}

/* One attempt in three fails; in doubt, it may have stored all or nothing. */
static void fail_at_random(void *arg, const struct put_group *group, struct fake_step *step)
{
    static _Thread_local uint64_t random = 88172645463325252;
    static const enum store_action actions[] = {
        STORE_RETRY, STORE_UNAVAILABLE,      STORE_UNAVAILABLE,   STORE_RETRY,
        STORE_RETRY, STORE_RETRY_THEN_SPLIT, STORE_SPLIT_OR_FAIL, STORE_SPLIT,
    };
    (void)arg;
    (void)group;
    uint32_t kind = draw(&random, 24);
    step->pending = kind == 0;
    step->fails = kind > 0 && kind < 8;
    step->unsent = kind == 1 || kind == 2;
    step->stores = kind == 3;
    step->failure.down = kind == 1 && draw(&random, 4) == 0;
    step->failure.in_doubt = kind == 3 || kind == 4;
    if (step->fails)
        step->failure.action = actions[kind];
}

static bool submit_list(const struct row *list)
{
    int64_t now_ns = clock_now_ns(), retry_after_ns;
    struct fifo items = rig_list(&rig, list->from, list->from + list->n);
    LIST_EACH (item, &items, struct ingest_item, link) {
        item->received_at_ns = now_ns;
        item->deadline_at_ns = clock_after(now_ns, 500 * NS_PER_MS);
    }
    return (list->kind == ATOMIC ? ingest_submit_atomic(rig.ingest, &items, &retry_after_ns)
                                 : ingest_submit(rig.ingest, &items, &retry_after_ns)) == INGEST_OK;
}

/* What was refused is as it was. */
static void check_linked(const struct row *list)
{
    for (uint32_t i = list->from; i < list->from + list->n; i++)
        CHECK(rig.items[i].link.next ==
              (i + 1 < list->from + list->n ? &rig.items[i + 1].link : NULL));
}

static void *submit(void *arg)
{
    size_t me = (size_t)arg;
    for (uint32_t l = 0; l < LISTS; l++) {
        struct row *list = &lists[me][l];
        list->accepted = submit_list(list);
        if (list->accepted) {
            (void)atomic_fetch_add(&n_accepted, list->n);
        } else {
            check_linked(list);
            for (uint32_t i = list->from; i < list->from + list->n; i++)
                (void)atomic_exchange(&rig.items[i].own.state, ITEM_SENT); /* not the expirers' */
            (void)sched_yield();
        }
        atomic_store(&submitted[me], l + 1);
    }
    return NULL;
}

/* Expires an order of the latest lists, a moment before or after a worker has them. */
static void *expire(void *arg)
{
    uint64_t random = 7919 + (uint64_t)(size_t)arg;
    while (!atomic_load(&stop)) {
        uint32_t submitter = draw(&random, SUBMITTERS);
        uint32_t n = atomic_load(&submitted[submitter]);
        if (n == 0)
            continue;
        const struct row *list = &lists[submitter][n - 1 - draw(&random, n < 4 ? n : 4)];
        uint32_t i = list->from + draw(&random, list->n);
        if (draw(&random, 8) == 0 && ingest_expire(&rig.items[i]))
            CHECK(!atomic_exchange(&expired[i], true));
        if (draw(&random, 50) == 0)
            (void)sched_yield();
    }
    return NULL;
}

/* ---- what came of it ---- */

static bool is_ours(const struct ingest_item *item)
{
    const struct order *stored =
        fake_store_find(rig.store, item->order.account_id, item->order.client_order_id);
    return stored != NULL && strcmp(stored->order_id, item->order.order_id) == 0;
}

static void check_item(uint32_t i, bool accepted)
{
    const struct ingest_item *item = &rig.items[i];
    CHECK(rig.came_back[i] == accepted);
    if (!accepted)
        return;
    if (atomic_load(&expired[i]))
        CHECK(item->verdict == ITEM_TIMED_OUT);
    if (item->verdict == ITEM_CREATED)
        CHECK(is_ours(item));
    else if (item->verdict != ITEM_UNKNOWN)
        CHECK(!is_ours(item));
}

static void check_batch(const struct row *list)
{
    uint32_t by[ITEM_VERDICTS] = { 0 }, n_expired = 0, n_ours = 0;
    for (uint32_t i = list->from; i < list->from + list->n; i++) {
        by[rig.items[i].verdict]++;
        n_expired += atomic_load(&expired[i]);
        n_ours += is_ours(&rig.items[i]);
        CHECK(ingest_item_state(&rig.items[i]) == ingest_item_state(&rig.items[list->from]));
    }
    CHECK(n_expired <= 1); /* one call wins, for all of them */
    CHECK(n_expired == 0 || by[ITEM_TIMED_OUT] == list->n);
    uint32_t good = by[ITEM_CREATED] + by[ITEM_REPLAYED];
    CHECK(good == 0 || good == list->n);
    CHECK(n_ours == by[ITEM_CREATED] || by[ITEM_UNKNOWN] > 0);
    if (by[ITEM_BATCH_REFUSED] > 0)
        CHECK(by[ITEM_BATCH_REFUSED] + by[ITEM_REUSED] == list->n && by[ITEM_REUSED] > 0);
}

static void check_list(const struct row *list)
{
    for (uint32_t i = list->from; i < list->from + list->n; i++)
        check_item(i, list->accepted);
    if (list->kind == ATOMIC && list->accepted)
        check_batch(list);
}

/* ---- */

static void make_lists(void)
{
    uint64_t random = 424242;
    for (uint32_t s = 0; s < SUBMITTERS; s++) {
        for (uint32_t l = 0; l < LISTS; l++) {
            enum kind kind = (enum kind)draw(&random, KINDS);
            lists[s][l] = (struct row){
                .from = s * EACH + l * LIST_MAX,
                .n = kind == SINGLE ? 1 : 1 + draw(&random, LIST_MAX),
                .kind = kind,
            };
        }
    }
    for (uint32_t i = 0; i < N; i++) {
        if (i >= KEYS)
            rig_same_key(&rig, i, (i * 31) % KEYS);
        if (i % 64 == 0)
            (void)snprintf(rig.items[i].order.quantity, ORDER_DECIMAL_SIZE, "2");
        atomic_store(&expired[i], false);
    }
}

static void start(void)
{
    rig_init(&rig, N);
    rig.options.workers = 4;
    rig.options.group_max = 16;
    rig.options.capacity = 2000;
    rig.options.commit_timeout_ns = 500 * NS_PER_MS;
    rig.store->plan = fail_at_random;
    make_lists();
    for (uint32_t i = 0; i < SUBMITTERS; i++)
        atomic_store(&submitted[i], 0);
    atomic_store(&n_accepted, 0);
    atomic_store(&stop, false);
    rig_open(&rig);
}

static void finish(void)
{
    uint32_t by[ITEM_VERDICTS] = { 0 };
    CHECK(rig.n_done == atomic_load(&n_accepted));
    for (uint32_t s = 0; s < SUBMITTERS; s++)
        for (uint32_t l = 0; l < LISTS; l++)
            check_list(&lists[s][l]);
    for (uint32_t i = 0; i < N; i++)
        by[rig.items[i].verdict] += rig.came_back[i];
    CHECK(!rig.unsorted);
    (void)printf("%u accepted, in %zu attempts; by verdict:", rig.n_done, rig.store->n_calls);
    for (int v = 0; v < ITEM_VERDICTS; v++)
        (void)printf(" %u", by[v]);
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
