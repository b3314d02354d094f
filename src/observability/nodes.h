/* nodes.h - watches the nodes of a Citus cluster: a thread asks every node each `interval_ns`, and
 * keeps the answer for /health and /status. Without Citus it asks nothing. It has a connection from
 * the pool and a deadline for each question, so a node that hangs delays nothing else: not the
 * health check, and no order.
 *
 * Threads    nodes_start() and nodes_stop(): main. nodes_look(): any.
 * Locks      nodes->mu, a leaf lock. */
#ifndef OBSERVABILITY_NODES_H
#define OBSERVABILITY_NODES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/sync.h"
#include "store/store.h"

struct nodes_report {
    bool known; /* false: no Citus, or no answer by the deadline yet */
    struct store_nodes nodes;
};

struct nodes {
    struct store *store; /* borrowed */
    int64_t interval_ns;
    pthread_t thread;
    bool runs;
    bool told; /* used by the thread: the last report that was logged had a silent node */
    struct mutex mu;
    struct cond wake;
    bool stop GUARDED_VAR;
    struct nodes_report report GUARDED_VAR;
};

void nodes_init(struct nodes *nodes);
void nodes_fini(struct nodes *nodes);

/* Starts the thread. Returns false, with *err, if there can be none. */
bool nodes_start(struct nodes *nodes, struct store *store, int64_t interval_ns,
                 struct err *err) MUST_CHECK;
/* nodes_stop() asks the thread to end. nodes_join() waits for it; pqpool_interrupt() ends a
 * question that is under way. */
void nodes_stop(struct nodes *nodes);
void nodes_join(struct nodes *nodes);

void nodes_look(struct nodes *nodes, struct nodes_report *out);

#endif
