/* bodies.h - inside of the layer: memory for the bodies of requests, bounded over all of them.
 *
 * The bound of all bodies (HTTP_BODIES_MAX) is a part of the memory budget of the server.
 * Thread     any, for the sum; each struct body_bytes belongs to one thread at a time. */
#ifndef HTTP_MESSAGE_BODIES_H
#define HTTP_MESSAGE_BODIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/budget.h"

struct bodies {
    struct budget budget;
};

struct body_bytes {
    char *data; /* owned; NULL until there is room; one byte more than cap, for a NUL */
    size_t len, cap;
};

/* Makes room for cap bytes in all. False: the bound is reached or memory is out, and nothing has
 * changed. */
bool bodies_reserve(struct bodies *bodies, struct body_bytes *bytes, size_t cap) MUST_CHECK;

/* Counts bytes that zlib allocates while it unpacks a body. False: the bound is reached, and
 * nothing is counted. */
bool bodies_take(struct bodies *bodies, size_t bytes) MUST_CHECK;
void bodies_give_back(struct bodies *bodies, size_t bytes);

/* Frees and empties; accepts an empty one. */
void bodies_free(struct bodies *bodies, struct body_bytes *bytes);

#endif
