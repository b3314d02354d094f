/* state.c - see state.h. */
#include "observability/state.h"

#include <stdio.h>

#include "observability/observability.h"
#include "store/store.h"

static void warn_if(struct state *state, bool applies, const char *why)
{
    if (!applies || state->n_why == STATE_WHYS)
        return;
    state->warn = true;
    (void)snprintf(state->why[state->n_why++], READINESS_WHY_SIZE, "%s", why);
}

static void look_at_nodes(struct observability *observed, struct state *out)
{
    char why[READINESS_WHY_SIZE];
    const struct store_nodes *nodes = &out->nodes.nodes;
    nodes_look(&observed->nodes, &out->nodes);
    (void)snprintf(why, sizeof why,
                   "%u of %u nodes of the Citus cluster do not answer: orders of the accounts that "
                   "they have cannot be stored",
                   nodes->silent, nodes->total);
    warn_if(out, out->nodes.known && nodes->silent > 0, why);
}

void state_look(struct observability *observed, struct state *out)
{
    *out = (struct state){ .n_why = 0 };
    pqpool_stats(observed->pool, &out->pool);
    ingest_gauges(observed->ingest, &out->queue);
    out->ready = readiness_check(&observed->readiness, &observed->check, &out->pool, out->why[0]);
    out->n_why = !out->ready;
    char faults[READINESS_WHY_SIZE] = "";
    ingest_failure_streak(observed->ingest, &out->streak);
    out->faulty = database_check_faults(&out->streak, faults, sizeof faults);
    warn_if(out, out->faulty, faults);
    look_at_nodes(observed, out);
    warn_if(out, store_fsync_off(observed->store),
            "the database runs with fsync=off: a crash of its machine may lose committed orders");
    warn_if(
        out, store_unlogged(observed->store),
        "the orders table is unlogged: a crash of the database empties it, or the partitions of "
        "it that are");
    warn_if(out, store_health_blind(observed->store),
            "the health check cannot see all: the role may not read pg_class, pg_inherits, "
            "pg_database, pg_extension, pg_roles, pg_replication_slots, pg_stat_activity or "
            "pg_stat_replication");
    room_look(observed->store, out->pool.connections.max, &out->room);
    warn_if(out, out->room.is_short, out->room.text);
    warn_if(out, out->queue.depth > out->queue.capacity / 5 * 4, "the queue is over 80 % full");
    warn_if(out, out->pool.queue.exhausted_alert,
            "every pool connection is in use, and acquires wait");
}

bool state_is_ready(struct observability *observed, char why[READINESS_WHY_SIZE])
{
    struct pqpool_stats pool;
    pqpool_stats(observed->pool, &pool);
    return readiness_check(&observed->readiness, &observed->check, &pool, why);
}

const char *state_status(const struct state *state)
{
    return !state->ready ? "fail" : state->warn ? "warn" : "pass";
}
