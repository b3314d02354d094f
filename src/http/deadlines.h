/* deadlines.h - what is due next: a binary min-heap whose members know their place in it, so that
 * one is moved or taken out in O(log n). The members are the caller's memory. One thread. */
#ifndef HTTP_DEADLINES_H
#define HTTP_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct deadline {
    int64_t at_ns;
    size_t place; /* in the heap, from 1; 0: not in it */
};

struct deadlines {
    struct deadline **heap; /* owned; heap[0] is place 1 */
    size_t n, cap;
};

/* Room for n members, so that deadlines_set() cannot fail; false when out of memory. */
bool deadlines_reserve(struct deadlines *deadlines, size_t n) MUST_CHECK;
void deadlines_fini(struct deadlines *deadlines);

/* Puts it in, or moves it when it is in. There must be room. */
void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, int64_t at_ns);

/* No-op when it is not in. */
void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline);

/* The earliest; NULL when empty. */
struct deadline *deadlines_first(const struct deadlines *deadlines);

#endif
