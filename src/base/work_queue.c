/* work_queue.c - see work_queue.h. Only one thread is woken at a time. Until that thread runs, no
 * other is woken, because that thread will also find the work that is added meanwhile. */
#include "base/work_queue.h"

void work_queue_init(struct work_queue *queue) NO_TSA
{
    *queue = (struct work_queue){ .idle = 0 };
    mutex_init(&queue->mu);
    cond_init(&queue->work);
}

void work_queue_fini(struct work_queue *queue)
{
    cond_fini(&queue->work);
    mutex_fini(&queue->mu);
}

void work_queue_wake(struct work_queue *queue)
{
    if (queue->idle == 0 || queue->waking)
        return;
    queue->waking = true;
    cond_signal(&queue->work);
}

bool work_queue_wait(struct work_queue *queue, int64_t until_at_ns)
{
    if (queue->ended)
        return false;
    queue->idle++;
    (void)cond_wait_until(&queue->work, &queue->mu, until_at_ns);
    queue->idle--;
    queue->waking = false;
    return true;
}

void work_queue_end(struct work_queue *queue)
{
    mutex_lock(&queue->mu);
    queue->ended = true;
    cond_broadcast(&queue->work);
    mutex_unlock(&queue->mu);
}
