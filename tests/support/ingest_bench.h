/* ingest_bench.h - runs a single attempt of the ingest, without queue, workers or threads. */
#ifndef SUPPORT_INGEST_BENCH_H
#define SUPPORT_INGEST_BENCH_H

#include "ingest/attempt.h"
#include "support/ingest_rig.h"

struct bench {
    struct rig rig;
    struct attempt attempt;
    struct ingest_metrics metrics;
    struct streak streak;
    struct group_outcome outcome;
};

static inline void bench_init(struct bench *b, uint32_t n)
{
    static const int64_t bounds[] = { 1 };
    memset(b, 0, sizeof *b);
    rig_init(&b->rig, n);
    histogram_init(&b->metrics.group_orders, bounds, 1);
    streak_init(&b->streak);
    attempt_init(&b->attempt, &b->rig.options, &b->metrics, &b->streak, 1);
    for (uint32_t i = 0; i < n; i++)
        b->rig.items[i].own.put.order = &b->rig.items[i].order;
}

static inline void bench_fini(struct bench *b)
{
    attempt_fini(&b->attempt);
    streak_fini(&b->streak);
    rig_fini(&b->rig);
}

static inline struct ingest_group bench_group(struct bench *b)
{
    return group_form(rig_list(&b->rig, 0, b->rig.n));
}

/* Makes one atomic group of all items. */
static inline struct ingest_group bench_batch(struct bench *b)
{
    for (uint32_t i = 0; i < b->rig.n; i++)
        b->rig.items[i].own.batch = &b->rig.items[0];
    return group_of_batch(rig_list(&b->rig, 0, b->rig.n));
}

static inline void bench_run(struct bench *b, const struct ingest_group *group)
{
    b->outcome = (struct group_outcome){ .n_back = 0 };
    attempt_run(&b->attempt, group, CLOCK_NEVER, &b->outcome);
}

static inline uint32_t bench_done(const struct bench *b, enum item_verdict verdict)
{
    uint32_t n = 0;
    LIST_EACH (item, &b->outcome.done, const struct ingest_item, link)
        n += item->verdict == verdict;
    return n;
}

static inline uint32_t bench_back(const struct bench *b)
{
    uint32_t n = 0;
    for (size_t i = 0; i < b->outcome.n_back; i++)
        n += b->outcome.back[i].n_items;
    return n;
}

#endif
