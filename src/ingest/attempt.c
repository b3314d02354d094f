/* attempt.c - see attempt.h.
 *
 * Doubt is the group's: once an attempt may have stored something, whatever is left of the group
 * and of its pieces stays in doubt, and no refusal of it may say "not stored". What a failure says
 * of the whole group (no database, no time, a fault of ours) it says of the followers too; a
 * verdict on one order is its own, and its followers go on: to be compared with it if it was
 * stored, else the first of them leads. */
#include "ingest/attempt.h"

#include "base/clock.h"

enum {
    ATTEMPTS_IN_TIME = 3, /* one has at most this part of commit_timeout */
    BLOCKED_MAX = 2,      /* STORE_RETRY_THEN_SPLIT: split from this failure on */
    ROUNDS_MAX = 8,       /* successes that leave an order pending */
    PAUSE_DOUBLINGS = 6,
};

static const int64_t pause_first_ns = 20 * NS_PER_MS;
static const int64_t pause_max_ns = NS_PER_S;

/* ---- ends ---- */

static void end_item(struct attempt *a, struct ingest_item *item, enum item_verdict verdict)
{
    item->verdict = item_claim(item) ? verdict : ITEM_TIMED_OUT;
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

/* The end of a leader and of all that follow it. What was only looked up was never written. */
static void end_chain(struct attempt *a, struct ingest_item *leader, enum item_verdict certain)
{
    enum item_verdict verdict = a->group.in_doubt ? ITEM_UNKNOWN : certain;
    if (leader->put.lookup_only)
        verdict = ITEM_UNAVAILABLE;
    struct ingest_item *next;
    for (struct ingest_item *follower = leader->followers; follower != NULL; follower = next) {
        next = follower->next;
        follower->err = leader->err;
        end_item(a, follower, verdict);
    }
    leader->followers = NULL;
    end_leader(a, leader, verdict);
}

/* Ends all that is left of the group: in doubt UNKNOWN, else as said. */
static void end_group(struct attempt *a, const char *event, enum item_verdict certain)
{
    struct ingest_item *next;
    a->options->on_event(a->options->ctx, event, &a->group.first->err, a->group.n_items);
    for (struct ingest_item *leader = a->group.first; leader != NULL; leader = next) {
        next = leader->next;
        end_chain(a, leader, certain);
    }
    a->group.first = NULL;
}

/* The group is one order, and the failure is about that order. */
static void end_alone(struct attempt *a, const char *event, enum item_verdict certain)
{
    struct ingest_item *leader = a->group.first;
    if (a->group.in_doubt || leader->put.lookup_only) {
        end_group(a, event, certain);
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

static void put_back(struct attempt *a, const struct err *why, enum ingest_retry reason)
{
    struct ingest_group *group = &a->group;
    int64_t due_at_ns = clock_after(clock_now_ns(), pause_ns(group->failures++, &a->random));
    group->due_at_ns = clock_min(due_at_ns, group->deadline_at_ns);
    a->outcome->back[a->outcome->n_back++] = *group;
    counter_add(&a->metrics->retries[reason], 1);
    a->options->on_event(a->options->ctx, "group.retry", why, group->n_items);
}

static void split(struct attempt *a, const struct err *why)
{
    group_split(&a->group, a->outcome);
    counter_add(&a->metrics->splits, 1);
    a->options->on_event(a->options->ctx, "group.split", why, a->group.n_items);
}

static enum ingest_retry retry_reason(const struct store_failure *failure)
{
    const char *code = failure->err.code;
    if (failure->action == STORE_UNAVAILABLE)
        return RETRY_UNAVAILABLE;
    if (code[0] == '\0' || strncmp(code, "08", 2) == 0 || strncmp(code, "57P", 3) == 0 ||
        strcmp(code, "25006") == 0)
        return RETRY_LOST;
    if (strncmp(code, "40", 2) == 0 || strncmp(code, "55", 2) == 0 || strcmp(code, "57014") == 0)
        return RETRY_LOCK;
    return RETRY_SERVER;
}

/* ---- what the end of an attempt says ---- */

static void note_reason(struct attempt *a, const struct err *why)
{
    for (struct ingest_item *leader = a->group.first; leader != NULL; leader = leader->next)
        leader->err = *why;
}

/* The attempt failed, and the orders left in the group have no verdict. Alone: it was at one order,
 * so that a fault of one is a fault of this one. */
static void sort_out_failure(struct attempt *a, const struct store_failure *failure, bool alone)
{
    struct ingest_group *group = &a->group;
    group->in_doubt |= failure->in_doubt;
    note_reason(a, &failure->err);

    switch (failure->action) {
    case STORE_RETRY:
        put_back(a, &failure->err, retry_reason(failure));
        return;
    case STORE_RETRY_THEN_SPLIT:
        group->suspect = true;
        if (++group->blocked >= BLOCKED_MAX && !alone)
            split(a, &failure->err);
        else
            put_back(a, &failure->err, retry_reason(failure));
        return;
    case STORE_SPLIT:
    case STORE_SPLIT_OR_FAIL:
        if (!alone)
            split(a, &failure->err);
        else if (failure->action == STORE_SPLIT)
            end_alone(a, "order.refused", ITEM_REFUSED);
        else
            end_alone(a, "order.failed", ITEM_FAILED);
        return;
    case STORE_FAIL:
        end_group(a, "group.failed", ITEM_FAILED);
        return;
    case STORE_UNAVAILABLE:
        if (failure->down && !group->in_doubt)
            end_group(a, "group.unavailable", ITEM_UNAVAILABLE);
        else
            put_back(a, &failure->err, RETRY_UNAVAILABLE);
        return;
    }
}

/* The attempt succeeded, and some keys were in neither answer of the store. */
static void sort_out_pending(struct attempt *a)
{
    struct err why;
    err_set(&why, ERR_RETRYABLE, "the order was neither inserted nor found");
    note_reason(a, &why);
    if (++a->group.rounds >= ROUNDS_MAX)
        end_group(a, "group.failed", ITEM_FAILED);
    else
        put_back(a, &why, RETRY_SERVER);
}

static enum item_verdict verdict_of(enum put_verdict verdict)
{
    switch (verdict) {
    case PUT_CREATED:
        return ITEM_CREATED;
    case PUT_REPLAYED:
        return ITEM_REPLAYED;
    case PUT_REUSED:
        return ITEM_REUSED;
    case PUT_ABSENT:
        return ITEM_STALE;
    case PUT_PENDING:
        break;
    }
    return ITEM_UNKNOWN; /* not reached: pending orders stay in their group */
}

/* What it was to be compared with has been deleted since. */
static void lead_again(struct attempt *a, struct ingest_item *item)
{
    item->put.verdict = PUT_PENDING;
    items_push(&a->next, item);
}

/* Verdicts are final, whatever else the attempt came to. */
static void take_verdicts(struct attempt *a)
{
    struct items pending = { NULL, NULL };
    struct ingest_item *next;
    for (struct ingest_item *leader = a->group.first; leader != NULL; leader = next) {
        next = leader->next;
        if (leader->put.skip)
            end_leader(a, leader, ITEM_TIMED_OUT);
        else if (leader->put.verdict == PUT_ABSENT && a->group.known)
            lead_again(a, leader);
        else if (leader->put.verdict != PUT_PENDING)
            end_leader(a, leader, verdict_of(leader->put.verdict));
        else
            items_push(&pending, leader);
    }
    a->group.first = pending.first;
    group_measure(&a->group);
}

/* ---- the attempt ---- */

/* The last moment to say no: an order that has expired stays behind, one that is too old by now is
 * only looked up. From here on the deadline's keeper cannot have it any more. */
static void before_send(void *arg, struct put_group *put_group)
{
    (void)put_group;
    struct attempt *a = arg;
    int64_t now_us = clock_wall_us();
    for (struct ingest_item *leader = a->group.first; leader != NULL; leader = leader->next) {
        if (!a->group.sent)
            leader->put.lookup_only = a->group.known || order_is_stale(&leader->order, now_us);
        leader->put.skip = leader->put.lookup_only ? item_expired(leader) : !item_claim(leader);
        if (leader->put.skip)
            continue;
        a->n_sent += !leader->put.lookup_only;
        for (struct ingest_item *f = leader->followers; f != NULL; f = f->next)
            (void)item_claim(f); /* an expired one leaves before the next attempt */
    }
    a->group.sent = true;
}

/* False: all of it had expired. */
static bool prepare(struct attempt *a, const struct ingest_group *group,
                    struct group_outcome *outcome)
{
    struct items expired = { NULL, NULL };
    a->outcome = outcome;
    a->group = *group;
    a->next = a->known = (struct items){ NULL, NULL };
    a->n_sent = 0;
    group_prepare(&a->group, a->puts, &expired);
    for (struct ingest_item *item; (item = items_pop(&expired)) != NULL;)
        end_item(a, item, ITEM_TIMED_OUT);
    return a->group.n > 0;
}

static void count_commit(struct attempt *a, bool ok)
{
    if (a->n_sent == 0)
        return; /* nothing went out */
    counter_add(ok ? &a->metrics->commits_ok : &a->metrics->commits_failed, 1);
    if (ok)
        histogram_observe(&a->metrics->group_orders, a->n_sent);
}

static void put(struct attempt *a, int64_t now_ns, int64_t stop_at_ns)
{
    const struct order_store *store = a->options->store;
    int64_t limit_at_ns = clock_after(now_ns, a->options->commit_timeout_ns / ATTEMPTS_IN_TIME);
    struct put_group put_group = {
        .puts = a->puts,
        .n = a->group.n,
        .in_doubt = a->group.in_doubt,
        .deadline_at_ns = clock_min(clock_min(limit_at_ns, stop_at_ns), a->group.deadline_at_ns),
        .before_send = before_send,
        .arg = a,
    };
    struct store_failure failure = { .action = STORE_RETRY };
    bool first = !a->group.sent && a->group.failures == 0;
    bool alone = a->group.n == 1;
    bool ok = store->put(store->ctx, &put_group, &failure);

    count_commit(a, ok);
    if (ok && first && a->n_sent > 0)
        a->outcome->first_attempt_ns = clock_now_ns() - now_ns;
    take_verdicts(a);
    if (a->group.first != NULL && ok)
        sort_out_pending(a);
    else if (a->group.first != NULL)
        sort_out_failure(a, &failure, alone);
}

void attempt_run(struct attempt *a, const struct ingest_group *group, int64_t stop_at_ns,
                 struct group_outcome *outcome)
{
    if (!prepare(a, group, outcome))
        return;
    int64_t now_ns = clock_now_ns();
    if (now_ns >= a->group.deadline_at_ns) {
        end_group(a, "group.timed_out", ITEM_TIMED_OUT);
        return;
    }
    put(a, now_ns, stop_at_ns);
    if (a->next.first != NULL)
        outcome->back[outcome->n_back++] = group_form(a->next.first);
    if (a->known.first != NULL)
        outcome->back[outcome->n_back++] = group_of_known(a->known.first);
}

void attempt_abandon(struct attempt *a, const struct ingest_group *group,
                     struct group_outcome *outcome)
{
    if (!prepare(a, group, outcome))
        return;
    struct err why;
    err_set(&why, ERR_RETRYABLE, "shut down before the order was stored");
    note_reason(a, &why);
    end_group(a, "group.abandoned", ITEM_UNAVAILABLE);
}
