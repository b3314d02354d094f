/* not_accepted_after_send.c - an order that was sent and has no verdict at its deadline is answered
 * as one that was never sent: 503 not_accepted instead of 504 unknown. */
#include "chaos/planted/plant.h"
#include "handlers/statuses.h"
#include "http/http.h"

WRAP(http_map_problem);
REAL(http_map_problem);

struct http_problem __wrap_http_map_problem(enum order_refusal refusal)
{
    if (refusal != REFUSE_COMMIT_UNKNOWN)
        return __real_http_map_problem(refusal);
    plant_struck();
    return __real_http_map_problem(REFUSE_COMMIT_TIMEOUT);
}
