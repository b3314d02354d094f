/* fake_store.c - see fake_store.h. */
#include "support/fake_store.h"

#include "base/check.h"
#include "base/clock.h"

static const int64_t patience_ns = 10 * NS_PER_S;

/* ---- the table ---- */

static size_t hash(const char *account_id, const char *client_order_id)
{
    size_t h = 14695981039346656037u;
    for (const char *c = account_id; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    for (const char *c = client_order_id; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    return h;
}

static struct order **slot_of(struct fake_store *store, const char *account_id,
                              const char *client_order_id)
{
    for (size_t i = hash(account_id, client_order_id);; i++) {
        struct order **slot = &store->slots[i % FAKE_STORE_SLOTS];
        if (*slot == NULL || (strcmp((*slot)->account_id, account_id) == 0 &&
                              strcmp((*slot)->client_order_id, client_order_id) == 0))
            return slot;
    }
}

static struct order without_metadata(const struct order *order)
{
    struct order copy = *order;
    copy.metadata = NULL;
    copy.metadata_len = 0;
    return copy;
}

static void keep(struct fake_store *store, struct order **slot, const struct order *order)
{
    CHECK(++store->n_stored < FAKE_STORE_SLOTS);
    *slot = calloc(1, sizeof **slot);
    CHECK(*slot != NULL);
    **slot = without_metadata(order);
}

static void compare(struct order_put *put, const struct order *there)
{
    if (strcmp(there->order_id, put->order->order_id) == 0) {
        put->verdict = PUT_CREATED;
        return;
    }
    bool same = strcmp(there->quantity, put->order->quantity) == 0;
    put->verdict = same ? PUT_REPLAYED : PUT_REUSED;
    put->diff = same ? 0 : (unsigned)ORDER_DIFF_QUANTITY;
    memcpy(put->stored.order_id, there->order_id, sizeof put->stored.order_id);
    put->stored.received_at_us = there->received_at_us;
    memcpy(put->stored.submitted_by, there->submitted_by, sizeof put->stored.submitted_by);
}

static void check_key(struct fake_store *store, struct order_put *put)
{
    const struct order *order = put->order;
    struct order **slot = slot_of(store, order->account_id, order->client_order_id);
    if (*slot == NULL && put->lookup_only) {
        put->verdict = PUT_ABSENT;
        return;
    }
    if (*slot == NULL)
        keep(store, slot, order);
    compare(put, *slot);
}

/* Stores an order without reporting it: its answer is lost. */
static void store_silently(struct fake_store *store, const struct order_put *put)
{
    struct order **slot = slot_of(store, put->order->account_id, put->order->client_order_id);
    if (*slot == NULL && !put->lookup_only)
        keep(store, slot, put->order);
}

/* ---- atomic groups ---- */

static bool same_key(const struct order *a, const struct order *b)
{
    return strcmp(a->account_id, b->account_id) == 0 &&
           strcmp(a->client_order_id, b->client_order_id) == 0;
}

/* Sets the verdict of order i as if all orders before it in the group had been stored. */
static void check_in_batch(struct fake_store *store, const struct put_group *group, size_t i,
                           const struct order **first)
{
    struct order_put *put = group->puts[i];
    const struct order *there =
        *slot_of(store, put->order->account_id, put->order->client_order_id);
    if (i == 0 || !same_key(group->puts[i - 1]->order, put->order))
        *first = put->lookup_only ? NULL : put->order;
    if (there == NULL && *first != NULL)
        there = *first;
    if (there != NULL)
        compare(put, there);
    else if (put->lookup_only)
        put->verdict = PUT_ABSENT;
    if (store->poison != NULL && strcmp(put->order->client_order_id, store->poison) == 0)
        put->verdict = PUT_REFUSED;
}

static void roll_back(struct order_put *put, bool own)
{
    if (put->verdict == PUT_REUSED && own)
        put->stored.order_id[0] = '\0';
    if (put->verdict != PUT_REUSED && put->verdict != PUT_ABSENT && put->verdict != PUT_REFUSED)
        put->verdict = PUT_ROLLED_BACK;
}

static void work_through_batch(struct fake_store *store, struct put_group *group)
{
    const struct order *first = NULL;
    for (size_t i = 0; i < group->n; i++) {
        check_in_batch(store, group, i, &first);
        enum put_verdict verdict = group->puts[i]->verdict;
        group->refused |= verdict != PUT_CREATED && verdict != PUT_REPLAYED;
    }
    if (group->refused)
        err_set_code(&group->refusal, 0, "22P02", "an order of the fake store");
    for (size_t i = 0; i < group->n; i++) {
        struct order_put *put = group->puts[i];
        struct order **slot = slot_of(store, put->order->account_id, put->order->client_order_id);
        if (group->refused)
            roll_back(put, *slot == NULL);
        else if (*slot == NULL)
            keep(store, slot, put->order);
    }
}

/* ---- the attempts ---- */

static bool holds(const struct put_group *group, const char *client_order_id)
{
    for (size_t i = 0; i < group->n && client_order_id != NULL; i++)
        if (!group->puts[i]->skip &&
            strcmp(group->puts[i]->order->client_order_id, client_order_id) == 0)
            return true;
    return false;
}

static struct fake_step failing(enum store_action action, const char *code)
{
    struct fake_step step = { .fails = true, .failure = { .action = action } };
    step.failure.fault = action == STORE_SPLIT ? FAULT_ORDER : FAULT_NONE;
    err_set_code(&step.failure.err, 0, code, "a failure of the fake store");
    return step;
}

/* Returns the step for attempt k with this group. */
static struct fake_step step_for(struct fake_store *store, size_t k, const struct put_group *group)
{
    struct fake_step step = { .fails = false };
    if (k < store->n_steps)
        return store->steps[k];
    if (holds(group, store->poison) && !group->atomic)
        return failing(STORE_SPLIT, "22P02");
    if (holds(group, store->locked))
        return failing(STORE_RETRY_THEN_SPLIT, "55P03");
    if (store->plan != NULL)
        store->plan(store->arg, group, &step);
    return step;
}

static void note(struct fake_store *store, const struct put_group *group, size_t k)
{
    if (k >= FAKE_STORE_CALLS)
        return;
    struct fake_call *call = &store->calls[k];
    for (size_t i = 0; i < group->n; i++) {
        call->n_skipped += group->puts[i]->skip;
        call->n_lookups += group->puts[i]->lookup_only;
    }
}

static size_t begin(struct fake_store *store, const struct put_group *group)
{
    mutex_lock(&store->mu);
    size_t k = store->n_calls++;
    if (k < FAKE_STORE_CALLS) {
        store->calls[k] = (struct fake_call){
            .n = group->n,
            .in_doubt = group->in_doubt,
            .atomic = group->atomic,
            .deadline_at_ns = group->deadline_at_ns,
        };
        (void)snprintf(store->calls[k].first, ORDER_NAME_SIZE, "%s",
                       group->puts[0]->order->client_order_id);
    }
    cond_broadcast(&store->changed);
    int64_t until_ns = clock_after(clock_now_ns(), patience_ns);
    while (store->gate_closed)
        CHECK(cond_wait_until(&store->changed, &store->mu, until_ns));
    mutex_unlock(&store->mu);
    return k;
}

/* An attempt that fails and stores reports no verdict. */
static void do_batch(struct fake_store *store, struct put_group *group,
                     const struct fake_step *step)
{
    if (group->puts[0]->skip || step->pending || (step->fails && !step->stores))
        return;
    work_through_batch(store, group);
    for (size_t i = 0; i < group->n && step->fails; i++)
        group->puts[i]->verdict = PUT_PENDING;
    group->refused &= !step->fails;
}

static void work_through(struct fake_store *store, struct put_group *group,
                         const struct fake_step *step)
{
    bool first = true;
    if (group->atomic) {
        do_batch(store, group, step);
        return;
    }
    for (size_t i = 0; i < group->n; i++) {
        struct order_put *put = group->puts[i];
        if (put->skip)
            continue;
        if ((!step->fails && !step->pending) || (step->partial && first))
            check_key(store, put);
        else if (step->stores)
            store_silently(store, put);
        first = false;
    }
}

static int compare_keys(const struct put_group *group, size_t i)
{
    const struct order *a = group->puts[i - 1]->order, *b = group->puts[i]->order;
    int by_account = strcmp(a->account_id, b->account_id);
    return by_account != 0 ? by_account : strcmp(a->client_order_id, b->client_order_id);
}

/* An INSERT must not have a key twice. A lookup, or an atomic group, may. */
static void check_keys(const struct put_group *group)
{
    for (size_t i = 1; i < group->n && group->atomic; i++)
        CHECK(group->puts[i - 1]->skip == group->puts[i]->skip);
    if (group->atomic)
        return;
    for (size_t i = 1; i < group->n; i++)
        CHECK(compare_keys(group, i) != 0 ||
              (group->puts[i - 1]->lookup_only && group->puts[i]->lookup_only));
}

static bool is_elsewhere(const struct put_group *group, uint32_t database)
{
    return group->in_doubt && group->doubt_database != 0 && database != 0 &&
           group->doubt_database != database;
}

static bool fake_put(void *ctx, struct put_group *group, struct store_failure *failure)
{
    struct fake_store *store = ctx;
    CHECK(group->n > 0);
    for (size_t i = 0; i < group->n; i++)
        CHECK(group->puts[i]->verdict == PUT_PENDING);
    for (size_t i = 1; i < group->n; i++)
        CHECK(compare_keys(group, i) <= 0);
    size_t k = begin(store, group);
    struct fake_step step = step_for(store, k, group);
    group->refused = false;
    if (is_elsewhere(group, step.database)) {
        *failure = (struct store_failure){ .action = STORE_ELSEWHERE };
        return false;
    }
    group->sent_database = step.unsent ? 0 : step.database;
    if (!step.unsent) {
        if (store->before != NULL)
            store->before(store->arg, group);
        group->before_send(group->arg, group);
        check_keys(group);
    }
    mutex_lock(&store->mu);
    note(store, group, k);
    work_through(store, group, &step);
    mutex_unlock(&store->mu);
    if (step.fails)
        *failure = step.failure;
    return !step.fails;
}

/* ---- lookups ---- */

static enum lookup_rc fake_get_by_keys(void *ctx, const struct order_key *keys, size_t n,
                                       struct order *out, int64_t deadline_at_ns, struct err *err)
{
    struct fake_store *store = ctx;
    (void)deadline_at_ns;
    if (store->lookup_rc != LOOKUP_OK) {
        err_set(err, 0, "a failure of the fake store");
        return store->lookup_rc;
    }
    for (size_t i = 0; i < n; i++) {
        const struct order *found =
            fake_store_find(store, keys[i].account_id, keys[i].client_order_id);
        out[i] = found != NULL ? *found : (struct order){ .order_id = "" };
    }
    return LOOKUP_OK;
}

static enum lookup_rc fake_get_by_id(void *ctx, const char *order_id, struct order *out,
                                     int64_t deadline_at_ns, struct err *err)
{
    struct fake_store *store = ctx;
    (void)deadline_at_ns;
    if (store->lookup_rc != LOOKUP_OK) {
        err_set(err, 0, "a failure of the fake store");
        return store->lookup_rc;
    }
    *out = (struct order){ .order_id = "" };
    mutex_lock(&store->mu);
    for (size_t i = 0; i < FAKE_STORE_SLOTS; i++)
        if (store->slots[i] != NULL && strcmp(store->slots[i]->order_id, order_id) == 0)
            *out = *store->slots[i];
    mutex_unlock(&store->mu);
    return LOOKUP_OK;
}

static bool is_in_range(const struct order *order, const struct order_range *range,
                        const char *after)
{
    return strcmp(order->account_id, range->account_id) == 0 &&
           strcmp(order->client_order_id, range->from) >= 0 &&
           strcmp(order->client_order_id, after) > 0 &&
           strncmp(order->client_order_id, range->prefix, strlen(range->prefix)) == 0;
}

/* Returns the first order of the range after this client_order_id, or NULL. store->mu is held. */
static const struct order *next_of(const struct fake_store *store, const struct order_range *range,
                                   const char *after)
{
    const struct order *next = NULL;
    for (size_t i = 0; i < FAKE_STORE_SLOTS; i++) {
        const struct order *order = store->slots[i];
        if (order != NULL && is_in_range(order, range, after) &&
            (next == NULL || strcmp(order->client_order_id, next->client_order_id) < 0))
            next = order;
    }
    return next;
}

static enum lookup_rc fake_list(void *ctx, const struct order_range *range, struct order_page *page,
                                int64_t deadline_at_ns, struct err *err)
{
    struct fake_store *store = ctx;
    (void)deadline_at_ns;
    page->n = 0;
    page->more = false;
    if (store->lookup_rc != LOOKUP_OK) {
        err_set(err, 0, "a failure of the fake store");
        return store->lookup_rc;
    }
    size_t max =
        store->page_max > 0 && store->page_max < range->limit ? store->page_max : range->limit;
    mutex_lock(&store->mu);
    const struct order *next = next_of(store, range, range->after);
    for (; next != NULL && page->n < max; next = next_of(store, range, next->client_order_id))
        page->orders[page->n++] = *next;
    page->more = next != NULL;
    mutex_unlock(&store->mu);
    return LOOKUP_OK;
}

/* ---- functions for the tests ---- */

struct fake_store *fake_store_new(void)
{
    struct fake_store *store = calloc(1, sizeof *store);
    CHECK(store != NULL);
    store->vtable = (struct order_store){
        .ctx = store,
        .put = fake_put,
        .get_by_keys = fake_get_by_keys,
        .get_by_id = fake_get_by_id,
        .list = fake_list,
    };
    mutex_init(&store->mu);
    cond_init(&store->changed);
    return store;
}

void fake_store_free(struct fake_store *store)
{
    for (size_t i = 0; i < FAKE_STORE_SLOTS; i++)
        free(store->slots[i]);
    cond_fini(&store->changed);
    mutex_fini(&store->mu);
    free(store);
}

void fake_store_gate(struct fake_store *store, bool closed)
{
    mutex_lock(&store->mu);
    store->gate_closed = closed;
    cond_broadcast(&store->changed);
    mutex_unlock(&store->mu);
}

bool fake_store_wait_calls(struct fake_store *store, size_t n)
{
    int64_t until_ns = clock_after(clock_now_ns(), patience_ns);
    bool in_time = true;
    mutex_lock(&store->mu);
    while (store->n_calls < n && in_time)
        in_time = cond_wait_until(&store->changed, &store->mu, until_ns);
    mutex_unlock(&store->mu);
    return in_time;
}

const struct order *fake_store_find(struct fake_store *store, const char *account_id,
                                    const char *client_order_id)
{
    mutex_lock(&store->mu);
    const struct order *found = *slot_of(store, account_id, client_order_id);
    mutex_unlock(&store->mu);
    return found;
}

void fake_store_plant(struct fake_store *store, const struct order *order)
{
    mutex_lock(&store->mu);
    struct order **slot = slot_of(store, order->account_id, order->client_order_id);
    CHECK(*slot == NULL);
    keep(store, slot, order);
    mutex_unlock(&store->mu);
}
