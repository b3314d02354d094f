/* buf.h - a growing byte buffer that always has a maximum size.
 *
 * An append that exceeds the maximum, or for which there is no memory, sets `failed` and adds
 * nothing, and neither does any later one. So a caller writes a whole document and checks `failed`
 * once, at the end. `data` ends with a NUL once anything was appended. One thread at a time. */
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

/* A buffer over the caller's char array, which never allocates. Do not pass it to buf_fini() or
 * buf_steal(). */
#define BUF_OVER(array)                                                                            \
    ((struct buf){ .data = (array), .cap = sizeof(array), .max = sizeof(array) - 1 })

void buf_fini(struct buf *buf);  /* frees the memory; the maximum stays */
void buf_clear(struct buf *buf); /* keeps the memory */

/* Makes room for `more` bytes beyond len and a NUL. If it cannot, it sets `failed` and returns
 * false. */
bool buf_reserve(struct buf *buf, size_t more);

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_add_str(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Appends the text as a JSON string (RFC 8259) with its quotes, or null for NULL. Bytes that are
 * not UTF-8 become U+FFFD, so the text may come from anywhere. */
void buf_add_json(struct buf *buf, const char *text);

/* Returns "true" or "false", as JSON has them. */
static inline const char *json_bool(bool value)
{
    return value ? "true" : "false";
}

/* Moves the bytes to the caller, who frees them with free(). Returns NULL if the buffer has failed
 * or is empty. */
char *buf_steal(struct buf *buf, size_t *len) MUST_CHECK;

#endif
