/* pieces.h - bytes that are written at the end and read from the beginning, kept in pieces, each of
 * which is freed as soon as it has been read: a large answer that leaves little by little.
 *
 * Memory     all of it is taken from a budget before it is allocated. What must not fail later is
 *            reserved first: pieces_room() bytes can be added whatever becomes of the budget (but
 *            for the memory of the process, which may run out all the same).
 * Failure    an addition that finds no memory sets `failed` and adds nothing from then on.
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
    size_t read;               /* of the first piece */
    size_t reserved;           /* bytes of the share that no piece has yet */
    struct budget_share share; /* of all pieces and what is reserved */
    bool failed;
};

/* No memory is needed. The budget is borrowed; NULL counts nothing. */
void pieces_init(struct pieces *pieces, struct budget *budget);
void pieces_fini(struct pieces *pieces); /* frees; accepts a zeroed one */

/* Makes pieces_room() at least `bytes`. False: the budget has no room. */
bool pieces_reserve(struct pieces *pieces, size_t bytes) MUST_CHECK;

/* How many bytes can be added without asking the budget. */
size_t pieces_room(const struct pieces *pieces);

/* Adds the bytes, and asks the budget for those beyond pieces_room(). */
void pieces_add(struct pieces *pieces, const void *bytes, size_t len);
void pieces_add_str(struct pieces *pieces, const char *text);

/* Gives back the reserved bytes that were not used. Nothing may be added afterwards. */
void pieces_seal(struct pieces *pieces);

/* Copies out at most `max` of the next bytes, and frees the pieces that are read to their end. How
 * many it copied; 0 at the end. */
size_t pieces_read(struct pieces *pieces, char *out, size_t max);

#endif
