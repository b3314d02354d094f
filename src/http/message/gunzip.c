/* gunzip.c - see gunzip.h. zlib unpacks the body. This file gives zlib memory, and rejects a body
 * in which a gzip member is followed by anything but another member. */
#include "http/message/gunzip.h"

#include <stdlib.h>
#define ZLIB_CONST /* makes zlib's pointer to the input const */
#include <zlib.h>

#include "http/message/bodies.h"

enum { GUNZIP_FIRST_BYTES = 16 * 1024, GZIP_ONLY = 16 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Gives zlib the next input, but no more than the slice may still read. */
static void show_more(struct gunzip *un)
{
    if (un->zlib->avail_in > 0)
        return;
    size_t piece = least(un->left, un->slice_left);
    un->zlib->next_in = (const Bytef *)un->next;
    un->zlib->avail_in = (uInt)piece;
    un->next += piece;
    un->left -= piece;
    un->slice_left -= piece;
}

/* Makes room for at least one more byte. Called only while fewer than max_len bytes are unpacked.
 * Returns false if there is no room. */
static bool grow(struct gunzip *un)
{
    size_t cap = un->out->cap > 0 ? 2 * un->out->cap : GUNZIP_FIRST_BYTES;
    return bodies_reserve(un->bodies, un->out, cap < un->max_len ? cap : un->max_len);
}

static bool all_shown(const struct gunzip *un)
{
    return un->zlib->avail_in == 0 && un->left == 0;
}

enum step { STEP_ON, STEP_DONE, STEP_INVALID, STEP_TOO_LARGE, STEP_NO_ROOM };

/* Returns the next step after inflate() returned `rc`. If a member ends with the last byte of the
 * body, the body is complete. If zlib has room for output, but has read all input, and the member
 * has not ended, the body was cut short. */
static enum step step_of(struct gunzip *un, int rc)
{
    switch (rc) {
    case Z_STREAM_END:
        if (all_shown(un))
            return STEP_DONE;
        return inflateReset(un->zlib) == Z_OK ? STEP_ON : STEP_INVALID;
    case Z_OK:
    case Z_BUF_ERROR:
        return un->zlib->avail_out > 0 && all_shown(un) ? STEP_INVALID : STEP_ON;
    case Z_MEM_ERROR:
        return STEP_NO_ROOM;
    default:
        return STEP_INVALID;
    }
}

/* Unpacks into the free part of the output. If max_len bytes are unpacked, no part is free, and
 * zlib gets a spare byte: if zlib writes to that byte, the body is too large. */
static enum step unpack_piece(struct gunzip *un)
{
    struct body_bytes *out = un->out;
    Bytef beyond;
    bool full = out->len == un->max_len;
    if (out->len == out->cap && !full && !grow(un))
        return STEP_NO_ROOM;
    show_more(un);
    uInt room = full ? 1 : (uInt)least(out->cap - out->len, GUNZIP_SLICE_MADE_BYTES);
    un->zlib->next_out = full ? &beyond : (Bytef *)(out->data + out->len);
    un->zlib->avail_out = room;
    int rc = inflate(un->zlib, Z_NO_FLUSH);
    size_t made = room - un->zlib->avail_out;
    if (full && made > 0)
        return STEP_TOO_LARGE;
    out->len += made;
    return step_of(un, rc);
}

static bool is_over(const struct gunzip *un, int steps, size_t made)
{
    bool read_enough = un->slice_left == 0 && un->zlib->avail_in == 0;
    return steps == GUNZIP_SLICE_STEPS || read_enough || made >= GUNZIP_SLICE_MADE_BYTES;
}

static enum step unpack_slice(struct gunzip *un)
{
    size_t len_before = un->out->len;
    enum step step = STEP_ON;
    un->slice_left = GUNZIP_SLICE_READ_BYTES;
    for (int steps = 0; step == STEP_ON; steps++) {
        if (steps > 0 && is_over(un, steps, un->out->len - len_before))
            break;
        step = unpack_piece(un);
    }
    return step;
}

static bool open_stream(struct gunzip *un)
{
    if (un->zlib != NULL)
        return true;
    if (!bodies_take(un->bodies, GUNZIP_STREAM_BYTES))
        return false;
    un->zlib = calloc(1, sizeof *un->zlib);
    if (un->zlib != NULL && inflateInit2(un->zlib, MAX_WBITS + GZIP_ONLY) == Z_OK)
        return true;
    free(un->zlib);
    un->zlib = NULL;
    bodies_give_back(un->bodies, GUNZIP_STREAM_BYTES);
    return false;
}

/* Puts a NUL behind the unpacked bytes. If max_len is 0, allocates the byte for the NUL. */
static enum gunzip_rc finish(struct gunzip *un)
{
    if (!bodies_reserve(un->bodies, un->out, un->out->len))
        return GUNZIP_NO_ROOM;
    un->out->data[un->out->len] = '\0';
    un->out = NULL;
    return GUNZIP_OK;
}

void gunzip_begin(struct gunzip *un, const struct body_bytes *packed, size_t max_len,
                  struct bodies *bodies, struct body_bytes *out)
{
    *un = (struct gunzip){
        .next = packed->data != NULL ? packed->data : "",
        .left = packed->len,
        .max_len = max_len,
        .bodies = bodies,
        .out = out,
    };
}

enum gunzip_rc gunzip_slice(struct gunzip *un)
{
    enum gunzip_rc rc = GUNZIP_NO_ROOM;
    switch (open_stream(un) ? unpack_slice(un) : STEP_NO_ROOM) {
    case STEP_ON:
        return GUNZIP_MORE;
    case STEP_DONE:
        rc = finish(un);
        break;
    case STEP_INVALID:
        rc = GUNZIP_INVALID;
        break;
    case STEP_TOO_LARGE:
        rc = GUNZIP_TOO_LARGE;
        break;
    case STEP_NO_ROOM:
        break;
    }
    gunzip_end(un);
    return rc;
}

void gunzip_end(struct gunzip *un)
{
    if (un->out != NULL)
        bodies_free(un->bodies, un->out);
    un->out = NULL;
    if (un->zlib == NULL)
        return;
    (void)inflateEnd(un->zlib);
    free(un->zlib);
    un->zlib = NULL;
    bodies_give_back(un->bodies, GUNZIP_STREAM_BYTES);
}
