/* not_accepted_after_send.c - an order that was sent and has no verdict at its deadline is
 * answered as one that was never sent: 503, not_accepted. */
#include "chaos/planted/plant.h"
#include "ingest/ingest.h"

WRAP(ingest_expire);
REAL(ingest_expire);

bool __wrap_ingest_expire(struct ingest_item *item)
{
    if (!__real_ingest_expire(item))
        plant_struck();
    return true;
}
