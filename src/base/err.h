/* err.h - why something failed: a text of fixed size, flags, and the server's SQLSTATE if it sent
 * one.
 *
 * Functions return an enum that says what happened. Their last parameter, an optional
 * `struct err *`, says why: it is written only on failure, may be NULL, and needs no freeing.
 * This header is installed with the pool as pqpool_err.h, so it includes no header of ours. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum err_flag {
    ERR_RETRYABLE = 1u << 0, /* the same call may succeed later */
    /* The call may have taken effect: repeat it with the same key, never with a new one. */
    ERR_UNCERTAIN = 1u << 1,
    /* `text` is the server's and may quote the data of the statement: show it only to the sender of
     * the data. The members code, constraint and table may be shown to anyone. */
    ERR_PRIVATE = 1u << 2,
};

enum { ERR_NAME_SIZE = 64 }; /* size of a PostgreSQL name with its NUL; longer ones are cut */

struct err {
    unsigned flags;                 /* enum err_flag */
    char code[6];                   /* SQLSTATE of the server's answer, or "" */
    char constraint[ERR_NAME_SIZE]; /* named in the server's answer, or "" */
    char table[ERR_NAME_SIZE];      /* named in the server's answer, or "" */
    char text[250];                 /* one line, no final newline; cut when too long */
    int64_t retry_after_ns;         /* when the same call is likely to succeed; 0: not known */
};

/* Sets flags and text, and clears the other members. No-op if err is NULL. Never allocates. */
void err_set(struct err *err, unsigned flags, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set, with the five characters of an SQLSTATE; NULL means none. */
void err_set_code(struct err *err, unsigned flags, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Returns the text that others than the sender may read, in logs and health documents: `text`, or a
 * notice in its place if `text` is private. */
const char *err_public_text(const struct err *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
