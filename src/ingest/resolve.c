/* resolve.c - decides after an attempt what follows for each order of the group.
 *
 * Doubt concerns a whole group: if an attempt may have stored something, all orders left in the
 * group are in doubt, and stay so in the pieces into which it is split. None of them may end as
 * "not stored".
 *
 * If a failure concerns the whole group (no database, no time, a fault of ours), the duplicates end
 * with their first order. If a verdict concerns only the first order, its duplicates need another
 * attempt: if the first order was stored, they are compared with it; if not, they are written in
 * the next group. An atomic group is retried whole and never split. */
#include "ingest/resolve.h"

#include "base/clock.h"

enum {
    BLOCKED_MAX = 2, /* a group is split at its second failure with STORE_RETRY_THEN_SPLIT */
    /* A group fails after this many attempts that succeed but leave orders pending. */
    ROUNDS_MAX = 8,
    PAUSE_DOUBLINGS = 6,
};

static const int64_t pause_first_ns = 20 * NS_PER_MS;
static const int64_t pause_max_ns = NS_PER_S;

/* ---- ends ---- */

static bool is_failure(enum item_verdict verdict)
{
    return verdict == ITEM_REFUSED || verdict == ITEM_FAILED || verdict == ITEM_DATABASE_FAULT;
}

static void end_item(struct attempt *a, struct ingest_item *item, enum item_verdict verdict)
{
    item->verdict = item_claim(item) ? verdict : ITEM_TIMED_OUT;
    if (is_failure(item->verdict))
        counter_add(&a->metrics->failed_orders[item->fault], 1);
    else
        item->fault = FAULT_NONE;
    items_push(&a->outcome->done, item);
}

static void count_resolved(struct attempt *a, enum item_verdict verdict)
{
    if (verdict == ITEM_CREATED)
        counter_add(&a->metrics->ambiguous_stored, 1);
    else if (verdict == ITEM_REPLAYED || verdict == ITEM_REUSED)
        counter_add(&a->metrics->ambiguous_absent, 1);
    else if (verdict == ITEM_UNKNOWN)
        counter_add(&a->metrics->ambiguous_unresolved, 1);
}

/* Ends one order, but not its duplicates. If the order is stored, its duplicates are compared with
 * it; otherwise they are written in the next group. */
static void end_order(struct attempt *a, struct ingest_item *item, enum item_verdict verdict)
{
    fifo_append(verdict_is_stored(verdict) ? &a->to_compare : &a->to_write, &item->own.duplicates);
    if (a->group.sending == GROUP_IN_DOUBT && !item->own.put.lookup_only)
        count_resolved(a, verdict);
    end_item(a, item, verdict);
}

/* Ends an order and its duplicates: as UNKNOWN if the group is in doubt, else with the verdict
 * `certain`. The exception is an order that was only looked up, in a group that is not atomic: it
 * always ends as UNAVAILABLE, because no attempt has sent it to be written. */
static void end_key(struct attempt *a, struct ingest_item *item, enum item_verdict certain)
{
    enum item_verdict verdict = a->group.sending == GROUP_IN_DOUBT ? ITEM_UNKNOWN : certain;
    if (item->own.put.lookup_only && a->group.kind != GROUP_ATOMIC)
        verdict = ITEM_UNAVAILABLE;
    for (struct ingest_item *d; (d = items_pop(&item->own.duplicates)) != NULL;) {
        item_note_err(d, ingest_item_err(item));
        d->fault = item->fault;
        end_item(a, d, verdict);
    }
    end_order(a, item, verdict);
}

void resolve_all(struct attempt *a, const char *event, enum item_verdict certain)
{
    struct fifo *items = &a->group.items;
    a->options->on_event(a->options->ctx, event, ingest_item_err(items_first(items)),
                         a->group.n_items);
    for (struct ingest_item *item; (item = items_pop(items)) != NULL;)
        end_key(a, item, certain);
}

/* Ends a group that is atomic or has one order, because the database refuses its content. The
 * duplicates end too if the group is atomic or in doubt, or if its order was only looked up.
 * Otherwise they are written in the next group. */
static void end_whole(struct attempt *a, const char *event, enum item_verdict certain)
{
    struct ingest_item *first = items_first(&a->group.items);
    if (a->group.sending == GROUP_IN_DOUBT || a->group.kind == GROUP_ATOMIC ||
        first->own.put.lookup_only) {
        resolve_all(a, event, certain);
        return;
    }
    a->options->on_event(a->options->ctx, event, ingest_item_err(first), 1);
    (void)items_pop(&a->group.items);
    end_order(a, first, certain);
}

/* ---- another attempt ---- */

/* Returns a random pause from 0 to an upper bound ("full jitter"). The bound doubles with each
 * failure, up to pause_max_ns. */
static int64_t pause_ns(uint32_t failures, uint64_t *random)
{
    uint32_t doublings = failures < PAUSE_DOUBLINGS ? failures : PAUSE_DOUBLINGS;
    int64_t bound_ns = clock_min(pause_first_ns << doublings, pause_max_ns);
    *random ^= *random << 13; /* xorshift64 */
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (int64_t)(*random % (uint64_t)bound_ns);
}

void resolve_put_back(struct attempt *a, const struct err *why, enum retry_reason reason)
{
    struct ingest_group *group = &a->group;
    int64_t due_at_ns = clock_after(clock_now_ns(), pause_ns(group->failures++, &a->random));
    group->due_at_ns = clock_min(due_at_ns, group->deadline_at_ns);
    a->outcome->back[a->outcome->n_back++] = *group;
    counter_add(&a->metrics->retries[reason], 1);
    a->options->on_event(a->options->ctx, "group.retry", why, group->n_items);
}

void resolve_count_split(struct attempt *a, const struct err *why, size_t n_items)
{
    counter_add(&a->metrics->splits, 1);
    a->options->on_event(a->options->ctx, "group.split", why, n_items);
}

static void split(struct attempt *a, const struct err *why)
{
    group_split(&a->group, a->outcome);
    resolve_count_split(a, why, a->group.n_items);
}

/* ---- after an attempt ---- */

void resolve_reason(struct attempt *a, const struct err *why, enum store_fault fault)
{
    LIST_EACH (item, &a->group.items, struct ingest_item, link) {
        item_note_err(item, why);
        item->fault = fault;
    }
}

bool resolve_is_blocked(const struct ingest_group *group)
{
    return group->blocked + 1 >= BLOCKED_MAX;
}

/* Ends all orders left in the group, because of this failure. If an order is at fault, the group
 * has only that order or its atomic batch, and end_whole() decides about the duplicates. Otherwise
 * the duplicates end too. */
static void end_by_fault(struct attempt *a, const struct store_failure *failure)
{
    const struct ingest_group *group = &a->group;
    const bool of_order =
        failure->action == STORE_SPLIT ||
        (failure->unless_neighbour_stored && group->suspicion == GROUP_NEIGHBOUR_STORED);
    const enum store_fault fault = of_order ? FAULT_ORDER : failure->fault;
    resolve_reason(a, &failure->err, fault);
    if (of_order) {
        end_whole(a, "order.refused", ITEM_REFUSED);
        return;
    }
    if (group->suspicion != GROUP_NEIGHBOUR_STORED)
        streak_note_failure(a->streak, group, failure);
    resolve_all(a, group->n_items == 1 ? "order.failed" : "group.failed", ingest_verdict_of(fault));
}

static void try_again(struct attempt *a, const struct store_failure *failure)
{
    if (a->group.suspicion != GROUP_NEIGHBOUR_STORED)
        streak_note_failure(a->streak, &a->group, failure);
    resolve_put_back(a, &failure->err, failure->retry);
}

static void note_doubt(struct attempt *a, const struct store_failure *failure)
{
    if (failure->in_doubt)
        group_move_sending(&a->group, GROUP_IN_DOUBT);
}

void resolve_apart(struct attempt *a, const struct store_failure *failure)
{
    note_doubt(a, failure);
    group_suspect(&a->group);
    resolve_put_back(a, &failure->err, failure->retry);
}

void resolve_failure(struct attempt *a, const struct store_failure *failure, bool whole)
{
    struct ingest_group *group = &a->group;
    note_doubt(a, failure);
    resolve_reason(a, &failure->err, failure->fault);

    switch (failure->action) {
    case STORE_RETRY:
        try_again(a, failure);
        return;
    case STORE_RETRY_THEN_SPLIT:
        group_suspect(group);
        group->blocked++;
        if (group->blocked >= BLOCKED_MAX && !whole && !group->stalled &&
            group->suspicion != GROUP_FAILED_ALIKE)
            split(a, &failure->err);
        else
            try_again(a, failure);
        return;
    case STORE_SPLIT:
    case STORE_SPLIT_OR_FAIL:
        if (whole)
            end_by_fault(a, failure);
        else
            split(a, &failure->err);
        return;
    case STORE_FAIL:
        end_by_fault(a, failure);
        return;
    case STORE_UNAVAILABLE:
        if (failure->down && group->sending != GROUP_IN_DOUBT)
            resolve_all(a, "group.unavailable", ITEM_UNAVAILABLE);
        else
            resolve_put_back(a, &failure->err, RETRY_UNAVAILABLE);
        return;
    case STORE_ELSEWHERE:
        resolve_all(a, "group.elsewhere", ITEM_UNKNOWN);
        return;
    }
}

void resolve_pending(struct attempt *a)
{
    struct err why;
    err_set(&why, ERR_RETRYABLE, "the order was neither inserted nor found");
    resolve_reason(a, &why, FAULT_SERVICE);
    if (++a->group.rounds >= ROUNDS_MAX)
        resolve_all(a, "group.failed", ITEM_FAILED);
    else
        resolve_put_back(a, &why, RETRY_SERVER);
}

static enum item_verdict verdict_of(const struct ingest_item *item)
{
    switch (item->own.put.verdict) {
    case PUT_CREATED:
        return ITEM_CREATED;
    case PUT_REPLAYED:
        return ITEM_REPLAYED;
    case PUT_REUSED:
        return ITEM_REUSED;
    case PUT_ABSENT:
        return item->order.replay_only ? ITEM_INVALID : ITEM_STALE;
    case PUT_REFUSED:
        return ITEM_REFUSED;
    case PUT_ROLLED_BACK:
        return ITEM_BATCH_REFUSED;
    case PUT_PENDING:
        break;
    }
    return ITEM_UNKNOWN; /* not reached: a pending order stays in its group */
}

/* Called for a duplicate in a group of GROUP_COMPARE. The stored order has been deleted, so there
 * is nothing to compare with, and the next group writes the duplicate. */
static void write_after_all(struct attempt *a, struct ingest_item *item)
{
    item->own.put.verdict = PUT_PENDING;
    item->own.lookup_decided = false;
    items_push(&a->to_write, item);
}

/* Ends an order of an atomic group that was rolled back because of this order or of another one. If
 * the group is in doubt, the order ends as UNKNOWN: an earlier attempt may have stored it. */
static void end_rolled_back(struct attempt *a, struct ingest_item *item, const struct err *refusal)
{
    enum item_verdict verdict = verdict_of(item);
    if (a->group.sending == GROUP_IN_DOUBT) {
        verdict = ITEM_UNKNOWN;
    } else if (verdict == ITEM_REFUSED) {
        item_note_err(item, refusal);
        item->fault = FAULT_ORDER;
        a->options->on_event(a->options->ctx, "order.refused", refusal, 1);
    }
    end_order(a, item, verdict);
}

void resolve_verdicts(struct attempt *a, const struct err *refusal)
{
    struct fifo pending = { NULL, NULL };
    a->n_created = 0;
    for (struct ingest_item *item; (item = items_pop(&a->group.items)) != NULL;) {
        const struct order_put *put = &item->own.put;
        a->n_created += !put->skip && put->verdict == PUT_CREATED;
        if (put->skip)
            end_order(a, item, ITEM_TIMED_OUT);
        else if (put->verdict == PUT_ABSENT && a->group.kind == GROUP_COMPARE)
            write_after_all(a, item);
        else if (put->verdict == PUT_REFUSED || put->verdict == PUT_ROLLED_BACK)
            end_rolled_back(a, item, refusal);
        else if (put->verdict != PUT_PENDING)
            end_order(a, item, verdict_of(item));
        else
            items_push(&pending, item);
    }
    if (a->n_created > 0)
        streak_note_stored(a->streak);
    a->group.items = pending;
    group_measure(&a->group);
}
