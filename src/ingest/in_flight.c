/* in_flight.c - see in_flight.h. */
#include "ingest/in_flight.h"

#include "base/clock.h"

static struct in_flight_group *first_of(const struct in_flight *in_flight)
{
    return CONTAINER_OR_NULL(in_flight->groups.first, struct in_flight_group, link);
}

void in_flight_add(struct in_flight *in_flight, struct in_flight_group *group)
{
    group->overdue = group->stalled; /* both: new orders do not wait for its end */
    if (!group->overdue) {
        list_push_back(&in_flight->groups, &group->link);
        in_flight->orders += group->orders;
        in_flight->suspects += group->suspect;
    }
    in_flight->all_stalled += group->stalled;
    in_flight->all++;
    in_flight->all_suspects += group->suspect;
}

/* Removes a group that is overdue now, or has ended, from the groups that are not overdue. */
static void leave(struct in_flight *in_flight, struct in_flight_group *group)
{
    list_remove(&in_flight->groups, &group->link);
    in_flight->orders -= group->orders;
    in_flight->suspects -= group->suspect;
}

void in_flight_remove(struct in_flight *in_flight, struct in_flight_group *group)
{
    if (!group->overdue)
        leave(in_flight, group);
    in_flight->all--;
    in_flight->all_suspects -= group->suspect;
    in_flight->all_stalled -= group->stalled;
}

void in_flight_find_overdue(struct in_flight *in_flight, int64_t patience_ns, int64_t now_ns)
{
    struct in_flight_group *group;
    while ((group = first_of(in_flight)) != NULL &&
           clock_after(group->begun_at_ns, patience_ns) <= now_ns) {
        leave(in_flight, group);
        group->overdue = true;
    }
}

int64_t in_flight_overdue_at_ns(const struct in_flight *in_flight, int64_t patience_ns)
{
    const struct in_flight_group *first = first_of(in_flight);
    return first == NULL ? CLOCK_NEVER : clock_after(first->begun_at_ns, patience_ns);
}
