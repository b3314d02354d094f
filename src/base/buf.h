/* buf.h - a growing byte buffer that always has a maximum size.
 *
 * If an append would exceed the maximum, or if it gets no memory, it adds nothing and sets
 * `failed`. All later appends then add nothing too. So a caller writes a whole document and checks
 * `failed` once, at the end. After the first append that succeeds, `data` ends with a NUL. One
 * thread at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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
void buf_clear(struct buf *buf); /* empties the buffer and keeps its memory */

/* Makes room for `more` bytes after the `len` bytes present, and for a NUL. If that fails, sets
 * `failed` and returns false. */
bool buf_reserve(struct buf *buf, size_t more);

/* The part of buf_add() for bytes that may not fit. */
void buf_grow_add(struct buf *buf, const void *bytes, size_t len);

static inline void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    bool fits = buf->data != NULL && len < buf->cap - buf->len && len <= buf->max - buf->len;
    if (buf->failed || !fits || len == 0) {
        buf_grow_add(buf, bytes, len);
        return;
    }
    memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

static inline void buf_add_str(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

static inline void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Appends the text as a JSON string (RFC 8259) with its quotes, or null for NULL. Bytes that are
 * not UTF-8 become U+FFFD, so the text may come from anywhere. */
void buf_add_json(struct buf *buf, const char *text);

/* Returns how many characters at the start of the text, at most max, are plain in JSON: printable
 * ASCII other than the quote and the backslash. */
size_t buf_json_plain(const char *text, size_t max);

/* Returns the JSON literal: "true" or "false". */
static inline const char *json_bool(bool value)
{
    return value ? "true" : "false";
}

/* Moves the bytes to the caller, who frees them with free(), and sets *len to their number. The
 * buffer is then empty. If it has failed or is empty already, returns NULL and changes nothing. */
char *buf_steal(struct buf *buf, size_t *len) MUST_CHECK;

#endif
