/* neighbour_bodies.h - the requests of a heavy or hostile client. */
#ifndef NEIGHBOUR_BODIES_H
#define NEIGHBOUR_BODIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* A complete request, head and body. */
struct neighbour_request {
    char *text; /* owned */
    size_t len;
    size_t n_orders;
    size_t first_at, stride; /* offset of the first order's number, and distance to the next one */
};

enum neighbour_batch_kind { NEIGHBOUR_ALL_GOOD, NEIGHBOUR_ONE_BAD };

/* Makes a batch of n orders. neighbour_batch_number() overwrites their numbers. */
bool neighbour_batch(struct neighbour_request *request, enum neighbour_batch_kind kind,
                     const char *host, const char *prefix, size_t n_orders) MUST_CHECK;
void neighbour_batch_number(struct neighbour_request *request, uint64_t first);

/* Makes a gzip bomb: `bytes` times the same byte. */
bool neighbour_bomb(struct neighbour_request *request, const char *host, const char *path,
                    char byte, size_t bytes) MUST_CHECK;

/* Makes objects with `members` unknown members in all: one order, or, if document_bytes is not 0, a
 * batch of orders of about that size. */
bool neighbour_members(struct neighbour_request *request, const char *host, size_t members,
                       size_t document_bytes) MUST_CHECK;

void neighbour_request_fini(struct neighbour_request *request);

#endif
