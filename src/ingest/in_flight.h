/* in_flight.h - the groups that workers are attempting now. A group that takes much longer than
 * usual (a locked key, a server that hangs) is overdue. An overdue group still occupies its worker,
 * but new orders do not wait for its end any more. So a locked key delays only its own group.
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
    bool stalled; /* of a stalled account: new orders never wait for its end */
};

struct in_flight {
    struct list groups;         /* that are not overdue, in the order of their beginning */
    uint32_t orders, suspects;  /* in `groups`: orders, suspect groups */
    uint32_t all, all_suspects; /* groups, suspect groups; with overdue and stalled ones */
    uint32_t all_stalled;
};

/* Adds a group that begins now. The caller has set its `begun_at_ns`, `orders`, `suspect`
 * and `stalled`. */
void in_flight_add(struct in_flight *in_flight, struct in_flight_group *group);
void in_flight_remove(struct in_flight *in_flight, struct in_flight_group *group);

/* Marks as overdue each group that began at least `patience_ns` before now_ns. */
void in_flight_find_overdue(struct in_flight *in_flight, int64_t patience_ns, int64_t now_ns);

/* Returns when the next group will be overdue, or CLOCK_NEVER. */
int64_t in_flight_overdue_at_ns(const struct in_flight *in_flight, int64_t patience_ns);

#endif
