/* queue.c - admits orders to the queue, and chooses the next work of a worker. */
#include "ingest/queue.h"

#include "base/check.h"
#include "base/clock.h"
#include "ingest/retry_heap.h"

/* A group is overdue when it has taken OVERDUE_GROUPS times as long as usual, and overdue_min_ns at
 * least. */
enum { OVERDUE_GROUPS = 4 };
static const int64_t overdue_min_ns = 20 * NS_PER_MS;

/* The shortest *retry_after_ns that a full or draining queue reports. */
static const int64_t room_after_ns = 100 * NS_PER_MS;

bool queue_init(struct queue *queue, const struct ingest_options *options)
{
    *queue = (struct queue){ .options = options, .stop_at_ns = CLOCK_NEVER };
    queue->suspects_max = options->workers > 1 ? options->workers / 2 : 1;
    pace_init(&queue->pace, options->workers);
    if (!heap_reserve(&queue->retries, options->capacity) ||
        !heap_reserve(&queue->suspects, options->capacity)) {
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
    heap_fini(&queue->suspects);
    heap_fini(&queue->retries);
}

/* ---- waking ---- */

static int64_t patience_ns(const struct queue *queue) REQUIRES(queue->work.mu)
{
    int64_t ns = queue->pace.group_ns * OVERDUE_GROUPS;
    return ns > overdue_min_ns ? ns : overdue_min_ns;
}

static bool fresh_allowed(const struct queue *queue) REQUIRES(queue->work.mu)
{
    const uint32_t waiting = queue->fresh.n, group_max = queue->options->group_max;
    return waiting > 0 && pace_may_begin(&queue->pace, waiting < group_max ? waiting : group_max,
                                         queue->in_flight.orders);
}

static bool suspect_allowed(const struct queue *queue) REQUIRES(queue->work.mu)
{
    uint32_t half = pace_groups(&queue->pace) / 2;
    return queue->in_flight.suspects < (half > 1 ? half : 1) &&
           queue->in_flight.all_suspects < queue->suspects_max;
}

/* Returns true if work waits only because of groups that are in flight. */
static bool is_blocked(const struct queue *queue) REQUIRES(queue->work.mu)
{
    return (queue->fresh.n > 0 && !fresh_allowed(queue)) ||
           (queue->suspects.n > 0 && !suspect_allowed(queue));
}

/* Wakes a worker for the new items, if a group of them may begin now, or if no worker watches the
 * groups in flight yet. */
static void wake_for_fresh(struct queue *queue) REQUIRES(queue->work.mu)
{
    if (fresh_allowed(queue) || (queue->fresh.n > 0 && !queue->watched))
        work_queue_wake(&queue->work);
}

static void wait_for_work(struct queue *queue) REQUIRES(queue->work.mu)
{
    int64_t until_ns = retry_heap_first_at_ns(&queue->retries);
    const bool watches = !queue->watched && is_blocked(queue);
    if (suspect_allowed(queue))
        until_ns = clock_min(until_ns, retry_heap_first_at_ns(&queue->suspects));
    if (watches)
        until_ns =
            clock_min(until_ns, in_flight_overdue_at_ns(&queue->in_flight, patience_ns(queue)));
    queue->watched |= watches;
    (void)work_queue_wait(&queue->work, until_ns);
    if (watches)
        queue->watched = false;
}

/* ---- in ---- */

/* Estimates how long a new order would wait for its attempt; admit() rejects orders that would wait
 * too long. The estimate is 0 if `fresh` is empty, even if the last attempts were slow. Otherwise
 * the queue could reject every order, would make no attempt, and so would never notice that the
 * database is fast again. */
static int64_t estimated_wait_ns(const struct queue *queue) REQUIRES(queue->work.mu)
{
    if (queue->fresh.n == 0)
        return 0;
    int64_t groups = queue->depth / queue->options->group_max + 1;
    return groups * queue->pace.group_ns / pace_groups(&queue->pace);
}

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

static enum ingest_rc admit(const struct queue *queue, const struct turns_sums *sums,
                            int64_t *retry_after_ns) REQUIRES(queue->work.mu)
{
    const struct ingest_options *options = queue->options;
    int64_t wait_ns = estimated_wait_ns(queue);
    *retry_after_ns = wait_ns > room_after_ns ? wait_ns : room_after_ns;
    if (queue->draining)
        return INGEST_CLOSED;
    if (sums->n > options->capacity - queue->held ||
        sums->bytes > options->max_bytes - queue->bytes)
        return INGEST_FULL;
    if (wait_ns > options->queue_wait_max_ns) {
        *retry_after_ns = wait_ns;
        return INGEST_SLOW;
    }
    return INGEST_OK;
}

enum ingest_rc queue_submit(struct queue *queue, struct fifo *items, int64_t *retry_after_ns)
{
    const struct turns_sums sums = measure(items);
    mutex_lock(&queue->work.mu);
    enum ingest_rc rc = admit(queue, &sums, retry_after_ns);
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
    return is_due(&queue->suspects, now_ns) && suspect_allowed(queue) && !fresh_first;
}

/* Takes the next group: a retry that is due, else a suspect group, else fresh items. Returns false
 * if the worker has to wait. */
static bool take_ready(struct queue *queue, int64_t now_ns, struct queue_work *work)
    REQUIRES(queue->work.mu)
{
    bool suspect = false;
    if (is_due(&queue->retries, now_ns)) {
        work->group = retry_heap_pop(&queue->retries);
    } else if (suspect_is_next(queue, work, now_ns)) {
        work->group = retry_heap_pop(&queue->suspects);
        suspect = true;
    } else if (fresh_allowed(queue)) {
        work->group = turns_take(&queue->fresh, queue->options->group_max);
    } else {
        return false;
    }
    work->suspect = suspect;
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
    else
        return false;
    work->suspect = false;
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
        in_flight_find_overdue(&queue->in_flight, patience_ns(queue), now_ns);
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
    if (queue->retries.n > 0 || queue->suspects.n > 0)
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
static void note_pace(struct queue *queue, const struct done *done, int64_t took_ns)
    REQUIRES(queue->work.mu)
{
    if (took_ns == 0)
        return;
    int64_t now_ns = clock_now_ns();
    pace_note(&queue->pace, &(struct pace_sample){
                                .now_ns = now_ns,
                                .took_ns = took_ns,
                                .orders = done->n,
                                .age_ns = done->n * (uint64_t)now_ns - done->received_at_ns,
                                .waiting = queue->fresh.n > 0,
                            });
}

void queue_return(struct queue *queue, struct queue_work *work, const struct group_outcome *outcome)
{
    const struct done done = sum_done(&outcome->done);
    mutex_lock(&queue->work.mu);
    for (size_t i = 0; i < outcome->n_back; i++) {
        const struct ingest_group *group = &outcome->back[i];
        retry_heap_push(group->suspicion == GROUP_TRUSTED ? &queue->retries : &queue->suspects,
                        group);
        queue->depth += group->n_items;
    }
    queue->held -= done.n;
    queue->bytes -= done.bytes;
    queue->coming++;
    work->returned = true;
    in_flight_remove(&queue->in_flight, &work->in_flight);
    note_pace(queue, &done, outcome->first_attempt_ns);
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
    int64_t oldest_at_ns = clock_min(turns_oldest_at_ns(&queue->fresh), retries_at_ns);
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
        .groups_allowed = pace_groups(&queue->pace),
        .estimated_wait_ns = estimated_wait_ns(queue),
    };
    mutex_unlock(&queue->work.mu);
}
