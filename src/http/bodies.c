/* bodies.c - see bodies.h. */
#include "http/bodies.h"

#include <stdlib.h>

bool bodies_reserve(struct bodies *bodies, struct body_bytes *bytes, size_t cap)
{
    if (cap <= bytes->cap && bytes->data != NULL)
        return true;
    size_t more = cap - bytes->cap;
    uint64_t all = atomic_fetch_add_explicit(&bodies->bytes, more, memory_order_relaxed);
    char *data = all + more <= bodies->max_bytes ? realloc(bytes->data, cap + 1) : NULL;
    if (data == NULL) {
        atomic_fetch_sub_explicit(&bodies->bytes, more, memory_order_relaxed);
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
