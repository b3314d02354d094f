/* admission.c - rejects requests while no order can be accepted. */
#include "handlers/admission.h"

#include "base/clock.h"
#include "handlers/handlers.h"
#include "handlers/reject.h"
#include "pqpool/pqpool.h"

static bool reject(struct handlers *handlers, struct http_request *req, enum rejection rejection,
                   int64_t retry_after_ns)
{
    order_metrics_count(&handlers->metrics, RESULT_UNAVAILABLE, 1);
    reject_request(req, rejection, retry_after_ns);
    return false;
}

bool admission_check(struct handlers *handlers, struct http_request *req)
{
    int64_t retry_in_ns = 0;
    if (pqpool_is_down(handlers->pool, &retry_in_ns))
        return reject(handlers, req, REJECT_DATABASE_DOWN,
                      retry_in_ns > 0 ? retry_in_ns : NS_PER_S);
    if (!atomic_load_explicit(handlers->schema_ready, memory_order_acquire))
        return reject(handlers, req, REJECT_STARTING, 0);
    if (atomic_load_explicit(handlers->lacks_standby, memory_order_acquire))
        return reject(handlers, req, REJECT_NO_SYNC_STANDBY, 0);
    return true;
}
