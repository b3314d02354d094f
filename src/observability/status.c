/* status.c - GET /status: the figures that the page at / loads each second. The answer has the
 * present state, the samples with a number above ?after=N (history.h), and the last errors.
 * history.def lists the figures of a sample, and sampler.c fills them in. The HTTP status is
 * always 200; the body says whether the service is ready. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rfc3339.h"
#include "http/http.h"
#include "observability/disclosure.h"
#include "observability/history.h"
#include "observability/last_errors.h"
#include "observability/observability.h"
#include "observability/state.h"
#include "store/store.h"

enum { STATUS_MAX = 512 * 1024 };

static void add_moment(struct buf *out, const char *name, int64_t at_us)
{
    char at[RFC3339_SIZE];
    rfc3339_format_us(at_us, at);
    buf_printf(out, ",\"%s\":", name);
    buf_add_json(out, at_us != 0 ? at : NULL);
}

static void add_state(struct buf *out, struct observability *observed, const struct state *state)
{
    buf_printf(out, "{\"status\":\"%s\",\"why\":[", state_status(state));
    for (size_t i = 0; i < state->n_why; i++) {
        buf_add_str(out, i > 0 ? "," : "");
        buf_add_json(out, state->why[i]);
    }
    buf_add_str(out, "],\"replica\":{\"host\":");
    buf_add_json(out, observed->host);
    buf_printf(out, ",\"pid\":%d},\"draining\":%s,\"version\":\"%s\"", (int)getpid(),
               json_bool(atomic_load_explicit(&observed->readiness.draining, memory_order_relaxed)),
               ORDERSD_VERSION);
    add_moment(out, "time", clock_wall_us());
    add_moment(out, "started_at", observed->started_at_us);
    buf_printf(out, ",\"uptime_seconds\":%.3f",
               (double)(clock_now_ns() - observed->started_at_ns) / NS_PER_S);
}

static void add_limits(struct buf *out, struct observability *observed, const struct state *state)
{
    buf_printf(out,
               ",\"limits\":{\"min_pool_size\":%u,\"max_pool_size\":%u,\"queue_capacity\":%u,"
               "\"group_max\":%u,\"workers\":%u,\"groups_allowed\":%u}",
               state->pool.connections.min, state->pool.connections.max, state->queue.capacity,
               observed->group_max, state->queue.workers, state->queue.groups_allowed);
}

static void add_health_check(struct buf *out, const struct pqpool_stats *pool)
{
    buf_printf(out, ",\"last_health_check\":{\"passed\":%s,\"duration_seconds\":%.6f",
               json_bool(pool->health.healthy), (double)pool->health.took_ns / NS_PER_S);
    add_moment(out, "at", pool->health.checked_at_us);
    buf_add_str(out, ",\"error\":");
    buf_add_json(out, pool->health.error[0] != '\0' ? pool->health.error : NULL);
    buf_add_char(out, '}');
}

static void add_standbys(struct buf *out, struct store *store)
{
    struct store_standbys standbys;
    store_standbys(store, &standbys);
    buf_printf(out, ",\"sync_standbys\":{\"needed\":%u,\"connected\":", standbys.needed);
    if (standbys.seen)
        buf_printf(out, "%u}", standbys.streaming);
    else
        buf_add_str(out, "null}");
}

/* What the last health check has found of the server. */
static void add_database(struct buf *out, struct observability *observed, const struct room *room)
{
    buf_add_str(out, ",\"database\":{\"replicas\":");
    if (room->replicas > 0)
        buf_printf(out, "%u,\"connections\":{\"wanted\":%llu,\"room\":%llu}", room->replicas,
                   (unsigned long long)room->wanted, (unsigned long long)room->left);
    else
        buf_add_str(out, "null,\"connections\":null");
    add_standbys(out, observed->store);
    buf_add_char(out, '}');
}

/* Adds the nodes of a Citus cluster, with the names of the silent ones only if `full`. */
static void add_nodes(struct buf *out, const struct nodes_report *report, bool full)
{
    buf_add_str(out, ",\"nodes\":");
    if (!report->known) {
        buf_add_str(out, "null");
        return;
    }
    buf_printf(out, "{\"total\":%u,\"silent\":%u,\"names\":", report->nodes.total,
               report->nodes.silent);
    buf_add_json(out, full ? report->nodes.names : "");
    buf_add_char(out, '}');
}

/* ---- samples ---- */

/* Adds a number. buf_printf() is too slow here: with it, an answer with ten minutes of samples
 * would be the slowest one that the loop makes. */
static void add_number(struct buf *out, uint64_t number)
{
    char digits[24];
    char *p = digits + sizeof digits;
    do {
        *--p = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_add(out, p, (size_t)(digits + sizeof digits - p));
}

static void add_sample(struct buf *out, uint64_t number, const struct sample *sample)
{
    buf_add_char(out, '[');
    add_number(out, number);
    buf_add_char(out, ',');
    add_number(out, (uint64_t)sample->at_ms);
    for (unsigned i = 0; history_column_name(i) != NULL; i++) {
        uint32_t value = history_column(sample, i);
        buf_add_char(out, ',');
        if (value == HISTORY_NONE)
            buf_add_str(out, "null");
        else
            add_number(out, value);
    }
    buf_add_char(out, ']');
}

static void add_columns(struct buf *out)
{
    const char *name;
    buf_add_str(out, ",\"samples\":{\"columns\":[\"number\",\"at_ms\"");
    for (unsigned i = 0; (name = history_column_name(i)) != NULL; i++)
        buf_printf(out, ",\"%s\"", name);
    buf_add_str(out, "],\"rows\":[");
}

static void add_samples(struct buf *out, struct history *history, uint64_t after)
{
    struct sample sample;
    uint64_t first, newest;
    bool begun = false;
    add_columns(out);
    history_range(history, &first, &newest);
    if (after >= first && after <= newest)
        first = after + 1;
    for (uint64_t number = first; number <= newest; number++) {
        if (!history_get(history, number, &sample))
            continue;
        buf_add_str(out, begun ? "," : "");
        add_sample(out, number, &sample);
        begun = true;
    }
    buf_add_str(out, "]}");
}

/* Returns the number in ?after, or 0 if ?after is absent or does not begin with a digit. */
static uint64_t after_of(struct http_request *req)
{
    const char *text = http_query(req, "after", NULL);
    return text != NULL && text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : 0;
}

/* ---- errors ---- */

/* Adds the last errors, with their texts only if `full` (see disclosure.h). */
static void add_errors(struct buf *out, struct last_errors *errors, bool full)
{
    struct last_error all[LAST_ERRORS_MAX];
    size_t n = last_errors_read(errors, all);
    buf_add_str(out, ",\"last_errors\":[");
    for (size_t i = 0; i < n; i++) {
        const struct last_error *e = &all[i];
        buf_printf(out, "%s{\"level\":\"%s\",\"event\":\"%s\",\"count\":%llu", i > 0 ? "," : "",
                   e->level == LOG_ERROR ? "error" : "warn", e->event,
                   (unsigned long long)e->count);
        add_moment(out, "first_at", e->first_at_us);
        add_moment(out, "last_at", e->last_at_us);
        buf_add_str(out, ",\"code\":");
        buf_add_json(out, e->code);
        buf_add_str(out, ",\"text\":");
        buf_add_json(out, full ? e->text : "");
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

void observability_get_status(struct http_request *req, void *ctx)
{
    struct observability *observed = ctx;
    struct state state;
    const bool full = disclosure_is_full(observed->disclose_all, req);
    struct buf body = BUF_INIT(STATUS_MAX);
    state_look(observed, &state);
    add_state(&body, observed, &state);
    add_limits(&body, observed, &state);
    add_health_check(&body, &state.pool);
    add_database(&body, observed, &state.room);
    add_nodes(&body, &state.nodes, full);
    add_samples(&body, &observed->history, after_of(req));
    add_errors(&body, &observed->last_errors, full);
    buf_add_char(&body, '}');
    http_answer(req, 200, "application/json", &body);
}
