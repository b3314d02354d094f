/* pieces.h - a byte queue in pieces, for a large answer that is sent little by little. Bytes are
 * added at the end and read from the beginning. A piece is freed as soon as it has been read.
 *
 * Memory     All memory is taken from a budget before it is allocated. A caller can reserve memory
 *            first: then pieces_room() bytes can be added even if the budget is full, and only
 *            malloc() can fail.
 * Failure    If pieces_add() gets no memory, it sets `failed`, but may have added a part of the
 *            bytes. All later calls add nothing.
 * Thread     one at a time. */
#ifndef BASE_PIECES_H
#define BASE_PIECES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/budget.h"
#include "base/list.h"

struct pieces {
    struct fifo list;          /* owned */
    size_t len;                /* bytes not yet read */
    size_t read;               /* bytes of the first piece that were read */
    size_t reserved;           /* bytes taken from the budget, but not yet part of a piece */
    struct budget_share share; /* covers all pieces and `reserved` */
    bool failed;
};

/* Allocates nothing. The budget is borrowed. If it is NULL, there is no limit. */
void pieces_init(struct pieces *pieces, struct budget *budget);
void pieces_fini(struct pieces *pieces); /* frees all pieces; accepts a zeroed struct */

/* Makes pieces_room() at least `bytes`. Returns false if the budget has no room. */
bool pieces_reserve(struct pieces *pieces, size_t bytes) MUST_CHECK;

/* Returns how many bytes can be added without asking the budget. */
size_t pieces_room(const struct pieces *pieces);

/* Adds the bytes. Memory beyond pieces_room() is taken from the budget. */
void pieces_add(struct pieces *pieces, const void *bytes, size_t len);
void pieces_add_str(struct pieces *pieces, const char *text);

/* Gives the unused reservation back to the budget. Nothing may be added afterwards. */
void pieces_seal(struct pieces *pieces);

/* Copies the next bytes to `out`, `max` at most, and frees each piece that has been read to its
 * end. Returns the number of bytes copied, 0 if no bytes are left. */
size_t pieces_read(struct pieces *pieces, char *out, size_t max);

#endif
