/* queue.c - admits orders to the queue, and chooses the next work of a worker. */
#include "ingest/queue.h"

#include "base/check.h"
#include "base/clock.h"
#include "ingest/queue_rules.h"
#include "ingest/retry_heap.h"

bool queue_init(struct queue *queue, const struct ingest_options *options)
{
    *queue = (struct queue){ .options = options, .stop_at_ns = CLOCK_NEVER };
    queue->suspects_max = options->workers > 1 ? options->workers / 2 : 1;
    queue->stalled_max = options->workers > 4 ? options->workers / 4 : 1;
    pace_init(&queue->pace, options->workers);
    if (!heap_reserve(&queue->retries, options->capacity) ||
        !heap_reserve(&queue->suspects, options->capacity) ||
        !stalled_init(&queue->stalled, options->capacity)) {
        heap_fini(&queue->suspects);
        heap_fini(&queue->retries);
        return false;
    }
    work_queue_init(&queue->work);
    cond_init(&queue->empty);
    return true;
}

void queue_fini(struct queue *queue) NO_TSA
{
    CHECK(queue->held == 0);
    cond_fini(&queue->empty);
    work_queue_fini(&queue->work);
    stalled_fini(&queue->stalled);
    heap_fini(&queue->suspects);
    heap_fini(&queue->retries);
}

/* ---- waking ---- */

/* Wakes a worker for the new items, if a group of them may begin now, or if no worker watches the
 * groups in flight yet. */
static void wake_for_fresh(struct queue *queue) REQUIRES(queue->work.mu)
{
    if (queue_fresh_allowed(queue) || (queue->fresh.n > 0 && !queue->watched))
        work_queue_wake(&queue->work);
}

static void wait_for_work(struct queue *queue) REQUIRES(queue->work.mu)
{
    int64_t until_ns = retry_heap_first_at_ns(&queue->retries);
    const bool watches = !queue->watched && queue_is_blocked(queue);
    if (queue_suspect_allowed(queue))
        until_ns = clock_min(until_ns, retry_heap_first_at_ns(&queue->suspects));
    until_ns = clock_min(until_ns, stalled_due_at_ns(&queue->stalled));
    if (watches)
        until_ns = clock_min(until_ns,
                             in_flight_overdue_at_ns(&queue->in_flight, queue_patience_ns(queue)));
    queue->watched |= watches;
    (void)work_queue_wait(&queue->work, until_ns);
    if (watches)
        queue->watched = false;
}

/* ---- in ---- */

static struct turns_sums measure(const struct fifo *items)
{
    struct turns_sums sums = { .n = 0 };
    LIST_EACH (item, items, struct ingest_item, link) {
        sums.n++;
        sums.bytes += item_bytes(item);
        sums.metadata += item->order.metadata_len;
    }
    return sums;
}

enum ingest_rc queue_submit(struct queue *queue, struct fifo *items, int64_t *retry_after_ns)
{
    const struct turns_sums sums = measure(items);
    mutex_lock(&queue->work.mu);
    enum ingest_rc rc = queue_admit(queue, items, &sums, retry_after_ns);
    if (rc == INGEST_OK) {
        turns_add(&queue->fresh, items, &sums);
        queue->depth += sums.n;
        queue->held += sums.n;
        queue->bytes += sums.bytes;
        if (queue->coming == 0)
            wake_for_fresh(queue);
    }
    mutex_unlock(&queue->work.mu);
    return rc;
}

/* ---- out ---- */

static bool is_due(const struct heap *heap, int64_t now_ns)
{
    return heap->n > 0 && retry_heap_first_at_ns(heap) <= now_ns;
}

/* Returns true if a worker whose last work was `work` may take a suspect group now. */
static bool suspect_is_next(const struct queue *queue, const struct queue_work *work,
                            int64_t now_ns) REQUIRES(queue->work.mu)
{
    bool fresh_first = work->suspect && queue->fresh.n > 0;
    return is_due(&queue->suspects, now_ns) && queue_suspect_allowed(queue) && !fresh_first;
}

/* Takes the next group of a stalled account. Items that were set aside, and whose account is not
 * stalled any more, are new items again. */
static bool take_stalled(struct queue *queue, int64_t now_ns, struct queue_work *work)
    REQUIRES(queue->work.mu)
{
    while (stalled_take(&queue->stalled, now_ns, queue_stalled_allowed(queue), &work->group,
                        &work->stalled)) {
        if (work->group.n > 0 || !work->stalled.well)
            return true;
        const struct turns_sums sums = measure(&work->group.items);
        turns_add(&queue->fresh, &work->group.items, &sums);
    }
    return false;
}

/* Takes new items for a group, without those of stalled accounts. */
static bool take_fresh(struct queue *queue, int64_t now_ns, struct queue_work *work)
    REQUIRES(queue->work.mu)
{
    while (queue_fresh_allowed(queue)) {
        work->group = turns_take(&queue->fresh, queue->options->group_max);
        stalled_set_aside(&queue->stalled, &work->group, now_ns);
        if (work->group.n_items > 0)
            return true;
    }
    return false;
}

/* Takes the next group: a retry that is due, else a suspect group, else one of a stalled account,
 * else fresh items. Returns false if the worker has to wait. */
static bool take_ready(struct queue *queue, int64_t now_ns, struct queue_work *work)
    REQUIRES(queue->work.mu)
{
    bool suspect = false, stalled = false;
    if (is_due(&queue->retries, now_ns)) {
        work->group = retry_heap_pop(&queue->retries);
    } else if (suspect_is_next(queue, work, now_ns)) {
        work->group = retry_heap_pop(&queue->suspects);
        suspect = true;
    } else if (take_stalled(queue, now_ns, work)) {
        stalled = true;
    } else if (!take_fresh(queue, now_ns, work)) {
        return false;
    }
    work->suspect = suspect;
    work->in_flight.stalled = stalled;
    work->leftover = false;
    work->stop_at_ns = queue->stop_at_ns;
    return true;
}

/* Takes any group, due or not, suspect or not. Returns false if no group is left. */
static bool take_leftover(struct queue *queue, struct queue_work *work) REQUIRES(queue->work.mu)
{
    if (queue->fresh.n > 0)
        work->group = turns_take(&queue->fresh, queue->options->group_max);
    else if (queue->retries.n > 0)
        work->group = retry_heap_pop(&queue->retries);
    else if (queue->suspects.n > 0)
        work->group = retry_heap_pop(&queue->suspects);
    else if (queue->stalled.groups.n > 0)
        work->group = stalled_take_any(&queue->stalled);
    else
        return false;
    work->suspect = work->in_flight.stalled = false;
    work->leftover = true;
    return true;
}

/* As queue_take(), with the lock held. */
static bool take_or_wait(struct queue *queue, struct queue_work *work) REQUIRES(queue->work.mu)
{
    for (;;) {
        int64_t now_ns = clock_now_ns();
        work->in_flight.begun_at_ns = now_ns;
        if (now_ns >= queue->stop_at_ns)
            return take_leftover(queue, work);
        in_flight_find_overdue(&queue->in_flight, queue_patience_ns(queue), now_ns);
        if (take_ready(queue, now_ns, work))
            return true;
        wait_for_work(queue);
    }
}

static void count_taken(struct queue *queue, struct queue_work *work) REQUIRES(queue->work.mu)
{
    work->in_flight.orders = work->group.n_items;
    work->in_flight.suspect = work->suspect;
    in_flight_add(&queue->in_flight, &work->in_flight);
    queue->depth -= work->group.n_items;
    if (queue->retries.n > 0 || queue->suspects.n > 0 || queue->stalled.groups.n > 0)
        work_queue_wake(&queue->work);
    wake_for_fresh(queue);
}

bool queue_take(struct queue *queue, struct queue_work *work)
{
    mutex_lock(&queue->work.mu);
    queue->coming -= work->returned;
    work->returned = false;
    bool taken = take_or_wait(queue, work);
    if (taken)
        count_taken(queue, work);
    mutex_unlock(&queue->work.mu);
    if (taken && work->group.n == 0)
        work->group = work->group.kind == GROUP_ATOMIC ? group_of_batch(work->group.items)
                                                       : group_form(work->group.items);
    if (taken)
        work->group.stalled = work->in_flight.stalled && work->stalled.account_id[0] != '\0';
    return taken;
}

/* The sums over items that have a verdict. */
struct done {
    uint32_t n;
    uint64_t bytes;
    uint64_t received_at_ns; /* the sum, modulo 2^64 */
};

static struct done sum_done(const struct fifo *items)
{
    struct done done = { .n = 0 };
    LIST_EACH (item, items, const struct ingest_item, link) {
        done.n++;
        done.bytes += item_bytes(item);
        done.received_at_ns += (uint64_t)item->received_at_ns;
    }
    return done;
}

/* Tells the pace of a group that has ended. Does nothing if took_ns is 0: the attempt was not the
 * first one, failed or sent no INSERT, so its duration is not typical. */
static void note_pace(struct queue *queue, const struct done *done, int64_t took_ns, int64_t now_ns)
    REQUIRES(queue->work.mu)
{
    if (took_ns == 0)
        return;
    pace_note(&queue->pace, &(struct pace_sample){
                                .now_ns = now_ns,
                                .took_ns = took_ns,
                                .orders = done->n,
                                .age_ns = done->n * (uint64_t)now_ns - done->received_at_ns,
                                .waiting = queue->fresh.n > 0,
                            });
}

static void put_back(struct queue *queue, const struct ingest_group *group, int64_t now_ns)
    REQUIRES(queue->work.mu)
{
    queue->depth += group->n_items;
    if (!stalled_keep(&queue->stalled, group, now_ns))
        retry_heap_push(group->suspicion == GROUP_TRUSTED ? &queue->retries : &queue->suspects,
                        group);
}

void queue_return(struct queue *queue, struct queue_work *work, const struct group_outcome *outcome)
{
    const struct done done = sum_done(&outcome->done);
    const int64_t now_ns = clock_now_ns();
    mutex_lock(&queue->work.mu);
    stalled_note(&queue->stalled, outcome, now_ns);
    if (work->in_flight.stalled)
        stalled_end(&queue->stalled, &work->stalled, now_ns);
    for (size_t i = 0; i < outcome->n_back; i++)
        put_back(queue, &outcome->back[i], now_ns);
    queue->held -= done.n;
    queue->bytes -= done.bytes;
    queue->coming++;
    work->returned = true;
    in_flight_remove(&queue->in_flight, &work->in_flight);
    note_pace(queue, &done, outcome->first_attempt_ns, now_ns);
    if (queue->held == 0 && queue->draining)
        cond_broadcast(&queue->empty);
    mutex_unlock(&queue->work.mu);
}

/* ---- the end ---- */

void queue_drain(struct queue *queue)
{
    mutex_lock(&queue->work.mu);
    queue->draining = true;
    mutex_unlock(&queue->work.mu);
}

void queue_stop(struct queue *queue, int64_t deadline_at_ns)
{
    mutex_lock(&queue->work.mu);
    queue->draining = true;
    queue->stop_at_ns = deadline_at_ns;
    bool in_time = true;
    while (queue->held > 0 && in_time)
        in_time = cond_wait_until(&queue->empty, &queue->work.mu, deadline_at_ns);
    queue->stop_at_ns = 0;
    mutex_unlock(&queue->work.mu);
    work_queue_end(&queue->work);
}

static int64_t oldest_age_ns(const struct queue *queue) REQUIRES(queue->work.mu)
{
    int64_t retries_at_ns = clock_min(retry_heap_oldest_at_ns(&queue->retries),
                                      retry_heap_oldest_at_ns(&queue->suspects));
    int64_t oldest_at_ns = clock_min(clock_min(turns_oldest_at_ns(&queue->fresh), retries_at_ns),
                                     stalled_oldest_at_ns(&queue->stalled));
    int64_t now_ns = clock_now_ns();
    return oldest_at_ns < now_ns ? now_ns - oldest_at_ns : 0;
}

void queue_gauges(struct queue *queue, struct ingest_gauges *out)
{
    mutex_lock(&queue->work.mu);
    *out = (struct ingest_gauges){
        .depth = queue->depth,
        .capacity = queue->options->capacity,
        .bytes = queue->bytes,
        .oldest_age_ns = oldest_age_ns(queue),
        .workers = queue->options->workers,
        .workers_busy = queue->in_flight.all,
        .accounts_stalled = queue->stalled.n,
        .groups_allowed = pace_groups(&queue->pace),
        .estimated_wait_ns = queue_estimated_wait_ns(queue),
    };
    mutex_unlock(&queue->work.mu);
}
