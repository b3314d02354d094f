/* resolve.c - see resolve.h.
 *
 * Doubt is the group's: once an attempt may have stored something, whatever is left of the group
 * and of its pieces stays in doubt, and no refusal of it may say "not stored". What a failure says
 * of the whole group (no database, no time, a fault of ours) it says of the followers too; a
 * verdict on one order is its own, and its followers go on: to be compared with it if it was
 * stored, else the first of them leads. An atomic group is tried again whole, and never split. */
#include "ingest/resolve.h"

#include "base/clock.h"

enum {
    BLOCKED_MAX = 2, /* STORE_RETRY_THEN_SPLIT: split from this failure on */
    ROUNDS_MAX = 8,  /* successes that leave an order pending */
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

static bool is_stored(enum item_verdict verdict)
{
    return verdict == ITEM_CREATED || verdict == ITEM_REPLAYED || verdict == ITEM_REUSED;
}

/* The end of one order. Its followers make their own way. */
static void end_leader(struct attempt *a, struct ingest_item *leader, enum item_verdict verdict)
{
    struct items *way = is_stored(verdict) ? &a->known : &a->next;
    struct ingest_item *next;
    for (struct ingest_item *follower = leader->followers; follower != NULL; follower = next) {
        next = follower->next;
        items_push(way, follower);
    }
    leader->followers = NULL;
    if (a->group.in_doubt && !leader->put.lookup_only)
        count_resolved(a, verdict);
    end_item(a, leader, verdict);
}

/* The end of a leader and of all that follow it. What was only looked up was never written; but in
 * an atomic group it is as all of the group is. */
static void end_chain(struct attempt *a, struct ingest_item *leader, enum item_verdict certain)
{
    enum item_verdict verdict = a->group.in_doubt ? ITEM_UNKNOWN : certain;
    if (leader->put.lookup_only && !a->group.atomic)
        verdict = ITEM_UNAVAILABLE;
    struct ingest_item *next;
    for (struct ingest_item *follower = leader->followers; follower != NULL; follower = next) {
        next = follower->next;
        follower->err = leader->err;
        follower->fault = leader->fault;
        end_item(a, follower, verdict);
    }
    leader->followers = NULL;
    end_leader(a, leader, verdict);
}

void settle_all(struct attempt *a, const char *event, enum item_verdict certain)
{
    struct ingest_item *next;
    a->options->on_event(a->options->ctx, event, &a->group.first->err, a->group.n_items);
    for (struct ingest_item *leader = a->group.first; leader != NULL; leader = next) {
        next = leader->next;
        end_chain(a, leader, certain);
    }
    a->group.first = NULL;
}

/* The group is one order, or atomic, and the failure is about what it holds. */
static void end_whole(struct attempt *a, const char *event, enum item_verdict certain)
{
    struct ingest_item *leader = a->group.first;
    if (a->group.in_doubt || a->group.atomic || leader->put.lookup_only) {
        settle_all(a, event, certain);
        return;
    }
    a->options->on_event(a->options->ctx, event, &leader->err, 1);
    end_leader(a, leader, certain);
    a->group.first = NULL;
}

/* ---- another attempt ---- */

/* Full jitter: anything up to a bound that doubles with each failure. */
static int64_t pause_ns(uint32_t failures, uint64_t *random)
{
    uint32_t doublings = failures < PAUSE_DOUBLINGS ? failures : PAUSE_DOUBLINGS;
    int64_t bound_ns = clock_min(pause_first_ns << doublings, pause_max_ns);
    *random ^= *random << 13; /* xorshift64 */
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (int64_t)(*random % (uint64_t)bound_ns);
}

void settle_put_back(struct attempt *a, const struct err *why, enum retry_reason reason)
{
    struct ingest_group *group = &a->group;
    int64_t due_at_ns = clock_after(clock_now_ns(), pause_ns(group->failures++, &a->random));
    group->due_at_ns = clock_min(due_at_ns, group->deadline_at_ns);
    a->outcome->back[a->outcome->n_back++] = *group;
    counter_add(&a->metrics->retries[reason], 1);
    a->options->on_event(a->options->ctx, "group.retry", why, group->n_items);
}

void settle_count_split(struct attempt *a, const struct err *why, size_t n_items)
{
    counter_add(&a->metrics->splits, 1);
    a->options->on_event(a->options->ctx, "group.split", why, n_items);
}

static void split(struct attempt *a, const struct err *why)
{
    group_split(&a->group, a->outcome);
    settle_count_split(a, why, a->group.n_items);
}

/* ---- what the end of an attempt says ---- */

void settle_reason(struct attempt *a, const struct err *why, enum store_fault fault)
{
    for (struct ingest_item *leader = a->group.first; leader != NULL; leader = leader->next) {
        leader->err = *why;
        leader->fault = fault;
    }
}

bool settle_is_blocked(const struct ingest_group *group)
{
    return group->blocked + 1 >= BLOCKED_MAX;
}

/* The remainder of the group fails by one fault. A fault of an order is that order's alone, and the
 * duplicates go on; any other fault is that of the duplicates, too. */
static void end_by_fault(struct attempt *a, const struct store_failure *failure)
{
    const struct ingest_group *group = &a->group;
    const bool of_order = failure->action == STORE_SPLIT ||
                          (failure->unless_neighbour_stored && group->neighbour_stored);
    const enum store_fault fault = of_order ? FAULT_ORDER : failure->fault;
    settle_reason(a, &failure->err, fault);
    if (of_order) {
        end_whole(a, "order.refused", ITEM_REFUSED);
        return;
    }
    if (!group->neighbour_stored)
        streak_note_failure(a->streak, group, failure);
    settle_all(a, group->n_items == 1 ? "order.failed" : "group.failed", ingest_verdict_of(fault));
}

static void try_again(struct attempt *a, const struct store_failure *failure)
{
    if (!a->group.neighbour_stored)
        streak_note_failure(a->streak, &a->group, failure);
    settle_put_back(a, &failure->err, failure->retry);
}

void settle_apart(struct attempt *a, const struct store_failure *failure)
{
    a->group.in_doubt |= failure->in_doubt;
    a->group.suspect = true;
    settle_put_back(a, &failure->err, failure->retry);
}

void settle_failure(struct attempt *a, const struct store_failure *failure, bool whole)
{
    struct ingest_group *group = &a->group;
    group->in_doubt |= failure->in_doubt;
    settle_reason(a, &failure->err, failure->fault);

    switch (failure->action) {
    case STORE_RETRY:
        try_again(a, failure);
        return;
    case STORE_RETRY_THEN_SPLIT:
        group->suspect = true;
        group->blocked++;
        if (group->blocked >= BLOCKED_MAX && !whole && !group->failed_alike)
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
        if (failure->down && !group->in_doubt)
            settle_all(a, "group.unavailable", ITEM_UNAVAILABLE);
        else
            settle_put_back(a, &failure->err, RETRY_UNAVAILABLE);
        return;
    case STORE_ELSEWHERE:
        settle_all(a, "group.elsewhere", ITEM_UNKNOWN);
        return;
    }
}

void settle_pending(struct attempt *a)
{
    struct err why;
    err_set(&why, ERR_RETRYABLE, "the order was neither inserted nor found");
    settle_reason(a, &why, FAULT_SERVICE);
    if (++a->group.rounds >= ROUNDS_MAX)
        settle_all(a, "group.failed", ITEM_FAILED);
    else
        settle_put_back(a, &why, RETRY_SERVER);
}

static enum item_verdict verdict_of(const struct ingest_item *item)
{
    switch (item->put.verdict) {
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
    return ITEM_UNKNOWN; /* not reached: pending orders stay in their group */
}

/* What it was to be compared with has been deleted since. */
static void lead_again(struct attempt *a, struct ingest_item *item)
{
    item->put.verdict = PUT_PENDING;
    item->lookup_decided = false;
    items_push(&a->next, item);
}

/* An order of an atomic group that was rolled back, for a reason of the database's or for another's
 * sake. In doubt that is no word on what an earlier attempt did. */
static void end_rolled_back(struct attempt *a, struct ingest_item *item, const struct err *refusal)
{
    enum item_verdict verdict = verdict_of(item);
    if (a->group.in_doubt) {
        verdict = ITEM_UNKNOWN;
    } else if (verdict == ITEM_REFUSED) {
        item->err = *refusal;
        item->fault = FAULT_ORDER;
        a->options->on_event(a->options->ctx, "order.refused", refusal, 1);
    }
    end_leader(a, item, verdict);
}

void settle_verdicts(struct attempt *a, const struct err *refusal)
{
    struct items pending = { NULL, NULL };
    struct ingest_item *next;
    a->n_created = 0;
    for (struct ingest_item *leader = a->group.first; leader != NULL; leader = next) {
        next = leader->next;
        a->n_created += !leader->put.skip && leader->put.verdict == PUT_CREATED;
        if (leader->put.skip)
            end_leader(a, leader, ITEM_TIMED_OUT);
        else if (leader->put.verdict == PUT_ABSENT && a->group.known)
            lead_again(a, leader);
        else if (leader->put.verdict == PUT_REFUSED || leader->put.verdict == PUT_ROLLED_BACK)
            end_rolled_back(a, leader, refusal);
        else if (leader->put.verdict != PUT_PENDING)
            end_leader(a, leader, verdict_of(leader));
        else
            items_push(&pending, leader);
    }
    if (a->n_created > 0)
        streak_note_stored(a->streak);
    a->group.first = pending.first;
    group_measure(&a->group);
}
