/* offload_thread.c - see offload_thread.h. */
#include "http/offload_thread.h"

#include "base/clock.h"
#include "http/http.h"

/* The entry is the turn's first member. */
static struct offload_turn *next_turn(struct offload_thread *offload)
{
    struct fair_entry *entry;
    mutex_lock(&offload->mu);
    while ((entry = fair_queue_take(&offload->queue)) == NULL && !offload->stopping)
        (void)cond_wait_until(&offload->wake, &offload->mu, CLOCK_NEVER);
    mutex_unlock(&offload->mu);
    return (struct offload_turn *)entry; /* NULL: stopping, and all is done */
}

static void note_served(struct offload_thread *offload, struct offload_turn *turn, int64_t span_ns,
                        bool finished)
{
    mutex_lock(&offload->mu);
    fair_queue_served(&offload->queue, &turn->entry, span_ns, !finished);
    mutex_unlock(&offload->mu);
}

static bool is_in_vain(const struct http_work *work, const struct offload_turn *turn,
                       int64_t now_ns)
{
    if (work->keep)
        return false;
    return now_ns >= work->deadline_at_ns ||
           atomic_load_explicit(&turn->gone, memory_order_relaxed);
}

/* One slice, or none. True: the work is finished or dropped. */
static bool serve(struct offload_thread *offload, const struct offload_turn *turn, int64_t now_ns)
{
    struct http_work *work = turn->work;
    work->dropped = is_in_vain(work, turn, now_ns);
    if (!work->dropped)
        return work->run(work);
    atomic_fetch_add_explicit(&offload->dropped, 1, memory_order_relaxed);
    return true;
}

/* The turn is the loop's again before the loop hears that its work is done. */
static void give_back(struct offload_thread *offload, struct offload_turn *turn)
{
    struct http_work *work = turn->work;
    turn->work = NULL;
    atomic_store_explicit(&turn->waiting, false, memory_order_relaxed);
    atomic_fetch_sub_explicit(&offload->waiting, 1, memory_order_relaxed);
    http_complete_one(work->loop, &work->done);
}

static void *run(void *arg)
{
    struct offload_thread *offload = arg;
    for (struct offload_turn *turn; (turn = next_turn(offload)) != NULL;) {
        int64_t begun_at_ns = offload->cpu_clock();
        bool finished = serve(offload, turn, offload->clock());
        note_served(offload, turn, offload->cpu_clock() - begun_at_ns, finished);
        if (finished)
            give_back(offload, turn);
    }
    return NULL;
}

bool offload_thread_start(struct offload_thread *offload)
{
    mutex_init(&offload->mu);
    cond_init(&offload->wake);
    offload->started = thread_start(&offload->thread, "offload", run, offload) == 0;
    if (!offload->started) {
        cond_fini(&offload->wake);
        mutex_fini(&offload->mu);
    }
    return offload->started;
}

bool offload_thread_take(struct offload_thread *offload, struct http_work *work,
                         struct offload_turn *turn)
{
    mutex_lock(&offload->mu);
    bool taken = !offload->stopping;
    if (taken) {
        turn->work = work;
        atomic_store_explicit(&turn->waiting, true, memory_order_relaxed);
        atomic_fetch_add_explicit(&offload->waiting, 1, memory_order_relaxed);
        fair_queue_add(&offload->queue, &turn->entry, turn->client_hash);
        cond_signal(&offload->wake);
    }
    mutex_unlock(&offload->mu);
    return taken;
}

void offload_thread_stop(struct offload_thread *offload)
{
    if (!offload->started)
        return;
    mutex_lock(&offload->mu);
    offload->stopping = true;
    cond_signal(&offload->wake);
    mutex_unlock(&offload->mu);
    thread_join(offload->thread);
}

void offload_thread_fini(struct offload_thread *offload)
{
    if (!offload->started)
        return;
    cond_fini(&offload->wake);
    mutex_fini(&offload->mu);
    offload->started = false;
}
