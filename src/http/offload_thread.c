/* offload_thread.c - see offload_thread.h. */
#include "http/offload_thread.h"

#include "base/clock.h"
#include "http/http.h"

/* The entry is the turn's first member. */
static struct offload_turn *next_turn(struct parser *parser)
{
    struct fair_entry *entry;
    mutex_lock(&parser->mu);
    while ((entry = fair_queue_take(&parser->queue)) == NULL && !parser->stopping)
        (void)cond_wait_until(&parser->wake, &parser->mu, CLOCK_NEVER);
    mutex_unlock(&parser->mu);
    return (struct offload_turn *)entry; /* NULL: stopping, and all is done */
}

static void note_served(struct parser *parser, struct offload_turn *turn, int64_t span_ns,
                        bool finished)
{
    mutex_lock(&parser->mu);
    fair_queue_served(&parser->queue, &turn->entry, span_ns, !finished);
    mutex_unlock(&parser->mu);
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
static bool serve(struct parser *parser, const struct offload_turn *turn, int64_t now_ns)
{
    struct http_work *work = turn->work;
    work->dropped = is_in_vain(work, turn, now_ns);
    if (!work->dropped)
        return work->run(work);
    atomic_fetch_add_explicit(&parser->dropped, 1, memory_order_relaxed);
    return true;
}

/* The turn is the loop's again before the loop hears that its work is done. */
static void give_back(struct parser *parser, struct offload_turn *turn)
{
    struct http_work *work = turn->work;
    turn->work = NULL;
    atomic_store_explicit(&turn->waiting, false, memory_order_relaxed);
    atomic_fetch_sub_explicit(&parser->waiting, 1, memory_order_relaxed);
    work->done.next = NULL;
    http_complete(work->loop, &work->done);
}

static void *run(void *arg)
{
    struct parser *parser = arg;
    for (struct offload_turn *turn; (turn = next_turn(parser)) != NULL;) {
        int64_t begun_at_ns = parser->cpu_clock();
        bool finished = serve(parser, turn, parser->clock());
        note_served(parser, turn, parser->cpu_clock() - begun_at_ns, finished);
        if (finished)
            give_back(parser, turn);
    }
    return NULL;
}

bool parser_start(struct parser *parser)
{
    mutex_init(&parser->mu);
    cond_init(&parser->wake);
    parser->started = thread_start(&parser->thread, "parser", run, parser) == 0;
    if (!parser->started) {
        cond_fini(&parser->wake);
        mutex_fini(&parser->mu);
    }
    return parser->started;
}

bool parser_take(struct parser *parser, struct http_work *work, struct offload_turn *turn)
{
    mutex_lock(&parser->mu);
    bool taken = !parser->stopping;
    if (taken) {
        turn->work = work;
        atomic_store_explicit(&turn->waiting, true, memory_order_relaxed);
        atomic_fetch_add_explicit(&parser->waiting, 1, memory_order_relaxed);
        fair_queue_add(&parser->queue, &turn->entry, turn->client_hash);
        cond_signal(&parser->wake);
    }
    mutex_unlock(&parser->mu);
    return taken;
}

void parser_stop(struct parser *parser)
{
    if (!parser->started)
        return;
    mutex_lock(&parser->mu);
    parser->stopping = true;
    cond_signal(&parser->wake);
    mutex_unlock(&parser->mu);
    thread_join(parser->thread);
}

void parser_fini(struct parser *parser)
{
    if (!parser->started)
        return;
    cond_fini(&parser->wake);
    mutex_fini(&parser->mu);
    parser->started = false;
}
