/* pg_array.c - writes arrays in binary form. Integers are big-endian, a length precedes each
 * element, the length -1 means NULL, and a timestamptz counts microseconds from 2000-01-01. */
#include "store/pg_array.h"

#include <endian.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "orders/uuid7.h"

enum { HEADER_BYTES = 20, LENGTH_BYTES = 4, UUID_BYTES = 16 };

#define PG_EPOCH_UNIX_US INT64_C(946684800000000)

static void add_u32(struct buf *out, uint32_t value)
{
    uint32_t wire = htobe32(value);
    buf_add(out, &wire, sizeof wire);
}

static void add_element(struct buf *out, const void *bytes, size_t len)
{
    add_u32(out, (uint32_t)len);
    buf_add(out, bytes, len);
}

size_t pg_array_size(size_t n, size_t element_max)
{
    return HEADER_BYTES + n * (LENGTH_BYTES + element_max);
}

void pg_array_begin(struct buf *out, enum pg_type element, size_t n)
{
    add_u32(out, n > 0 ? 1 : 0); /* dimensions: an empty array has none */
    add_u32(out, 1);             /* may hold NULLs */
    add_u32(out, element);
    if (n == 0)
        return;
    add_u32(out, (uint32_t)n);
    add_u32(out, 1); /* the first subscript */
}

void pg_array_null(struct buf *out)
{
    add_u32(out, UINT32_MAX);
}

void pg_array_text(struct buf *out, const char *text)
{
    add_element(out, text, strlen(text));
}

void pg_array_uuid(struct buf *out, const char *text)
{
    unsigned char bytes[UUID_BYTES];
    bool valid = uuid_parse(text, bytes);
    CHECK(valid);
    add_element(out, bytes, sizeof bytes);
}

void pg_array_timestamptz(struct buf *out, int64_t unix_us)
{
    uint64_t wire = htobe64((uint64_t)(unix_us - PG_EPOCH_UNIX_US));
    add_element(out, &wire, sizeof wire);
}
