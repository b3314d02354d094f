/* attempt.c - makes one attempt to write a group. resolve.c decides what follows from it. */
#include "ingest/attempt.h"

#include <stdlib.h>

#include "base/clock.h"
#include "ingest/resolve.h"
#include "ingest/trial.h"

enum { ATTEMPTS_IN_TIME = 3 }; /* an attempt may take commit_timeout_ns / ATTEMPTS_IN_TIME */

void attempt_init(struct attempt *a, const struct ingest_options *options,
                  struct ingest_metrics *metrics, struct streak *streak, uint64_t random)
{
    *a = (struct attempt){
        .options = options, .metrics = metrics, .streak = streak, .random = random | 1
    };
}

void attempt_fini(struct attempt *a)
{
    free(a->puts);
    a->puts = NULL;
    a->puts_max = 0;
}

/* ---- just before the send ---- */

/* Decides once whether the order is inserted or only looked up. For a duplicate, this is decided
 * after the duplicate has become the first order of its key. A duplicate can become the first order
 * even after its group was sent, because a first order that is only looked up can expire. */
static void choose_lookup(const struct attempt *a, struct ingest_item *item, int64_t now_us)
{
    if (item->own.lookup_decided)
        return;
    item->own.lookup_decided = true;
    item->own.put.lookup_only = a->group.kind == GROUP_COMPARE || item->order.replay_only ||
                                order_is_stale(&item->order, now_us);
}

static void claim_duplicates(struct ingest_item *item)
{
    LIST_EACH (duplicate, &item->own.duplicates, struct ingest_item, link)
        (void)item_claim(duplicate); /* prepare() ends expired duplicates later */
}

/* Skips each order that has expired. For every other order, choose_lookup() decides whether the
 * order is inserted or only looked up. An order that is inserted is moved to SENT, so it cannot
 * expire any more. An order that is only looked up stays QUEUED. In both cases the duplicates of
 * the order are moved to SENT. */
static void send_each(struct attempt *a, int64_t now_us)
{
    LIST_EACH (item, &a->group.items, struct ingest_item, link) {
        struct order_put *put = &item->own.put;
        choose_lookup(a, item, now_us);
        put->skip = put->lookup_only ? item_expired(item) : !item_claim(item);
        if (put->skip)
            continue;
        a->n_sent += !put->lookup_only;
        claim_duplicates(item);
    }
}

/* Sends or skips all orders of an atomic batch. The orders share one state, which another thread
 * may change. So the state is read only once, and the result holds for all orders. */
static void send_batch(struct attempt *a, int64_t now_us)
{
    LIST_EACH (item, &a->group.items, struct ingest_item, link) {
        choose_lookup(a, item, now_us);
        a->n_sent += !item->own.put.lookup_only;
    }
    struct ingest_item *first = items_first(&a->group.items);
    bool skip = a->n_sent > 0 ? !item_claim(first) : item_expired(first);
    LIST_EACH (item, &a->group.items, struct ingest_item, link)
        item->own.put.skip = skip;
    if (skip)
        a->n_sent = 0;
}

static void before_send(void *arg, struct put_group *put_group)
{
    (void)put_group;
    struct attempt *a = arg;
    if (a->group.kind == GROUP_ATOMIC)
        send_batch(a, clock_wall_us());
    else
        send_each(a, clock_wall_us());
    if (a->group.sending == GROUP_UNSENT)
        group_move_sending(&a->group, GROUP_SENT);
}

/* ---- the attempt ---- */

/* Ends the expired items of the group as ITEM_TIMED_OUT. Returns false if no other item is left. */
static bool prepare(struct attempt *a, const struct ingest_group *group,
                    struct group_outcome *outcome)
{
    struct fifo expired = { NULL, NULL };
    a->outcome = outcome;
    a->group = *group;
    a->to_write = a->to_compare = (struct fifo){ NULL, NULL };
    group_drop_expired(&a->group, &expired);
    for (struct ingest_item *item; (item = items_pop(&expired)) != NULL;) {
        item->verdict = ITEM_TIMED_OUT;
        items_push(&outcome->done, item);
    }
    return a->group.n > 0;
}

/* Makes `puts` large enough for the group; the array never shrinks. Returns false if out of
 * memory. */
static bool make_room(struct attempt *a)
{
    if (a->group.n <= a->puts_max)
        return true;
    size_t max = a->group.n > a->options->group_max ? a->group.n : a->options->group_max;
    struct order_put **puts = realloc(a->puts, max * sizeof(struct order_put *));
    if (puts == NULL)
        return false;
    a->puts = puts;
    a->puts_max = max;
    return true;
}

static void count_commit(struct attempt *a, bool ok)
{
    if (a->n_sent == 0)
        return; /* no INSERT was sent */
    counter_add(ok ? &a->metrics->commits_ok : &a->metrics->commits_failed, 1);
    if (ok)
        histogram_observe(&a->metrics->group_orders, a->n_sent);
}

/* Returns the duration of an attempt at `n` orders, for the average duration of a group. Only an
 * atomic group can have more than group_max orders; its duration is scaled down to group_max
 * orders. */
static int64_t time_of_one_group(const struct attempt *a, uint32_t n, int64_t took_ns)
{
    uint32_t group_max = a->options->group_max;
    return n <= group_max ? took_ns : took_ns * group_max / n;
}

bool attempt_put(struct attempt *a, int64_t stop_at_ns, struct store_failure *failure)
{
    const struct order_store *store = a->options->store;
    int64_t limit_at_ns =
        clock_after(clock_now_ns(), a->options->commit_timeout_ns / ATTEMPTS_IN_TIME);
    struct put_group put_group = {
        .puts = a->puts,
        .n = a->group.n,
        .in_doubt = a->group.sending == GROUP_IN_DOUBT,
        .doubt_database = a->group.doubt_database,
        .atomic = a->group.kind == GROUP_ATOMIC,
        .deadline_at_ns = clock_min(clock_min(limit_at_ns, stop_at_ns), a->group.deadline_at_ns),
        .before_send = before_send,
        .arg = a,
    };
    *failure = (struct store_failure){ .action = STORE_RETRY };
    a->n_sent = 0;
    group_list_puts(&a->group, a->puts);
    bool ok = store->put(store->ctx, &put_group, failure);

    if (failure->in_doubt && a->group.doubt_database == 0)
        a->group.doubt_database = put_group.sent_database;
    count_commit(a, ok && !put_group.refused);
    if (!ok)
        counter_add(&a->metrics->failed_groups[failure->fault], 1);
    resolve_verdicts(a, &put_group.refusal);
    return ok;
}

static void put(struct attempt *a, int64_t now_ns, int64_t stop_at_ns)
{
    struct store_failure failure;
    const bool first = a->group.sending == GROUP_UNSENT && a->group.failures == 0;
    const bool whole = a->group.n == 1 || a->group.kind == GROUP_ATOMIC;
    const uint32_t n = a->group.n;
    bool ok = attempt_put(a, stop_at_ns, &failure);
    if (ok && first && a->n_sent > 0)
        a->outcome->first_attempt_ns = time_of_one_group(a, n, clock_now_ns() - now_ns);
    if (a->group.items.first == NULL)
        return;
    if (ok)
        resolve_pending(a);
    else if (!whole && trial_is_due(&a->group, &failure))
        trial_run(a, &failure, stop_at_ns);
    else
        resolve_failure(a, &failure, whole);
}

static void no_room(struct attempt *a)
{
    struct err why;
    err_set(&why, ERR_RETRYABLE, "no memory for a group of %u orders", (unsigned)a->group.n);
    resolve_reason(a, &why, FAULT_SERVICE);
    resolve_put_back(a, &why, RETRY_SERVER);
}

void attempt_run(struct attempt *a, const struct ingest_group *group, int64_t stop_at_ns,
                 struct group_outcome *outcome)
{
    if (!prepare(a, group, outcome))
        return;
    const int64_t now_ns = clock_now_ns();
    if (now_ns >= a->group.deadline_at_ns) {
        resolve_all(a, "group.timed_out", ITEM_TIMED_OUT);
        return;
    }
    if (!make_room(a)) {
        no_room(a);
        return;
    }
    put(a, now_ns, stop_at_ns);
    if (a->to_write.first != NULL)
        outcome->back[outcome->n_back++] = group_form(a->to_write);
    if (a->to_compare.first != NULL)
        outcome->back[outcome->n_back++] = group_to_compare(a->to_compare);
}

void attempt_abandon(struct attempt *a, const struct ingest_group *group,
                     struct group_outcome *outcome)
{
    if (!prepare(a, group, outcome))
        return;
    struct err why;
    err_set(&why, ERR_RETRYABLE, "shut down before the order was stored");
    resolve_reason(a, &why, FAULT_NONE);
    resolve_all(a, "group.abandoned", ITEM_UNAVAILABLE);
}
