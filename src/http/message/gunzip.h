/* gunzip.h - inside of the layer: unpacks a gzip body (RFC 1952, one member or several) within
 * bounds, slice by slice.
 *
 * A few kilobytes can unpack to gigabytes, so memory is taken piece by piece as it fills, up to
 * max_len and to the bound of all bodies, and never for a length that a header announces.
 * Any thread, one at a time. */
#ifndef HTTP_MESSAGE_GUNZIP_H
#define HTTP_MESSAGE_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct bodies;
struct body_bytes;
struct z_stream_s;

/* A slice ends when one of these is reached. The time depends on the bytes made, and on the bytes
 * read where none are made: a block of Deflate can be a code table alone, and a member can be
 * empty. */
enum {
    GUNZIP_SLICE_MADE_BYTES = 32 * 1024,
    GUNZIP_SLICE_READ_BYTES = 4 * 1024,
    GUNZIP_SLICE_STEPS = 64,
};

/* The memory that zlib takes for a stream: its window of 32 KiB and its tables. Many streams can be
 * open at once, so each body counts as that much larger. */
enum { GUNZIP_STREAM_BYTES = 40 * 1024 };

enum gunzip_rc {
    GUNZIP_MORE, /* the slice is over, and more is to come */
    GUNZIP_OK,
    GUNZIP_INVALID,   /* not gzip, cut short, damaged, or more behind it */
    GUNZIP_TOO_LARGE, /* more than max_len bytes */
    GUNZIP_NO_ROOM,   /* the bound of all bodies, or memory, is reached */
};

struct gunzip {
    struct z_stream_s *zlib; /* owned; NULL before the first slice */
    const char *next;        /* the bytes that zlib has not been given yet */
    size_t left;
    size_t max_len;
    size_t slice_left; /* of GUNZIP_SLICE_READ_BYTES */
    struct bodies *bodies;
    struct body_bytes *out;
};

/* packed, bodies and out are borrowed until gunzip_end(); *out must be empty. */
void gunzip_begin(struct gunzip *un, const struct body_bytes *packed, size_t max_len,
                  struct bodies *bodies, struct body_bytes *out);

/* On GUNZIP_OK *out holds the bytes and a NUL; on any other end it is empty. Not to be called again
 * after anything but GUNZIP_MORE. */
enum gunzip_rc gunzip_slice(struct gunzip *un) MUST_CHECK;

/* Frees the memory of the unpacking. *out is kept if it is complete, else freed and emptied. */
void gunzip_end(struct gunzip *un);

#endif
