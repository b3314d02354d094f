/* work_queue.c - see work_queue.h. Only one thread is woken at a time. Until that thread runs, no
 * other is woken, because that thread will also find the work that is added meanwhile. */
#include "base/work_queue.h"

struct idle_thread {
    struct list_node link; /* in work_queue.idle */
    struct cond work;
};

void work_queue_init(struct work_queue *queue) NO_TSA
{
    *queue = (struct work_queue){ .waking = false };
    mutex_init(&queue->mu);
}

void work_queue_fini(struct work_queue *queue)
{
    mutex_fini(&queue->mu);
}

void work_queue_wake(struct work_queue *queue)
{
    if (queue->idle.first == NULL || queue->waking)
        return;
    queue->waking = true;
    cond_signal(&CONTAINER_OF(queue->idle.first, struct idle_thread, link)->work);
}

bool work_queue_wait(struct work_queue *queue, int64_t until_at_ns)
{
    if (queue->ended)
        return false;
    struct idle_thread self;
    cond_init(&self.work);
    list_push_front(&queue->idle, &self.link);
    (void)cond_wait_until(&self.work, &queue->mu, until_at_ns);
    list_remove(&queue->idle, &self.link);
    queue->waking = false;
    cond_fini(&self.work);
    return true;
}

void work_queue_end(struct work_queue *queue)
{
    mutex_lock(&queue->mu);
    queue->ended = true;
    LIST_EACH (thread, &queue->idle, struct idle_thread, link)
        cond_signal(&thread->work);
    mutex_unlock(&queue->mu);
}
