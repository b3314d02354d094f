/* open.c - opens a pool: copies the options, allocates the memory, starts the threads. Also
 * frees a pool. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "pqpool/connector.h"
#include "pqpool/conninfo.h"
#include "pqpool/janitor.h"

/* pqpool_await_connected() waits this much longer than connect_timeout. If the first dial times
 * out, its error then comes in time to be returned. */
#define FIRST_SLACK_NS NS_PER_S

static bool copy_strings(struct pqpool *pool, const struct pqpool_options *given)
{
    struct pqpool_options *o = &pool->options;
    const char **slots[] = {
#define PQPOOL_STRING(name, ...) &o->name,
#include "pqpool/options.def"
    };
    _Static_assert(sizeof slots / sizeof slots[0] == sizeof pool->strings / sizeof pool->strings[0],
                   "one copy for each string option");
    *o = *given;
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        pool->strings[i] = strdup(*slots[i]);
        if (pool->strings[i] == NULL)
            return false;
        *slots[i] = pool->strings[i];
    }
    return true;
}

/* ---- the pool ---- */

/* No other thread knows the pool yet, so the mutex is not needed. */
static void init_slots(struct pqpool *pool) NO_TSA
{
    for (uint32_t i = 0; i < pool->options.max_pool_size; i++) {
        struct conn *conn = &pool->slots[i];
        conn->pool = pool;
        conn->lease.conn = conn;
        conn->fd = conn->own_fd = -1;
        list_push_back(&pool->list[CONN_NEW], &conn->node);
    }
    pool->control = (struct conn){ .pool = pool, .control = true, .fd = -1, .own_fd = -1 };
    pool->control.lease.conn = &pool->control;
}

static void init_rules(struct pqpool *pool) NO_TSA
{
    uint64_t seed = (uint64_t)clock_now_ns();
    /* If getrandom() fails, the clock is random enough for jitter. */
    (void)!getrandom(&seed, sizeof seed, 0);
    backoff_init(&pool->demand.backoff, seed,
                 pool->options.warmup ? pool->options.min_pool_size : 1);
    int64_t slots = 60 * NS_PER_S / pool->options.metrics_collection_interval_ns;
    pool->latency.window_slots = slots < 1                  ? 1
                                 : slots > WINDOW_SLOTS_MAX ? WINDOW_SLOTS_MAX
                                                            : (uint32_t)slots;
    pool->health.next_at_ns = clock_after(clock_now_ns(), pool->options.health_check_interval_ns);
    struct histogram *all[] = { &pool->latency.acquire, &pool->latency.queue,
                                &pool->latency.validate, &pool->latency.connect,
                                &pool->latency.hold };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        histogram_init(all[i], metric_latency_bounds_ns, metric_latency_n_bounds);
}

/* Opens the descriptors. Must be the first step that can fail: pool_free() closes every descriptor
 * that is not -1, and before this step each descriptor is 0. */
static bool open_descriptors(struct pqpool *pool)
{
    pool->connector.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->janitor.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->janitor.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = 0 };
    return pool->connector.fd >= 0 && pool->janitor.fd >= 0 && pool->interrupt_fd >= 0 &&
           pool->janitor.epoll_fd >= 0 &&
           epoll_ctl(pool->janitor.epoll_fd, EPOLL_CTL_ADD, pool->janitor.fd, &event) == 0;
}

static bool allocate(struct pqpool *pool)
{
    size_t n = (size_t)pool->options.max_pool_size + 1;
    pool->slots = calloc(n, sizeof *pool->slots);
    pool->connector.dials = calloc(n, sizeof(struct conn *));
    pool->connector.dial_fds = calloc(n + 1, sizeof *pool->connector.dial_fds);
    pool->janitor.tasks = calloc(n, sizeof(struct conn *));
    return pool->slots != NULL && pool->connector.dials != NULL &&
           pool->connector.dial_fds != NULL && pool->janitor.tasks != NULL;
}

static bool start_threads(struct pqpool *pool)
{
    pool->connector.runs =
        thread_start(&pool->connector.thread, "pool-connector", connector_run, pool) == 0;
    pool->janitor.runs =
        thread_start(&pool->janitor.thread, "pool-janitor", janitor_run, pool) == 0;
    return pool->connector.runs && pool->janitor.runs;
}

void pool_free(struct pqpool *pool)
{
    const int fds[] = { pool->connector.fd, pool->janitor.fd, pool->interrupt_fd,
                        pool->janitor.epoll_fd };
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    names_close(pool->connector.names);
    dsn_close(pool->dsn);
    for (size_t i = 0; i < sizeof pool->strings / sizeof pool->strings[0]; i++) {
        /* This may be the password, so it is overwritten. */
        if (pool->strings[i] != NULL)
            explicit_bzero(pool->strings[i], strlen(pool->strings[i]));
        free(pool->strings[i]);
    }
    free(pool->janitor.tasks);
    free(pool->connector.dial_fds);
    free(pool->connector.dials);
    free(pool->slots);
    cond_fini(&pool->quiet);
    mutex_fini(&pool->mu);
    free(pool);
}

static bool has_connected(const struct pqpool *pool) REQUIRES(pool->mu)
{
    return pool->counters.created > 0 || pool->control.born_at_ns != 0;
}

enum pqpool_rc pqpool_await_connected(struct pqpool *pool, struct err *err)
{
    int64_t span_ns = clock_after(pool->options.connect_timeout_ns, FIRST_SLACK_NS);
    int64_t until_ns = clock_after(clock_now_ns(), span_ns);
    mutex_lock(&pool->mu);
    while (!has_connected(pool) && pool->demand.backoff.failures == 0 && !pool_is_closing(pool))
        if (!cond_wait_until(&pool->quiet, &pool->mu, until_ns))
            break;
    bool connected = has_connected(pool), closing = pool_is_closing(pool);
    if (closing)
        err_set(err, ERR_RETRYABLE, "the pool is being closed");
    else if (!connected)
        err_set_code(err, ERR_RETRYABLE, pool->demand.last_error.code, "%s",
                     pool->demand.backoff.failures > 0 ? pool->demand.last_error.text
                                                       : "no connection within connect_timeout");
    mutex_unlock(&pool->mu);
    return closing ? PQPOOL_CLOSED : connected ? PQPOOL_OK : PQPOOL_DOWN;
}

enum pqpool_rc pool_open_with(const struct pqpool_options *options, const struct pg_driver *driver,
                              struct pqpool **pool_out, struct err *err)
{
    if (!options_valid(options, err))
        return PQPOOL_INVALID_OPTIONS;
    struct pqpool *pool = aligned_alloc(_Alignof(struct pqpool), sizeof *pool);
    if (pool == NULL)
        goto no_memory;
    memset(pool, 0, sizeof *pool);
    pool->pg = driver;
    mutex_init(&pool->mu);
    cond_init(&pool->quiet);
    if (!open_descriptors(pool) || !copy_strings(pool, options) || !allocate(pool))
        goto no_memory;
    init_slots(pool);
    init_rules(pool);
    pool->dsn = dsn_open(&pool->options, err);
    if (pool->dsn == NULL) {
        pool_free(pool);
        return PQPOOL_INVALID_OPTIONS;
    }
    pool->options.connect_timeout_ns =
        clock_min(pool->options.connect_timeout_ns, dsn_connect_timeout_ns(pool->dsn));
    pool->connector.names = names_open(driver, dsn_hosts(pool->dsn));
    if (pool->connector.names == NULL)
        goto no_memory;
    if (!start_threads(pool)) {
        pqpool_close(&pool, clock_now_ns());
        goto no_memory;
    }
    if (options->start == PQPOOL_START_FAIL) {
        enum pqpool_rc rc = pqpool_await_connected(pool, err);
        if (rc != PQPOOL_OK) {
            pqpool_close(&pool, clock_now_ns());
            return rc;
        }
    }
    *pool_out = pool;
    return PQPOOL_OK;

no_memory:
    err_set(err, ERR_RETRYABLE, "out of memory, descriptors or threads");
    if (pool != NULL)
        pool_free(pool);
    return PQPOOL_NOMEM;
}

enum pqpool_rc pqpool_check(const struct pqpool_options *options, struct err *err)
{
    if (!options_valid(options, err) || !conninfo_check(options->conninfo, err))
        return PQPOOL_INVALID_OPTIONS;
    struct dsn *dsn = dsn_open(options, err);
    dsn_close(dsn);
    return dsn != NULL ? PQPOOL_OK : PQPOOL_INVALID_OPTIONS;
}

enum pqpool_rc pqpool_open(const struct pqpool_options *options, struct pqpool **pool_out,
                           struct err *err)
{
    enum pqpool_rc rc = pqpool_check(options, err);
    return rc != PQPOOL_OK ? rc : pool_open_with(options, &pg_driver_libpq, pool_out, err);
}
