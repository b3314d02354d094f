/* retry_heap.c - see retry_heap.h. */
#include "ingest/retry_heap.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "ingest/ingest.h"

bool due_init(struct due *due, size_t cap)
{
    *due = (struct due){ .entries = calloc(cap, sizeof *due->entries), .cap = cap };
    return due->entries != NULL;
}

void due_fini(struct due *due)
{
    free(due->entries);
    *due = (struct due){ 0 };
}

static bool before(const struct due_entry *a, const struct due_entry *b)
{
    return a->due_at_ns != b->due_at_ns ? a->due_at_ns < b->due_at_ns : a->seq < b->seq;
}

void due_push(struct due *due, const struct ingest_group *group)
{
    CHECK(due->n < due->cap);
    group->first->parked = *group;
    struct due_entry added = { group->due_at_ns, due->pushed++, group->first };
    size_t at = due->n++;
    for (; at > 0 && before(&added, &due->entries[(at - 1) / 2]); at = (at - 1) / 2)
        due->entries[at] = due->entries[(at - 1) / 2];
    due->entries[at] = added;
}

void due_pop(struct due *due, struct ingest_group *out)
{
    CHECK(due->n > 0);
    *out = due->entries[0].head->parked;
    struct due_entry moved = due->entries[--due->n];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < due->n; at = child) {
        if (child + 1 < due->n && before(&due->entries[child + 1], &due->entries[child]))
            child++;
        if (!before(&due->entries[child], &moved))
            break;
        due->entries[at] = due->entries[child];
    }
    due->entries[at] = moved;
}

int64_t due_first_at_ns(const struct due *due)
{
    return due->n > 0 ? due->entries[0].due_at_ns : CLOCK_NEVER;
}

int64_t due_oldest_at_ns(const struct due *due)
{
    int64_t oldest_at_ns = CLOCK_NEVER;
    for (size_t i = 0; i < due->n; i++)
        oldest_at_ns = clock_min(oldest_at_ns, due->entries[i].head->parked.oldest_at_ns);
    return oldest_at_ns;
}
