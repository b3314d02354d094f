/* state.h - tells whether the service is ready and well, and if not, why; for GET /health, GET
 * /status and the sampler. All figures are in memory: no function waits for the queue, the pool or
 * the database.
 *
 * Threads    any. */
#ifndef OBSERVABILITY_STATE_H
#define OBSERVABILITY_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "ingest/ingest.h"
#include "observability/nodes.h"
#include "observability/readiness.h"
#include "observability/room.h"
#include "pqpool/pqpool.h"

struct observability;

enum { STATE_WHYS = 9 };

struct state {
    struct pqpool_stats pool;
    struct ingest_gauges queue;
    struct ingest_streak streak;
    struct room room;
    struct nodes_report nodes;
    bool ready, warn;
    bool faulty;  /* groups failed in the last minute through no fault of the orders */
    size_t n_why; /* number of reasons in `why`; the worst reason comes first */
    char why[STATE_WHYS][READINESS_WHY_SIZE];
};

void state_look(struct observability *observed, struct state *out);

/* As readiness_check(): returns true if an order can be stored now, otherwise `why` says what is
 * missing. */
bool state_is_ready(struct observability *observed, char why[READINESS_WHY_SIZE]);

/* Returns "pass", "warn" or "fail". */
const char *state_status(const struct state *state);

#endif
