/* in_flight.h - the groups that workers have. A group that takes much longer than usual (a locked
 * key, a server that hangs) is overdue. It still occupies its worker, but counts no more when the
 * queue decides whether another group may begin: one locked key delays only its own group.
 *
 * Threads    one at a time: the caller holds the lock of the queue. */
#ifndef INGEST_IN_FLIGHT_H
#define INGEST_IN_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct in_flight_group {
    struct list_node link; /* in in_flight.groups, unless overdue */
    int64_t begun_at_ns;
    uint32_t orders;
    bool suspect, overdue;
};

struct in_flight {
    struct list groups;         /* that are not overdue, in the order of their beginning */
    uint32_t orders, suspects;  /* orders of these groups; how many of these groups are suspect */
    uint32_t all, all_suspects; /* groups, with those that are overdue */
};

/* `group` has its `begun_at_ns`, `orders` and `suspect`. */
void in_flight_add(struct in_flight *in_flight, struct in_flight_group *group);
void in_flight_remove(struct in_flight *in_flight, struct in_flight_group *group);

/* Makes the groups overdue that began `patience_ns` ago or earlier. */
void in_flight_find_overdue(struct in_flight *in_flight, int64_t patience_ns, int64_t now_ns);

/* Returns when the next group will be overdue, or CLOCK_NEVER. */
int64_t in_flight_overdue_at_ns(const struct in_flight *in_flight, int64_t patience_ns);

#endif
