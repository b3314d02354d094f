/* readiness.c - see readiness.h. */
#include "observability/readiness.h"

#include <stdio.h>

#include "observability/database_check.h"
#include "observability/disclosure.h"
#include "pqpool/pqpool.h"

void readiness_init(struct readiness *readiness)
{
    mutex_init(&readiness->mu);
}

void readiness_fini(struct readiness *readiness)
{
    mutex_fini(&readiness->mu);
}

void readiness_schema_failed(struct readiness *readiness, const struct err *err)
{
    mutex_lock(&readiness->mu);
    readiness->schema_err = *err;
    mutex_unlock(&readiness->mu);
}

static bool say(char *why, const char *what, const char *detail)
{
    (void)snprintf(why, READINESS_WHY_SIZE, "%s%s%s", what, detail[0] != '\0' ? ": " : "", detail);
    return false;
}

static bool say_schema(struct readiness *readiness, const char *dial, char *why)
{
    char words[DISCLOSURE_SIZE];
    mutex_lock(&readiness->mu);
    struct err err = readiness->schema_err;
    mutex_unlock(&readiness->mu);
    disclosure_of_schema(&err, words, sizeof words);
    return say(why, "the schema is not ready yet", dial[0] != '\0' ? dial : words);
}

bool readiness_check(struct readiness *readiness, const struct database_check *check,
                     const struct pqpool_stats *pool, char why[READINESS_WHY_SIZE])
{
    char dial[DISCLOSURE_SIZE];
    why[0] = '\0';
    disclosure_of_dial(pool, dial, sizeof dial);
    if (atomic_load_explicit(&readiness->draining, memory_order_acquire))
        return say(why, "shutting down", "");
    if (pool->server.down)
        return say(why, "the database is down", dial);
    if (!atomic_load_explicit(&readiness->schema_ready, memory_order_acquire))
        return say_schema(readiness, dial, why);
    if (!pool->health.healthy)
        return say(why, "the last health check of the database failed",
                   pool->health.connected || dial[0] == '\0' ? pool->health.error : dial);
    if (!database_check_made(check))
        return say(why, "the orders table has not been checked yet", "");
    if (database_check_doubts(check))
        return say(why, "groups of orders fail, and none is stored", "");
    return true;
}
