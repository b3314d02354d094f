/* bodies.c - see bodies.h. */
#include "http/message/bodies.h"

#include <stdlib.h>

bool bodies_take(struct bodies *bodies, size_t bytes)
{
    return budget_take(&bodies->budget, bytes, bytes);
}

void bodies_give_back(struct bodies *bodies, size_t bytes)
{
    budget_give(&bodies->budget, bytes);
}

bool bodies_reserve(struct bodies *bodies, struct body_bytes *bytes, size_t cap)
{
    if (cap <= bytes->cap && bytes->data != NULL)
        return true;
    size_t more = cap - bytes->cap;
    if (!budget_take(&bodies->budget, more, cap))
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
    free(bytes->data);
    budget_give(&bodies->budget, bytes->cap);
    *bytes = (struct body_bytes){ 0 };
}
