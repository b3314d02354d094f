/* admission.c - rejects requests while no order can be accepted. */
#include "handlers/admission.h"

#include "base/clock.h"
#include "handlers/handlers.h"
#include "handlers/reject.h"
#include "pqpool/pqpool.h"

bool admission_check(struct handlers *handlers, struct http_request *req)
{
    int64_t retry_in_ns = 0;
    if (pqpool_is_down(handlers->pool, &retry_in_ns)) {
        order_metrics_count(&handlers->metrics, RESULT_UNAVAILABLE, 1);
        reject_request(req, REJECT_DATABASE_DOWN, retry_in_ns > 0 ? retry_in_ns : NS_PER_S);
        return false;
    }
    if (!atomic_load_explicit(handlers->schema_ready, memory_order_acquire)) {
        order_metrics_count(&handlers->metrics, RESULT_UNAVAILABLE, 1);
        reject_request(req, REJECT_STARTING, 0);
        return false;
    }
    return true;
}
