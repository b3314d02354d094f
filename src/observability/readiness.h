/* readiness.h - tells whether an order can be stored, which is what /health/ready answers.
 *
 * Threads    readiness_init() and readiness_fini(): main, before the first and after the last use.
 *            The other functions: any.
 * Locks      readiness->mu, a leaf lock. */
#ifndef OBSERVABILITY_READINESS_H
#define OBSERVABILITY_READINESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/sync.h"

struct database_check;
struct pqpool_stats;

enum { READINESS_WHY_SIZE = 320 };

struct readiness {
    atomic_bool schema_ready;
    atomic_bool draining; /* a signal has asked the service to end */
    struct mutex mu;
    struct err schema_err GUARDED_VAR; /* why the schema is not ready yet */
};

void readiness_init(struct readiness *readiness);
void readiness_fini(struct readiness *readiness);

/* Records why the schema is not ready yet, for readiness_check(). */
void readiness_schema_failed(struct readiness *readiness, const struct err *err);

/* Returns true if an order can be stored. Otherwise `why` says what is missing, in a text that
 * everyone may read. */
bool readiness_check(struct readiness *readiness, const struct database_check *check,
                     const struct pqpool_stats *pool, char why[READINESS_WHY_SIZE]);

#endif
