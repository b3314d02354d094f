/* gunzip.h - inside of the layer: unpacks a gzip body (RFC 1952, one member or several) within
 * bounds.
 *
 * A few kilobytes can unpack to gigabytes, so memory is taken piece by piece as it fills, up to
 * max_len and what the server has left for bodies, and never for what a header promises. Any
 * thread. */
#ifndef HTTP_GUNZIP_H
#define HTTP_GUNZIP_H

#include <stddef.h>

#include "base/attr.h"

struct bodies;
struct body_bytes;

enum gunzip_rc {
    GUNZIP_OK,
    GUNZIP_INVALID,   /* not gzip, cut short, damaged, or more behind it */
    GUNZIP_TOO_LARGE, /* more than max_len bytes */
    GUNZIP_NO_ROOM,   /* the bound of all bodies, or memory, is reached */
};

/* On GUNZIP_OK *out holds the bytes and a NUL; else it is empty. It must come empty. */
enum gunzip_rc gunzip(const char *packed, size_t packed_len, size_t max_len, struct bodies *bodies,
                      struct body_bytes *out) MUST_CHECK;

#endif
