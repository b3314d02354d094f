/* content_not_compared.c - an order whose id is taken counts as a replay, whatever the stored
 * order says. */
#include "chaos/planted/plant.h"
#include "orders/order.h"

WRAP(order_diff);
REAL(order_diff);

unsigned __wrap_order_diff(const struct order *a, const struct order *b)
{
    if (__real_order_diff(a, b) != 0)
        plant_struck();
    return 0;
}
