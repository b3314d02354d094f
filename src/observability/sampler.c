/* sampler.c - see sampler.h. */
#include "observability/sampler.h"

#include <assert.h>

#include "base/clock.h"
#include "handlers/order_metrics.h"
#include "ingest/ingest.h"
#include "observability/history.h"
#include "observability/observability.h"
#include "observability/state.h"
#include "pqpool/pqpool.h"

static_assert(ORDER_RESULTS <= sizeof((struct sampler_view *)0)->orders / sizeof(uint64_t),
              "room for every result");

/* ---- the counters of one moment ---- */

static void read_counters(struct observability *observed, const struct state *now,
                          struct sampler_view *out)
{
    const struct ingest_metrics *m = ingest_metrics(observed->ingest);
    for (int i = 0; i < ORDER_RESULTS; i++)
        out->orders[i] = counter_read(&observed->orders->results[i]);
    histogram_read(&observed->orders->commit_duration, &out->commit);
    histogram_read(&m->group_orders, &out->group);
    out->commits = counter_read(&m->commits_ok);
    out->commits_failed = counter_read(&m->commits_failed);
    out->exhausted = now->pool.counters.exhausted_count;
    out->pool_errors = 0;
    for (size_t i = 0; i < PQPOOL_ERROR_CLASSES; i++)
        out->pool_errors += now->pool.counters.connection_errors[i];
}

/* ---- a sample from two moments ---- */

static uint32_t since(uint64_t now, uint64_t before)
{
    return history_cut(now - before);
}

static void set_orders(struct sample *out, const struct sampler_view *now,
                       const struct sampler_view *before)
{
    uint64_t n[ORDER_RESULTS];
    for (int i = 0; i < ORDER_RESULTS; i++)
        n[i] = now->orders[i] - before->orders[i];
    out->created = history_cut(n[RESULT_CREATED]);
    out->replayed = history_cut(n[RESULT_REPLAYED]);
    out->rejected = history_cut(n[RESULT_INVALID] + n[RESULT_REUSED] + n[RESULT_STALE] +
                                n[RESULT_REFUSED] + n[RESULT_BATCH_REFUSED]);
    out->turned_away = history_cut(n[RESULT_REFUSED_FULL] + n[RESULT_UNAVAILABLE]);
    out->in_doubt = history_cut(n[RESULT_UNKNOWN] + n[RESULT_LATE]);
    out->failed = history_cut(n[RESULT_FAILED]);
}

static uint32_t quantile_us(const struct histogram_view *view, unsigned permille)
{
    int64_t ns = histogram_quantile(view, permille);
    return ns < 0 ? HISTORY_NONE : history_cut((uint64_t)(ns / NS_PER_US));
}

static void set_commits(struct sample *out, const struct sampler_view *now,
                        const struct sampler_view *before)
{
    struct histogram_view commit = now->commit, group = now->group;
    histogram_since(&commit, &before->commit);
    histogram_since(&group, &before->group);
    out->commit_p50_us = quantile_us(&commit, 500);
    out->commit_p99_us = quantile_us(&commit, 990);
    out->groups = history_cut(group.count);
    out->grouped_orders = history_cut(group.sum);
    out->commits = since(now->commits, before->commits);
    out->commits_failed = since(now->commits_failed, before->commits_failed);
    out->pool_exhausted = since(now->exhausted, before->exhausted);
    out->pool_errors = since(now->pool_errors, before->pool_errors);
}

static void set_gauges(struct sample *out, const struct state *state)
{
    out->ready = state->ready;
    out->queue_depth = state->queue.depth;
    out->queue_oldest_ms = history_cut((uint64_t)(state->queue.oldest_age_ns / NS_PER_MS));
    out->workers_busy = state->queue.workers_busy;
    out->pool_active = state->pool.connections.active;
    out->pool_idle = state->pool.connections.idle;
    out->pool_waiting = state->pool.queue.waiting;
}

/* ---- each second ---- */

static void take(struct observability *observed, int64_t now_ns)
{
    struct sampler *sampler = &observed->sampler;
    struct state state;
    struct sampler_view now = { .at_ns = now_ns };
    state_look(observed, &state);
    database_check_tick(&observed->check, &state.pool);
    read_counters(observed, &state, &now);
    if (sampler->last.at_ns != 0) {
        int64_t interval_ns = now_ns - sampler->last.at_ns;
        struct sample sample = {
            .at_ms = clock_wall_us() / 1000,
            .interval_ms = history_cut((uint64_t)(interval_ns / NS_PER_MS)),
        };
        set_orders(&sample, &now, &sampler->last);
        set_commits(&sample, &now, &sampler->last);
        set_gauges(&sample, &state);
        history_add(&observed->history, &sample);
    }
    sampler->last = now;
}

int64_t sampler_tick(struct observability *observed)
{
    struct sampler *sampler = &observed->sampler;
    int64_t now_ns = clock_now_ns();
    if (now_ns < sampler->next_at_ns)
        return sampler->next_at_ns;
    take(observed, now_ns);
    /* The next sample is due one second after the time planned for this one, so that delays do not
     * add up. But if this one is late by a second or more, the next is due one second from now. */
    bool late = now_ns - sampler->next_at_ns >= NS_PER_S;
    sampler->next_at_ns = (late ? now_ns : sampler->next_at_ns) + NS_PER_S;
    return sampler->next_at_ns;
}
