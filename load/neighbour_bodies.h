/* neighbour_bodies.h - what a heavy or a hostile neighbour sends. */
#ifndef NEIGHBOUR_BODIES_H
#define NEIGHBOUR_BODIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* A whole request, head and body. */
struct neighbour_request {
    char *text; /* owned */
    size_t len;
    size_t n_orders;
    size_t first_at, stride; /* where the number of the first order stands, and of each next one */
};

enum neighbour_batch_kind { NEIGHBOUR_ALL_GOOD, NEIGHBOUR_ONE_BAD };

/* A batch of n orders; numbers are overwritten by neighbour_batch_number(). */
bool neighbour_batch(struct neighbour_request *request, enum neighbour_batch_kind kind,
                     const char *host, const char *prefix, size_t n_orders) MUST_CHECK;
void neighbour_batch_number(struct neighbour_request *request, uint64_t first);

/* `bytes` times the same, packed: a bomb. */
bool neighbour_bomb(struct neighbour_request *request, const char *host, const char *path,
                    char byte, size_t bytes) MUST_CHECK;

/* Objects of unknown members, so many in all: one order, or a batch of orders that each have about
 * document_bytes (0: one order). */
bool neighbour_members(struct neighbour_request *request, const char *host, size_t members,
                       size_t document_bytes) MUST_CHECK;

void neighbour_request_fini(struct neighbour_request *request);

#endif
