/* admission.c - see admission.h. */
#include "app/admission.h"

#include "app/refuse.h"
#include "app/ticket.h"
#include "base/clock.h"

bool admits(struct service *service, struct http_request *req)
{
    int64_t retry_in_ns = 0;
    if (pqpool_is_down(service->pool, &retry_in_ns)) {
        ticket_count(service, RESULT_UNAVAILABLE, 1);
        refuse(req, REFUSE_DATABASE_DOWN, retry_in_ns > 0 ? retry_in_ns : NS_PER_S);
        return false;
    }
    if (!atomic_load_explicit(&service->migrated, memory_order_acquire)) {
        ticket_count(service, RESULT_UNAVAILABLE, 1);
        refuse(req, REFUSE_STARTING, 0);
        return false;
    }
    return true;
}
