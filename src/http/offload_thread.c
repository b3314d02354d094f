/* offload_thread.c - see offload_thread.h. */
#include "http/offload_thread.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/http.h"

/* Waits until the queue is not empty, and takes out the entry that is served next. Returns NULL
 * when offload_thread_stop() was called and the queue is empty. */
static struct offload_turn *next_turn(struct offload_thread *offload)
{
    struct fair_entry *entry;
    mutex_lock(&offload->work_queue.mu);
    while ((entry = fair_queue_take(&offload->queue)) == NULL &&
           work_queue_wait(&offload->work_queue, CLOCK_NEVER))
        continue;
    mutex_unlock(&offload->work_queue.mu);
    return CONTAINER_OR_NULL(entry, struct offload_turn, entry);
}

static void note_served(struct offload_thread *offload, struct offload_turn *turn, int64_t span_ns,
                        bool finished)
{
    mutex_lock(&offload->work_queue.mu);
    fair_queue_served(&offload->queue, &turn->entry, span_ns, !finished);
    mutex_unlock(&offload->work_queue.mu);
}

static bool is_in_vain(const struct http_work *work, const struct offload_turn *turn,
                       int64_t now_ns)
{
    if (work->keep)
        return false;
    return now_ns >= work->deadline_at_ns ||
           atomic_load_explicit(&turn->gone, memory_order_relaxed);
}

/* Does one slice of the work item of a queue entry (`turn`), or drops the item. Returns true if the
 * item is finished or dropped. */
static bool serve(struct offload_thread *offload, const struct offload_turn *turn, int64_t now_ns)
{
    struct http_work *work = turn->work;
    work->dropped = is_in_vain(work, turn, now_ns);
    if (!work->dropped)
        return work->do_slice(work);
    atomic_fetch_add_explicit(&offload->dropped, 1, memory_order_relaxed);
    return true;
}

/* Takes the work item out of its queue entry (`turn`), and then completes the item. As soon as the
 * item is complete, the loop may use the same queue entry for the connection's next work item. */
static void give_back(struct offload_thread *offload, struct offload_turn *turn)
{
    struct http_work *work = turn->work;
    turn->work = NULL;
    atomic_store_explicit(&turn->waiting, false, memory_order_relaxed);
    atomic_fetch_sub_explicit(&offload->waiting, 1, memory_order_relaxed);
    http_complete_one(work->loop, &work->done);
}

/* Lowers the priority of this thread (to setpriority(2), a thread is a process on Linux). If there
 * are too few processors, loops and ingest workers go first: the answers of many clients need
 * little of their time. */
static void step_back(void)
{
    enum { NICE = 10 };
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(),
                      NICE); /* fails only if it is 11 to 19 already */
}

static void *run(void *arg)
{
    struct offload_thread *offload = arg;
    step_back();
    for (struct offload_turn *turn; (turn = next_turn(offload)) != NULL;) {
        int64_t begun_at_ns = offload->cpu_clock();
        bool finished = serve(offload, turn, offload->clock());
        note_served(offload, turn, offload->cpu_clock() - begun_at_ns, finished);
        if (finished)
            give_back(offload, turn);
    }
    return NULL;
}

static void fini(struct offload_thread *offload)
{
    work_queue_fini(&offload->work_queue);
    fair_queue_fini(&offload->queue);
}

bool offload_thread_start(struct offload_thread *offload)
{
    if (!fair_queue_init(&offload->queue))
        return false;
    work_queue_init(&offload->work_queue);
    offload->started = thread_start(&offload->thread, "offload", run, offload) == 0;
    if (!offload->started)
        fini(offload);
    return offload->started;
}

bool offload_thread_take(struct offload_thread *offload, struct http_work *work,
                         struct offload_turn *turn)
{
    mutex_lock(&offload->work_queue.mu);
    bool taken = !offload->work_queue.ended;
    if (taken) {
        turn->work = work;
        atomic_store_explicit(&turn->waiting, true, memory_order_relaxed);
        atomic_fetch_add_explicit(&offload->waiting, 1, memory_order_relaxed);
        fair_queue_add(&offload->queue, &turn->entry, turn->client_hash);
        work_queue_wake(&offload->work_queue);
    }
    mutex_unlock(&offload->work_queue.mu);
    return taken;
}

void offload_thread_stop(struct offload_thread *offload)
{
    if (!offload->started)
        return;
    work_queue_end(&offload->work_queue);
    thread_join(offload->thread);
}

void offload_thread_fini(struct offload_thread *offload)
{
    if (!offload->started)
        return;
    fini(offload);
    offload->started = false;
}
