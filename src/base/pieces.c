/* pieces.c - see pieces.h. A piece takes 64 KiB with its headers. It is smaller if the
 * reservation is smaller and has room for all bytes that are being added. For a block of 64 KiB,
 * malloc() makes a mapping of its own (app/memory.c), so free() returns the block to the system. */
#include "base/pieces.h"

#include <stdlib.h>
#include <string.h>

struct piece {
    struct fifo_node link;
    size_t len, cap;
    char bytes[];
};

enum {
    PIECE_BYTES = 64 * 1024 - (int)sizeof(struct piece) - 32 /* the header that malloc() adds */
};

void pieces_init(struct pieces *pieces, struct budget *budget)
{
    *pieces = (struct pieces){ .share.budget = budget };
}

static struct piece *piece_of(struct fifo_node *node)
{
    return CONTAINER_OF(node, struct piece, link);
}

static void drop_first(struct pieces *pieces)
{
    struct piece *first = piece_of(pieces->list.first);
    (void)fifo_pop(&pieces->list);
    pieces->read = 0;
    budget_share_give(&pieces->share, first->cap);
    free(first);
}

void pieces_fini(struct pieces *pieces)
{
    while (pieces->list.first != NULL)
        drop_first(pieces);
    budget_share_end(&pieces->share);
    *pieces = (struct pieces){ .share.budget = pieces->share.budget };
}

static size_t room_in_last(const struct pieces *pieces)
{
    if (pieces->list.last == NULL)
        return 0;
    const struct piece *last = piece_of(pieces->list.last);
    return last->cap - last->len;
}

size_t pieces_room(const struct pieces *pieces)
{
    return pieces->reserved + room_in_last(pieces);
}

bool pieces_reserve(struct pieces *pieces, size_t bytes)
{
    size_t room = pieces_room(pieces);
    if (bytes <= room)
        return true;
    if (!budget_share_take(&pieces->share, bytes - room))
        return false;
    pieces->reserved += bytes - room;
    return true;
}

/* Adds a piece that has room for `len` bytes; if `len` is more than PIECE_BYTES, a full piece. */
static bool grow(struct pieces *pieces, size_t len)
{
    size_t cap = pieces->reserved < PIECE_BYTES ? pieces->reserved : PIECE_BYTES;
    if (cap < len && cap < PIECE_BYTES) { /* too little is reserved: take a whole piece */
        if (!budget_share_take(&pieces->share, PIECE_BYTES - cap))
            return false;
        pieces->reserved += PIECE_BYTES - cap;
        cap = PIECE_BYTES;
    }
    struct piece *piece = malloc(sizeof *piece + cap);
    if (piece == NULL)
        return false;
    *piece = (struct piece){ .cap = cap };
    pieces->reserved -= cap;
    fifo_push(&pieces->list, &piece->link);
    return true;
}

void pieces_add(struct pieces *pieces, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0 && !pieces->failed) {
        size_t room = room_in_last(pieces);
        if (room == 0) {
            pieces->failed = !grow(pieces, len);
            continue;
        }
        size_t n = len < room ? len : room;
        struct piece *last = piece_of(pieces->list.last);
        memcpy(last->bytes + last->len, at, n);
        last->len += n;
        pieces->len += n;
        at += n;
        len -= n;
    }
}

void pieces_add_str(struct pieces *pieces, const char *text)
{
    pieces_add(pieces, text, strlen(text));
}

void pieces_seal(struct pieces *pieces)
{
    budget_share_give(&pieces->share, pieces->reserved);
    pieces->reserved = 0;
}

size_t pieces_read(struct pieces *pieces, char *out, size_t max)
{
    size_t copied = 0;
    while (pieces->list.first != NULL && copied < max) {
        const struct piece *first = piece_of(pieces->list.first);
        size_t left = first->len - pieces->read;
        size_t n = left < max - copied ? left : max - copied;
        memcpy(out + copied, first->bytes + pieces->read, n);
        copied += n;
        pieces->read += n;
        pieces->len -= n;
        if (pieces->read == first->len)
            drop_first(pieces);
    }
    return copied;
}
