/* server_metrics.c - see server_metrics.h. The key of a slot (route, method, status) is written
 * once, before `used` counts the slot. The search is linear, because a route has few slots, and
 * these lie together. */
#include "http/server_metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/sync.h"
#include "http/http.h"

#define DURATION "http_server_request_duration_seconds"

struct slot_key {
    const struct http_route *route; /* NULL: no route matched */
    const char *method;             /* from method_label(), so it is compared by its address */
    int status;
};

struct slot {
    struct slot_key key;
    struct histogram duration;
};

struct server_metrics {
    const struct http_route *routes;
    size_t n_routes;
    /* first[i]: the index of the first slot of route i. first[n_routes]: the index of the first
     * slot that was added after the start. */
    size_t *first;
    struct mutex mu; /* held while a slot is added; a leaf lock */
    size_t cap;
    /* Stored (release) after a slot is written, and loaded (acquire) before a slot is read. */
    atomic_size_t used;
    struct slot *slots;
};

static const char method_get[] = "GET", method_head[] = "HEAD", method_post[] = "POST";
static const char method_other[] = "_OTHER"; /* any other method: clients cannot invent labels */

static const char *method_label(const struct http_route *route, const char *method)
{
    if (strcmp(method, method_head) == 0)
        return method_head;
    if (route != NULL)
        return route->method;
    if (strcmp(method, method_get) == 0)
        return method_get;
    return strcmp(method, method_post) == 0 ? method_post : method_other;
}

static void add_slot(struct server_metrics *metrics, const struct slot_key *key)
{
    size_t at = atomic_load_explicit(&metrics->used, memory_order_relaxed);
    struct slot *slot = &metrics->slots[at];
    slot->key = *key;
    histogram_init(&slot->duration, metric_latency_bounds_ns, metric_latency_n_bounds);
    atomic_store_explicit(&metrics->used, at + 1, memory_order_release);
}

static size_t declared(const struct http_route *routes, size_t n_routes)
{
    size_t n = 0;
    for (size_t i = 0; i < n_routes; i++)
        for (const int *status = routes[i].statuses; *status != 0; status++)
            n++;
    return n;
}

static void add_declared(struct server_metrics *metrics)
{
    for (size_t i = 0; i < metrics->n_routes; i++) {
        const struct http_route *route = &metrics->routes[i];
        metrics->first[i] = metrics->used;
        for (const int *status = route->statuses; *status != 0; status++)
            add_slot(metrics, &(struct slot_key){ route, route->method, *status });
    }
    metrics->first[metrics->n_routes] = metrics->used;
}

struct server_metrics *server_metrics_open(const struct http_route *routes, size_t n_routes)
{
    struct server_metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL)
        return NULL;
    metrics->routes = routes;
    metrics->n_routes = n_routes;
    size_t n_declared = declared(routes, n_routes);
    CHECK(n_declared <= METRICS_DECLARED_MAX);
    metrics->cap = n_declared + METRICS_EXTRA;
    mutex_init(&metrics->mu);
    metrics->first = calloc(n_routes + 1, sizeof *metrics->first);
    metrics->slots = aligned_alloc(_Alignof(struct slot), metrics->cap * sizeof(struct slot));
    if (metrics->first == NULL || metrics->slots == NULL) {
        server_metrics_close(metrics);
        return NULL;
    }
    add_declared(metrics);
    return metrics;
}

void server_metrics_close(struct server_metrics *metrics)
{
    if (metrics == NULL)
        return;
    mutex_fini(&metrics->mu);
    free(metrics->slots);
    free(metrics->first);
    free(metrics);
}

static struct slot *find(struct server_metrics *metrics, size_t from, size_t to,
                         const struct slot_key *want)
{
    for (struct slot *slot = &metrics->slots[from]; slot < &metrics->slots[to]; slot++)
        if (slot->key.status == want->status && slot->key.route == want->route &&
            slot->key.method == want->method)
            return slot;
    return NULL;
}

static struct slot *find_extra(struct server_metrics *metrics, const struct slot_key *want)
{
    return find(metrics, metrics->first[metrics->n_routes],
                atomic_load_explicit(&metrics->used, memory_order_acquire), want);
}

static struct slot *find_declared(struct server_metrics *metrics, const struct slot_key *want)
{
    if (want->route == NULL)
        return NULL;
    size_t i = (size_t)(want->route - metrics->routes);
    return find(metrics, metrics->first[i], metrics->first[i + 1], want);
}

static struct slot *find_or_add(struct server_metrics *metrics, const struct slot_key *want)
{
    mutex_lock(&metrics->mu);
    struct slot *slot = find_extra(metrics, want);
    if (slot == NULL && metrics->used < metrics->cap) {
        add_slot(metrics, want);
        slot = &metrics->slots[metrics->used - 1];
    }
    mutex_unlock(&metrics->mu);
    return slot;
}

void server_metrics_observe(struct server_metrics *metrics, const struct http_route *route,
                            const char *method, int status, int64_t duration_ns)
{
    const struct slot_key want = { route, method_label(route, method), status };
    struct slot *slot = find_declared(metrics, &want);
    if (slot == NULL)
        slot = find_extra(metrics, &want);
    if (slot == NULL)
        slot = find_or_add(metrics, &want);
    if (slot != NULL)
        histogram_observe(&slot->duration, duration_ns);
}

void server_metrics_render(struct server_metrics *metrics, struct buf *out)
{
    prom_family(out, DURATION, "histogram", "Time from a request's headers to its answer.");
    size_t used = atomic_load_explicit(&metrics->used, memory_order_acquire);
    for (size_t i = 0; i < used; i++) {
        const struct slot *slot = &metrics->slots[i];
        char labels[256];
        (void)snprintf(labels, sizeof labels,
                       "http_request_method=\"%s\",http_route=\"%s\","
                       "http_response_status_code=\"%d\"",
                       slot->key.method, slot->key.route != NULL ? slot->key.route->path : "",
                       slot->key.status);
        struct histogram_view view;
        histogram_read(&slot->duration, &view);
        prom_histogram(out, DURATION, labels, &view, NS_PER_S);
    }
}
