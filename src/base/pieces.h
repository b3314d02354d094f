/* pieces.h - a byte queue in pieces, for a large answer that is sent little by little. Bytes are
 * added at the end and read from the beginning. A piece is freed as soon as it has been read.
 *
 * Memory     All of it is taken from a budget before it is allocated. A caller that must not fail
 *            later reserves first: then pieces_room() bytes can be added even if the budget is
 *            full. Only malloc() can fail then.
 * Failure    An addition that gets no memory sets `failed` and adds nothing; so do all later
 *            ones.
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
    size_t reserved;           /* bytes taken from the budget for which there is no piece yet */
    struct budget_share share; /* covers all pieces and `reserved` */
    bool failed;
};

/* Allocates nothing. The budget is borrowed; NULL: nothing is counted. */
void pieces_init(struct pieces *pieces, struct budget *budget);
void pieces_fini(struct pieces *pieces); /* frees all pieces; a zeroed struct is fine */

/* Makes pieces_room() at least `bytes`. Returns false if the budget has no room. */
bool pieces_reserve(struct pieces *pieces, size_t bytes) MUST_CHECK;

/* Returns how many bytes can be added without asking the budget. */
size_t pieces_room(const struct pieces *pieces);

/* Adds the bytes. Those beyond pieces_room() are taken from the budget. */
void pieces_add(struct pieces *pieces, const void *bytes, size_t len);
void pieces_add_str(struct pieces *pieces, const char *text);

/* Gives the unused reservation back to the budget. Nothing may be added afterwards. */
void pieces_seal(struct pieces *pieces);

/* Copies out the next `max` bytes at most, and frees each piece that has been read to its end.
 * Returns the number of bytes copied, 0 at the end. */
size_t pieces_read(struct pieces *pieces, char *out, size_t max);

#endif
