/* duplicates_dropped.c - of several orders with one key in a group only the first goes on: the
 * others get no verdict, and are never given back. */
#include "chaos/planted/plant.h"
#include "ingest/group.h"

WRAP(group_form);
REAL(group_form);

struct ingest_group __wrap_group_form(struct ingest_item *first)
{
    struct ingest_group group = __real_group_form(first);
    for (struct ingest_item *item = group.first; item != NULL; item = item->next) {
        if (item->followers == NULL)
            continue;
        item->followers = NULL;
        plant_struck();
    }
    group_measure(&group);
    return group;
}
