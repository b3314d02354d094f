/* database_check.c - see database_check.h. */
#include "app/database_check.h"

#include "app/service.h"
#include "base/log.h"
#include "store/store.h"

void database_check_begin(struct service *service)
{
    atomic_store_explicit(&service->check.begun, true, memory_order_release);
    pqpool_check_health(service->pool);
}

bool database_check_made(const struct service *service)
{
    return atomic_load_explicit(&service->check.made, memory_order_acquire);
}

const char *database_check_query(void *ctx)
{
    const struct service *service = ctx;
    bool begun = atomic_load_explicit(&service->check.begun, memory_order_acquire);
    return begun ? store_health_query(service->store) : NULL;
}

/* Logs a finding when it appears, and again when it has gone and come back. */
static void tell(bool *told, bool is, const char *event, const char *text)
{
    if (is && !*told)
        log_event(LOG_WARN, event, log_str("text", text));
    *told = is;
}

bool database_check_verdict(void *ctx, const struct pg_result *last, unsigned before,
                            struct err *err)
{
    struct service *service = ctx;
    struct database_check *check = &service->check;
    bool passed = store_health_verdict(service->store, last, before, err);
    tell(&check->told_fsync_off, store_fsync_off(service->store), "database.fsync_off",
         "a crash of the database's machine may lose committed orders");
    tell(&check->told_unlogged, store_unlogged(service->store), "database.unlogged",
         "a crash of the database empties the orders table or a partition of it: ALTER TABLE … SET "
         "LOGGED");
    tell(&check->told_blind, store_health_blind(service->store), "database.check_limited",
         "the role may not read pg_class, pg_inherits or pg_database: the health check cannot tell "
         "a read-only database or an unlogged table; GRANT SELECT on them");
    atomic_store_explicit(&check->made, true, memory_order_release);
    return passed;
}
