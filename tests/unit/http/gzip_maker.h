/* gzip_maker.h - gzip streams for tests to send, and to spoil. */
#ifndef UNIT_GZIP_MAKER_H
#define UNIT_GZIP_MAKER_H

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "base/attr.h"
#include "base/check.h"

struct packed {
    char *data; /* owned */
    size_t len;
};

/* One member. */
UNUSED static struct packed pack(const void *bytes, size_t len)
{
    z_stream zlib = { .next_in = bytes, .avail_in = (uInt)len };
    CHECK(deflateInit2(&zlib, 9, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    size_t max = deflateBound(&zlib, (uLong)len);
    struct packed packed = { .data = malloc(max) };
    CHECK(packed.data != NULL);
    zlib.next_out = (Bytef *)packed.data;
    zlib.avail_out = (uInt)max;
    CHECK(deflate(&zlib, Z_FINISH) == Z_STREAM_END);
    packed.len = zlib.total_out;
    CHECK(deflateEnd(&zlib) == Z_OK);
    return packed;
}

/* len bytes that are all the same, which pack to a thousandth. */
UNUSED static struct packed pack_bomb(size_t len)
{
    char *bytes = calloc(1, len);
    CHECK(bytes != NULL);
    memset(bytes, 'x', len);
    struct packed packed = pack(bytes, len);
    free(bytes);
    return packed;
}

UNUSED static void packed_append(struct packed *packed, const void *bytes, size_t len)
{
    packed->data = realloc(packed->data, packed->len + len + 1);
    CHECK(packed->data != NULL);
    memcpy(packed->data + packed->len, bytes, len);
    packed->len += len;
}

#endif
