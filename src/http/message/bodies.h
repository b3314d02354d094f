/* bodies.h - memory for the bodies of requests, limited for all of them together. Internal to http.
 *
 * The limit of all bodies (HTTP_BODIES_MAX) is a part of the server's memory budget.
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
    char *data; /* owned; NULL before bodies_reserve(); cap + 1 bytes, for a NUL */
    size_t len, cap;
};

/* Makes room for at least `cap` bytes in bytes->data, and for a NUL. Returns false if all bodies
 * together have reached their limit, or memory is out: then nothing has changed. */
bool bodies_reserve(struct bodies *bodies, struct body_bytes *bytes, size_t cap) MUST_CHECK;

/* Counts `bytes` of zlib's memory towards the limit of all bodies. Returns false if that limit is
 * reached: then nothing is counted. */
bool bodies_take(struct bodies *bodies, size_t bytes) MUST_CHECK;
void bodies_give_back(struct bodies *bodies, size_t bytes);

/* Frees the bytes and empties the struct. For an empty struct this is a no-op. */
void bodies_free(struct bodies *bodies, struct body_bytes *bytes);

#endif
