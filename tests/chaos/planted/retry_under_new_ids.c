/* retry_under_new_ids.c - a group whose first attempt is in doubt is tried again under new order
 * ids, so an order that the first attempt has stored is taken for somebody else's. */
#include <stdint.h>

#include "base/clock.h"
#include "chaos/planted/plant.h"
#include "store/impl.h"

WRAP(store_put);
REAL(store_put);

bool __wrap_store_put(void *ctx, struct put_group *group, struct store_failure *failure)
{
    for (size_t i = 0; group->in_doubt && i < group->n; i++) {
        order_stamp((struct order *)(uintptr_t)group->puts[i]->order, clock_wall_us());
        plant_struck();
    }
    return __real_store_put(ctx, group, failure);
}
