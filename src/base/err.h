/* err.h - describes why a call failed: a text of fixed size, flags, and the SQLSTATE if the server
 * sent one.
 *
 * The return value of a function says what happened. Its last parameter, a `struct err *`, says
 * why: it may be NULL, is written only on failure, and needs no freeing. This header is installed
 * with the pool as pqpool_err.h, so it includes no header of ours. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum err_flag {
    ERR_RETRYABLE = 1u << 0, /* the same call may succeed later */
    /* The call may have taken effect: repeat it only with the same idempotency key. */
    ERR_UNCERTAIN = 1u << 1,
    /* `text` comes from the server and may quote the data of the statement: show it only to the
     * sender of that data. `code`, `constraint` and `table` may be shown to anyone. */
    ERR_PRIVATE = 1u << 2,
};

enum { ERR_NAME_SIZE = 64 }; /* size of a PostgreSQL name with its NUL; a longer name is cut */

struct err {
    unsigned flags;                 /* enum err_flag */
    char code[6];                   /* SQLSTATE of the server's answer, or "" */
    char constraint[ERR_NAME_SIZE]; /* named in the server's answer, or "" */
    char table[ERR_NAME_SIZE];      /* named in the server's answer, or "" */
    char text[250];                 /* one line, no final newline; cut when too long */
    int64_t retry_after_ns;         /* how long to wait before a repetition; 0: not known */
};

/* Sets `flags` and `text`, and clears the other members. No-op if err is NULL. Never allocates. */
void err_set(struct err *err, unsigned flags, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set(), but also sets err->code to the SQLSTATE `code`. NULL means no SQLSTATE. */
void err_set_code(struct err *err, unsigned flags, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Returns err->text, or a fixed notice if ERR_PRIVATE is set. Everyone may read the result, so use
 * it in logs and health documents. */
const char *err_public_text(const struct err *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
