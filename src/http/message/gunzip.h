/* gunzip.h - unpacks a gzip body (RFC 1952, one member or several) slice by slice, with limits on
 * memory and time. Internal to http.
 *
 * A few kilobytes can unpack to gigabytes. So memory grows with the bytes unpacked, up to max_len
 * and to the limit of all bodies (bodies.h). No memory is allocated merely because the client
 * announces a length. Any thread may unpack; one thread at a time uses a struct gunzip. */
#ifndef HTTP_MESSAGE_GUNZIP_H
#define HTTP_MESSAGE_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct bodies;
struct body_bytes;
struct z_stream_s;

/* A slice ends when one of these limits is reached: bytes unpacked, bytes read, or calls of zlib.
 * The bytes unpacked are not enough as a limit, because zlib may work without unpacking any: a
 * block of Deflate can be a code table alone, and a member can be empty. */
enum {
    GUNZIP_SLICE_MADE_BYTES = 32 * 1024,
    GUNZIP_SLICE_READ_BYTES = 4 * 1024,
    GUNZIP_SLICE_STEPS = 64,
};

/* The memory that zlib takes for a stream: a window of 32 KiB, and tables. Many streams can be open
 * at once, so each counts this much towards the limit of all bodies. */
enum { GUNZIP_STREAM_BYTES = 40 * 1024 };

enum gunzip_rc {
    GUNZIP_MORE, /* the slice is over, and the body is not complete yet */
    GUNZIP_OK,
    GUNZIP_INVALID,   /* not gzip, cut short, damaged, or followed by other bytes */
    GUNZIP_TOO_LARGE, /* the body unpacks to more than max_len bytes */
    GUNZIP_NO_ROOM,   /* all bodies have reached their limit, or memory is out */
};

struct gunzip {
    struct z_stream_s *zlib; /* owned; NULL before the first slice */
    const char *next;        /* the bytes not yet given to zlib; there are `left` of them */
    size_t left;
    size_t max_len;
    size_t slice_left; /* what is left of GUNZIP_SLICE_READ_BYTES in this slice */
    struct bodies *bodies;
    struct body_bytes *out;
};

/* Begins to unpack `packed` into *out, which must be empty. packed, bodies and out are borrowed
 * until gunzip_end(). */
void gunzip_begin(struct gunzip *un, const struct body_bytes *packed, size_t max_len,
                  struct bodies *bodies, struct body_bytes *out);

/* Unpacks one slice. After GUNZIP_OK, *out holds the unpacked bytes and a NUL. After an error, *out
 * is empty. Call this again only after GUNZIP_MORE. */
enum gunzip_rc gunzip_slice(struct gunzip *un) MUST_CHECK;

/* Frees the memory for unpacking. If the body is complete, *out is kept; otherwise *out is freed
 * and emptied. */
void gunzip_end(struct gunzip *un);

#endif
