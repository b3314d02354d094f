/* gunzip.c - see gunzip.h. zlib does the work; what is ours is the memory, and what may follow
 * what: behind the end of a member only another one may come. */
#include "http/gunzip.h"

#include <stdbool.h>
#define ZLIB_CONST /* it reads what it is shown, and says so */
#include <zlib.h>

#include "http/bodies.h"

enum { GUNZIP_FIRST_BYTES = 16 * 1024, GUNZIP_PIECE_MAX = 1 << 30, GZIP_ONLY = 16 };

struct unpacking {
    z_stream zlib;
    const char *next; /* what zlib has not been shown yet */
    size_t left;
    size_t max_len;
    struct bodies *bodies;
    struct body_bytes *out;
};

static uInt piece_of(size_t len)
{
    return (uInt)(len < GUNZIP_PIECE_MAX ? len : GUNZIP_PIECE_MAX);
}

/* zlib counts in 32 bits: it is shown the packed bytes in pieces that it can count. */
static void show_more(struct unpacking *un)
{
    if (un->zlib.avail_in > 0)
        return;
    uInt piece = piece_of(un->left);
    un->zlib.next_in = (const Bytef *)un->next;
    un->zlib.avail_in = piece;
    un->next += piece;
    un->left -= piece;
}

/* Room for one more byte at least; at max_len there is none to have. */
static bool grow(struct unpacking *un)
{
    size_t cap = un->out->cap > 0 ? 2 * un->out->cap : GUNZIP_FIRST_BYTES;
    return bodies_reserve(un->bodies, un->out, cap < un->max_len ? cap : un->max_len);
}

static bool all_shown(const struct unpacking *un)
{
    return un->zlib.avail_in == 0 && un->left == 0;
}

enum step { STEP_ON, STEP_DONE, STEP_INVALID, STEP_TOO_LARGE, STEP_NO_ROOM };

/* Done when a member has ended with the last byte. With room left and nothing more to show, a
 * stream that has not ended is cut short. */
static enum step judge(struct unpacking *un, int rc)
{
    switch (rc) {
    case Z_STREAM_END:
        if (all_shown(un))
            return STEP_DONE;
        return inflateReset(&un->zlib) == Z_OK ? STEP_ON : STEP_INVALID;
    case Z_OK:
    case Z_BUF_ERROR:
        return un->zlib.avail_out > 0 && all_shown(un) ? STEP_INVALID : STEP_ON;
    case Z_MEM_ERROR:
        return STEP_NO_ROOM;
    default:
        return STEP_INVALID;
    }
}

/* Unpacks into what room there is; when max_len is reached, into a byte beside it: what lands there
 * is one too many. */
static enum step unpack_piece(struct unpacking *un)
{
    struct body_bytes *out = un->out;
    Bytef beyond;
    bool full = out->len == un->max_len;
    if (out->len == out->cap && !full && !grow(un))
        return STEP_NO_ROOM;
    show_more(un);
    uInt room = full ? 1 : piece_of(out->cap - out->len);
    un->zlib.next_out = full ? &beyond : (Bytef *)(out->data + out->len);
    un->zlib.avail_out = room;
    int rc = inflate(&un->zlib, Z_NO_FLUSH);
    size_t made = room - un->zlib.avail_out;
    if (full && made > 0)
        return STEP_TOO_LARGE;
    out->len += made;
    return judge(un, rc);
}

static enum gunzip_rc unpack_all(struct unpacking *un)
{
    enum step step;
    while ((step = unpack_piece(un)) == STEP_ON)
        continue;
    switch (step) {
    case STEP_DONE:
        return GUNZIP_OK;
    case STEP_TOO_LARGE:
        return GUNZIP_TOO_LARGE;
    case STEP_NO_ROOM:
        return GUNZIP_NO_ROOM;
    case STEP_ON:
    case STEP_INVALID:
        break;
    }
    return GUNZIP_INVALID;
}

enum gunzip_rc gunzip(const char *packed, size_t packed_len, size_t max_len, struct bodies *bodies,
                      struct body_bytes *out)
{
    struct unpacking un = {
        .next = packed, .left = packed_len, .max_len = max_len, .bodies = bodies, .out = out
    };
    if (inflateInit2(&un.zlib, MAX_WBITS + GZIP_ONLY) != Z_OK)
        return GUNZIP_NO_ROOM;
    enum gunzip_rc rc = unpack_all(&un);
    (void)inflateEnd(&un.zlib);
    if (rc == GUNZIP_OK && bodies_reserve(bodies, out, out->len)) /* there is room for a NUL */
        out->data[out->len] = '\0';
    else if (rc == GUNZIP_OK)
        rc = GUNZIP_NO_ROOM;
    if (rc != GUNZIP_OK)
        bodies_free(bodies, out);
    return rc;
}
