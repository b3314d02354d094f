/* buf.h - a growing byte buffer that cannot be made without a maximum.
 *
 * Appending past the maximum, or out of memory, sets `failed` and appends nothing from then on, so
 * a document is written without a check at each step and judged once, at its end. data is always
 * NUL-terminated once anything was appended. One thread at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct buf {
    char *data; /* owned; NULL until the first append */
    size_t len, cap, max;
    bool failed;
};

#define BUF_INIT(max_bytes) ((struct buf){ .max = (max_bytes) })

/* Over the caller's char array: never allocates. Neither buf_fini() nor buf_steal() it. */
#define BUF_OVER(array)                                                                            \
    ((struct buf){ .data = (array), .cap = sizeof(array), .max = sizeof(array) - 1 })

void buf_fini(struct buf *buf);  /* frees; leaves an empty buffer of the same maximum */
void buf_clear(struct buf *buf); /* keeps the memory */

/* Room for `more` bytes beyond len, and a NUL; false (and failed) when that is not to be had. */
bool buf_reserve(struct buf *buf, size_t more);

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_add_str(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The text as a JSON string (RFC 8259), quotes included. Bytes that are not UTF-8 go out as U+FFFD,
 * so that any text from outside may be shown. NULL is written as null. */
void buf_add_json(struct buf *buf, const char *text);

/* Takes the bytes out: the caller frees them with free(). NULL when failed or empty. */
char *buf_steal(struct buf *buf, size_t *len) MUST_CHECK;

#endif
