/* nodes.c - asks each node of a Citus cluster whether it answers.
 *
 * run_command_on_workers() opens new connections to all nodes at once. So a node that hangs costs
 * NODE_LIMIT and no more, however many hang, and no connection that the session already has to a
 * node is touched: to wait for one of these could take for ever, even with statement_timeout. The
 * order of evaluation is forced: the parameter is set before the function gets its argument. */
#include "store/store.h"

#include <libpq-fe.h>
#include <stdio.h>

#include "base/err.h"
#include "pqpool/pqpool.h"
#include "pqpool/result.h"
#include "store/impl.h"

#define NODE_LIMIT "500ms"

static const char ask_nodes[] =
    "SELECT count(*), count(*) FILTER (WHERE success IS NOT TRUE), "
    "left(coalesce(string_agg(nodename || ':' || nodeport, ', ' ORDER BY nodename, nodeport) "
    "FILTER (WHERE success IS NOT TRUE), ''), 200) "
    "FROM (SELECT set_config('citus.node_connection_timeout', '" NODE_LIMIT "', true) OFFSET 0) "
    "AS s(limited), LATERAL run_command_on_workers(CASE WHEN limited <> '' THEN 'SELECT 1' END)";
enum { TOTAL, SILENT, NAMES, COLUMNS };
enum { NODES_MAX = 10000 };

static bool read_nodes(const PGresult *row, struct store_nodes *out, struct err *err)
{
    uint64_t total, silent;
    if (!result_is_table(row, 1, 1, COLUMNS, "the nodes", err))
        return false;
    if (!result_number(row, 0, TOTAL, NODES_MAX, &total) ||
        !result_number(row, 0, SILENT, NODES_MAX, &silent)) {
        err_set(err, 0, "malformed answer about the nodes");
        return false;
    }
    out->total = (uint32_t)total;
    out->silent = (uint32_t)silent;
    (void)snprintf(out->names, sizeof out->names, "%s", PQgetvalue(row, 0, NAMES));
    return true;
}

bool store_on_citus(const struct store *store)
{
    return atomic_load_explicit(&store->health.citus, memory_order_relaxed);
}

bool store_ask_nodes(struct store *store, int64_t deadline_at_ns, struct store_nodes *out,
                     struct err *err)
{
    const struct pqpool_query query = { .sql = ask_nodes };
    struct pqpool_lease *lease = NULL;
    PGresult *row = NULL;
    bool ok = pqpool_acquire(store->pool, deadline_at_ns, &lease, err) == PQPOOL_OK &&
              pqpool_exec(lease, &query, deadline_at_ns, &row, err) == PQPOOL_OK &&
              read_nodes(row, out, err);
    PQclear(row);
    pqpool_release(&lease, PQPOOL_REUSE);
    return ok;
}
