/* due.h - groups that wait for their next attempt, the earliest due first: a binary heap.
 *
 * Groups are kept in their first items, so the heap holds pointers to those. Its memory is taken at
 * the start, for as many groups as there may be items: a push cannot fail. Under queue.mu. */
#ifndef INGEST_DUE_H
#define INGEST_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct ingest_group;
struct ingest_item;

struct due_entry {
    int64_t due_at_ns;
    uint64_t seq; /* of equals, the first pushed comes first */
    struct ingest_item *head;
};

struct due {
    struct due_entry *entries; /* [n], heap order */
    size_t n, cap;
    uint64_t pushed;
};

bool due_init(struct due *due, size_t cap) MUST_CHECK; /* false: no memory */
void due_fini(struct due *due);

void due_push(struct due *due, const struct ingest_group *group);
void due_pop(struct due *due, struct ingest_group *out); /* not when empty */

int64_t due_first_at_ns(const struct due *due); /* CLOCK_NEVER when empty */
int64_t
due_oldest_at_ns(const struct due *due); /* first receipt in any group; CLOCK_NEVER likewise */

#endif
