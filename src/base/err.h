/* err.h - why something failed: a text of fixed size, flags, and the server's code if it said one.
 *
 * Functions return an enum that says what happened; an optional `struct err *`, always the last
 * parameter, says why. It is written only on failure, may be NULL, and needs no freeing.
 * Installed with the pool as pqpool_err.h, so this header includes nothing of ours. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum err_flag {
    ERR_RETRYABLE = 1u << 0, /* the same call may succeed later */
    ERR_UNCERTAIN =
        1u << 1,           /* it may have happened: repeat it under the same key, never a new one */
    ERR_PRIVATE = 1u << 2, /* `text` has words of the server's that may quote what was sent: show it
                              to nobody but the sender; code, constraint and table may be shown */
};

enum { ERR_NAME_SIZE = 64 }; /* a name of PostgreSQL's with its NUL; longer ones are cut */

struct err {
    unsigned flags;                 /* enum err_flag */
    char code[6];                   /* SQLSTATE of the server's answer, or "" */
    char constraint[ERR_NAME_SIZE]; /* what the server's answer names, or ""; */
    char table[ERR_NAME_SIZE];      /* the same */
    char text[250];                 /* one line, no final newline; cut when too long */
    int64_t retry_after_ns;         /* when the same call is likely to succeed; 0: nobody knows */
};

/* Overwrites *err; `code`, the names and retry_after_ns are cleared. No-op when err is NULL. Never
 * allocates. */
void err_set(struct err *err, unsigned flags, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set, with the five characters of an SQLSTATE; NULL means none. */
void err_set_code(struct err *err, unsigned flags, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* What logs, health documents and strangers may read: `text`, or a notice in its place where it is
 * private. */
const char *err_public_text(const struct err *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
