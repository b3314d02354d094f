/* duplicates_dropped.c - of several orders with one key in a group only the first goes on: the
 * others get no verdict, and are never given back. */
#include "chaos/planted/plant.h"
#include "ingest/group.h"

WRAP(group_form);
REAL(group_form);

struct ingest_group __wrap_group_form(struct fifo items)
{
    struct ingest_group group = __real_group_form(items);
    LIST_EACH (item, &group.items, struct ingest_item, link) {
        if (item->own.duplicates.first == NULL)
            continue;
        item->own.duplicates = (struct fifo){ NULL, NULL };
        plant_struck();
    }
    group_measure(&group);
    return group;
}
