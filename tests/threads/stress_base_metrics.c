/* stress_base_metrics.c - many threads count and log at once while one reads: nothing is lost,
 * nothing goes back, and no more lines pass than are allowed. */
#include <stdint.h>
#include <stdio.h>

#include "base/check.h"
#include "base/log_limit.h"
#include "base/metrics.h"
#include "base/sync.h"

enum { THREADS = 12, ROUNDS = 20000 };

static const int64_t bounds[] = { 10, 100 };
static struct counter counter;
static struct gauge gauge;
static struct histogram histogram;
static struct counter passed;
static struct log_limit limit = LOG_LIMIT_INIT;

static void *work(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t suppressed;
        counter_add(&counter, 2);
        gauge_add(&gauge, i % 2 == 0 ? 1 : -1);
        histogram_observe(&histogram, i % 200);
        if (log_limit_pass(&limit, "stress", 0, &suppressed))
            counter_add(&passed, 1);
    }
    return NULL;
}

static void read_until_done(void)
{
    struct histogram_view view;
    uint64_t seen = 0, counted = 0;
    while (counted < (uint64_t)THREADS * ROUNDS * 2) {
        uint64_t now = counter_read(&counter);
        CHECK(now >= counted);
        counted = now;
        histogram_read(&histogram, &view);
        CHECK(view.count >= seen);
        seen = view.count;
    }
}

int main(void)
{
    pthread_t threads[THREADS];
    histogram_init(&histogram, bounds, 2);
    for (int i = 0; i < THREADS; i++)
        CHECK(thread_start(&threads[i], "stress", work, NULL) == 0);
    read_until_done();
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);

    struct histogram_view view;
    histogram_read(&histogram, &view);
    CHECK(view.count == (uint64_t)THREADS * ROUNDS);
    CHECK(view.bucket[0] == (uint64_t)THREADS * ROUNDS / 200 * 11);
    CHECK(view.bucket[1] == (uint64_t)THREADS * ROUNDS / 200 * 90);
    CHECK(view.sum == (uint64_t)THREADS * ROUNDS / 200 * (199 * 200 / 2));
    CHECK(counter_read(&counter) == (uint64_t)THREADS * ROUNDS * 2);
    CHECK(gauge_read(&gauge) == 0);
    CHECK(counter_read(&passed) == LOG_LIMIT_LINES);
    puts("ok");
    return 0;
}
