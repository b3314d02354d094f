/* not_accepted_after_send.c - an order that was sent and has no verdict at its deadline is answered
 * as one that was never sent: 503 not_accepted instead of 504 unknown. */
#include "chaos/planted/plant.h"
#include "handlers/statuses.h"
#include "http/http.h"

WRAP(statuses_problem);
REAL(statuses_problem);

struct http_problem __wrap_statuses_problem(enum rejection rejection)
{
    if (rejection != REJECT_COMMIT_UNKNOWN)
        return __real_statuses_problem(rejection);
    plant_struck();
    return __real_statuses_problem(REJECT_COMMIT_TIMEOUT);
}
