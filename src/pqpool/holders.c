/* holders.c - records which thread holds which connection, for pqpool_holders() and for reports
 * of leaks. Also detects a thread that acquires a second connection while it holds one: if all
 * threads do that at once, they wait for each other until their deadlines. */
#include <unistd.h>

#include "base/clock.h"
#include "pqpool/pool.h"

/* The last checkout of this thread. It may be over: any thread may have released the connection
 * since, or the pool may be closed. So still_held() checks it. */
static _Thread_local struct {
    const struct pqpool *pool;
    size_t slot;
    uint64_t number;
} last_checkout;

static _Thread_local int thread_id;

/* The pool measures how long a connection is held for one checkout in sixteen only, because reading
 * the exact clock takes time. */
enum { TIMED_EVERY = 16 };

static int this_thread(void)
{
    if (thread_id == 0)
        thread_id = gettid();
    return thread_id;
}

static const struct conn *still_held(const struct pqpool *pool) REQUIRES(pool->mu)
{
    if (last_checkout.pool != pool || last_checkout.slot >= pool->options.max_pool_size)
        return NULL;
    const struct conn *conn = &pool->slots[last_checkout.slot];
    bool held = conn->state == CONN_LEASED && conn->holder.checkout == last_checkout.number &&
                conn->holder.thread == this_thread();
    return held ? conn : NULL;
}

static void report_nested(struct pqpool *pool, const struct conn *outer,
                          const struct conn_holder *inner, int64_t now_ns) REQUIRES(pool->mu)
{
    pool->counters.nested_acquires++;
    if (now_ns < pool->next_nested_at_ns)
        return;
    pool->next_nested_at_ns = clock_after(now_ns, NS_PER_S);
    pool_event(pool, PQPOOL_EVENT_NESTED_ACQUIRE,
               "a thread took a connection at %s:%d while it held the one of %s:%d", inner->file,
               inner->line, outer->holder.file, outer->holder.line);
}

void holder_check_out(struct pqpool *pool, struct conn *conn, const char *file, int line,
                      int64_t now_ns)
{
    const struct conn *outer = still_held(pool);
    uint64_t checkout = ++pool->counters.acquired;
    bool timed = checkout % TIMED_EVERY == 0 && pool->options.enable_pool_metrics;
    conn->holder = (struct conn_holder){
        .file = file,
        .line = line,
        .thread = this_thread(),
        .since_at_ns = timed ? clock_now_ns() : now_ns,
        .checkout = checkout,
        .timed = timed,
    };
    if (outer != NULL && outer != conn)
        report_nested(pool, outer, &conn->holder, now_ns);
    last_checkout.pool = pool;
    last_checkout.slot = (size_t)(conn - pool->slots);
    last_checkout.number = checkout;
}

static struct pqpool_holder show(const struct conn_holder *holder, int64_t now_ns)
{
    return (struct pqpool_holder){
        .file = holder->file,
        .line = holder->line,
        .thread = holder->thread,
        .held_ns = now_ns > holder->since_at_ns ? now_ns - holder->since_at_ns : 0,
    };
}

uint32_t pqpool_holders(struct pqpool *pool, struct pqpool_holder *out, uint32_t room)
{
    uint32_t n = 0;
    mutex_lock(&pool->mu);
    int64_t now_ns = clock_now_ns();
    const struct list_node *node = pool->list[CONN_LEASED].last;
    for (; node != NULL; node = node->prev) {
        const struct conn *conn = CONTAINER_OF(node, struct conn, node);
        if (conn->holder.checkout == 0)
            continue;
        if (n < room)
            out[n] = show(&conn->holder, now_ns);
        n++;
    }
    mutex_unlock(&pool->mu);
    return n;
}
