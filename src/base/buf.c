/* buf.c - see buf.h. The capacity doubles, up to `max` bytes plus one for the NUL. A buffer over
 * the caller's array (BUF_OVER) starts with its full capacity, so it never allocates. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 256 };

void buf_fini(struct buf *buf)
{
    free(buf->data);
    *buf = BUF_INIT(buf->max);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

/* Returns the new capacity. It begins with the present capacity, or with FIRST_CAP if that is
 * larger, is doubled until it is at least `need`, and is at most max + 1. The caller ensures
 * need <= max + 1. */
static size_t next_cap(const struct buf *buf, size_t need)
{
    size_t cap = buf->cap < FIRST_CAP ? FIRST_CAP : buf->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    return cap > buf->max + 1 ? buf->max + 1 : cap;
}

bool buf_reserve(struct buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (buf->max == SIZE_MAX || more > buf->max - buf->len) /* max + 1 must not overflow */
        goto fail;
    size_t need = buf->len + more + 1;
    if (buf->data != NULL && need <= buf->cap)
        return true;
    size_t cap = next_cap(buf, need);
    char *data = realloc(buf->data, cap);
    if (data == NULL)
        goto fail;
    data[buf->len] = '\0';
    buf->data = data;
    buf->cap = cap;
    return true;

fail:
    buf->failed = true;
    return false;
}

void buf_grow_add(struct buf *buf, const void *bytes, size_t len)
{
    if (!buf_reserve(buf, len))
        return;
    if (len > 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0)
        buf->failed = true;
    if (len < 0 || !buf_reserve(buf, (size_t)len))
        return;
    va_start(ap, fmt);
    (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, ap);
    va_end(ap);
    buf->len += (size_t)len;
}

/* Returns the length of the UTF-8 sequence of two to four bytes at s, or 0 if the sequence is not
 * well-formed (Unicode, table 3-7). The function never reads past a NUL, because a NUL is no
 * continuation byte. */
static size_t utf8_sequence(const unsigned char *s)
{
    unsigned char low = 0x80, high = 0xBF; /* bounds of the second byte */
    size_t len = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    if (s[0] == 0xE0)
        low = 0xA0; /* below: an overlong encoding */
    if (s[0] == 0xED)
        high = 0x9F; /* above: a surrogate */
    if (s[0] == 0xF0)
        low = 0x90; /* below: an overlong encoding */
    if (s[0] == 0xF4)
        high = 0x8F; /* above: more than U+10FFFF */
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (s[i] < 0x80 || s[i] > 0xBF)
            return 0;
    return len;
}

size_t buf_json_plain(const char *text, size_t max)
{
    /* '1' for each plain character; 32 characters a line, from NUL to DEL */
    static const char table[256] = "00000000000000000000000000000000"
                                   "11011111111111111111111111111111"
                                   "11111111111111111111111111110111"
                                   "11111111111111111111111111111110";
    size_t len = 0;
    while (len < max && table[(unsigned char)text[len]] == '1')
        len++;
    return len;
}

/* Returns how many bytes at the start of the text need no escape in a JSON string. */
static size_t unescaped_run(const char *text)
{
    const char *at = text;
    for (;;) {
        at += buf_json_plain(at, SIZE_MAX);
        size_t len = *at == 0x7f ? 1 : utf8_sequence((const unsigned char *)at);
        if (len == 0)
            return (size_t)(at - text);
        at += len;
    }
}

static void add_escape(struct buf *buf, unsigned char c)
{
    static const char with[] = "\"\\\b\f\n\r\t", shown[] = "\"\\bfnrt";
    const char *at = memchr(with, c, sizeof with - 1);
    if (at != NULL)
        buf_add(buf, (const char[]){ '\\', shown[at - with] }, 2);
    else if (c < 0x20)
        buf_printf(buf, "\\u%04x", c);
    else
        buf_add_str(buf, "\xEF\xBF\xBD"); /* U+FFFD */
}

void buf_add_json(struct buf *buf, const char *text)
{
    if (text == NULL) {
        buf_add_str(buf, "null");
        return;
    }
    buf_add_char(buf, '"');
    for (;;) {
        size_t run = unescaped_run(text);
        buf_add(buf, text, run);
        text += run;
        if (*text == '\0')
            break;
        add_escape(buf, (unsigned char)*text++);
    }
    buf_add_char(buf, '"');
}

char *buf_steal(struct buf *buf, size_t *len)
{
    if (buf->failed || buf->len == 0)
        return NULL;
    char *data = buf->data;
    *len = buf->len;
    *buf = BUF_INIT(buf->max);
    return data;
}
