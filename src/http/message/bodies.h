/* bodies.h - inside of the layer: memory for the bodies of requests, bounded over all of them.
 *
 * The bound of all bodies (HTTP_BODIES_MAX) is a part of the memory budget of the server.
 *
 * Threads    any thread may use struct bodies. One thread at a time uses a struct body_bytes. */
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
    char *data; /* owned; NULL until there is room; has one byte more than cap, for a NUL */
    size_t len, cap;
};

/* Makes room for `cap` bytes in all. Returns false if the bound of all bodies is reached or memory
 * is out: then nothing has changed. */
bool bodies_reserve(struct bodies *bodies, struct body_bytes *bytes, size_t cap) MUST_CHECK;

/* Counts bytes that zlib allocates while it unpacks a body. Returns false if the bound of all
 * bodies is reached: then nothing is counted. */
bool bodies_take(struct bodies *bodies, size_t bytes) MUST_CHECK;
void bodies_give_back(struct bodies *bodies, size_t bytes);

/* Frees the bytes and empties the struct. For an empty struct this is a no-op. */
void bodies_free(struct bodies *bodies, struct body_bytes *bytes);

#endif
