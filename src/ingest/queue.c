/* queue.c - see queue.h. */
#include "ingest/queue.h"

#include "base/check.h"
#include "base/clock.h"

enum { ATTEMPT_WEIGHT = 8 }; /* the newest attempt counts for an eighth of the average */

static const int64_t room_after_ns =
    100 * NS_PER_MS; /* at least: when a full queue may have room */

bool queue_init(struct queue *queue, const struct ingest_options *options)
{
    *queue = (struct queue){ .options = options, .stop_at_ns = CLOCK_NEVER };
    queue->suspects_max = options->workers > 1 ? options->workers / 2 : 1;
    if (!due_init(&queue->retries, options->capacity) ||
        !due_init(&queue->suspects, options->capacity)) {
        due_fini(&queue->retries);
        return false;
    }
    mutex_init(&queue->mu);
    cond_init(&queue->work);
    cond_init(&queue->empty);
    return true;
}

void queue_fini(struct queue *queue) NO_TSA
{
    CHECK(queue->held == 0);
    cond_fini(&queue->empty);
    cond_fini(&queue->work);
    mutex_fini(&queue->mu);
    due_fini(&queue->suspects);
    due_fini(&queue->retries);
}

/* ---- waking ---- */

static bool has_work(const struct queue *queue) REQUIRES(queue->mu)
{
    return queue->n_fresh > 0 || queue->retries.n > 0 || queue->suspects.n > 0;
}

static void wake_one(struct queue *queue) REQUIRES(queue->mu)
{
    if (queue->idle == 0 || queue->waking)
        return;
    queue->waking = true;
    cond_signal(&queue->work);
}

static bool suspect_allowed(const struct queue *queue) REQUIRES(queue->mu)
{
    return queue->suspects_busy < queue->suspects_max;
}

static void wait_for_work(struct queue *queue) REQUIRES(queue->mu)
{
    int64_t until_ns = due_first_at_ns(&queue->retries);
    if (suspect_allowed(queue))
        until_ns = clock_min(until_ns, due_first_at_ns(&queue->suspects));
    queue->idle++;
    (void)cond_wait_until(&queue->work, &queue->mu, until_ns);
    queue->idle--;
    queue->waking = false;
}

/* ---- in ---- */

/* How long a new order would wait for its attempt. An empty queue has no wait, however slow the
 * last attempts were: else nothing would be let in to measure that it is over. */
static int64_t estimated_wait_ns(const struct queue *queue) REQUIRES(queue->mu)
{
    if (queue->n_fresh == 0)
        return 0;
    int64_t groups = queue->depth / queue->options->group_max + 1;
    return groups * queue->attempt_ns / queue->options->workers;
}

/* What a list asks for. */
struct wish {
    uint64_t n, bytes, metadata;
    struct ingest_item *last;
};

static struct wish wish_of(struct ingest_item *first)
{
    struct wish wish = { .n = 0 };
    for (struct ingest_item *item = first; item != NULL; item = item->next) {
        wish.n++;
        wish.bytes += item_bytes(item);
        wish.metadata += item->order.metadata_len;
        wish.last = item;
    }
    return wish;
}

static enum ingest_rc admit(const struct queue *queue, const struct wish *wish,
                            int64_t *retry_after_ns) REQUIRES(queue->mu)
{
    const struct ingest_options *options = queue->options;
    int64_t wait_ns = estimated_wait_ns(queue);
    *retry_after_ns = wait_ns > room_after_ns ? wait_ns : room_after_ns;
    if (queue->draining)
        return INGEST_CLOSED;
    if (wish->n > options->capacity - queue->held ||
        wish->bytes > options->max_bytes - queue->bytes)
        return INGEST_FULL;
    if (wait_ns > options->queue_wait_max_ns) {
        *retry_after_ns = wait_ns;
        return INGEST_SLOW;
    }
    return INGEST_OK;
}

static void append(struct queue *queue, struct ingest_item *first, const struct wish *wish)
    REQUIRES(queue->mu)
{
    uint32_t n = (uint32_t)wish->n;
    struct ingest_item *last = wish->last;
    if (first->batch != NULL) {
        first->followers = first->next;
        first->next = NULL;
        first->parked.n_items = n;
        last = first;
        queue->n_batches++;
    }
    if (queue->fresh.first == NULL)
        queue->fresh.first = first;
    else
        queue->fresh.last->next = first;
    queue->fresh.last = last;
    queue->n_fresh += n;
    queue->fresh_metadata += wish->metadata;
    queue->depth += n;
    queue->held += n;
    queue->bytes += wish->bytes;
}

enum ingest_rc queue_submit(struct queue *queue, struct ingest_item *first, int64_t *retry_after_ns)
{
    const struct wish wish = wish_of(first);
    mutex_lock(&queue->mu);
    enum ingest_rc rc = admit(queue, &wish, retry_after_ns);
    if (rc == INGEST_OK) {
        append(queue, first, &wish);
        wake_one(queue);
    }
    mutex_unlock(&queue->mu);
    return rc;
}

/* ---- out ---- */

/* The last of the row that goes into one group, of items that are in no atomic list. */
static struct ingest_item *last_of_group(const struct queue *queue, struct ingest_group *out)
    REQUIRES(queue->mu)
{
    struct ingest_item *last = out->first;
    if (queue->n_batches == 0 && queue->n_fresh <= queue->options->group_max &&
        queue->fresh_metadata <= INGEST_GROUP_METADATA_MAX) {
        out->n_items = queue->n_fresh;
        return queue->fresh.last;
    }
    size_t metadata = last->order.metadata_len;
    for (out->n_items = 1; out->n_items < queue->options->group_max; out->n_items++) {
        if (last->next == NULL || last->next->batch != NULL)
            break;
        metadata += last->next->order.metadata_len;
        if (metadata > INGEST_GROUP_METADATA_MAX)
            break;
        last = last->next;
    }
    return last;
}

static uint64_t metadata_of(const struct ingest_item *first)
{
    uint64_t bytes = 0;
    for (; first != NULL; first = first->next)
        bytes += first->order.metadata_len;
    return bytes;
}

/* The items, not yet formed into a group: that is done without the lock. */
static void take_fresh(struct queue *queue, struct ingest_group *out) REQUIRES(queue->mu)
{
    struct ingest_item *first = queue->fresh.first, *last = first;
    *out = (struct ingest_group){ .first = first, .atomic = first->batch != NULL };
    if (out->atomic)
        out->n_items = first->parked.n_items;
    else
        last = last_of_group(queue, out);
    queue->fresh.first = last->next;
    if (last->next == NULL)
        queue->fresh.last = NULL;
    last->next = NULL;
    if (out->atomic) {
        first->next = first->followers;
        first->followers = NULL;
        queue->n_batches--;
    }
    queue->n_fresh -= out->n_items;
    queue->fresh_metadata -= queue->n_fresh > 0 ? metadata_of(first) : queue->fresh_metadata;
}

static struct ingest_group form(const struct ingest_group *taken)
{
    return taken->atomic ? group_of_batch(taken->first) : group_form(taken->first);
}

static bool is_due(const struct due *due, int64_t now_ns)
{
    return due->n > 0 && due_first_at_ns(due) <= now_ns;
}

/* May the worker that comes from this work have a suspect next? */
static bool suspect_is_next(const struct queue *queue, const struct queue_work *work,
                            int64_t now_ns) REQUIRES(queue->mu)
{
    bool fresh_first = work->suspect && queue->n_fresh > 0;
    return is_due(&queue->suspects, now_ns) && suspect_allowed(queue) && !fresh_first;
}

/* Gives the group that goes first, if there is one at this moment. */
static bool take_ready(struct queue *queue, int64_t now_ns, struct queue_work *work)
    REQUIRES(queue->mu)
{
    bool suspect = false;
    if (is_due(&queue->retries, now_ns)) {
        due_pop(&queue->retries, &work->group);
    } else if (suspect_is_next(queue, work, now_ns)) {
        due_pop(&queue->suspects, &work->group);
        suspect = true;
    } else if (queue->n_fresh > 0) {
        take_fresh(queue, &work->group);
    } else {
        return false;
    }
    work->suspect = suspect;
    work->leftover = false;
    work->stop_at_ns = queue->stop_at_ns;
    return true;
}

/* Gives anything: due or not, suspect or not. */
static bool take_leftover(struct queue *queue, struct queue_work *work) REQUIRES(queue->mu)
{
    if (queue->n_fresh > 0)
        take_fresh(queue, &work->group);
    else if (queue->retries.n > 0)
        due_pop(&queue->retries, &work->group);
    else if (queue->suspects.n > 0)
        due_pop(&queue->suspects, &work->group);
    else
        return false;
    work->suspect = false;
    work->leftover = true;
    return true;
}

/* False: stopped, and nothing is left. */
static bool take_or_wait(struct queue *queue, struct queue_work *work) REQUIRES(queue->mu)
{
    for (;;) {
        int64_t now_ns = clock_now_ns();
        if (now_ns >= queue->stop_at_ns)
            return take_leftover(queue, work);
        if (take_ready(queue, now_ns, work))
            return true;
        wait_for_work(queue);
    }
}

bool queue_take(struct queue *queue, struct queue_work *work)
{
    mutex_lock(&queue->mu);
    bool taken = take_or_wait(queue, work);
    if (taken) {
        queue->depth -= work->group.n_items;
        queue->busy++;
        queue->suspects_busy += work->suspect;
        if (has_work(queue))
            wake_one(queue);
    }
    mutex_unlock(&queue->mu);
    if (taken && work->group.n == 0)
        work->group = form(&work->group);
    return taken;
}

static void average(int64_t *average_ns, int64_t sample_ns)
{
    *average_ns =
        *average_ns == 0 ? sample_ns : *average_ns + (sample_ns - *average_ns) / ATTEMPT_WEIGHT;
}

void queue_return(struct queue *queue, const struct queue_work *work,
                  const struct group_outcome *outcome)
{
    uint32_t n_done = 0;
    uint64_t bytes_done = 0;
    for (const struct ingest_item *item = outcome->done.first; item != NULL; item = item->next) {
        n_done++;
        bytes_done += item_bytes(item);
    }

    mutex_lock(&queue->mu);
    for (size_t i = 0; i < outcome->n_back; i++) {
        const struct ingest_group *group = &outcome->back[i];
        due_push(group->suspect ? &queue->suspects : &queue->retries, group);
        queue->depth += group->n_items;
    }
    queue->held -= n_done;
    queue->bytes -= bytes_done;
    queue->busy--;
    queue->suspects_busy -= work->suspect;
    if (outcome->first_attempt_ns > 0)
        average(&queue->attempt_ns, outcome->first_attempt_ns);
    if (queue->held == 0 && queue->draining)
        cond_broadcast(&queue->empty);
    mutex_unlock(&queue->mu);
}

/* ---- the end ---- */

void queue_drain(struct queue *queue)
{
    mutex_lock(&queue->mu);
    queue->draining = true;
    mutex_unlock(&queue->mu);
}

void queue_stop(struct queue *queue, int64_t deadline_at_ns)
{
    mutex_lock(&queue->mu);
    queue->draining = true;
    queue->stop_at_ns = deadline_at_ns;
    bool in_time = true;
    while (queue->held > 0 && in_time)
        in_time = cond_wait_until(&queue->empty, &queue->mu, deadline_at_ns);
    queue->stop_at_ns = 0;
    cond_broadcast(&queue->work);
    mutex_unlock(&queue->mu);
}

static int64_t oldest_age_ns(const struct queue *queue) REQUIRES(queue->mu)
{
    int64_t oldest_at_ns =
        clock_min(due_oldest_at_ns(&queue->retries), due_oldest_at_ns(&queue->suspects));
    if (queue->n_fresh > 0)
        oldest_at_ns = clock_min(oldest_at_ns, queue->fresh.first->received_at_ns);
    int64_t now_ns = clock_now_ns();
    return oldest_at_ns < now_ns ? now_ns - oldest_at_ns : 0;
}

void queue_gauges(struct queue *queue, struct ingest_gauges *out)
{
    mutex_lock(&queue->mu);
    *out = (struct ingest_gauges){
        .depth = queue->depth,
        .capacity = queue->options->capacity,
        .bytes = queue->bytes,
        .oldest_age_ns = oldest_age_ns(queue),
        .workers = queue->options->workers,
        .workers_busy = queue->busy,
        .estimated_wait_ns = estimated_wait_ns(queue),
    };
    mutex_unlock(&queue->mu);
}
