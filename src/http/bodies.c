/* bodies.c - see bodies.h. */
#include "http/bodies.h"

#include <stdlib.h>

bool bodies_take(struct bodies *bodies, size_t bytes)
{
    uint64_t all = atomic_fetch_add_explicit(&bodies->bytes, bytes, memory_order_relaxed);
    if (all + bytes <= bodies->max_bytes)
        return true;
    bodies_give_back(bodies, bytes);
    return false;
}

void bodies_give_back(struct bodies *bodies, size_t bytes)
{
    atomic_fetch_sub_explicit(&bodies->bytes, bytes, memory_order_relaxed);
}

bool bodies_reserve(struct bodies *bodies, struct body_bytes *bytes, size_t cap)
{
    if (cap <= bytes->cap && bytes->data != NULL)
        return true;
    size_t more = cap - bytes->cap;
    if (!bodies_take(bodies, more))
        return false;
    char *data = realloc(bytes->data, cap + 1);
    if (data == NULL) {
        bodies_give_back(bodies, more);
        return false;
    }
    bytes->data = data;
    bytes->cap = cap;
    return true;
}

void bodies_free(struct bodies *bodies, struct body_bytes *bytes)
{
    atomic_fetch_sub_explicit(&bodies->bytes, bytes->cap, memory_order_relaxed);
    free(bytes->data);
    *bytes = (struct body_bytes){ 0 };
}
